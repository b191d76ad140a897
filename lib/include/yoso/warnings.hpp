// What may spoil numbers, by codes that stay the same, so that scripts can act on them.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <yoso/environment.hpp>

namespace yoso {

struct Point;

struct Warning {
  std::string code;
  std::string message;
  std::optional<std::string> point;  // id of the point it concerns
};

struct WarningCode {
  std::string_view code, meaning;
};

// Every code there is: `list warnings` prints it.
std::span<const WarningCode> warning_codes();

// Throws std::logic_error for a code that is not in the table.
Warning warning(std::string_view code, std::string message, std::optional<std::string> point = {});

// What is wrong with this build, and with measuring on this machine now.
std::vector<Warning> warnings_of(const Environment& environment, const BuildInfo& build);

// The same after a run: load, pressure and steal as they were while it ran, in place of what was said before it.
void update_warnings(std::vector<Warning>& warnings, const Environment& before, const Disturbance& during);

// What the samples themselves say: drift, cold, few-samples, and noisy-machine over all rows.
std::vector<Warning> warnings_of(const std::vector<Point>& points);

}  // namespace yoso
