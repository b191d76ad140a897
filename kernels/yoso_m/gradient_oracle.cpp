// What stands for the gradients of yoso-m, given its codes, in double precision and over all pairs.
#include <array>
#include <numbers>

#include "yoso_m/oracle_hash.hpp"

namespace yoso::yoso_m {
namespace {

// The second version's derivative of a weight: of 0.99 times the cosine, each factor read off a table of 32 points.
class Interpolated {
 public:
  explicit Interpolated(double tau) : tau_(tau) {}
  double operator()(double cosine) const {
    const double x = 0.99 * cosine;
    const double angle = between((1 + x) / 2, [](double t) { return std::acos(2 * t - 1) / std::numbers::pi; });
    const double power = between(1 - angle, [&](double t) { return std::min(10.0, std::pow(t + 1e-6, tau_ - 1)); });
    const double inverse_sine = between(1 - x * x, [](double t) { return std::min(10.0, 1 / std::sqrt(t + 1e-6)); });
    return tau_ * power * inverse_sine / std::numbers::pi;
  }

 private:
  // f at x in [0, 1], on the line between its values at the multiples of 1/31 around x
  template <class F>
  static double between(double x, const F& f) {
    const double place = std::clamp(x, 0.0, 1.0) * 31, low = std::min(30.0, std::floor(place));
    return f(low / 31) + (place - low) * (f((low + 1) / 31) - f(low / 31));
  }
  double tau_;
};

}  // namespace

void gradient_oracle(const Problem& problem, std::span<const std::int64_t> queries, const double* dout,
                     const ExactGradients& grads) {
  definition::Collider collide(problem);
  const double hashes = problem.settings.real("hashes"), tau = problem.settings.real("hash_bits");
  const std::string_view gradient = problem.settings.choice("gradient");
  const Interpolated interpolated(tau);
  const auto pair = [&](const oracles::Head& head, std::int64_t i, std::int64_t j, double cosine) {
    const int collisions = collide(head, i, j);
    const double weight = collisions / hashes;
    if (gradient == "expectation") {
      const double p = std::pow(1 - std::acos(std::clamp(cosine, -1.0, 1.0)) / std::numbers::pi, tau);
      return oracles::Pair{weight, p, tau / 2 * p};
    }
    if (gradient == "set") return oracles::Pair{weight, weight, collisions > 0 ? interpolated(cosine) : 0};
    return oracles::Pair{weight, weight, tau / 2 * weight};  // lower-bound, however it is summed
  };
  oracles::gradients(problem, queries, dout, grads, pair);
}

}  // namespace yoso::yoso_m
