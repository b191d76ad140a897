// The matrix products of the vendor's library, by their definition.
#include "simt/blas.hpp"

namespace yoso::SIMT_NS {

void require_blas() {}

void multiply(void*, const Product& p) {
  for (std::int64_t b = 0; b < p.count; ++b)
    for (std::int64_t i = 0; i < p.m; ++i)
      for (std::int64_t j = 0; j < p.n; ++j) {
        double sum = 0;
        for (std::int64_t l = 0; l < p.k; ++l) {
          const float a = p.a[b * p.step_a + (p.a_transposed ? l * p.lda + i : i * p.lda + l)];
          const float x = p.b[b * p.step_b + (p.b_transposed ? j * p.ldb + l : l * p.ldb + j)];
          sum += static_cast<double>(a) * x;
        }
        float& c = p.c[b * p.step_c + i * p.ldc + j];
        c = static_cast<float>(p.alpha * sum + (p.beta != 0 ? p.beta * static_cast<double>(c) : 0));
      }
}

}  // namespace yoso::SIMT_NS
