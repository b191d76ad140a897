// What kernels of several methods share: sums over a warp and a block, masks, and where rows lie.
//
// Kernels get the Shape by value. Indices into tensors are 64-bit: batch * heads * n * d may pass 2^31. A problem has
// more (batch, head) rows or tokens than a grid's y and z can count (65535), so grids are one-dimensional in x, and a
// kernel takes its block apart.
#pragma once
#include <cstdint>

#include <yoso/shape.hpp>

#include "simt/simt.hpp"

namespace yoso::SIMT_NS {

constexpr unsigned kWholeWarp = 0xffffffffu;
constexpr int kWarp = 32;

__host__ __device__ constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// All lanes must call; all get the result, the same bits in each.
__device__ inline float warp_sum(float x) {
  for (int step = kWarp / 2; step > 0; step /= 2) x += __shfl_xor_sync(kWholeWarp, x, step);
  return x;
}
__device__ inline double warp_sum(double x) {
  for (int step = kWarp / 2; step > 0; step /= 2) x += __shfl_xor_sync(kWholeWarp, x, step);
  return x;
}
__device__ inline float warp_max(float x) {
  for (int step = kWarp / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(kWholeWarp, x, step));
  return x;
}

// Token `i` of a (batch, head) row under a mask [batch, n] that may be null.
__device__ inline bool is_kept(const std::uint8_t* mask, const Shape& s, std::int64_t row, std::int64_t n,
                               std::int64_t i) {
  return !mask || mask[row / s.heads * n + i] != 0;
}

}  // namespace yoso::SIMT_NS
