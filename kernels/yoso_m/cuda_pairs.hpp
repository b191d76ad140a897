// The lower bound's gradient on CUDA, over colliding pairs (README.md, "Backward"):
//
//   dq_i = factor sum_h sum_j w_ij k_j     dk_j = factor sum_h sum_i w_ij q_i     dv_j = share sum_h sum_i dx_i
//   w_ij = dx_i . v_j - shift_i, over the pairs whose codes are equal in hash h; q and k of unit length
//
// A warp owns a token, so that nobody adds to what another writes: pairs are visited once from their query's side and
// once from their key's. A pair is worked on by a team of lanes, so that a warp has four in flight, and the dot product
// takes three shuffles for four pairs. The tokens of a bucket lie in a row after sorting (simt/counting_sort.hpp).
#pragma once
#include "yoso_m/cuda_tables.hpp"

namespace yoso::yoso_m::SIMT_NS {

constexpr int kTeam = 8, kTeams = kWarp / kTeam;
constexpr int kPairWarps = 4;
constexpr std::int64_t kWidestPair = 256;  // columns that a team's registers hold; wider: cuda_wide.hpp

struct Buckets {               // of the wave's rows
  const std::int32_t* starts;  // [rows, hashes, slots + 1]
  const std::int32_t* order;   // [rows, hashes, n]
};

template <class E>
struct PairArgs {
  TableArgs tables;
  const float *q, *k;  // [all rows, n, d], of unit length
  const E* v;          // [all rows, n_k, d_v]
  const float* dx;     // [all rows, n_q, d_v]
  const float* shift;  // [all rows, n_q]
};

template <int kEach, class E>
__device__ inline void load_row(const E* row, std::int64_t width, float (&x)[kEach]) {
  const int lane = static_cast<int>(threadIdx.x) % kTeam, left = static_cast<int>(width) - lane;
  row += lane;
  SIMT_UNROLL
  for (int e = 0; e < kEach; ++e) x[e] = e * kTeam < left ? element_of(row + e * kTeam) : 0.0f;
}

// row = factor * the sum over teams, in a fixed order.
template <int kEach>
__device__ inline void store_sum(float (&x)[kEach], float factor, std::int64_t width, float* row) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  SIMT_UNROLL
  for (int e = 0; e < kEach; ++e) {
    for (int step = kTeam; step < kWarp; step *= 2) x[e] += __shfl_xor_sync(kWholeWarp, x[e], step);
    if (lane < kTeam && e * kTeam + lane < width) row[e * kTeam + lane] = factor * x[e];
  }
}

template <int kEach>
__device__ inline float team_dot(const float (&x)[kEach], const float (&y)[kEach]) {
  float sum = 0;
  SIMT_UNROLL
  for (int e = 0; e < kEach; ++e) sum += x[e] * y[e];
  for (int step = kTeam / 2; step > 0; step /= 2) sum += __shfl_xor_sync(kWholeWarp, sum, step);
  return sum;
}

// Calls use(token, there) for what collides with a token of code [hashes, n], kTeams of them at a time: `there` is
// false for a team that has none, which gets one that another has.
template <class Use>
__device__ inline void for_collisions(const TableArgs& a, const Buckets& others, std::int64_t others_n, std::int64_t at,
                                      const std::uint16_t* codes, std::int64_t n, const Use& use) {
  const int team = static_cast<int>(threadIdx.x) % kWarp / kTeam;
  for (std::int64_t h = 0; h < a.hashes; ++h) {
    const std::int64_t sequence = at * a.hashes + h;
    const std::int32_t* const its = others.starts + sequence * (a.slots + 1) + codes[h * n];
    const std::int32_t* const order = others.order + sequence * others_n;
    const std::int32_t end = its[1];
    for (std::int32_t first = its[0]; first < end; first += kTeams) {
      const bool there = first + team < end;
      use(static_cast<std::int64_t>(order[there ? first + team : first]), there);
    }
  }
}

