// What kernels of several methods share: sums over a warp and a block, masks, and where rows lie.
//
// Kernels get the Shape by value. Indices into tensors are 64-bit: batch * heads * n * d may pass 2^31. A problem has
// more (batch, head) rows or tokens than a grid's y and z can count (65535), so grids are one-dimensional in x, and a
// kernel takes its block apart.
#pragma once
#include <cstdint>
#include <string>

#include <yoso/errors.hpp>
#include <yoso/shape.hpp>

#include "simt/simt.hpp"

namespace yoso::SIMT_NS {

constexpr unsigned kWholeWarp = 0xffffffffu;
constexpr int kWarp = 32;

__host__ __device__ constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// An element of an input that no thread writes to.
__device__ inline float element_of(const float* x) { return __ldg(x); }
__device__ inline float element_of(const simt::bf16* x) { return simt::bf16{__ldg(&x->bits)}.to_float(); }

// A grid of so many blocks. Throws Unsupported when there are more than a launch can have.
inline dim3 grid_of(std::int64_t blocks) {
  if (blocks > 0x7fffffff)
    throw Unsupported("the problem takes " + std::to_string(blocks) + " blocks of threads, a launch has 2147483647");
  return dim3(static_cast<unsigned>(blocks));
}

// Groups of `each` things of a row, one group a block: which row, and where its group begins. 32-bit division, because
// 64-bit ones are calls, which spill.
struct Place {
  std::int64_t row, first;
};
__device__ inline Place place_of_block(std::int64_t n, int each) {
  const auto groups = static_cast<unsigned>(ceil_div(n, each));
  return {blockIdx.x / groups, static_cast<std::int64_t>(blockIdx.x % groups) * each};
}
// The same from each row's end: where the last queries see most, their blocks are to begin first.
__device__ inline Place last_place_first(std::int64_t n, int each) {
  const auto groups = static_cast<unsigned>(ceil_div(n, each));
  return {blockIdx.x / groups, static_cast<std::int64_t>(groups - 1 - blockIdx.x % groups) * each};
}
inline dim3 grid_of(std::int64_t rows, std::int64_t n, int each) { return grid_of(rows * ceil_div(n, each)); }

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

// Over the 16 threads of half a warp; all lanes must call, and all of a half get the same bits.
template <class T>
__device__ T half_warp_sum(T x) {
  for (int step = kWarp / 4; step > 0; step /= 2) x += __shfl_xor_sync(kWholeWarp, x, step);
  return x;
}
__device__ inline float half_warp_max(float x) {
  for (int step = kWarp / 4; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(kWholeWarp, x, step));
  return x;
}

// The part of a mask [batch, n] that belongs to a (batch, head) row, from its token `first` on; null: all are kept.
// Once for a loop over tokens: there is a division in it.
__device__ inline const std::uint8_t* row_of_mask(const std::uint8_t* mask, const Shape& s, std::int64_t row,
                                                  std::int64_t n, std::int64_t first = 0) {
  return mask ? mask + static_cast<unsigned>(row) / static_cast<unsigned>(s.heads) * n + first : nullptr;
}
__device__ inline bool is_kept(const std::uint8_t* mask, std::int64_t i) { return !mask || __ldg(mask + i) != 0; }
// Token `i` of a row under the whole mask.
__device__ inline bool is_kept(const std::uint8_t* mask, const Shape& s, std::int64_t row, std::int64_t n,
                               std::int64_t i) {
  return is_kept(row_of_mask(mask, s, row, n), i);
}

}  // namespace yoso::SIMT_NS
