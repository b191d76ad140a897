// One measurement repeated in several launches of the whole process. What varies from launch to launch (the layout of
// pages and caches) is fixed within one, so that no number of samples of a single launch shows it.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <yoso/environment.hpp>
#include <yoso/report.hpp>

namespace yoso {

// The narrowest interval of order statistics that covers the median with probability `level`, or, when there are too
// few values for that, from the smallest to the largest. Its `level` is the probability it really has: 1 - 2^(1 - n)
// for n values and both extremes. Nothing for fewer than two values.
std::optional<Interval> launch_interval(std::span<const double> values, double level = 0.95);

// What one launch wrote.
struct LaunchReport {
  std::vector<Point> points;
  std::vector<Warning> warnings;
  bool interrupted = false;
};

// Reads configuration, status, times, ratios, predictions, matches and checks of a report; memory and error are left
// out. Throws BadInput naming `origin`.
LaunchReport read_launch(std::string_view json, const std::string& origin);

// One point a row from its repetitions in every launch, which hold the same rows in the same order: estimates are
// medians over launches, intervals are those over launches, and `noisy` is what spreads over launches by more than
// `rel_ci`. A row that failed in any launch has failed. Throws std::logic_error when the launches differ in their rows.
std::vector<Point> combine(const std::vector<LaunchReport>& launches, double rel_ci);

}  // namespace yoso
