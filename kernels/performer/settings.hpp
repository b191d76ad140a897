// Settings resolved: what the declaration of the draws, the engine and the oracle must agree on.
#pragma once
#include <cstdint>

#include <yoso/method.hpp>

namespace yoso::performer {

enum class Kernel : std::uint8_t { softmax, relu, hyperbolic };

inline Kernel kernel_of(const Settings& settings) {
  if (settings.is("kernel", "softmax")) return Kernel::softmax;
  return settings.is("kernel", "relu") ? Kernel::relu : Kernel::hyperbolic;
}

// Projections that are drawn: a hyperbolic one makes two features.
inline std::int64_t draws_of(const Settings& settings) {
  return settings.integer("features") / (kernel_of(settings) == Kernel::hyperbolic ? 2 : 1);
}

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);
void expectation(const Problem& problem, std::span<const std::int64_t> queries, double* out);
void gradient_oracle(const Problem& problem, std::span<const std::int64_t> queries, const double* dout,
                     const ExactGradients& to);

}  // namespace yoso::performer
