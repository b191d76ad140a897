// Matrix products.
//
// A panel of kPanel columns and kDepth rows of B stays near while kRows rows of A at a time are broadcast against it,
// with the kRows x kPanel sums in registers. B is read where it lies, except that B^T is transposed, a panel whose
// width is no multiple of kLanes padded, and one that lies far scattered packed, into a buffer on the stack (64 KiB at
// most). Every tile runs the same operations for an element, so an element does not depend on where in C it lies, nor
// on how C was cut into calls.
#pragma once
#include "primitives/simd/rows.hpp"

namespace yoso {
namespace {

#if defined(__AVX512F__)
constexpr int kRows = 6, kVectors = 4;  // 24 sums, 4 vectors of B, the broadcast: of 32 registers
#elif defined(__AVX__)
constexpr int kRows = 6, kVectors = 2;  // 12 sums, 2 vectors of B, the broadcast: of 16 registers
#else
constexpr int kRows = 4, kVectors = 2;  // one register is lost to the product, which is not fused here
#endif
constexpr int kPanel = kVectors * kLanes;
constexpr int kDepth = 256;
// A panel is packed first when it lies scattered over more than kNear floats, a first-level cache, where few of the
// sets would have to hold all of it, and at least so many rows of A use it. A 64-byte vector brings a whole cache line
// and loses less: at (M, N, K) = (64, 256, 4096) packing took 6 % from AVX-512 and gave AVX2 30 %.
constexpr I kNear = 8192;
constexpr I kPackRows = kLanes == 16 ? 256 : 48;

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
  if (columns == kPanel) {
    for (I k = 0; k < depth; ++k, b += ld, packed += kPanel)
      unrolled<kVectors>([&](auto v) YOSO_INLINE_LAMBDA { store(packed + v * kLanes, load(b + v * kLanes)); });
    return;
  }
  const I last = columns - (width - 1) * kLanes;
  for (I k = 0; k < depth; ++k, b += ld, packed += width * kLanes) {
    for (int v = 0; v < width - 1; ++v) store(packed + v * kLanes, load(b + v * kLanes));
    store(packed + (width - 1) * kLanes, load(b + (width - 1) * kLanes, last));
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
        transpose_into<true>(columns, depth, b + j * ldb + k, ldb, packed, width * kLanes);
      } else if (columns % kLanes != 0 || (M >= kPackRows && ldb > kPanel && ldb * depth > kNear)) {
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
void project_tn(I M, I N, I K, const float* A, I lda, const float* B, I ldb, float* C, I ldc) {
  product<true, false>(M, N, K, 1.0f, Left{A, 1, lda}, B, ldb, false, C, ldc);
}

}  // namespace
}  // namespace yoso
