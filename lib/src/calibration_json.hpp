// A calibration as JSON, in the file that keeps it and in reports.
#pragma once
#include <nlohmann/json.hpp>

#include <yoso/environment.hpp>

namespace yoso {
nlohmann::ordered_json calibration_json(const Calibration& calibration);
}
