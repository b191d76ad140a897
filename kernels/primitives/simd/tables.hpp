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

// Half as many doubles fill a register.
constexpr int kWide = kLanes / 2;
typedef float Narrow __attribute__((vector_size(kWide * sizeof(float))));
typedef double Wide __attribute__((vector_size(kWide * sizeof(double))));

YOSO_INLINE Wide widened(const float* p) {
  Narrow v;
  __builtin_memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, Wide);
}

void unit_rows(I rows, I n, double share, float* x) {
  const I whole = n - n % kLanes;
  for (I r = 0; r < rows; ++r, x += n) {
    Wide sum[2] = {};
    for (I c = 0; c < whole; c += kLanes)
      unrolled<2>([&](auto half) YOSO_INLINE_LAMBDA {
        const Wide v = widened(x + c + half * kWide);
        sum[half] += v * v;
      });
    double square = 0;
    for (I c = whole; c < n; ++c) square += static_cast<double>(x[c]) * static_cast<double>(x[c]);
    sum[0] += sum[1];
    for (int lane = 0; lane < kWide; ++lane) square += sum[0][lane];
    const double length = share * __builtin_sqrt(square), factor = share / (length > 1e-12 ? length : 1e-12);
    for (I c = 0; c < whole; c += kWide) {
      const Narrow unit = __builtin_convertvector(widened(x + c) * factor, Narrow);
      __builtin_memcpy(x + c, &unit, sizeof unit);
    }
    for (I c = whole; c < n; ++c) x[c] = static_cast<float>(static_cast<double>(x[c]) * factor);
  }
}

}  // namespace
}  // namespace yoso
