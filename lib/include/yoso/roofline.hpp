// The least time that a method's work can take on a calibrated machine, and what it would then wait for.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include <yoso/environment.hpp>
#include <yoso/method.hpp>

namespace yoso {

struct Roofline {
  double seconds = 0;
  std::string limit;  // "fma", "add", "exp", "L1", "L2", "L3" or "memory"
};

// max of  sum over stages of max(fused / fma + adds / add + exponentials / exp, reads / read + updates / update)
// and     bytes / bandwidth,
// where `read` and `update` are the bandwidths of the first cache level that holds `footprint`, and `bandwidth` the
// greater of the two of the level that holds `bytes` (as many caches as the threads fill count together). Work without
// stages is one stage of fused arithmetic.
// The limit is what takes most of the greater term. With t threads, between 1 and all cores, a rate is the smaller of t
// times that of one thread and that of all.
//
// Nothing when the instruction set is not calibrated, or when there is no work to speak of.
std::optional<Roofline> roofline(const Work& work, const Calibration& calibration, int threads, std::string_view isa);

}  // namespace yoso
