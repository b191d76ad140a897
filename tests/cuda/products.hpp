// blas.hpp as CUDA's compiler sees it, for a test that g++ compiles.
#pragma once
#include <cstdint>

namespace cuda_test {

// As yoso::SIMT_NS::Product, which only one of the two compilers can name.
struct Call {
  std::int64_t m, n, k;
  float alpha, beta;
  const float* a;
  bool a_transposed;
  std::int64_t lda, step_a;
  const float* b;
  bool b_transposed;
  std::int64_t ldb, step_b;
  float* c;
  std::int64_t ldc, step_c, count;
};

void require();
void multiply(void* stream, const Call& call);

// Launches a kernel `times` times, with that many blocks each, so that there is something to watch.
void launch_planted(void* stream, float* x, int times);

}  // namespace cuda_test
