// Order statistics: medians and their intervals, which need no model of the noise.
#pragma once
#include <optional>
#include <span>
#include <vector>

namespace yoso {

struct Interval {
  double lo = 0, hi = 0;
  double level = 0.95;  // probability that the interval covers the true median
};

// Quantile q in [0, 1] by linear interpolation between order statistics. Empty input: throws std::logic_error.
double quantile(std::span<const double> values, double q);
double median(std::span<const double> values);
double mean(std::span<const double> values);

// n (1 - r1) / (1 + r1) with the lag-1 autocorrelation r1, which timings of one machine always have; within [1, n].
double effective_size(std::span<const double> in_order);

// Interval for the median: [x(k), x(n-k+1)] with the largest k for which 2 P(Bin(n, 1/2) < k) <= 1 - level, where n is
// replaced by `effective` samples if that is smaller. Nothing when there are too few (95 % needs 6).
std::optional<Interval> median_interval(std::span<const double> values, double level, double effective);

}  // namespace yoso
