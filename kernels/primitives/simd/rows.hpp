// Rows of numbers.
#pragma once
#include "primitives/simd/vector.hpp"

namespace yoso {
namespace {

// y = f(at), where at(x) are the elements of another row x beside those of y; x may be y. The last vector overlaps the
// one before it, so it is worked out before any is stored: twice as fast as a short vector at n = 65.
template <class F>
YOSO_INLINE void write(float* y, I n, const F& f) {
  if (n < kLanes) {
    if (n > 0) store(y, f([=](const float* x) { return load(x, n); }), n);
    return;
  }
  const auto part = [=](I i) { return f([=](const float* x) { return load(x + i); }); };
  const Vec last = part(n - kLanes);
  for (I i = 0; i + kLanes < n; i += kLanes) store(y + i, part(i));
  store(y + n - kLanes, last);
}

// x = f(x, at)
template <class F>
YOSO_INLINE void update(float* x, I n, const F& f) {
  write(x, n, [=](const auto& at) { return f(at(x), at); });
}

// Combines get(0) ... get(n - 1) in four independent chains of vectors, then across them.
template <class Get, class Combine>
YOSO_INLINE float fold(I n, float empty, const Get& get, const Combine& combine) {
  Vec chain[4] = {broadcast(empty), broadcast(empty), broadcast(empty), broadcast(empty)};
  I i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes)
    for (int c = 0; c < 4; ++c)
      chain[c] = combine(chain[c], get([=](const float* x) { return load(x + i + c * kLanes); }));
  for (; i + kLanes <= n; i += kLanes) chain[0] = combine(chain[0], get([=](const float* x) { return load(x + i); }));
  if (i < n) chain[1] = combine(chain[1], get([=](const float* x) { return load(x + i, n - i, empty); }));
  return across(combine(combine(chain[0], chain[1]), combine(chain[2], chain[3])), combine);
}

YOSO_INLINE Vec plus(Vec a, Vec b) { return a + b; }

float dot(const float* x, const float* y, I n) {
  return fold(
      n, 0.0f, [=](const auto& at) { return at(x) * at(y); }, plus);
}
float sum(const float* x, I n) {
  return fold(
      n, 0.0f, [=](const auto& at) { return at(x); }, plus);
}
float max(const float* x, I n) {
  return fold(
      n, -__builtin_inff(), [=](const auto& at) { return at(x); }, larger);
}
void axpy(float a, const float* x, float* y, I n) {
  update(y, n, [=](Vec old, const auto& at) { return a * at(x) + old; });
}
void scale(float a, float* x, I n) {
  update(x, n, [=](Vec old, const auto&) { return a * old; });
}
void add(const float* x, float* y, I n) {
  update(y, n, [=](Vec old, const auto& at) { return old + at(x); });
}

void dots(I rows, I n, const float* x, I ldx, const float* y, I ldy, float* result) {
  for (I i = 0; i < rows; ++i) result[i] = dot(x + i * ldx, y + i * ldy, n);
}

// kCount vectors of columns, the last one of `last` columns: as many chains as hide the latency of an addition.
template <int kCount>
YOSO_INLINE void add_columns(I rows, const float* x, I ld, float* y, I last) {
  const auto get = [=](const float* from, auto v) YOSO_INLINE_LAMBDA {
    return v == kCount - 1 && last < kLanes ? load(from + v * kLanes, last) : load(from + v * kLanes);
  };
  Vec sum[kCount] = {};
  for (I i = 0; i < rows; ++i) unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { sum[v] += get(x + i * ld, v); });
  unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA {
    const Vec total = get(y, v) + sum[v];
    if (v == kCount - 1 && last < kLanes)
      store(y + v * kLanes, total, last);
    else
      store(y + v * kLanes, total);
  });
}
void add_rows(I rows, I columns, const float* x, I ld, float* y) {
  for (; columns >= 4 * kLanes; columns -= 4 * kLanes, x += 4 * kLanes, y += 4 * kLanes)
    add_columns<4>(rows, x, ld, y, kLanes);
  for (; columns > 0; columns -= kLanes, x += kLanes, y += kLanes)
    add_columns<1>(rows, x, ld, y, smaller(kLanes, columns));
}

void extremes(I rows, I columns, const float* x, I ld, std::int32_t first, float* high, std::int32_t* high_at,
              float* low, std::int32_t* low_at) {
  for (I c = 0; c < columns; c += kLanes) {
    const I count = smaller(kLanes, columns - c);
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(std::int32_t);
    Vec most = load(high + c, count), least = load(low + c, count);
    Bits most_at = {}, least_at = {};
    __builtin_memcpy(&most_at, high_at + c, bytes);
    __builtin_memcpy(&least_at, low_at + c, bytes);
    for (I i = 0; i < rows; ++i) {
      const float* const at = x + i * ld + c;
      const Vec e = count == kLanes ? load(at) : load(at, count);
      const Bits here = Bits{} + static_cast<std::uint32_t>(first + i);
      most_at = e > most ? here : most_at;
      most = e > most ? e : most;
      least_at = e < least ? here : least_at;
      least = e < least ? e : least;
    }
    store(high + c, most, count);
    store(low + c, least, count);
    __builtin_memcpy(high_at + c, &most_at, bytes);
    __builtin_memcpy(low_at + c, &least_at, bytes);
  }
}

// A square at the edge. Where kPadded, whole rows of it are stored, zeros in place of what is not there.
template <bool kPadded>
void transpose_corner(I rows, I columns, const float* x, I ldx, float* y, I ldy) {
  Vec square[kLanes];
  for (int r = 0; r < kLanes; ++r) square[r] = r < rows ? load(x + r * ldx, columns) : Vec{};
  transpose(square);
  for (int r = 0; r < columns; ++r)
    if (kPadded)
      store(y + r * ldy, square[r]);
    else
      store(y + r * ldy, square[r], rows);
}

// y[j * ldy + i] = x[i * ldx + j], in squares that are transposed in registers.
template <bool kPadded>
void transpose_into(I rows, I columns, const float* x, I ldx, float* y, I ldy) {
  for (I i = 0; i < rows; i += kLanes)
    for (I j = 0; j < columns; j += kLanes) {
      const float* const from = x + i * ldx + j;
      float* const to = y + j * ldy + i;
      const I height = smaller(kLanes, rows - i), width = smaller(kLanes, columns - j);
      if (height < kLanes || width < kLanes) {
        transpose_corner<kPadded>(height, width, from, ldx, to, ldy);
        continue;
      }
      Vec square[kLanes];
      unrolled<kLanes>([&](auto r) YOSO_INLINE_LAMBDA { square[r] = load(from + r * ldx); });
      transpose(square);
      unrolled<kLanes>([&](auto r) YOSO_INLINE_LAMBDA { store(to + r * ldy, square[r]); });
    }
}
void transpose_matrix(I rows, I columns, const float* x, I ldx, float* y, I ldy) {
  transpose_into<false>(rows, columns, x, ldx, y, ldy);
}

}  // namespace
}  // namespace yoso
