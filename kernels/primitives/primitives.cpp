#include "primitives/primitives.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace yoso {
namespace {
using I = std::int64_t;
template <class A, class B>
void product(I M, I N, I K, float alpha, const A& a, const B& b, bool accumulate, float* C, I ldc) {
  for (I i = 0; i < M; ++i)
    for (I j = 0; j < N; ++j) {
      float sum = 0;
      for (I k = 0; k < K; ++k) sum = std::fma(a(i, k), b(k, j), sum);
      C[i * ldc + j] = alpha * sum + (accumulate ? C[i * ldc + j] : 0.0f);
    }
}
constexpr Primitives kScalar{
    "scalar",
    [](I M, I N, I K, float al, const float* A, I lda, const float* B, I ldb, bool acc, float* C, I ldc) {
      product(M, N, K, al, [=](I i, I k) { return A[i * lda + k]; }, [=](I k, I j) { return B[k * ldb + j]; }, acc, C, ldc);
    },
    [](I M, I N, I K, float al, const float* A, I lda, const float* B, I ldb, bool acc, float* C, I ldc) {
      product(M, N, K, al, [=](I i, I k) { return A[i * lda + k]; }, [=](I k, I j) { return B[j * ldb + k]; }, acc, C, ldc);
    },
    [](I M, I N, I K, float al, const float* A, I lda, const float* B, I ldb, bool acc, float* C, I ldc) {
      product(M, N, K, al, [=](I i, I k) { return A[k * lda + i]; }, [=](I k, I j) { return B[k * ldb + j]; }, acc, C, ldc);
    },
    [](I M, I N, I K, const float* A, I lda, const float* B, I ldb, float* C, I ldc) {
      product(M, N, K, 1.0f, [=](I i, I k) { return A[i * lda + k]; }, [=](I k, I j) { return B[k * ldb + j]; }, false, C, ldc);
    },
    [](const float* x, const float* y, I n) { float s = 0; for (I i = 0; i < n; ++i) s += x[i] * y[i]; return s; },
    [](float a, const float* x, float* y, I n) { for (I i = 0; i < n; ++i) y[i] += a * x[i]; },
    [](float a, float* x, I n) { for (I i = 0; i < n; ++i) x[i] *= a; },
    [](const float* x, float* y, I n) { for (I i = 0; i < n; ++i) y[i] += x[i]; },
    [](const float* x, I n) { float m = -INFINITY; for (I i = 0; i < n; ++i) m = std::max(m, x[i]); return m; },
    [](const float* x, I n) { float s = 0; for (I i = 0; i < n; ++i) s += x[i]; return s; },
    [](float shift, float* x, I n) {
      float s = 0;
      for (I i = 0; i < n; ++i) s += x[i] = x[i] - shift < -87 ? 0.0f : std::exp(x[i] - shift);
      return s;
    },
    [](int tau, float* x, I n) {
      for (I i = 0; i < n; ++i) {
        const float base = 1 - std::acos(std::clamp(x[i], -1.0f, 1.0f)) / std::numbers::pi_v<float>;
        x[i] = std::pow(base, static_cast<float>(tau));
      }
    },
    [](float* x, I rows, I size, I ld) {
      for (I r = 0; r < rows; ++r)
        for (I half = 1; half < size; half *= 2)
          for (I first = 0; first < size; first += 2 * half)
            for (I i = first; i < first + half; ++i) {
              float* a = x + r * ld + i;
              const float sum = a[0] + a[half], difference = a[0] - a[half];
              a[0] = sum;
              a[half] = difference;
            }
    },
};
}  // namespace
const Primitives& primitives(Isa) { return kScalar; }
}  // namespace yoso
