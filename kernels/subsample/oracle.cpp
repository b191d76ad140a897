// Softmax over the first `keys` kept keys of the drawn order, in double precision.
#include "oracle.hpp"

namespace yoso::subsample {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  const std::int64_t n = problem.shape.n_k, keys = problem.settings.integer("keys");
  const float* const order = problem.draws["order"];
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    std::vector<bool> drawn(static_cast<std::size_t>(n));
    std::int64_t count = 0;
    for (std::int64_t t = 0; t < n; ++t) {
      const auto j = static_cast<std::int64_t>(order[head.index() * n + t]);
      if (head.keeps_key(j) && count < keys) {
        drawn[static_cast<std::size_t>(j)] = true;
        ++count;
      }
    }
    const oracles::Row q = head.q(i);
    return oracles::softmax_average(problem, head, i, [&](std::int64_t j) {
      return drawn[static_cast<std::size_t>(j)] ? oracles::dot(q, head.k(j)) / std::sqrt(double(problem.shape.d))
                                                : -INFINITY;
    });
  });
}

}  // namespace yoso::subsample
