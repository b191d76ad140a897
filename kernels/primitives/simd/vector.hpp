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

#if YOSO_SIMD_LANES == 4 && !defined(__FP_FAST_FMAF)
__attribute__((noinline, cold)) void fuse_one_by_one(const Vec& a, const Vec& b, const Vec& c, Vec& sum) {
  for (int lane = 0; lane < kLanes; ++lane) sum[lane] = __builtin_fmaf(a[lane], b[lane], c[lane]);
}

// a * b + c, rounded once, where there is no instruction for it and the library's function takes many times as long. A
// product of floats is exact in double, and so the exact sum is rounded to double, then to float. That gives the float
// nearest to the exact sum, for rounding keeps order, unless the double lies halfway between two floats (the last 29 of
// its 52 digits are 100..0) or is below the normal floats, which have fewer digits. Only then the library is asked.
YOSO_INLINE Vec fused_by_doubles(Vec a, Vec b, Vec c) {
  typedef double Two __attribute__((vector_size(16)));
  typedef float Half __attribute__((vector_size(8)));
  typedef std::uint32_t Digits __attribute__((vector_size(16)));
  typedef std::int64_t Words __attribute__((vector_size(16)));
  const auto low = [](Vec v)
                       YOSO_INLINE_LAMBDA { return __builtin_convertvector(__builtin_shufflevector(v, v, 0, 1), Two); };
  const auto high = [](Vec v) YOSO_INLINE_LAMBDA {
    return __builtin_convertvector(__builtin_shufflevector(v, v, 2, 3), Two);
  };
  const Two first = low(a) * low(b) + low(c), second = high(a) * high(b) + high(c);
  const Half x = __builtin_convertvector(first, Half), y = __builtin_convertvector(second, Half);
  Vec sum = __builtin_shufflevector(x, y, 0, 1, 2, 3);
  // the upper halves of doubles are masked to 0, which is never 1
  const Digits mask = {0x1fffffffu, 0, 0x1fffffffu, 0}, halfway = {0x10000000u, 1, 0x10000000u, 1};
  const Vec size = (Vec)((Bits)sum & 0x7fffffffu);
  const Words doubtful = (Words)(((Digits)first & mask) == halfway) | (Words)(((Digits)second & mask) == halfway) |
                         (Words)(size <= 1.17549435e-38f);
  if (__builtin_expect((doubtful[0] | doubtful[1]) != 0, 0)) fuse_one_by_one(a, b, c, sum);
  return sum;
}
#endif

// a * b + c, rounded once whatever the flags. The loop over lanes does become one instruction, but GCC 12 then spills
// the sums of a tile: project() ran at 40 GFLOP/s where the instruction by name gives 112, of 118 possible (AVX-512,
// Zen 4).
YOSO_INLINE Vec fused_multiply_add(Vec a, Vec b, Vec c) {
#if defined(__x86_64__) && YOSO_SIMD_LANES > 4
  asm("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
  return c;
#elif defined(__FP_FAST_FMAF)
  for (int lane = 0; lane < kLanes; ++lane) c[lane] = __builtin_fmaf(a[lane], b[lane], c[lane]);
  return c;
#else
  return fused_by_doubles(a, b, c);
#endif
}

YOSO_INLINE Vec square_root(Vec x) {
  for (int lane = 0; lane < kLanes; ++lane) x[lane] = __builtin_sqrtf(x[lane]);
  return x;
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

// Rows become columns: squares of 4 x 4 first, then the order of the squares. These shuffles are one instruction each;
// the textbook butterfly, which swaps corners at every level, needs general permutations for two of AVX-512's four.
template <int kPart, int... kLane>
YOSO_INLINE Vec interleaved(Vec a, Vec b, Lane<kLane...>) {  // of each four: a0 b0 a1 b1, or a2 b2 a3 b3
  return __builtin_shufflevector(a, b, (kLane / 4 * 4 + 2 * kPart + kLane % 4 / 2 + kLane % 2 * kLanes)...);
}
template <int kPart, int... kLane>
YOSO_INLINE Vec interleaved_pairs(Vec a, Vec b, Lane<kLane...>) {  // of each four: a0 a1 b0 b1, or a2 a3 b2 b3
  return __builtin_shufflevector(a, b, (kLane / 4 * 4 + 2 * kPart + kLane % 2 + kLane % 4 / 2 * kLanes)...);
}
template <int kPart, int... kLane>
YOSO_INLINE Vec every_other_four(Vec a, Vec b, Lane<kLane...>) {  // fours kPart, kPart + 2, .. of a, then of b
  constexpr int kHalf = kLanes / 2;
  return __builtin_shufflevector(a, b, (kLane % kHalf / 4 * 8 + 4 * kPart + kLane % 4 + kLane / kHalf * kLanes)...);
}
// Fours kStep rows apart trade places, until every row has those of one column.
template <int kStep = 4>
YOSO_INLINE void gather_fours(Vec (&rows)[kLanes]) {
  if constexpr (kStep < kLanes) {
    Vec next[kLanes];
    unrolled<kLanes / 2>([&](auto i) YOSO_INLINE_LAMBDA {
      constexpr int kPair = i / 4 * 8 + i % 4;
      next[i] = every_other_four<0>(rows[kPair], rows[kPair + 4], kEveryLane);
      next[i + kLanes / 2] = every_other_four<1>(rows[kPair], rows[kPair + 4], kEveryLane);
    });
    unrolled<kLanes>([&](auto i) YOSO_INLINE_LAMBDA { rows[i] = next[i]; });
    gather_fours<2 * kStep>(rows);
  }
}
YOSO_INLINE void transpose(Vec (&rows)[kLanes]) {
  unrolled<kLanes / 4>([&](auto quarter) YOSO_INLINE_LAMBDA {
    Vec* const r = rows + 4 * quarter;
    const Vec a = interleaved<0>(r[0], r[1], kEveryLane), b = interleaved<1>(r[0], r[1], kEveryLane);
    const Vec c = interleaved<0>(r[2], r[3], kEveryLane), d = interleaved<1>(r[2], r[3], kEveryLane);
    r[0] = interleaved_pairs<0>(a, c, kEveryLane), r[1] = interleaved_pairs<1>(a, c, kEveryLane);
    r[2] = interleaved_pairs<0>(b, d, kEveryLane), r[3] = interleaved_pairs<1>(b, d, kEveryLane);
  });
  gather_fours(rows);
}

// Combines the lanes of v in a fixed tree.
template <int kStep = kLanes / 2, class Combine>
YOSO_INLINE float across(Vec v, const Combine& combine) {
  v = combine(v, exchange<kStep>(v, kEveryLane));
  if constexpr (kStep > 1) return across<kStep / 2>(v, combine);
  return v[0];
}

}  // namespace
}  // namespace yoso
