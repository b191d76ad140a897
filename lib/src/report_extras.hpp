// What a run of several launches, lengths or matched settings adds to a report.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include <yoso/report.hpp>

namespace yoso {

nlohmann::ordered_json device_json(const DeviceInfo& device);
void add_extras(nlohmann::ordered_json& point, const Point& p);
void add_extras(nlohmann::ordered_json& report, const Report& r);

}  // namespace yoso
