// Lengths that a quadratic method is not run at, and what its operations say of them.
#pragma once
#include <vector>

#include "bench.hpp"

namespace yoso::app {

// Gives the rows of a group beyond --extrapolate-beyond whose operations grow by more than three when n doubles the
// status `predicted`, so that they are not run.
void leave_out(const Options& options, const Group& group, std::vector<Point>& points);

// Fills those rows in from the largest measured length of the same method and setting, and takes the ratios of other
// methods at these lengths to the predicted baseline.
void predict(const Options& options, std::vector<Point>& points);

}  // namespace yoso::app
