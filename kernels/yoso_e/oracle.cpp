// The expectation of YOSO's Bernoulli weights (Zeng et al. 2021), in double precision.
#include <numbers>

#include "oracle_yoso.hpp"

namespace yoso::yoso_e {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  const double tau = problem.settings.real("hash_bits"), dot_scale = problem.settings.real("dot_scale");
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    const oracles::Row q = oracles::unit(head.q(i));
    oracles::Row sum(static_cast<std::size_t>(problem.shape.d_v));
    double total = 0;
    for (std::int64_t j = 0; j < problem.shape.n_k; ++j) {
      if (!head.sees(i, j)) continue;
      const double x = std::clamp(dot_scale * oracles::dot(q, oracles::unit(head.k(j))), -1.0, 1.0);
      const double weight = std::pow(1 - std::acos(x) / std::numbers::pi, tau);
      const oracles::Row v = head.v(j);
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += weight * v[c];
      total += weight;
    }
    return oracles::normalised(sum, total, problem.settings.choice("norm"));
  });
  oracles::add_convolution(problem, queries, out);
}

}  // namespace yoso::yoso_e
