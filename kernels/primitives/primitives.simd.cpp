// All primitives, written once with the vector extension of GCC and clang and compiled once for each instruction set
// (primitives.cmake says with which flags). YOSO_SIMD_ISA is the name of the table, YOSO_SIMD_LANES the floats in a
// vector.
//
// Everything but the table is local to the file, and nothing of the standard library that could leave a function behind
// is used: a weak symbol compiled for AVX-512 might be the one that the linker keeps, and crash an older machine.
//
// Loops over the lanes of one vector (`for lane: c[lane] = f(a[lane])`) become one instruction on both compilers.
#include <cstddef>
#include <cstdint>

#include "primitives/tables.hpp"

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

// ---------------------------------------------------------------------------------------------------------------------
// Words about one vector

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
YOSO_INLINE Vec larger(Vec a, Vec b) { return a > b ? a : b; }
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

// ---------------------------------------------------------------------------------------------------------------------
// Matrix products
//
// A panel of kPanel columns and kDepth rows of B stays near while kRows rows of A at a time are broadcast against it,
// with the kRows x kPanel sums in registers. B is read where it lies, except that B^T is transposed, and a panel whose
// width is no multiple of kLanes is padded, into a buffer on the stack (64 KiB at most). Every tile runs the same
// operations for an element, so an element does not depend on where in C it lies, nor on how C was cut into calls.
//
// Tried and left out: packing B where its rows are far apart (M, N, K = 64, 4096, 64): 25 % faster with AVX2, 10 %
// slower with AVX-512.

#if defined(__AVX512F__)
constexpr int kRows = 6, kVectors = 4;  // 24 sums, 4 vectors of B, the broadcast: of 32 registers
#elif defined(__AVX__)
constexpr int kRows = 6, kVectors = 2;  // 12 sums, 2 vectors of B, the broadcast: of 16 registers
#else
constexpr int kRows = 4, kVectors = 2;  // one register is lost to the product, which is not fused here
#endif
constexpr int kPanel = kVectors * kLanes;
constexpr int kDepth = 256;

// Element (i, k) at data[i * row + k * step]: both A and A^T.
struct Left {
  const float* data;
  I row, step;
};

struct Panel {
  const float* data;  // row k at data + k * ld
  I ld, depth, columns;
};

struct Out {
  float* data;
  I ld;
  float alpha;
  bool accumulate;
};

// kFused: C = the chain that starts from C (accumulate) or 0. Else C = alpha * (chain from 0) (+ C).
template <bool kFused, int kHeight, int kWidth>
void tile(const Left& a, const Panel& b, const Out& c) {
  const I last = b.columns - (kWidth - 1) * kLanes;  // columns in the last vector
  Vec sum[kHeight][kWidth];
  const auto each = [&](const auto& f) YOSO_INLINE_LAMBDA {
    unrolled<kHeight>(
        [&](auto r) YOSO_INLINE_LAMBDA { unrolled<kWidth>([&](auto v) YOSO_INLINE_LAMBDA { f(sum[r][v], r, v); }); });
  };
  const auto add_old = [&](Vec& s, auto r, auto v) YOSO_INLINE_LAMBDA {
    const float* const at = c.data + r * c.ld + v * kLanes;
    s += v == kWidth - 1 && last < kLanes ? load(at, last) : load(at);
  };
  each([](Vec& s, int, int) YOSO_INLINE_LAMBDA { s = Vec{}; });
  if constexpr (kFused)
    if (c.accumulate) each(add_old);
  const float* left = a.data;
  const float* right = b.data;
  for (I k = 0; k < b.depth; ++k, left += a.step, right += b.ld) {
    Vec x[kWidth];
    unrolled<kWidth>([&](auto v) YOSO_INLINE_LAMBDA { in_register(x[v] = load(right + v * kLanes)); });
    unrolled<kHeight>([&](auto r) YOSO_INLINE_LAMBDA {
      const Vec y = broadcast(left[r * a.row]);
      unrolled<kWidth>([&](auto v) YOSO_INLINE_LAMBDA {
        sum[r][v] = kFused ? fused_multiply_add(y, x[v], sum[r][v]) : y * x[v] + sum[r][v];
      });
    });
  }
  if constexpr (!kFused) {
    each([&](Vec& s, int, int) YOSO_INLINE_LAMBDA { in_register(s *= c.alpha); });  // never fused with the sum below
    if (c.accumulate) each(add_old);
  }
  each([&](Vec& s, auto r, auto v) YOSO_INLINE_LAMBDA {
    float* const at = c.data + r * c.ld + v * kLanes;
    if (v == kWidth - 1 && last < kLanes)
      store(at, s, last);
    else
      store(at, s);
  });
}

