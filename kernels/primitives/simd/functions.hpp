// Exponentials and collision probabilities.
#pragma once
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

// 1 - acos(x) / pi, |error| 1e-7. acos(a) / pi = sqrt(1 - a) P(a) on [0, 1], P the minimax polynomial of relative error
// 1.5e-8 (after Abramowitz and Stegun 4.4.46, with 1 / pi worked in). acos(-a) = pi - acos(a), so a negative x needs no
// subtraction from 1: the small probabilities near x = -1 keep their relative accuracy.
YOSO_INLINE Vec collision_of_one(Vec x) {
  const Vec size = (Vec)((Bits)x & 0x7fffffffu);
  const Vec a = size > 1.0f ? broadcast(1.0f) : size;
  Vec p = broadcast(-0.0003989876713603735f);
  p = p * a + 0.0021131373941898346f;
  p = p * a - 0.005425623618066311f;
  p = p * a + 0.009823918342590332f;
  p = p * a - 0.015967756509780884f;
  p = p * a + 0.028322357684373856f;
  p = p * a - 0.06830888986587524f;
  p = p * a + 0.5f;
  const Vec angle = square_root(1.0f - a) * p;
  return x < 0.0f ? angle : 1.0f - angle;
}

float collision(int tau, float* x, I n) {
  Vec most = {};  // no probability is below 0
  update(x, n, [=, &most](Vec old, const auto&) YOSO_INLINE_LAMBDA {
    Vec square = collision_of_one(old), power = broadcast(1.0f);
    for (int t = tau; t > 0; t >>= 1) {  // power * square^t stays the same
      if (t & 1) power *= square;
      square *= square;
    }
    most = larger(most, power);
    return power;
  });
  return n < kLanes ? max(x, n) : across(most, larger);
}

}  // namespace
}  // namespace yoso
