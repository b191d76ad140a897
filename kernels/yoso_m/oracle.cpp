// YOSO by its definition: B_ij = (1/m) sum_h [code_h(q_i) = code_h(k_j)], X = B V. No tables, all pairs, in double.
#include "yoso_m/oracle_hash.hpp"

namespace yoso::yoso_m {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  definition::Collider collide(problem);
  const double hashes = problem.settings.real("hashes");
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    oracles::Row sum(static_cast<std::size_t>(problem.shape.d_v));
    double total = 0;
    for (std::int64_t j = 0; j < problem.shape.n_k; ++j) {
      if (!head.sees(i, j)) continue;
      const int collisions = collide(head, i, j);
      if (collisions == 0) continue;
      const double weight = collisions / hashes;
      const oracles::Row v = head.v(j);
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += weight * v[c];
      total += weight;
    }
    return oracles::normalised(sum, total, problem.settings.choice("norm"));
  });
  oracles::add_convolution(problem, queries, out);
}

}  // namespace yoso::yoso_m
