// The choices of yoso-m's knobs, for its engines.
#pragma once
#include <cstdint>
#include <string_view>

#include <yoso/knobs.hpp>

namespace yoso::yoso_m {

// Backward: what stands for the derivative of a weight, and how it is summed (README.md).
enum class Gradient : std::uint8_t { lower_bound, tables, set, expectation };  // in the order of kGradientNames

inline constexpr std::string_view kGradientNames[] = {"lower-bound", "tables", "set", "expectation"};

inline Gradient gradient_of(const Settings& settings) { return static_cast<Gradient>(settings.real("gradient")); }

// Forward: how the values of a bucket are added up (README.md, "On CUDA").
enum class Sums : std::uint8_t { automatic, fixed, fixed16, sorted, atomics };  // in the order of kSumsNames

inline constexpr std::string_view kSumsNames[] = {"auto", "fixed", "fixed16", "sorted", "atomics"};

inline Sums sums_of(const Settings& settings) { return static_cast<Sums>(settings.real("sums")); }

}  // namespace yoso::yoso_m
