// One engine on one problem, against its definition.
#pragma once
#include "walk.hpp"

namespace conformance {

// Forward: finite, inside its memory, equal to the oracle, zeros where nothing is asked. False: unsupported.
bool examine(const Method& method, const Shape& shape, const Knobs& knobs, Values values, Masks masks);

// Backward: the same of gradients. False: unsupported. `defined`: the inputs are such that the derivative exists.
bool examine_gradients(const Method& method, const Shape& shape, const Knobs& knobs, Values values, Masks masks,
                       bool defined);

// The upstream gradient of these tests.
std::vector<float> upstream(const Shape& shape);

}  // namespace conformance
