// Hash tables of value sums, and rows of unit length.
//
// A table is [slots, width], the tables of a group of hashes follow one another, and values are packed [n, width], so
// that whole cache lines move: width is 16, 32 or 64 floats.
#pragma once
#include "primitives/simd/rotate.hpp"

namespace yoso {
namespace {

constexpr int kLine = 16;  // floats of a cache line

struct Codes {
  const std::uint16_t* first;  // of hash 0; of hash g: first + g * stride
  I stride, hashes, slots;
};

// Token j joins its slot in every table.
template <int kCount>
YOSO_INLINE void insert_token(const Codes& codes, I j, const float* v, float* tables) {
  constexpr I kWidth = kCount * kLanes;
  Vec value[kCount];
  unrolled<kCount>([&](auto i) YOSO_INLINE_LAMBDA { value[i] = load(v + j * kWidth + i * kLanes); });
  for (I h = 0; h < codes.hashes; ++h) {
    float* const slot = tables + (h * codes.slots + codes.first[h * codes.stride + j]) * kWidth;
    unrolled<kCount>([&](auto i) YOSO_INLINE_LAMBDA { store(slot + i * kLanes, load(slot + i * kLanes) + value[i]); });
  }
}

template <int kCount>
YOSO_INLINE void read_token(const Codes& codes, I i_token, const float* tables, float* out) {
  constexpr I kWidth = kCount * kLanes;
  float* const o = out + i_token * kWidth;
  Vec sum[kCount];
  unrolled<kCount>([&](auto i) YOSO_INLINE_LAMBDA { sum[i] = load(o + i * kLanes); });
  for (I h = 0; h < codes.hashes; ++h) {
    const float* const slot = tables + (h * codes.slots + codes.first[h * codes.stride + i_token]) * kWidth;
    unrolled<kCount>([&](auto i) YOSO_INLINE_LAMBDA { sum[i] += load(slot + i * kLanes); });
  }
  unrolled<kCount>([&](auto i) YOSO_INLINE_LAMBDA { store(o + i * kLanes, sum[i]); });
}

// Runs body with width / kLanes as a constant.
template <class Body>
YOSO_INLINE void for_width(I width, const Body& body) {
  if (width == kLine) return body(Constant<kLine / kLanes>{});
  if (width == 2 * kLine) return body(Constant<2 * kLine / kLanes>{});
  body(Constant<4 * kLine / kLanes>{});
}

void insert(I width, I first, I last, const std::uint16_t* codes, I stride, I hashes, I slots, const float* v,
            float* tables) {
  for_width(width, [&](auto count) YOSO_INLINE_LAMBDA {
    for (I j = first; j < last; ++j) insert_token<count>(Codes{codes, stride, hashes, slots}, j, v, tables);
  });
}

void look_up(I width, I first, I last, const std::uint16_t* codes, I stride, I hashes, I slots, const float* tables,
             float* out) {
  for_width(width, [&](auto count) YOSO_INLINE_LAMBDA {
    for (I i = first; i < last; ++i) read_token<count>(Codes{codes, stride, hashes, slots}, i, tables, out);
  });
}

// The sum of squares of a row, in single precision unless that overflows or loses small ones: converting every element
// to double took half of the time.
double square_of(const float* x, I n) {
  const float square = fold(
      n, 0.0f,
      [=](const auto& at) YOSO_INLINE_LAMBDA {
        const Vec v = at(x);
        return v * v;
      },
      plus);
  if (square > 1e-24f && square < 1e30f) return static_cast<double>(square);
  double sum = 0;
  for (I c = 0; c < n; ++c) sum += static_cast<double>(x[c]) * static_cast<double>(x[c]);
  return sum;
}

void unit_rows(I rows, I n, double share, float* x) {
  for (I r = 0; r < rows; ++r, x += n) {
    const double length = share * __builtin_sqrt(square_of(x, n)), factor = share / (length > 1e-12 ? length : 1e-12);
    if (factor > 1e-30 && factor < 1e30)
      scale(static_cast<float>(factor), x, n);
    else  // of which a float would be infinite, or too coarse
      for (I c = 0; c < n; ++c) x[c] = static_cast<float>(static_cast<double>(x[c]) * factor);
  }
}

}  // namespace
}  // namespace yoso
