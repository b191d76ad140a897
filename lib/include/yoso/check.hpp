// Is an output what the definition says? Asked before anything is timed.
#pragma once
#include <cstdint>

#include <yoso/instance.hpp>
#include <yoso/report.hpp>

namespace yoso {

// Compares `out` with the double-precision definition at up to `queries` evenly spread queries of every row. An element
// passes when it is off by at most 1e-4 of the outputs' root mean square plus 1e-4 of its own size: hundreds of f32
// roundings, and far below any approximation error this program reports. Throws Unsupported without a definition.
CheckResult check_output(const Instance& instance, const Inputs& in, const float* out, std::int64_t queries = 64);

}  // namespace yoso
