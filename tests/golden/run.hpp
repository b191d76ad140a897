// Runs one planned case through the public interface and compares.
#pragma once
#include <string>

#include "adapters.hpp"

namespace golden {

// What is wrong, or nothing at all. Runs every method of the plan on every instruction set of this machine (or on the
// one that YOSO_ISA names).
std::string failure(const Case& c, const Plan& p);

}  // namespace golden
