// Backward through the normalisations of yoso-e and yoso-m: of output rows, and of queries and keys to unit length.
//
// A row not longer than 1e-12 counts as zero, and has no gradient: that of x / max(|x|, 1e-12) there is 1e12 times what
// comes in.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/convolution.hpp"
#include "primitives/masks.hpp"
#include "primitives/primitives.hpp"
#include "primitives/rows.hpp"
#include "primitives/yoso_family.hpp"

namespace yoso {

inline float inverse_length(double length) { return length > 1e-12 ? static_cast<float>(1 / length) : 0.0f; }

// In single precision, unless that overflows or loses small elements.
inline double square_of(const Primitives& p, const float* x, std::int64_t n) {
  const float square = p.dot(x, x, n);
  return square > 1e-20f && square < 1e30f ? static_cast<double>(square) : sum_of_squares(x, n);
}

// unit = x / |x| and inverse = 1 / |x| of rows x [rows, n]; zeros for zero rows.
inline void unit_rows_of(const Primitives& p, std::int64_t rows, std::int64_t n, const float* x, float* unit,
                         float* inverse) {
  std::copy_n(x, rows * n, unit);
  for (std::int64_t i = 0; i < rows; ++i, x += n, unit += n) {
    inverse[i] = inverse_length(std::sqrt(square_of(p, x, n)));
    p.scale(inverse[i], unit, n);
  }
}

// g := (g - u (u . g)) / |x|, the gradient with respect to x, where g was that with respect to u = x / |x|.
inline void through_unit_row(const Primitives& p, std::int64_t n, const float* unit, float inverse, float* g) {
  if (inverse == 0.0f) {
    std::fill_n(g, n, 0.0f);
    return;
  }
  if (n == 1) {  // nothing is across a single coordinate
    g[0] = 0;
    return;
  }
  // twice, because u is of unit length but for rounding, and a large g along it would be left over
  for (int round = 0; round < 2; ++round) p.axpy(-p.dot(unit, g, n), unit, g, n);
  p.scale(inverse, g, n);
}

// A row's total of weights may be as small as a float can be, when all keys are nearly opposite to a query: its inverse
// is no float then, nor are products with it. So dout is divided by no less than kLeastTotal, and what is left of the
// division falls to the weights and slopes, which are as small as their total.
inline constexpr float kLeastTotal = 1e-18f;
inline float left_of_division(float total) {
  return total > 0 && total < kLeastTotal ? static_cast<float>(static_cast<double>(kLeastTotal) / total) : 1.0f;
}

// One row: dx, the gradient with respect to X = sum_j w_j v_j, of which y is the normalised row and dout its gradient.
// `kept` is what forward kept of it: 1 / |X|, or the weights' total. The gradient of weight w_j is then dx . v_j -
// (what is returned); it is not 0 where the weights' total divides.
inline float through_norm(const Primitives& p, Norm norm, std::int64_t n, const float* y, float kept, const float* dout,
                          float* dx) {
  std::copy_n(dout, n, dx);
  if (norm == Norm::none) return 0.0f;
  // twice, because y is of unit length but for rounding, and dx . v has to vanish where v is along y
  for (int round = 0; norm == Norm::l2 && round < 2; ++round) p.axpy(-p.dot(y, dx, n), y, dx, n);
  p.scale(norm == Norm::l2 ? kept : kept > 0 ? 1 / std::max(kept, kLeastTotal) : 0.0f, dx, n);
  return norm == Norm::rowsum ? p.dot(y, dx, n) : 0.0f;
}

// The norm divides the weight of an only key out again: its gradient is exactly zero, not what rounding leaves of it.
inline bool divides_out_weights(const Shape& shape, Norm norm) { return shape.n_k == 1 && norm != Norm::none; }

// The same for all rows of a problem, in pieces of so many tokens.
inline constexpr std::int64_t kGradientRows = 64;

template <class Body>
void for_rows(int threads, std::int64_t rows, const Body& body) {
  parallel_for(threads, (rows + kGradientRows - 1) / kGradientRows, [&](std::int64_t piece, int) {
    const std::int64_t first = piece * kGradientRows;
    body(first, std::min(kGradientRows, rows - first));
  });
}

// dx and shift (what through_norm returns) of every query, zeros for padded ones. `y` is the output without its
// convolution; `kept` [rows, n_q] may be null where the norm is none.
inline void through_norms(const Primitives& p, int threads, const Shape& s, Norm norm, const float* y,
                          const float* kept, const float* dout, const std::uint8_t* keep_q, float* dx, float* shift) {
  for_rows(threads, s.rows() * s.n_q, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      shift[i] = 0;
      if (keep_q && !keep_q[i / s.n_q / s.heads * s.n_q + i % s.n_q])
        std::fill_n(dx + i * s.d_v, s.d_v, 0.0f);
      else
        shift[i] = through_norm(p, norm, s.d_v, y + i * s.d_v, kept ? kept[i] : 1.0f, dout + i * s.d_v, dx + i * s.d_v);
    }
  });
}

inline void to_unit_rows(const Primitives& p, int threads, std::int64_t rows, std::int64_t n, const float* x,
                         float* unit, float* inverse) {
  for_rows(threads, rows, [&](std::int64_t first, std::int64_t count) {
    unit_rows_of(p, count, n, x + first * n, unit + first * n, inverse + first);
  });
}

inline void through_unit_rows(const Primitives& p, int threads, std::int64_t rows, std::int64_t n, const float* unit,
                              const float* inverse, float* g) {
  for_rows(threads, rows, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) through_unit_row(p, n, unit + i * n, inverse[i], g + i * n);
  });
}

// Turns dq and dk with respect to unit rows into those with respect to the queries and keys. `unit` as to_unit_rows
// made them.
struct UnitRows {
  const float *q, *inverse_q, *k, *inverse_k;
};
inline void through_lengths(const Primitives& p, int threads, const Shape& s, Norm norm, const UnitRows& unit,
                            const Gradients& grads) {
  if (divides_out_weights(s, norm)) {
    std::fill_n(grads.dq, s.q_size(), 0.0f);
    std::fill_n(grads.dk, s.k_size(), 0.0f);
    return;
  }
  through_unit_rows(p, threads, s.rows() * s.n_q, s.d, unit.q, unit.inverse_q, grads.dq);
  through_unit_rows(p, threads, s.rows() * s.n_k, s.d, unit.k, unit.inverse_k, grads.dk);
}

// What a convolution of w > 0 adds to dv, and the gradient of its kernels.
inline void through_convolution(const Primitives& p, int threads, const Shape& s, std::int64_t w, const Inputs& in,
                                const float* kernels, const float* dout, float* dv, float* dkernels) {
  for_rows(threads, s.rows() * s.n_k, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t token = first; token < first + count; ++token) {
      const std::int64_t row = token / s.n_k, j = token % s.n_k;
      if (!in.keep_k || in.keep_k[row / s.heads * s.n_k + j])
        add_convolution_gradient(p, kernels + row % s.heads * w, w, dout + row * s.n_q * s.d_v, s.n_q, s.d_v, j,
                                 dv + token * s.d_v);
    }
  });
  convolution_kernel_gradient(p, threads, s, w, in, dout, dkernels);
}

}  // namespace yoso
