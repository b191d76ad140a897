// Beltagy et al. 2020, section 3.1, in double precision: a mask over the n x n logits.
#include "oracle.hpp"

namespace yoso::longformer {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  const std::int64_t half = problem.settings.integer("window") / 2, globals = problem.settings.integer("global");
  const double root_d = std::sqrt(static_cast<double>(problem.shape.d));
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    const auto connected = [&](std::int64_t j) { return std::abs(i - j) <= half || i < globals || j < globals; };
    bool blind = true;
    for (std::int64_t j = 0; j < problem.shape.n_k; ++j) blind = blind && !(connected(j) && head.keeps_key(j));
    if (blind) return oracles::Row(static_cast<std::size_t>(problem.shape.d_v));
    const oracles::Row q = head.q(i);
    return oracles::softmax_average(problem, head, i, [&](std::int64_t j) {
      return connected(j) ? oracles::dot(q, head.k(j)) / root_d : -INFINITY;
    });
  });
}

}  // namespace yoso::longformer
