// The largest allocation since the last reset: a reader may not allocate what a hostile header asks for.
#pragma once
#include <cstddef>

namespace allocations {
void reset();
std::size_t largest();
}  // namespace allocations
