// Sums over tokens of what stands in one column, a part of a row at a time: what is too thin for a matrix product.
#pragma once
#include <cstdint>

#include "simt/cut.hpp"

namespace yoso::SIMT_NS {

constexpr int kColumns = 32;                      // of a block
constexpr int kTokenLanes = kThreads / kColumns;  // threads that share a column

// One for all columns of all stretches.
inline simt::Launch over_columns(void* stream, const Stretches& stretches, std::int64_t columns) {
  return {
      .grid = grid_of(stretches.count() * ceil_div(columns, kColumns)),
      .block = dim3(kThreads),
      .stream = stream,
  };
}

// What the threads of a column have, joined in their order; the first one of a column gets it. Ends in a barrier.
template <class Join>
__device__ float join_lanes(float own, float* shared, const Join& join) {
  const int column = static_cast<int>(threadIdx.x) % kColumns, lane = static_cast<int>(threadIdx.x) / kColumns;
  shared[threadIdx.x] = own;
  __syncthreads();
  if (lane == 0)
    for (int other = 1; other < kTokenLanes; ++other) own = join(own, shared[other * kColumns + column]);
  __syncthreads();
  return own;
}

struct ColumnSums {
  Shape shape;
  Stretches stretches;
  const float* x = nullptr;  // [tokens of the piece, columns]
  std::int64_t columns = 0;
  const float* weights = nullptr;      // [tokens of the piece], or null: 1
  const std::uint8_t* keep = nullptr;  // [batch, n]: others count for nothing; null: all count
  std::int64_t n = 0;                  // tokens of a row, for `keep`
  float* sums = nullptr;               // [rows, parts, columns]
};

template <int>
__global__ void __launch_bounds__(kThreads) column_sums(const ColumnSums a) {
  __shared__ float shared[kThreads];
  const std::int64_t across = ceil_div(a.columns, kColumns);
  const Stretches::One one = a.stretches.one(blockIdx.x / across);
  const std::int64_t column = blockIdx.x % across * kColumns + threadIdx.x % kColumns;
  const std::uint8_t* const keep = row_of_mask(a.keep, a.shape, one.row, a.n);
  float sum = 0;
  if (column < a.columns)
    for (std::int64_t t = threadIdx.x / kColumns; t < one.count; t += kTokenLanes) {
      if (!is_kept(keep, one.first + t)) continue;
      const float x = a.x[(one.at + t) * a.columns + column];
      sum = a.weights ? fmaf(a.weights[one.at + t], x, sum) : sum + x;
    }
  sum = join_lanes(sum, shared, [](float p, float q) { return p + q; });
  if (threadIdx.x < kColumns && column < a.columns) a.sums[one.slot * a.columns + column] = sum;
}

inline void sum_columns(void* stream, const ColumnSums& a) {
  simt::launch(over_columns(stream, a.stretches, a.columns), &column_sums<0>, a);
}

}  // namespace yoso::SIMT_NS
