// Gradients: their memory, and whether they are what the definition says.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <yoso/instance.hpp>

namespace yoso {

// Owns where a backward pass writes.
struct GradientBuffers {
  std::vector<float> dq, dk, dv;
  std::vector<std::vector<float>> parameters;

  GradientBuffers() = default;
  GradientBuffers(const Shape& shape, const std::vector<TensorSpec>& specs);
  Gradients view();
};

// The seeded upstream gradient of everything we measure: independent N(0, 1), [rows, n_q, d_v].
std::vector<float> upstream_gradient(const Shape& shape, std::uint64_t seed);

// How far a tensor's gradient is from the definition, as a share of its size: 0 is equal, and f32 gives about 1e-6.
struct GradientError {
  std::string tensor;   // "dq", "dk", "dv", or the name of a parameter
  double relative = 0;  // infinite for NaN
};

// Compares gradients of the sum of dout * out over `queries` of every row with their definition. `dout` is [rows, n_q,
// d_v], zero in all other queries.
//
// Where the method has a gradient oracle: every element, its error over the tensor's root mean square plus its own
// size. Where it has none, or `finite_differences` asks for it: along random directions (of a whole tensor, and of
// `tokens` single tokens or parts of a parameter) the change of the double-precision forward oracle, from central
// differences with steps small against the inputs (2^-15, and 2^-22 where a token crosses an edge of a hash) and large
// against the rounding of doubles; its error over what elements of the tensor's size would contribute. Never of the
// engine's own output, whose f32 rounding would drown it. Throws Unsupported for a method without oracle.
std::vector<GradientError> gradient_errors(const Method& method, const Problem& problem,
                                           std::span<const std::int64_t> queries, const float* dout,
                                           const Gradients& got, int tokens, bool finite_differences = false);

}  // namespace yoso
