// speed --launches: the whole process, several times.
#pragma once
#include <vector>

#include "bench.hpp"

namespace yoso::app {

// Launches this program with the same arguments `options.launches` times, one after the other, and combines what they
// report; their warnings are added to `report`. After an interrupt, of the launches that were complete by then. Throws
// what a launch that failed would have thrown, with the number of the launch before its message.
std::vector<Point> launch(const Options& options, Report& report);

}  // namespace yoso::app
