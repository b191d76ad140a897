// Vaswani et al. 2017, eq. 1, in double precision: the plain definition, no tiles.
#include "oracle.hpp"

namespace yoso::softmax {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  const double root_d = std::sqrt(static_cast<double>(problem.shape.d));
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    const oracles::Row q = head.q(i);
    return oracles::softmax_average(problem, head, i,
                                    [&](std::int64_t j) { return oracles::dot(q, head.k(j)) / root_d; });
  });
}

}  // namespace yoso::softmax
