// One word for each row of the overview: is it worth anything on this input?
#pragma once
#include <vector>

#include "bench.hpp"

namespace yoso::app {

// Sets every point's verdict from its time (as a ratio to the baseline) and its skill against softmax.
void give_verdicts(const Group& group, std::vector<Point>& points);

}  // namespace yoso::app
