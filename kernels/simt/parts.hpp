// Few tokens that meet many, in parts: what blocks of simt/pairs.hpp found for each part becomes one result.
// Partial results are rows [rows, parts, count], of the first `count` tokens of each row of the problem.
#pragma once
#include <cstdint>

#include "simt/pairs.hpp"

namespace yoso::SIMT_NS {

// Joins what `parts` found for the first `count` queries of each row; partial rows are [rows, parts, count]. A warp
// takes a query.
static __global__ void __launch_bounds__(kTileThreads)
    join_queries(std::int64_t rows, int count, int parts, Attention a) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * (kTileThreads / kWarp) + threadIdx.x / kWarp;
  if (at >= rows * count) return;
  const std::int64_t row = at / count, i = at % count, first = row * parts * count + i, query = row * a.n_q + i;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const auto found = [&](int part) { return first + static_cast<std::int64_t>(part) * count; };
  float largest = -INFINITY, total = 0;
  for (int p = lane; p < parts; p += kWarp) largest = fmaxf(largest, a.partial_largest[found(p)]);
  largest = warp_max(largest);
  const float base = largest > -INFINITY ? largest : 0.0f;
  for (int p = lane; p < parts; p += kWarp)
    total = fmaf(a.partial_totals[found(p)], exp2f(a.partial_largest[found(p)] - base), total);
  total = warp_sum(total);
  const bool answered = total > 0.0f && (!a.keep_q || a.keep_q[row / a.heads * a.n_q + i]);
  const float share = answered ? 1.0f / total : 0.0f;
  for (int c = lane; c < a.d_v; c += kWarp) {
    float sum = 0;
    for (int p = 0; answered && p < parts; ++p)
      sum = fmaf(exp2f(a.partial_largest[found(p)] - base), a.partial[found(p) * a.d_v + c], sum);
    a.out[query * a.d_v + c] = share * sum;
  }
  if (lane != 0 || !a.largest) return;
  a.largest[query] = answered ? largest : INFINITY;
  a.totals[query] = share;
}

// Gradients of tokens of x [rows, n, width], parts added in their order.
static __global__ void __launch_bounds__(kTileThreads)
    add_token_parts(std::int64_t rows, std::int64_t count, std::int64_t n, int parts, std::int64_t width,
                    const float* partial, float* to) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kTileThreads + threadIdx.x, size = count * width;
  if (at >= rows * size) return;
  const std::int64_t row = at / size, i = at % size;
  float sum = 0;
  for (int p = 0; p < parts; ++p) sum += partial[(row * parts + p) * size + i];
  to[row * n * width + i] = sum;
}

inline void join_parts(void* stream, std::int64_t rows, std::int64_t count, int parts, const Attention& a) {
  simt::launch(
      {.grid = grid_of(ceil_div(rows * count, kTileThreads / kWarp)), .block = dim3(kTileThreads), .stream = stream},
      join_queries, rows, static_cast<int>(count), parts, a);
}

inline void join_gradients(void* stream, std::int64_t rows, std::int64_t count, std::int64_t n, int parts,
                           std::int64_t width, const float* partial, float* to) {
  simt::launch(
      {.grid = grid_of(ceil_div(rows * count * width, kTileThreads)), .block = dim3(kTileThreads), .stream = stream},
      add_token_parts, rows, count, n, parts, width, partial, to);
}

}  // namespace yoso::SIMT_NS
