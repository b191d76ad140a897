// Katharopoulos et al. 2020, eq. 4 and 7, in double precision: one weight for each pair, no state.
#include "oracle.hpp"

namespace yoso::linear {
namespace {

oracles::Row phi(oracles::Row x) {
  for (double& e : x) e = e > 0 ? e + 1 : std::exp(e);
  return x;
}

}  // namespace

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    const oracles::Row q = phi(head.q(i));
    oracles::Row sum(static_cast<std::size_t>(problem.shape.d_v));
    double total = 1e-6;
    for (std::int64_t j = 0; j < problem.shape.n_k; ++j) {
      if (!head.keeps_key(j)) continue;
      const double weight = oracles::dot(q, phi(head.k(j)));
      const oracles::Row v = head.v(j);
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += weight * v[c];
      total += weight;
    }
    for (double& e : sum) e /= total;
    return sum;
  });
}

}  // namespace yoso::linear
