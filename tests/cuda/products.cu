#include "products.hpp"

#include "simt/blas.hpp"

namespace cuda_test {
namespace {

template <int kBlock>
__global__ void __launch_bounds__(kBlock) planted(float* x) {
  __shared__ float part[kBlock];
  part[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = part[kBlock - 1 - threadIdx.x];
}

}  // namespace

void require() { yoso::SIMT_NS::require_blas(); }

void multiply(void* stream, const Call& c) {
  yoso::SIMT_NS::multiply(stream, {c.m, c.n, c.k, c.alpha, c.beta, c.a, c.a_transposed, c.lda, c.step_a, c.b,
                                   c.b_transposed, c.ldb, c.step_b, c.c, c.ldc, c.step_c, c.count});
}

void launch_planted(void* stream, float* x, int times) {
  for (int blocks = 1; blocks <= times; ++blocks)
    simt::launch({static_cast<unsigned>(blocks), 64, 0, stream}, planted<64>, x);
}

}  // namespace cuda_test
