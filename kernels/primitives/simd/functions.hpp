// Exponentials and collision probabilities.
#pragma once
#include "primitives/primitives.hpp"
#include "primitives/simd/rows.hpp"

namespace yoso {
namespace {

// e^x for x in [-87, 88], 0 below; relative error 1e-7. x = m ln 2 + r with |r| <= ln 2 / 2: adding 1.5 * 2^23 rounds
// x / ln 2 to the integer m and leaves it in the low bits. The first part of ln 2 has 9 bits, so m times it is exact
// and r loses nothing, with or without fused multiply-add. e^r = 1 + r + r^2 q(r), q the minimax polynomial (3.3e-9).
YOSO_INLINE Vec exponential(Vec x) {
  const Vec shifted = x * 1.44269504f + 12582912.0f;
  const Vec m = shifted - 12582912.0f;
  const Vec r = (x - m * 0.693359375f) + m * 2.12194440e-4f;
  Vec q = broadcast(0.0013813144760206342f);
  q = q * r + 0.008369418792426586f;
  q = q * r + 0.04166845604777336f;
  q = q * r + 0.16666515171527863f;
  q = q * r + 0.4999999403953552f;
  const Vec power = (r * r * q + r) + 1.0f;
  const Vec scaled = (Vec)((Bits)power + ((Bits)shifted << 23));
  return x < -87.0f ? Vec{} : scaled;
}

float exp_sum(float shift, float* x, I n) {
  Vec total = {};
  I i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Vec e = exponential(load(x + i) - shift);
    store(x + i, e);
    total += e;
  }
  if (i < n) {
    const Vec e = exponential(load(x + i, n - i, -__builtin_inff()) - shift);
    store(x + i, e, n - i);
    total += e;
  }
  return across(total, plus);
}

// Shifts are subtracted one after the other: a row's and a column's may each be huge and cancel.
void exp_tile(I rows, I columns, const float* row_shift, const float* column_shift, float* x, I ld) {
  for (I i = 0; i < rows; ++i, x += ld) {
    const float shift = row_shift ? row_shift[i] : 0.0f;
    if (column_shift)
      update(x, columns, [=](Vec old, const auto& at) { return exponential((old - shift) - at(column_shift)); });
    else
      update(x, columns, [=](Vec old, const auto&) { return exponential(old - shift); });
  }
}

void score_gradients(I rows, I columns, const float* weights, I ldw, const float* mean, float* x, I ldx) {
  for (I i = 0; i < rows; ++i, x += ldx, weights += ldw) {
    const float centre = mean[i];
    update(x, columns, [=](Vec old, const auto& at) { return at(weights) * (old - centre); });
  }
}

// One exponential serves both sides of 0: e^min(x, 0) is 1 where x > 0.
void elu_plus_one(I rows, I columns, const float* x, I ldx, float* y, I ldy) {
  for (I i = 0; i < rows; ++i, x += ldx, y += ldy)
    write(y, columns, [=](const auto& at) {
      const Vec e = at(x);
      return larger(e, Vec{}) + exponential(e > 0.0f ? Vec{} : e);
    });
}

// slope(e) * (x + row * column), row by row. A sum is taken in four chains, whole vectors first.
template <bool kSums, class Slope>
YOSO_INLINE void chain_of(I rows, I columns, const float* e, I lde, const float* row, const float* column, float* x,
                          I ldx, float* sums, const Slope& slope) {
  const auto row_of_tile = [&](I i, const auto& part_of_column) YOSO_INLINE_LAMBDA {
    const float* const slopes = e + i * lde;
    float* const to = x + i * ldx;
    const Vec factor = broadcast(row ? row[i] : 1.0f);
    Vec sum[4] = {};
    I j = 0;
    const auto part = [&](I at, int chain) YOSO_INLINE_LAMBDA {
      const Vec y = slope(load(slopes + at)) * (factor * part_of_column(at, kLanes) + load(to + at));
      store(to + at, y);
      if constexpr (kSums) sum[chain] += y;
    };
    for (; j + 4 * kLanes <= columns; j += 4 * kLanes)
      unrolled<4>([&](auto c) YOSO_INLINE_LAMBDA { part(j + c * kLanes, c); });
    for (; j + kLanes <= columns; j += kLanes) part(j, 0);
    if (const I rest = columns - j; rest > 0) {
      const Vec y = slope(load(slopes + j, rest)) * (factor * part_of_column(j, rest) + load(to + j, rest));
      store(to + j, y, rest);
      if constexpr (kSums) sum[1] += y;  // beyond the end it is e, which is 0
    }
    if constexpr (kSums) sums[i] += across((sum[0] + sum[1]) + (sum[2] + sum[3]), plus);
  };
  for (I i = 0; i < rows; ++i) {
    if (column)
      row_of_tile(i, [=](I j, I count)
                         YOSO_INLINE_LAMBDA { return count == kLanes ? load(column + j) : load(column + j, count); });
    else
      row_of_tile(i, [](I, I) YOSO_INLINE_LAMBDA { return broadcast(1.0f); });
  }
}

void chain(I rows, I columns, const float* e, I lde, const float* row, const float* column, float* x, I ldx,
           float* sums) {
  const auto slope = [](Vec v) YOSO_INLINE_LAMBDA { return v; };
  if (sums)
    chain_of<true>(rows, columns, e, lde, row, column, x, ldx, sums, slope);
  else
    chain_of<false>(rows, columns, e, lde, row, column, x, ldx, sums, slope);
}

void elu_chain(I rows, I columns, const float* e, I lde, const float* row, const float* column, float* x, I ldx) {
  chain_of<false>(rows, columns, e, lde, row, column, x, ldx, nullptr,
                  [](Vec v) YOSO_INLINE_LAMBDA { return v < 1.0f ? v : broadcast(1.0f); });
}

// 1 - acos(x) / pi, |error| 1e-7, for a = min(|x|, 1) and root = sqrt(1 - a). acos(a) / pi = sqrt(1 - a) P(a) on [0,
// 1], P the minimax polynomial of relative error 1.5e-8 (after Abramowitz and Stegun 4.4.46, with 1 / pi worked in).
// acos(-a) = pi - acos(a), so a negative x needs no subtraction from 1: the small probabilities near x = -1 keep their
// relative accuracy.
YOSO_INLINE Vec at_most_one(Vec x) {
  const Vec size = (Vec)((Bits)x & 0x7fffffffu);
  return size > 1.0f ? broadcast(1.0f) : size;
}
YOSO_INLINE Vec collision_of_one(Vec x, Vec a, Vec root) {
  Vec p = broadcast(-0.0003989876713603735f);
  p = p * a + 0.0021131373941898346f;
  p = p * a - 0.005425623618066311f;
  p = p * a + 0.009823918342590332f;
  p = p * a - 0.015967756509780884f;
  p = p * a + 0.028322357684373856f;
  p = p * a - 0.06830888986587524f;
  p = p * a + 0.5f;
  const Vec angle = root * p;
  return x < 0.0f ? angle : 1.0f - angle;
}

YOSO_INLINE Vec power_of(Vec square, int exponent) {
  Vec power = broadcast(1.0f);
  for (int t = exponent; t > 0; t >>= 1) {  // power * square^t stays the same
    if (t & 1) power *= square;
    square *= square;
  }
  return power;
}

float collision(int tau, float* x, I n) {
  Vec most = {};  // no probability is below 0
  update(x, n, [=, &most](Vec old, const auto&) YOSO_INLINE_LAMBDA {
    const Vec a = at_most_one(old);
    const Vec weight = power_of(collision_of_one(old, a, square_root(1.0f - a)), tau);
    most = larger(most, weight);
    return weight;
  });
  return n < kLanes ? max(x, n) : across(most, larger);
}

// sin(acos x) = sqrt(1 - |x|) sqrt(1 + |x|) shares a root with the angle. The last, short vector stands alone, because
// two rows are changed.
template <bool kLowerBound>
YOSO_INLINE float collision_gradient_of(int tau, float factor, float shift, float* x, float* g, I n) {
  const float constant = factor * static_cast<float>(tau) * (kLowerBound ? 0.5f : 0.318309886f);
  Vec most = {};
  const auto part = [&](Vec& at, Vec& grad) YOSO_INLINE_LAMBDA {
    const Vec a = at_most_one(at), root = square_root(1.0f - a), base = collision_of_one(at, a, root);
    const Vec below = power_of(base, tau - 1), weight = below * base;
    if constexpr (kLowerBound)
      grad = (grad - shift) * (weight * constant);
    else
      grad = (grad - shift) * (below * constant / larger(root * square_root(1.0f + a), broadcast(kLeastSine)));
    at = weight;
  };
  I i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Vec at = load(x + i), grad = load(g + i);
    part(at, grad);
    most = larger(most, at);
    store(x + i, at);
    store(g + i, grad);
  }
  if (i == n) return across(most, larger);
  Vec at = load(x + i, n - i, -1.0f), grad = load(g + i, n - i);
  part(at, grad);
  most = larger(most, at);  // the lanes that are not there have weight 0
  store(x + i, at, n - i);
  store(g + i, grad, n - i);
  return across(most, larger);
}
float collision_gradient(int tau, bool lower_bound, float factor, float shift, float* x, float* g, I n) {
  return lower_bound ? collision_gradient_of<true>(tau, factor, shift, x, g, n)
                     : collision_gradient_of<false>(tau, factor, shift, x, g, n);
}

}  // namespace
}  // namespace yoso
