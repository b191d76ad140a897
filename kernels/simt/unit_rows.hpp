// Rows to unit length, and back through that: of queries and keys, and of the output. A warp a row; sums of squares in
// double, so that no row overflows. A row not longer than 1e-12 counts as zero and has no gradient.
//
//   unit_rows(stream, rows, n, x, unit, inverse)               unit = x / max(|x|, 1e-12); inverse = 1 / |x|, may be
//   null through_unit_rows(stream, rows, n, unit, inverse, g)       g := (g - u (u . g)) / |x|, in place
//   through_norms(stream, shape, norm, y, kept, dout, keep_q, dx, shift)  backward through the norm of output rows
//
// All x (of any element), unit, g are [rows, n], inverse is [rows]. Equations and edge cases:
// primitives/yoso_gradient.hpp.
#pragma once
#include <cstdint>

#include "primitives/yoso_family.hpp"
#include "simt/block.hpp"

namespace yoso::SIMT_NS {

constexpr int kRowsPerBlock = 8;  // warps of a block, each with a row
// As yoso_gradient.hpp says: what outputs are divided by, at least, in dx; the rest is left to the weights.
constexpr float kLeastTotal = 1e-18f;

// The row of this warp; the lanes of a warp beyond the last one get `rows`.
__device__ inline std::int64_t row_of_warp(std::int64_t rows) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarp;
  return row < rows ? row : rows;
}

// Kernels of a header are templates, because a plain one that its includer does not use is a warning.
template <class T, class E>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp)
    unit_rows_kernel(std::int64_t rows, std::int64_t n, const E* __restrict__ x, T* __restrict__ unit,
                     T* __restrict__ inverse) {
  const std::int64_t row = row_of_warp(rows);
  if (row == rows) return;
  const int lane = threadIdx.x % kWarp;
  x += row * n;
  unit += row * n;
  double square = 0;
  for (std::int64_t c = lane; c < n; c += kWarp) {
    const auto e = static_cast<double>(element_of(x + c));
    square += e * e;
  }
  const double length = sqrt(warp_sum(square)), factor = 1 / fmax(length, 1e-12);
  // rounded once, so that equal rows have equal unit rows
  for (std::int64_t c = lane; c < n; c += kWarp) unit[c] = static_cast<T>(element_of(x + c) * factor);
  if (inverse && lane == 0) inverse[row] = length > 1e-12 ? static_cast<T>(factor) : T{0};
}

// g minus its part along u, both of this warp's row. Twice, because u is of unit length but for rounding, and a large
// g along it would be left over.
__device__ inline void remove_along(const float* u, float* g, std::int64_t n) {
  const int lane = threadIdx.x % kWarp;
  for (int round = 0; round < 2; ++round) {
    float along = 0;
    for (std::int64_t c = lane; c < n; c += kWarp) along += u[c] * g[c];
    along = warp_sum(along);
    for (std::int64_t c = lane; c < n; c += kWarp) g[c] -= along * u[c];
  }
}

template <class T>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp)
    through_unit_rows_kernel(std::int64_t rows, std::int64_t n, const T* __restrict__ unit,
                             const T* __restrict__ inverse, T* __restrict__ g) {
  const std::int64_t row = row_of_warp(rows);
  if (row == rows) return;
  // nothing is across a single coordinate, and a zero row has no gradient
  const T factor = n == 1 ? T{0} : inverse[row];
  g += row * n;
  if (factor != 0) remove_along(unit + row * n, g, n);
  for (std::int64_t c = threadIdx.x % kWarp; c < n; c += kWarp) g[c] = factor != 0 ? g[c] * factor : T{0};
}

template <class T>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp)
    through_norms_kernel(Shape s, Norm norm, const T* __restrict__ y, const T* __restrict__ kept,
                         const T* __restrict__ dout, const std::uint8_t* __restrict__ keep_q, T* __restrict__ dx,
                         T* __restrict__ shift) {
  const std::int64_t i = row_of_warp(s.rows() * s.n_q), n = s.d_v;
  if (i == s.rows() * s.n_q) return;
  const int lane = threadIdx.x % kWarp;
  const bool asked = is_kept(keep_q, s, i / s.n_q, s.n_q, i % s.n_q);
  y += i * n;
  dout += i * n;
  dx += i * n;
  for (std::int64_t c = lane; c < n; c += kWarp) dx[c] = asked ? dout[c] : T{0};
  T along = 0;
  if (asked && norm != Norm::none) {
    if (norm == Norm::l2) remove_along(y, dx, n);
    const T what = kept[i], factor = norm == Norm::l2 ? what : what > 0 ? 1 / fmaxf(what, kLeastTotal) : T{0};
    for (std::int64_t c = lane; c < n; c += kWarp) {
      dx[c] *= factor;
      along += y[c] * dx[c];
    }
    along = warp_sum(along);
  }
  if (lane == 0) shift[i] = norm == Norm::rowsum ? along : T{0};
}

inline simt::Launch by_rows(void* stream, std::int64_t rows) {
  return {grid_of(ceil_div(rows, kRowsPerBlock)), dim3(kRowsPerBlock * kWarp), 0, stream};
}

template <class E>
void unit_rows(void* stream, std::int64_t rows, std::int64_t n, const E* x, float* unit, float* inverse) {
  simt::launch(by_rows(stream, rows), unit_rows_kernel<float, E>, rows, n, x, unit, inverse);
}

inline void through_unit_rows(void* stream, std::int64_t rows, std::int64_t n, const float* unit, const float* inverse,
                              float* g) {
  simt::launch(by_rows(stream, rows), through_unit_rows_kernel<float>, rows, n, unit, inverse, g);
}

// dx [rows, n_q, d_v], the gradient with respect to X = sum_j w_j v_j, and shift [rows, n_q]: the gradient of w_ij is
// dx_i . v_j - shift_i. `y` is the output without its convolution, `kept` [rows, n_q] what forward kept of each row:
// 1 / |X| (l2; 0 for a zero row) or the weights' total (rowsum); not read where the norm is none. With rowsum, weights
// and their gradients are to be multiplied by left_of_division(kept_i).
inline void through_norms(void* stream, const Shape& shape, Norm norm, const float* y, const float* kept,
                          const float* dout, const std::uint8_t* keep_q, float* dx, float* shift) {
  simt::launch(by_rows(stream, shape.rows() * shape.n_q), through_norms_kernel<float>, shape, norm, y, kept, dout,
               keep_q, dx, shift);
}

__device__ inline float left_of_division(float total) {
  return total > 0 && total < kLeastTotal ? static_cast<float>(static_cast<double>(kLeastTotal) / total) : 1.0f;
}

}  // namespace yoso::SIMT_NS
