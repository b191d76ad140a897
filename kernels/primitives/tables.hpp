// The tables that primitives.simd.cpp defines, one an object file. Only primitives() may hand them out: it knows which
// of them this machine can run.
#pragma once
#include "primitives/primitives.hpp"

namespace yoso::simd {
extern const Primitives scalar;
extern const Primitives avx2;
extern const Primitives avx512;
}  // namespace yoso::simd
