// Words about one vector of YOSO_SIMD_LANES floats. The headers of this folder are one translation unit, compiled once
// for each instruction set (primitives.cmake says with which flags): everything in them is local to it, and nothing of
// the standard library that could leave a function behind is used. A weak symbol compiled for AVX-512 might be the one
// that the linker keeps, and crash an older machine.
//
// Loops over the lanes of one vector (`for lane: c[lane] = f(a[lane])`) become one instruction on both compilers.
#pragma once
#include <cstddef>
#include <cstdint>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if YOSO_SIMD_LANES == 16 && !defined(__AVX512F__)
#error "16 lanes need AVX-512"
#elif YOSO_SIMD_LANES == 8 && !(defined(__AVX2__) && defined(__FMA__))
#error "8 lanes need AVX2 and FMA"
#endif

#define YOSO_INLINE inline __attribute__((always_inline))
#define YOSO_INLINE_LAMBDA __attribute__((always_inline))

namespace yoso {
namespace {

using I = std::int64_t;

constexpr int kLanes = YOSO_SIMD_LANES;
typedef float Vec __attribute__((vector_size(kLanes * sizeof(float))));
typedef std::uint32_t Bits __attribute__((vector_size(kLanes * sizeof(float))));

YOSO_INLINE Vec load(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
YOSO_INLINE void store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }

// The last, short vector of a row: nothing past `count` is touched, the other lanes hold `fill`.
YOSO_INLINE Vec load(const float* p, I count, float fill = 0.0f) {
  Vec v = fill - Vec{};
  __builtin_memcpy(&v, p, static_cast<std::size_t>(count) * sizeof(float));
  return v;
}
YOSO_INLINE void store(float* p, Vec v, I count) {
  __builtin_memcpy(p, &v, static_cast<std::size_t>(count) * sizeof(float));
}

YOSO_INLINE Vec broadcast(float x) { return x - Vec{}; }
// a where a > b, else b. By name, because GCC 12 makes a comparison and a masked copy of the other spelling.
YOSO_INLINE Vec larger(Vec a, Vec b) {
#if defined(__x86_64__) && YOSO_SIMD_LANES > 4
  Vec larger;
  asm("vmaxps %2, %1, %0" : "=v"(larger) : "v"(a), "v"(b));
  return larger;
#else
  return a > b ? a : b;
#endif
}
YOSO_INLINE I smaller(I a, I b) { return a < b ? a : b; }

// Makes the compiler forget where v came from. GCC would otherwise fold a load into each multiply-add that uses it, and
// the loads would become the bottleneck.
YOSO_INLINE void in_register(Vec& v) {
#if defined(__x86_64__)
  asm("" : "+v"(v));
#elif defined(__aarch64__)
  asm("" : "+w"(v));
#else
  (void)v;
#endif
}

// a * b + c, rounded once whatever the flags. The loop over lanes does become one instruction, but GCC 12 then spills
// the sums of a tile: project() ran at 40 GFLOP/s where the instruction by name gives 112, of 118 possible (AVX-512,
// Zen 4).
YOSO_INLINE Vec fused_multiply_add(Vec a, Vec b, Vec c) {
#if defined(__x86_64__) && YOSO_SIMD_LANES > 4
  asm("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
#else
  for (int lane = 0; lane < kLanes; ++lane) c[lane] = __builtin_fmaf(a[lane], b[lane], c[lane]);
#endif
  return c;
}

YOSO_INLINE Vec square_root(Vec x) {
  for (int lane = 0; lane < kLanes; ++lane) x[lane] = __builtin_sqrtf(x[lane]);
  return x;
}

// Lane<0, 1, ..., kLanes - 1>, to write constant shuffles with.
template <int... kLane>
struct Lane {};
template <int kCount, int... kLane>
struct CountLanes : CountLanes<kCount - 1, kCount - 1, kLane...> {};
template <int... kLane>
struct CountLanes<0, kLane...> {
  using Type = Lane<kLane...>;
};
constexpr CountLanes<kLanes>::Type kEveryLane{};

// Lane l of the result is lane l ^ kStep of v.
template <int kStep, int... kLane>
YOSO_INLINE Vec exchange(Vec v, Lane<kLane...>) {
  return __builtin_shufflevector(v, v, (kLane ^ kStep)...);
}

// +1 in the lanes that come first in a pair l, l ^ kStep, -1 in the others.
template <int kStep, int... kLane>
YOSO_INLINE Vec signs(Lane<kLane...>) {
  return Vec{((kLane & kStep) ? -1.0f : 1.0f)...};
}

// Swaps the two off-diagonal kStep x kStep corners of each 2 kStep x 2 kStep square in rows a and b = a + kStep.
template <int kStep, int... kLane>
YOSO_INLINE void swap_corners(Vec& a, Vec& b, Lane<kLane...>) {
  const Vec first = __builtin_shufflevector(a, b, ((kLane & kStep) ? kLane - kStep + kLanes : kLane)...);
  b = __builtin_shufflevector(a, b, ((kLane & kStep) ? kLane + kLanes : kLane + kStep)...);
  a = first;
}

template <int kStep = kLanes / 2>
YOSO_INLINE void transpose(Vec (&rows)[kLanes]) {
  for (int i = 0; i < kLanes; ++i)
    if (!(i & kStep)) swap_corners<kStep>(rows[i], rows[i + kStep], kEveryLane);
  if constexpr (kStep > 1) transpose<kStep / 2>(rows);
}

// Combines the lanes of v in a fixed tree.
template <int kStep = kLanes / 2, class Combine>
YOSO_INLINE float across(Vec v, const Combine& combine) {
  v = combine(v, exchange<kStep>(v, kEveryLane));
  if constexpr (kStep > 1) return across<kStep / 2>(v, combine);
  return v[0];
}

// f(0), ..., f(kCount - 1) with constants for arguments. An array of vectors that only such loops index lives in
// registers; GCC 12 unrolls plain loops too late for that, and the sums of a tile then pass through memory: 4 % slower
// at K = 64.
template <int kValue>
struct Constant {
  constexpr operator int() const { return kValue; }
};
template <int kCount, class F>
YOSO_INLINE void unrolled(const F& f) {
  if constexpr (kCount > 0) {
    unrolled<kCount - 1>(f);
    f(Constant<kCount - 1>{});
  }
}

}  // namespace
}  // namespace yoso
