// Stands in for libcublas.so.13 where there is no GPU: column-major products in double on host memory, with the checks
// that cuBLAS makes. Which operands change places is then tested without one.
#include <cublas_v2.h>

#include <algorithm>
#include <cstdint>

extern "C" {

long long fake_calls = 0, fake_most_at_once = 0;

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  *handle = reinterpret_cast<cublasHandle_t>(1);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream_v2(cublasHandle_t, cudaStream_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t mode) {
  return mode == CUBLAS_PEDANTIC_MATH ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
const char* cublasGetStatusString(cublasStatus_t) { return "the fake refused"; }
cublasStatus_t cublasGetProperty(libraryPropertyType type, int* value) {
  *value = type == MAJOR_VERSION ? 13 : 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmStridedBatchedEx_64(cublasHandle_t, cublasOperation_t op_a, cublasOperation_t op_b,
                                             std::int64_t m, std::int64_t n, std::int64_t k, const void* alpha,
                                             const void* a, cudaDataType, std::int64_t lda, long long step_a,
                                             const void* b, cudaDataType, std::int64_t ldb, long long step_b,
                                             const void* beta, void* c, cudaDataType, std::int64_t ldc,
                                             long long step_c, std::int64_t count, cublasComputeType_t compute,
                                             cublasGemmAlgo_t) {
  const bool ta = op_a == CUBLAS_OP_T, tb = op_b == CUBLAS_OP_T;
  if (compute != CUBLAS_COMPUTE_32F_PEDANTIC || lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m || count > 65535)
    return CUBLAS_STATUS_INVALID_VALUE;
  ++fake_calls;
  fake_most_at_once = std::max<long long>(fake_most_at_once, count);
  const float al = *static_cast<const float*>(alpha), be = *static_cast<const float*>(beta);
  for (std::int64_t s = 0; s < count; ++s) {
    const float* const as = static_cast<const float*>(a) + s * step_a;
    const float* const bs = static_cast<const float*>(b) + s * step_b;
    float* const cs = static_cast<float*>(c) + s * step_c;
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t i = 0; i < m; ++i) {
        double sum = 0;
        for (std::int64_t l = 0; l < k; ++l)
          sum += static_cast<double>(ta ? as[l + i * lda] : as[i + l * lda]) * (tb ? bs[j + l * ldb] : bs[l + j * ldb]);
        float& x = cs[i + j * ldc];
        x = static_cast<float>(al * sum + (be == 0 ? 0 : be * x));
      }
  }
  return CUBLAS_STATUS_SUCCESS;
}

}  // extern "C"
