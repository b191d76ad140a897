// How a calibration is shown.
#pragma once
#include <string>

#include <yoso/environment.hpp>

namespace yoso::app {
std::string calibration_table(const Calibration& calibration);
}
