// yoso-m on CUDA for tokens that do not fit the registers of a warp, or dense hyperplanes those of a block's memory:
// any width, slower. The same sums in the same order where bits count.
#pragma once
#include "yoso_m/cuda_hashing.hpp"
#include "yoso_m/cuda_pairs.hpp"

namespace yoso::yoso_m::SIMT_NS {

constexpr int kWideThreads = 256;

// y [width] = H y in shared memory, all threads together; what they wrote before is visible behind the first barrier.
__device__ inline void block_hadamard(float* y, int width, bool down) {
  for (int stride = 1; stride < width; stride *= 2) {
    const int half = down ? width / 2 / stride : stride;
    __syncthreads();
    for (int pair = static_cast<int>(threadIdx.x); pair < width / 2; pair += kWideThreads) {
      const int i = pair / half * 2 * half + pair % half;
      const float a = y[i], b = y[i + half];
      y[i] = a + b;
      y[i + half] = a - b;
    }
  }
  __syncthreads();
}

// A block has a token.
template <class E>
__global__ void __launch_bounds__(kWideThreads) hash_in_blocks(Hashing h, const E* __restrict__ tokens, int width) {
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp;
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const x = carver.take<float>(static_cast<std::size_t>(width));
  float* const y = carver.take<float>(static_cast<std::size_t>(width));
  float* const largest_of = carver.take<float>(kWideThreads / kWarp);
  unsigned* const words = carver.take<unsigned>(static_cast<std::size_t>(h.rotations) * width / 32);
  const auto [row, token] = place_of_block(h.n, 1);
  const E* const from = tokens + (row * h.n + token) * h.d;
  const bool real = is_real(h, row, token);
  float largest = 0;
  for (int c = thread; c < width; c += kWideThreads) {
    x[c] = real && c < h.d ? element_of(from + c) : 0.0f;
    largest = fmaxf(largest, fabsf(x[c]));
  }
  largest = warp_max(largest);
  if (lane == 0) largest_of[thread / kWarp] = largest;
  __syncthreads();
  for (int w = 0; w < kWideThreads / kWarp; ++w) largest = fmaxf(largest, largest_of[w]);
  const Factors f = to_one(largest);
  const auto flip = [&](float* to, const float* values, const float* signs) {
    for (int c = thread; c < width; c += kWideThreads) to[c] = values[c] * signs[c];
  };
  for (int c = thread; c < width; c += kWideThreads) x[c] = x[c] * f.first * f.second;
  if (h.shared) {
    flip(x, x, h.shared_signs + row * 2 * width);
    block_hadamard(x, width, false);
    flip(x, x, h.shared_signs + (row * 2 + 1) * width);
    block_hadamard(x, width, true);
  }
  const std::int64_t rounds = h.shared ? 1 : 3, step = static_cast<std::int64_t>(h.rotations) * width;
  for (int rotation = 0; rotation < h.rotations; ++rotation) {
    const float* const signs = h.signs + row * rounds * step + static_cast<std::int64_t>(rotation) * width;
    flip(y, x, signs);
    block_hadamard(y, width, false);
    if (!h.shared) {
      flip(y, y, signs + step);
      block_hadamard(y, width, true);
      flip(y, y, signs + 2 * step);
      block_hadamard(y, width, false);
    }
    for (int c = thread; c < width; c += kWideThreads) {  // whole warps: width is a multiple of the block
      const unsigned word = __ballot_sync(kWholeWarp, y[c] > 0);
      if (lane == 0) words[(rotation * width + c) / 32] = word;
    }
    __syncthreads();
  }
  pack_codes(h, words, 1, width / 32, thread, kWideThreads,
             [&](int hash, std::uint16_t code) { h.codes[(row * h.hashes + hash) * h.n + token] = code; });
}

// A thread has a token and a hash, and reads both from memory.
template <class E>
__global__ void __launch_bounds__(kWideThreads) hash_from_memory(Hashing h, const E* __restrict__ tokens) {
  const Place block = place_of_block(h.n * h.hashes, kWideThreads);
  const std::int64_t at = block.first + threadIdx.x, row = block.row;
  if (at >= h.n * h.hashes) return;
  const std::int64_t token = at % h.n, hash = at / h.n, all = static_cast<std::int64_t>(h.hashes) * h.bits;
  const E* const x = tokens + (row * h.n + token) * h.d;
  const bool real = is_real(h, row, token);
  float largest = 0;
  for (int c = 0; real && c < h.d; ++c) largest = fmaxf(largest, fabsf(element_of(x + c)));
  const Factors f = to_one(largest);
  unsigned code = 0;
  for (int t = 0; real && t < h.bits; ++t) {
    const float* const plane = h.planes + row * h.d * all + hash * h.bits + t;
    float sum = 0;
    for (int c = 0; c < h.d; ++c) sum = fmaf(plane[c * all], element_of(x + c) * f.first * f.second, sum);
    code |= (sum > 0 ? 1u : 0u) << t;
  }
  h.codes[(row * h.hashes + hash) * h.n + token] = static_cast<std::uint16_t>(code);
}

// ------------------------------------------------------------------------------------------------------------- pairs

// A warp has a token and kSlice columns of its gradient; the dot product of a pair is worked out again in each slice.
constexpr int kWideEach = 16, kSlice = kWideEach * kTeam;

template <class E>
__device__ inline float wide_dot(const float* x, const E* y, std::int64_t width) {
  float sum = 0;
  for (std::int64_t c = threadIdx.x % kTeam; c < width; c += kTeam) sum += x[c] * element_of(y + c);
  for (int step = kTeam / 2; step > 0; step /= 2) sum += __shfl_xor_sync(kWholeWarp, sum, step);
  return sum;
}

struct WidePlace {
  std::int64_t row, token, column;
};
__device__ inline WidePlace wide_place(std::int64_t n, unsigned slices) {
  const unsigned block = blockIdx.x / slices, groups = static_cast<unsigned>(ceil_div(n, kPairWarps));
  return {block / groups, static_cast<std::int64_t>(block % groups) * kPairWarps + threadIdx.x / kWarp,
          static_cast<std::int64_t>(blockIdx.x % slices) * kSlice};
}

template <class E>
__global__ void __launch_bounds__(kPairWarps* kWarp)
    wide_query_pairs_kernel(PairArgs<E> p, Buckets keys, float factor, unsigned slices, float* __restrict__ dq) {
  const TableArgs& a = p.tables;
  const Shape& s = a.shape;
  const auto [at, i, column] = wide_place(s.n_q, slices);
  if (i >= s.n_q) return;
  const std::int64_t row = a.first_row + at, query = row * s.n_q + i;
  const float* const dx = p.dx + query * s.d_v;
  const float shift = p.shift[query];
  float value[kWideEach], sum[kWideEach] = {};
  if (is_kept(a.keep_q, s, row, s.n_q, i))
    for_collisions(a, keys, s.n_k, at, a.q_codes + row * a.hashes * s.n_q + i, s.n_q, [&](std::int64_t j, bool there) {
      const std::int64_t key = row * s.n_k + j;
      const float dot = wide_dot(dx, p.v + key * s.d_v, s.d_v), weight = there ? dot - shift : 0.0f;
      load_row(p.k + key * s.d + column, s.d - column, value);
      SIMT_UNROLL
      for (int e = 0; e < kWideEach; ++e) sum[e] += weight * value[e];
    });
  store_sum(sum, factor, s.d - column, dq + query * s.d + column);
}

template <class E>
__global__ void __launch_bounds__(kPairWarps* kWarp)
    wide_key_pairs_kernel(PairArgs<E> p, Buckets queries, float factor, float share, unsigned slices,
                          float* __restrict__ dk, float* __restrict__ dv) {
  const TableArgs& a = p.tables;
  const Shape& s = a.shape;
  const auto [at, j, column] = wide_place(s.n_k, slices);
  if (j >= s.n_k) return;
  const std::int64_t row = a.first_row + at, key = row * s.n_k + j;
  const E* const v = p.v + key * s.d_v;
  float value[kWideEach], sum[kWideEach] = {}, values[kWideEach] = {};
  if (is_kept(a.keep_k, s, row, s.n_k, j))
    for_collisions(a, queries, s.n_q, at, a.k_codes + row * a.hashes * s.n_k + j, s.n_k,
                   [&](std::int64_t i, bool there) {
                     const std::int64_t query = row * s.n_q + i;
                     const float dot = wide_dot(p.dx + query * s.d_v, v, s.d_v);
                     const float weight = there ? dot - p.shift[query] : 0.0f;
                     load_row(p.dx + query * s.d_v + column, s.d_v - column, value);
                     SIMT_UNROLL
                     for (int e = 0; e < kWideEach; ++e) values[e] += there ? value[e] : 0.0f;
                     load_row(p.q + query * s.d + column, s.d - column, value);
                     SIMT_UNROLL
                     for (int e = 0; e < kWideEach; ++e) sum[e] += weight * value[e];
                   });
  store_sum(sum, factor, s.d - column, dk + key * s.d + column);
  store_sum(values, share, s.d_v - column, dv + key * s.d_v + column);
}

// As sum_pairs, for any width.
template <class E>
void sum_wide_pairs(void* stream, const PairArgs<E>& p, const Buckets& queries, const Buckets& keys, float factor,
                    float share, const Gradients& grads) {
  const Shape& s = p.tables.shape;
  const auto slices_of = [](std::int64_t width) { return static_cast<unsigned>(ceil_div(width, kSlice)); };
  const unsigned of_q = slices_of(s.d), of_k = slices_of(s.d > s.d_v ? s.d : s.d_v);
  const auto grid = [&](std::int64_t n, unsigned slices) {
    return grid_of(p.tables.rows * ceil_div(n, kPairWarps) * slices);
  };
  simt::launch({grid(s.n_q, of_q), dim3(kPairWarps * kWarp), 0, stream}, wide_query_pairs_kernel<E>, p, keys, factor,
               of_q, grads.dq);
  simt::launch({grid(s.n_k, of_k), dim3(kPairWarps * kWarp), 0, stream}, wide_key_pairs_kernel<E>, p, queries, factor,
               share, of_k, grads.dk, grads.dv);
}

}  // namespace yoso::yoso_m::SIMT_NS
