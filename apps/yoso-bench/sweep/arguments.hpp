// Studies as arguments of this program, which parses them as it parses a command line.
#pragma once
#include <string>
#include <vector>

#include <yoso/recipe.hpp>

namespace yoso::app {

// {"yoso-bench", "sweep", "--method", "softmax,yoso-m", ...}
std::vector<std::string> arguments_of(const Study& study);
// Those of a command line that say what to measure, and not how the sweep is run.
std::vector<std::string> study_arguments(const std::vector<std::string>& argv);
// Throws BadSetting when a command line that names a recipe says itself what to measure.
void refuse_axes(const std::vector<std::string>& argv, const std::string& recipe);

}  // namespace yoso::app
