// Is an output what the definition says? Asked before anything is timed.
#pragma once
#include <cstdint>

#include <yoso/instance.hpp>
#include <yoso/report.hpp>

namespace yoso {

// Compares `out` with the double-precision definition at up to `queries` evenly spread queries of every row. An element
// passes when it is off by at most 1e-4 of the outputs' root mean square plus 1e-4 of its own size: hundreds of f32
// roundings, and far below any approximation error this program reports. Where an engine rounds what it multiplies to
// bfloat16 (Bf16::rounded) both are 1e-2: a weight is off by up to 2^-9 of itself, so an average of values by 2^-9 of
// the largest of them, which is several times their root mean square. Throws Unsupported without a definition.
CheckResult check_output(const Instance& instance, const Inputs& in, const float* out, std::int64_t queries = 64);

// The same for a backward pass. Runs forward and backward with an upstream gradient that is zero but in `queries`
// queries of every row, and compares by gradient_errors() with a tolerance of 1e-3: sums of thousands of rounded f32
// products of rounded f32 weights, and far below what any estimator of a gradient is off by; 3e-2 for Bf16::rounded,
// where three factors are off by up to 2^-9 each and differences of near ones are taken. `check` is what
// check_output said; out and grads are working memory. The instance keeps the state of that forward pass.
void check_gradients(Instance& instance, const Inputs& in, float* out, const Gradients& grads, CheckResult& check,
                     std::int64_t queries = 4);

}  // namespace yoso
