// How fast a device adds atomically: what decides between the ways in which tables of sums can be filled.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <yoso/device.hpp>

namespace yoso {

// One kind of warp-wide addition, by kernels that do nothing else.
struct AtomicRate {
  std::string memory;          // "shared" or "global"
  std::string type;            // "int32", "float", or "float4": four numbers a lane
  std::string addresses;       // of the lanes of a warp: "apart", no two in one bank, or all the "same"
  std::int64_t warp_adds = 0;  // in `seconds`, of all multiprocessors
  double seconds = 0;
  double per_second = 0;         // numbers added
  std::optional<double> cycles;  // of a multiprocessor for each of its warp-wide additions; null: its clock is unknown
};

struct AtomicRates {
  DeviceInfo device;
  std::optional<double> sm_clock;  // Hz, right after
  std::vector<AtomicRate> rates;
};

std::string to_json(const AtomicRates& rates);

}  // namespace yoso
