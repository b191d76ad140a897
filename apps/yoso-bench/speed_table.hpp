// The tables that `speed` prints, from its rows alone.
#pragma once
#include <string>
#include <vector>

#include "bench.hpp"

namespace yoso::app {

// A table for each group of rows, those of crossovers, and what the columns mean.
std::string speed_text(const Options& options, const Report& report);

}  // namespace yoso::app