// All M rows of C against one panel: tiles of kHeight rows, then of fewer.
template <bool kFused, int kWidth, int kHeight = kRows>
void column(I M, Left a, const Panel& b, Out c) {
  for (; M >= kHeight; M -= kHeight) {
    tile<kFused, kHeight, kWidth>(a, b, c);
    a.data += kHeight * a.row;
    c.data += kHeight * c.ld;
  }
  if constexpr (kHeight > 1) column<kFused, kWidth, (kHeight > 4 ? 4 : kHeight / 2)>(M, a, b, c);
}

template <bool kFused, int kWidth = kVectors>
void column_of(int width, I M, const Left& a, const Panel& b, const Out& c) {
  if (width == kWidth) return column<kFused, kWidth>(M, a, b, c);
  if constexpr (kWidth > 1) column_of<kFused, kWidth - 1>(width, M, a, b, c);
}

// packed row k = b[k * ld + 0 .. columns), padded with zeros to `width` vectors
void pack(const float* b, I ld, I depth, I columns, int width, float* packed) {
  const I last = columns - (width - 1) * kLanes;
  for (I k = 0; k < depth; ++k, b += ld, packed += width * kLanes) {
    for (int v = 0; v < width - 1; ++v) store(packed + v * kLanes, load(b + v * kLanes));
    store(packed + (width - 1) * kLanes, load(b + (width - 1) * kLanes, last));
  }
}

// packed row k = b[0 .. columns) * ld + k, padded with zeros to `width` vectors
void pack_transposed(const float* b, I ld, I depth, I columns, int width, float* packed) {
  for (int v = 0; v < width; ++v) {
    const float* const from = b + v * kLanes * ld;
    const I rows = smaller(kLanes, columns - v * kLanes);
    for (I k = 0; k < depth; k += kLanes) {
      const I count = smaller(kLanes, depth - k);
      Vec square[kLanes];
      if (rows == kLanes && count == kLanes)
        for (int i = 0; i < kLanes; ++i) square[i] = load(from + i * ld + k);
      else
        for (int i = 0; i < kLanes; ++i) square[i] = i < rows ? load(from + i * ld + k, count) : Vec{};
      transpose(square);
      for (int i = 0; i < kLanes; ++i)
        if (i < count) store(packed + ((k + i) * width + v) * kLanes, square[i]);
    }
  }
}

template <bool kFused, bool kTransposed>
void product(I M, I N, I K, float alpha, Left a, const float* b, I ldb, bool accumulate, float* c, I ldc) {
  alignas(64) float packed[kDepth * kPanel];
  for (I j = 0; j < N; j += kPanel)
    for (I k = 0; k == 0 || k < K; k += kDepth) {  // once when K = 0: C = 0, or stays
      const I depth = smaller(kDepth, K - k), columns = smaller(kPanel, N - j);
      const int width = static_cast<int>((columns + kLanes - 1) / kLanes);
      Panel panel{packed, width * kLanes, depth, columns};
      if constexpr (kTransposed) {
        pack_transposed(b + j * ldb + k, ldb, depth, columns, width, packed);
      } else if (columns % kLanes != 0) {
        pack(b + k * ldb + j, ldb, depth, columns, width, packed);
      } else {
        panel.data = b + k * ldb + j;
        panel.ld = ldb;
      }
      column_of<kFused>(width, M, Left{a.data + k * a.step, a.row, a.step}, panel,
                        Out{c + j, ldc, alpha, accumulate || k > 0});
    }
}

