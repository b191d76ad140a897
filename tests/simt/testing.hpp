// What tests of kernels share.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "simt/simt.hpp"

namespace simt::testing {

// One schedule of each kind, and some random ones, with and without preemption.
inline std::vector<Options> schedules(std::uint64_t random = 4) {
  std::vector<Options> all = {{.order = Order::forward}, {.order = Order::reverse}};
  for (std::uint64_t seed = 1; seed <= random; ++seed)
    all.push_back({.order = Order::random, .seed = seed, .preempt_percent = seed % 2 == 0 ? 20u : 0u});
  return all;
}

// What a launch complains of; empty if it does not.
template <class... P, class... A>
std::string fault_of(const Launch& how, void (*kernel)(P...), A&&... args) {
  try {
    launch(how, kernel, std::forward<A>(args)...);
  } catch (const yoso::DeviceError& e) {
    return e.what();
  }
  return {};
}

}  // namespace simt::testing
