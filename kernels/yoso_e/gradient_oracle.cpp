// The gradients of yoso-e in double precision: the derivative, cut off where the angle of query and key is small, or
// the paper's lower bound of it.
#include <numbers>

#include "oracle_yoso.hpp"

namespace yoso::yoso_e {

void gradient_oracle(const Problem& problem, std::span<const std::int64_t> queries, const double* dout,
                     const ExactGradients& grads) {
  const double tau = problem.settings.real("hash_bits"), scale = problem.settings.real("dot_scale");
  const bool lower_bound = problem.settings.is("gradient", "lower-bound");
  oracles::gradients(
      problem, queries, dout, grads, [&](const oracles::Head&, std::int64_t, std::int64_t, double cosine) {
        const double angle = std::acos(std::clamp(scale * cosine, -1.0, 1.0));
        const double base = 1 - angle / std::numbers::pi, weight = std::pow(base, tau);
        const double derivative = tau * std::pow(base, tau - 1) / (std::numbers::pi * std::max(std::sin(angle), 1e-3));
        return oracles::Pair{weight, weight, scale * (lower_bound ? tau / 2 * weight : derivative)};
      });
}

}  // namespace yoso::yoso_e
