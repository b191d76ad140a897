// The gradients of attend.hpp, by tiles: weights are computed again from the same products.
//
//   S = Q K^T,  G = dX V^T,  (w, slope)_ij = pair(s_ij, g_ij),  dV = w^T dX,  dQ = slope K,  dK = slope^T Q
//
// One kernel has a tile of queries and passes over the keys for dQ, the other a tile of keys and passes over the
// queries for dK and dV: seven products instead of five, but every sum is in one thread, in a fixed order.
//
//   struct Rule {
//     float query_scale;           // of q, before the product
//     float dq_scale, dk_scale;    // of the sums
//     // dot: of query and key rows q, k; g: the gradient of the weight by its dX; first, second: the query's numbers
//     void pair(float dot, float g, float first, float second, const float* q, const float* k, int depth,
//               float& weight, float& slope);
//   };
#pragma once
#include "simt/attend.hpp"

namespace yoso::SIMT_NS {

struct AttendGradient {
  const float* dx = nullptr;      // [rows, n_q, d_v]
  const float* factor = nullptr;  // [rows, n_q], of dx, or null; rows of dx whose factor is 0 do not count
  const float *first = nullptr, *second = nullptr;  // [rows, n_q]: for Rule::pair
};

template <int kD>
struct AttendBackward {
  using T = Tile<kD, 32>;
  static constexpr int kValuesSize = T::kWideSize > T::kPairsSize ? T::kWideSize : T::kPairsSize;
  static constexpr std::size_t kQueriesShared =
      sizeof(float) * (2 * (T::kTallSize + T::kTall) + T::kWideSize + kValuesSize);
  static constexpr std::size_t kKeysShared = sizeof(float) * (2 * T::kTallSize + 2 * T::kWideSize + T::kPairsSize);
  static constexpr std::size_t kShared = kQueriesShared > kKeysShared ? kQueriesShared : kKeysShared;
};

template <int kD, class Rule, class E>
__global__ void __launch_bounds__(kAttendThreads, kD <= 64    ? 3
                                                  : kD <= 128 ? 2
                                                              : 1)
    query_gradient_kernel(Shape s, InputsOf<E> in, AttendGradient from, Rule rule, float* __restrict__ dq) {
  using T = typename AttendBackward<kD>::T;
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const q = carver.take<float>(T::kTallSize);
  float* const dx = carver.take<float>(T::kTallSize);
  float* const k = carver.take<float>(T::kWideSize);
  float* const v = carver.take<float>(AttendBackward<kD>::kValuesSize);
  float* const numbers = carver.take<float>(2 * T::kTall);
  float* const slopes = v;  // once the values are read

  const auto [row, begin] = last_place_first(s.n_q, T::kTall);
  const std::int64_t token = row * s.n_q + begin;
  const int count = static_cast<int>(s.n_q - begin < T::kTall ? s.n_q - begin : T::kTall), thread = threadIdx.x;
  const std::uint8_t* const keep_q = row_of_mask(in.keep_q, s, row, s.n_q, begin);
  const std::uint8_t* const keep_k = row_of_mask(in.keep_k, s, row, s.n_k);
  const bool asked = thread < count && is_kept(keep_q, thread);
  const std::int64_t end = __syncthreads_or(asked) ? s.visible(begin + count - 1) : 0;
  const int depth = depth_of(s.d), value_depth = depth_of(s.d_v);
  T::template load<T::kTall>(in.q + token * s.d, s.d, count, rule.query_scale, nullptr, q);
  T::template load<T::kTall>(from.dx + token * s.d_v, s.d_v, count, 1.0f, from.factor ? from.factor + token : nullptr,
                             dx);
  if (thread < T::kTall) {  // in shared memory, because in registers they would be there all the time
    numbers[thread] = thread < count ? __ldg(from.first + token + thread) : 0.0f;
    numbers[T::kTall + thread] = thread < count ? __ldg(from.second + token + thread) : 0.0f;
  }
  float sum[T::kRows][T::kOuts] = {};
  for (std::int64_t at = 0; at < end; at += T::kWide) {
    const int keys = static_cast<int>(s.n_k - at < T::kWide ? s.n_k - at : T::kWide);
    if (!__syncthreads_or(thread < keys && is_kept(keep_k, at + thread))) continue;
    T::template load<T::kWide>(in.k + (row * s.n_k + at) * s.d, s.d, keys, 1.0f, nullptr, k);
    T::template load<T::kWide>(in.v + (row * s.n_k + at) * s.d_v, s.d_v, keys, 1.0f, nullptr, v);
    bool kept[T::kColumns];
    SIMT_UNROLL
    for (int c = 0; c < T::kColumns; ++c) kept[c] = T::x() + 16 * c < keys && is_kept(keep_k, at + T::x() + 16 * c);
    const int open = open_keys(s, begin, at);
    __syncthreads();
    float dot[T::kRows][T::kColumns] = {}, g[T::kRows][T::kColumns] = {};
    T::product(q, k, depth, dot);
    T::product(dx, v, value_depth, g);
    SIMT_UNROLL
    for (int i = 0; i < T::kRows; ++i) {
      const float first = numbers[T::row(i)], second = numbers[T::kTall + T::row(i)];
      SIMT_UNROLL
      for (int c = 0; c < T::kColumns; ++c) {
        const int column = T::x() + 16 * c;
        float weight, slope;
        rule.pair(dot[i][c], g[i][c], first, second, q + T::row(i) * T::kStride, k + column * T::kStride, depth, weight,
                  slope);
        g[i][c] = kept[c] && column < open + T::row(i) ? slope : 0.0f;
      }
    }
    __syncthreads();
    T::put(g, slopes);
    __syncwarp();
    T::accumulate(slopes, k, sum);
  }
  SIMT_UNROLL
  for (int i = 0; i < T::kRows; ++i)
    if (T::row(i) < count) T::store(sum[i], rule.dq_scale, dq + (token + T::row(i)) * s.d, s.d);
}

template <int kD, class Rule, class E>
__global__ void __launch_bounds__(kAttendThreads, kD <= 32    ? 3
                                                  : kD <= 128 ? 2
                                                              : 1)
    key_gradient_kernel(Shape s, InputsOf<E> in, AttendGradient from, Rule rule, float* __restrict__ dk,
                        float* __restrict__ dv) {
  using T = typename AttendBackward<kD>::T;
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const k = carver.take<float>(T::kTallSize);
  float* const v = carver.take<float>(T::kTallSize);
  float* const q = carver.take<float>(T::kWideSize);
  float* const dx = carver.take<float>(T::kWideSize);
  float* const pairs = carver.take<float>(T::kPairsSize);

  const auto [row, begin] = place_of_block(s.n_k, T::kTall);
  const std::int64_t key = row * s.n_k + begin;
  const int count = static_cast<int>(s.n_k - begin < T::kTall ? s.n_k - begin : T::kTall), thread = threadIdx.x;
  const int depth = depth_of(s.d), value_depth = depth_of(s.d_v);
  const std::uint8_t* const keep_q = row_of_mask(in.keep_q, s, row, s.n_q);
  const std::uint8_t* const keep_k = row_of_mask(in.keep_k, s, row, s.n_k, begin);
  bool kept[T::kRows];
  SIMT_UNROLL
  for (int i = 0; i < T::kRows; ++i) kept[i] = T::row(i) < count && is_kept(keep_k, T::row(i));
  const bool any = __syncthreads_or(thread < count && is_kept(keep_k, thread));
  T::template load<T::kTall>(in.k + key * s.d, s.d, count, 1.0f, nullptr, k);
  T::template load<T::kTall>(in.v + key * s.d_v, s.d_v, count, 1.0f, nullptr, v);

  // the first query that sees the first of the keys
  const std::int64_t seen = s.causal ? begin + s.n_q - s.n_k : 0, start = seen > 0 ? seen / T::kWide * T::kWide : 0;
  float key_sum[T::kRows][T::kOuts] = {}, value_sum[T::kRows][T::kOuts] = {};
  for (std::int64_t at = any ? start : s.n_q; at < s.n_q; at += T::kWide) {
    const int queries = static_cast<int>(s.n_q - at < T::kWide ? s.n_q - at : T::kWide);
    if (!__syncthreads_or(thread < queries && is_kept(keep_q, at + thread))) continue;
    const std::int64_t token = row * s.n_q + at;
    T::template load<T::kWide>(in.q + token * s.d, s.d, queries, rule.query_scale, nullptr, q);
    T::template load<T::kWide>(from.dx + token * s.d_v, s.d_v, queries, 1.0f,
                               from.factor ? from.factor + token : nullptr, dx);
    float first[T::kColumns], second[T::kColumns];
    SIMT_UNROLL
    for (int c = 0; c < T::kColumns; ++c) {
      const int column = T::x() + 16 * c;
      first[c] = column < queries ? __ldg(from.first + token + column) : 0.0f;
      second[c] = column < queries ? __ldg(from.second + token + column) : 0.0f;
    }
    const int open = open_keys(s, at, begin);
    __syncthreads();
    float w[T::kRows][T::kColumns] = {}, g[T::kRows][T::kColumns] = {};
    T::product(k, q, depth, w);
    T::product(v, dx, value_depth, g);
    SIMT_UNROLL
    for (int i = 0; i < T::kRows; ++i) {
      SIMT_UNROLL
      for (int c = 0; c < T::kColumns; ++c) {
        const int column = T::x() + 16 * c;
        float weight, slope;
        rule.pair(w[i][c], g[i][c], first[c], second[c], q + column * T::kStride, k + T::row(i) * T::kStride, depth,
                  weight, slope);
        const bool sees = kept[i] && column < queries && T::row(i) < open + column;
        w[i][c] = sees ? weight : 0.0f;
        g[i][c] = sees ? slope : 0.0f;
      }
    }
    // one tile for both, one after the other: rows of it are read by their own warp only
    T::put(w, pairs);
    __syncwarp();
    T::accumulate(pairs, dx, value_sum);
    __syncwarp();
    T::put(g, pairs);
    __syncwarp();
    T::accumulate(pairs, q, key_sum);
  }
  SIMT_UNROLL
  for (int i = 0; i < T::kRows; ++i) {
    if (T::row(i) >= count) continue;
    T::store(key_sum[i], rule.dk_scale, dk + (key + T::row(i)) * s.d, s.d);
    T::store(value_sum[i], 1.0f, dv + (key + T::row(i)) * s.d_v, s.d_v);
  }
}

inline void require_attend_backward(const Device& device, const Shape& s) {
  with_width(s, [&](auto width) { require_shared(device, s, AttendBackward<width>::kShared); });
}

// dq, dk and dv are overwritten; padded tokens get zeros, if dx or its factor is 0 for padded queries.
template <class Rule, class E>
void attend_backward(void* stream, const Shape& s, const InputsOf<E>& in, const AttendGradient& from, const Rule& rule,
                     float* dq, float* dk, float* dv) {
  with_width(s, [&](auto width) {
    using A = AttendBackward<width>;
    const auto launch = [&](std::int64_t n, std::size_t shared) {
      return simt::Launch{grid_of(s.rows(), n, A::T::kTall), dim3(kAttendThreads), shared, stream};
    };
    simt::launch(launch(s.n_q, A::kQueriesShared), query_gradient_kernel<width, Rule, E>, s, in, from, rule, dq);
    simt::launch(launch(s.n_k, A::kKeysShared), key_gradient_kernel<width, Rule, E>, s, in, from, rule, dk, dv);
  });
}

}  // namespace yoso::SIMT_NS