void gemm_nn(I M, I N, I K, float alpha, const float* A, I lda, const float* B, I ldb, bool accumulate, float* C,
             I ldc) {
  product<false, false>(M, N, K, alpha, Left{A, lda, 1}, B, ldb, accumulate, C, ldc);
}
void gemm_nt(I M, I N, I K, float alpha, const float* A, I lda, const float* B, I ldb, bool accumulate, float* C,
             I ldc) {
  product<false, true>(M, N, K, alpha, Left{A, lda, 1}, B, ldb, accumulate, C, ldc);
}
void gemm_tn(I M, I N, I K, float alpha, const float* A, I lda, const float* B, I ldb, bool accumulate, float* C,
             I ldc) {
  product<false, false>(M, N, K, alpha, Left{A, 1, lda}, B, ldb, accumulate, C, ldc);
}
void project(I M, I N, I K, const float* A, I lda, const float* B, I ldb, float* C, I ldc) {
  product<true, false>(M, N, K, 1.0f, Left{A, lda, 1}, B, ldb, false, C, ldc);
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows of numbers

// x = f(x, at), where at(y) are the elements of another row y beside those of x. The last vector overlaps the one
// before it, so it is worked out before any is stored: twice as fast as a short vector at n = 65.
template <class F>
YOSO_INLINE void update(float* x, I n, const F& f) {
  if (n < kLanes) {
    if (n > 0) store(x, f(load(x, n), [=](const float* y) { return load(y, n); }), n);
    return;
  }
  const auto part = [=](I i) { return f(load(x + i), [=](const float* y) { return load(y + i); }); };
  const Vec last = part(n - kLanes);
  for (I i = 0; i + kLanes < n; i += kLanes) store(x + i, part(i));
  store(x + n - kLanes, last);
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

void collision(int tau, float* x, I n) {
  update(x, n, [=](Vec old, const auto&) {
    Vec square = collision_of_one(old), power = broadcast(1.0f);
    for (int t = tau; t > 0; t >>= 1) {  // power * square^t stays the same
      if (t & 1) power *= square;
      square *= square;
    }
    return power;
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// Walsh-Hadamard transform: stage `half` replaces each pair (a, b) that lies `half` apart by (a + b, a - b); stages
// with ascending `half`. The order of the stages alone fixes every bit, so vectors, blocks and radix are free choices.

// The stages within one vector. b + a * 1 and a + b * -1 are exact products: fusing them changes no bit.
template <int kStep = 1>
YOSO_INLINE Vec lane_stages(Vec v, I size) {
  if constexpr (kStep < kLanes) {
    if (kStep >= size) return v;
    return lane_stages<2 * kStep>(exchange<kStep>(v, kEveryLane) + v * signs<kStep>(kEveryLane), size);
  } else {
    return v;
  }
}

// One block of kCount vectors: all stages below kCount * kLanes, in registers.
template <int kCount>
YOSO_INLINE void hadamard_block(float* x) {
  Vec v[kCount];
  for (int i = 0; i < kCount; ++i) v[i] = lane_stages(load(x + i * kLanes), kLanes);
  for (int half = 1; half < kCount; half *= 2)
    for (int i = 0; i < kCount; ++i)
      if (!(i & half)) {
        const Vec a = v[i], b = v[i + half];
        v[i] = a + b;
        v[i + half] = a - b;
      }
  for (int i = 0; i < kCount; ++i) store(x + i * kLanes, v[i]);
}

constexpr int kBlock = 8;  // vectors: half of the registers of AVX2

void hadamard_row(float* x, I size) {
  if (size < kLanes) return store(x, lane_stages(load(x, size), size), size);
  if (size == kLanes) return hadamard_block<1>(x);
  if (size == 2 * kLanes) return hadamard_block<2>(x);
  if (size == 4 * kLanes) return hadamard_block<4>(x);
  for (I i = 0; i < size; i += kBlock * kLanes) hadamard_block<kBlock>(x + i);
  for (I half = kBlock * kLanes; half < size; half *= 2)
    for (I first = 0; first < size; first += 2 * half)
      for (I i = first; i < first + half; i += kLanes) {
        const Vec a = load(x + i), b = load(x + i + half);
        store(x + i, a + b);
        store(x + i + half, a - b);
      }
}

void hadamard(float* x, I rows, I size, I ld) {
  for (I r = 0; r < rows; ++r) hadamard_row(x + r * ld, size);
}

#define YOSO_TEXT_OF(x) #x
#define YOSO_TEXT(x) YOSO_TEXT_OF(x)

}  // namespace

constinit const Primitives simd::YOSO_SIMD_ISA{
    .isa = YOSO_TEXT(YOSO_SIMD_ISA),
    .gemm_nn = gemm_nn,
    .gemm_nt = gemm_nt,
    .gemm_tn = gemm_tn,
    .project = project,
    .dot = dot,
    .axpy = axpy,
    .scale = scale,
    .add = add,
    .max = max,
    .sum = sum,
    .exp_sum = exp_sum,
    .collision = collision,
    .hadamard = hadamard,
};

}  // namespace yoso
