// Words that the oracles of yoso-e and yoso-m share: plain double loops, used by no engine.
#pragma once
#include "oracle.hpp"

namespace yoso::oracles {

// What becomes of X_i = sum_j weight_j v_j, where total = sum_j weight_j.
inline Row normalised(Row sum, double total, std::string_view norm) {
  if (norm == "l2") return unit(std::move(sum));
  if (norm == "rowsum")
    for (double& e : sum) e = total > 0 ? e / total : 0;
  return sum;
}

// out_i += sum_t conv_w[head, t] M_j v_j with j = i + t - (w - 1) / 2, for padded queries too.
inline void add_convolution(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  const std::int64_t w = problem.settings.integer("conv");
  if (w == 0) return;
  for (std::int64_t row = 0; row < problem.shape.rows(); ++row) {
    const Head head(problem, row);
    const float* const kernel = problem.parameters["conv_w"] + head.head() * w;
    for (const std::int64_t i : queries) {
      for (std::int64_t t = 0; t < w; ++t) {
        const std::int64_t j = i + t - (w - 1) / 2;
        if (j < 0 || j >= problem.shape.n_k || !head.keeps_key(j)) continue;
        const Row v = head.v(j);
        for (std::size_t c = 0; c < v.size(); ++c) out[c] += static_cast<double>(kernel[t]) * v[c];
      }
      out += problem.shape.d_v;
    }
  }
}

}  // namespace yoso::oracles
