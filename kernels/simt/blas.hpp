// Matrix products by the vendor's library. It is opened at run time: without it, methods that need it are unsupported,
// and the others run.
#pragma once
#include <cstdint>

#include "simt/simt.hpp"

namespace yoso::SIMT_NS {

// C[b] [M, N] = alpha * op(A[b]) op(B[b]) + beta * C[b] for b < count; all row-major f32, ld* between rows, step*
// between matrices, in elements (0: the same matrix for all). op(A) is [M, K] and op(B) [K, N]; a transposed one is
// stored as [K, M] or [N, K]. Full f32 arithmetic, no TF32. With beta = 0, C is not read.
struct Product {
  std::int64_t m = 0, n = 0, k = 0;
  float alpha = 1, beta = 0;
  const float* a = nullptr;
  bool a_transposed = false;
  std::int64_t lda = 0, step_a = 0;
  const float* b = nullptr;
  bool b_transposed = false;
  std::int64_t ldb = 0, step_b = 0;
  float* c = nullptr;
  std::int64_t ldc = 0, step_c = 0;
  std::int64_t count = 1;
};

// Throws Unsupported, saying what the loader said, when the library is not there: to be called by an engine's
// constructor.
void require_blas();

// Asks `stream` for the products. Empty ones are allowed (with k = 0, C becomes beta * C). Throws DeviceError.
void multiply(void* stream, const Product& product);

}  // namespace yoso::SIMT_NS
