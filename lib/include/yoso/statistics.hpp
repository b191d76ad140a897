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

// How many independent samples the series is worth: n (1 - r) / (1 + r), within [1, n], where r is the lag-1
// autocorrelation, which timings of one machine always have. The usual estimate of r falls short by about (1 + 4 r) /
// n, which is put back (without it intervals of short runs at r = 0.6 covered the truth 92 times in 100); a negative r
// counts as 0, for it would claim more samples than there are.
double effective_size(std::span<const double> in_order);

// Interval for the median: [x(k), x(n-k+1)]. Of independent samples k is the largest with 2 P(Bin(n, 1/2) < k) <= 1 -
// level, which holds for any distribution. When they are worth fewer (`effective`), k is also at most
// n/2 - z/2 n/sqrt(effective) - 1/2, z the normal quantile: the same fraction of the samples as the interval of
// `effective` samples would leave in each tail, rounded down once. (Taking it from a binomial of floor(effective)
// rounds twice, and covered 93 of 100 at autocorrelation 0.6.) Nothing when even the extremes would miss the median too
// often, because all samples lie on one side of it: independent ones with 2 / 2^n (95 % needs 6), correlated ones with
// (1/2 + asin(r)/pi)^(n-1), r the autocorrelation that `effective` stands for. (Asking for `effective` independent
// samples there was tried: of 15 rounds at r = 0.3 half had no interval at 98.75 %, and those that had one covered
// less, as the ones with a small r were picked.)
//
// `env --self-test` prints the coverage: 95 % intervals of runs that stop by the protocol's own rule hold the truth in
// 95 to 98 of 100, for autocorrelations from 0 to 0.6.
std::optional<Interval> median_interval(std::span<const double> values, double level, double effective);

}  // namespace yoso
