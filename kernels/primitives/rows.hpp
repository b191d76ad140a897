// Arithmetic on one row of a tensor that several engines share. Plain loops: none of it is where the time goes.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include <yoso/shape.hpp>

namespace yoso {

// In double, so that a row of 1e18s does not overflow; in eight partial sums in a fixed order, so that the compiler can
// use vectors without changing the result.
inline double sum_of_squares(const float* x, std::int64_t n) {
  double partial[8] = {};
  std::int64_t c = 0;
  for (; c + 8 <= n; c += 8)
    for (int lane = 0; lane < 8; ++lane) partial[lane] += static_cast<double>(x[c + lane]) * x[c + lane];
  for (int lane = 0; lane < 8 && c + lane < n; ++lane) partial[lane] += static_cast<double>(x[c + lane]) * x[c + lane];
  for (int lane = 1; lane < 8; ++lane) partial[0] += partial[lane];
  return partial[0];
}

// y = x / max(|x|, 1e-12); a zero row stays zero. x may be y. Rounded once, so that equal rows have equal unit rows and
// parallel ones differ by no more than a unit in the last place.
inline void unit_row(const float* x, float* y, std::int64_t n) {
  const double factor = 1 / std::max(std::sqrt(sum_of_squares(x, n)), 1e-12);
  for (std::int64_t c = 0; c < n; ++c) y[c] = static_cast<float>(x[c] * factor);
}

// x /= divisor > 0. Not a product with its reciprocal: that would overflow for a tiny divisor, and would not give
// exactly one for divisor / divisor.
inline void divide_row(double divisor, float* x, std::int64_t n) {
  for (std::int64_t c = 0; c < n; ++c) x[c] = static_cast<float>(x[c] / divisor);
}

}  // namespace yoso