template <int kEach, class E>
__global__ void __launch_bounds__(kPairWarps* kWarp)
    query_pairs_kernel(PairArgs<E> p, Buckets keys, float factor, float* __restrict__ dq) {
  const TableArgs& a = p.tables;
  const Shape& s = a.shape;
  const Place block = place_of_block(s.n_q, kPairWarps);
  const std::int64_t at = block.row, row = a.first_row + at, i = block.first + threadIdx.x / kWarp;
  if (i >= s.n_q) return;
  const std::int64_t query = row * s.n_q + i;
  float dx[kEach], value[kEach], sum[kEach] = {};
  load_row(p.dx + query * s.d_v, s.d_v, dx);
  const float shift = p.shift[query];
  if (is_kept(a.keep_q, s, row, s.n_q, i))
    for_collisions(a, keys, s.n_k, at, a.q_codes + row * a.hashes * s.n_q + i, s.n_q, [&](std::int64_t j, bool there) {
      load_row(p.v + (row * s.n_k + j) * s.d_v, s.d_v, value);
      const float dot = team_dot(dx, value), weight = there ? dot - shift : 0.0f;
      load_row(p.k + (row * s.n_k + j) * s.d, s.d, value);
      SIMT_UNROLL
      for (int e = 0; e < kEach; ++e) sum[e] += weight * value[e];
    });
  store_sum(sum, factor, s.d, dq + query * s.d);
}

template <int kEach, class E>
__global__ void __launch_bounds__(kPairWarps* kWarp)
    key_pairs_kernel(PairArgs<E> p, Buckets queries, float factor, float share, float* __restrict__ dk,
                     float* __restrict__ dv) {
  const TableArgs& a = p.tables;
  const Shape& s = a.shape;
  const Place block = place_of_block(s.n_k, kPairWarps);
  const std::int64_t at = block.row, row = a.first_row + at, j = block.first + threadIdx.x / kWarp;
  if (j >= s.n_k) return;
  const std::int64_t key = row * s.n_k + j;
  float v[kEach], value[kEach], sum[kEach] = {}, values[kEach] = {};
  load_row(p.v + key * s.d_v, s.d_v, v);
  if (is_kept(a.keep_k, s, row, s.n_k, j))
    for_collisions(a, queries, s.n_q, at, a.k_codes + row * a.hashes * s.n_k + j, s.n_k,
                   [&](std::int64_t i, bool there) {
                     load_row(p.dx + (row * s.n_q + i) * s.d_v, s.d_v, value);
                     const float dot = team_dot(v, value);
                     const float weight = there ? dot - p.shift[row * s.n_q + i] : 0.0f;
                     SIMT_UNROLL
                     for (int e = 0; e < kEach; ++e) values[e] += there ? value[e] : 0.0f;
                     load_row(p.q + (row * s.n_q + i) * s.d, s.d, value);
                     SIMT_UNROLL
                     for (int e = 0; e < kEach; ++e) sum[e] += weight * value[e];
                   });
  store_sum(sum, factor, s.d, dk + key * s.d);
  store_sum(values, share, s.d_v, dv + key * s.d_v);
}

// dq, dk, dv of the rows of `p`, with respect to unit rows.
template <class E>
void sum_pairs(void* stream, const PairArgs<E>& p, const Buckets& queries, const Buckets& keys, float factor,
               float share, const Gradients& grads) {
  const Shape& s = p.tables.shape;
  const auto launch = [&](auto each) {
    simt::launch({grid_of(p.tables.rows, s.n_q, kPairWarps), dim3(kPairWarps * kWarp), 0, stream},
                 query_pairs_kernel<each, E>, p, keys, factor, grads.dq);
    simt::launch({grid_of(p.tables.rows, s.n_k, kPairWarps), dim3(kPairWarps * kWarp), 0, stream},
                 key_pairs_kernel<each, E>, p, queries, factor, share, grads.dk, grads.dv);
  };
  const std::int64_t width = s.d > s.d_v ? s.d : s.d_v;
  if (width <= 32)
    launch(std::integral_constant<int, 4>());
  else if (width <= 64)
    launch(std::integral_constant<int, 8>());
  else if (width <= 128)
    launch(std::integral_constant<int, 16>());
  else
    launch(std::integral_constant<int, 32>());
}

}  // namespace yoso::yoso_m::SIMT_NS
