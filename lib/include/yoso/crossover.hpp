// From which length on a method is faster than the baseline: its crossover, or "efficiency length".
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <yoso/shape.hpp>
#include <yoso/statistics.hpp>

namespace yoso {

struct Point;

// Time over the baseline's time at one length.
struct RatioAt {
  std::int64_t n = 0;
  std::optional<double> ratio;      // null: it lost without being timed (it could not reach the skill asked for)
  std::optional<Interval> ci;       // null: unknown, so that nothing can be won here
  bool baseline_predicted = false;  // the baseline was not run at this length
};

struct Crossing {
  std::optional<std::int64_t> n;  // smallest measured length such that there and at every larger one the whole interval
                                  // lies below 1; null: never
  bool from_start = false;        // n is the smallest length measured
  bool unclear = false;           // never for sure: at the largest length the median is below 1, but not its interval
  std::optional<double> interpolated;  // log-log linear, between the last median >= 1 and the next one
  std::vector<std::int64_t> slower;    // lengths at which the whole interval lies above 1, or the goal was not reached
  std::int64_t first = 0, last = 0;    // lengths compared
  bool baseline_predicted = false;     // the answer hangs on lengths at which the baseline was not run
};

// `ratios` hold at least one entry, with distinct lengths, in any order.
Crossing crossing(std::vector<RatioAt> ratios);

// The crossing of one method with one setting, over the points of a run that differ only in their length.
struct Crossover {
  std::string method, series;  // Point::series: the setting as asked for
  bool control = false;
  std::string baseline, input, isa, dtype = "f32";
  Shape shape;  // with n_q = n_k = 0
  int threads = 1;
  std::string pass = "forward";
  std::optional<double> goal;  // skill matched to; null: fixed knobs
  Crossing crossing;
};

// Of every series that was compared with the baseline at two lengths or more, in the order of the points.
std::vector<Crossover> crossovers(const std::vector<Point>& points);

// "4096 (about 3100)", "already at 128", "never up to 65536"; a ~ before it when the baseline was predicted.
std::string text(const Crossing& crossing);

}  // namespace yoso
