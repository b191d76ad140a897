// Is an output what the definition says? Asked before anything is timed.
#pragma once
#include <cstdint>

#include <yoso/instance.hpp>
#include <yoso/report.hpp>

namespace yoso {

// Compares `out` with the double-precision definition at up to `queries` evenly spread queries of every row. An element
// passes when it is off by at most 1e-4 of the outputs' root mean square plus 1e-4 of its own size: hundreds of f32
// roundings, and far below any approximation error this program reports. Where an engine rounds what it multiplies to
// bfloat16 (Bf16::rounded) both are 1e-2, and the first is of the output row's root mean square, if that is more: a
// weight is off by up to 2^-9 of itself, so a sum of values by 1e-3 of what its row's elements are like, and by several
// times that in the worst of many. Throws Unsupported without a definition.
CheckResult check_output(const Instance& instance, const Inputs& in, const float* out, std::int64_t queries = 64);

// The same for a backward pass. Runs forward and backward with an upstream gradient that is zero but in `queries`
// queries of every row, and compares by gradient_errors() with a tolerance of 1e-3: sums of thousands of rounded f32
// products of rounded f32 weights, and far below what any estimator of a gradient is off by; 1e-2 for Bf16::rounded.
// `check` is what check_output said; out and grads are working memory. The instance keeps the state of that forward
// pass.
void check_gradients(Instance& instance, const Inputs& in, float* out, const Gradients& grads, CheckResult& check,
                     std::int64_t queries = 4);

}  // namespace yoso
