#include <yoso/statistics.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <stdexcept>

namespace yoso {
namespace {

std::vector<double> sorted(std::span<const double> values) {
  std::vector<double> copy(values.begin(), values.end());
  std::ranges::sort(copy);
  return copy;
}

// Largest k >= 0 with 2 P(Bin(n, 1/2) < k) <= alpha. Sums exp(log terms), so that n in the thousands does not
// underflow.
int order_rank(int n, double alpha) {
  double below = 0;
  int k = 0;
  for (int i = 0; i < n; ++i) {
    const double log_term = std::lgamma(n + 1.0) - std::lgamma(i + 1.0) - std::lgamma(n - i + 1.0) - n * std::log(2.0);
    below += std::exp(log_term);  // P(Bin < i + 1)
    if (2 * below > alpha) break;
    k = i + 1;
  }
  return k;
}

// The z that a standard normal variable exceeds with probability 1 - p, for p in [0.5, 1).
double normal_quantile(double p) {
  double lo = 0, hi = 40;
  for (int i = 0; i < 60; ++i) {
    const double z = (lo + hi) / 2;
    (std::erfc(z / std::sqrt(2.0)) / 2 > 1 - p ? lo : hi) = z;
  }
  return lo;
}

// Probability that n samples with autocorrelation r all lie on one side of their median, when even the extremes miss
// it: a neighbour is on the same side with probability 1/2 + asin(r) / pi (of a Gaussian pair, exactly).
double all_on_one_side(double n, double r) { return std::pow(0.5 + std::asin(r) / std::numbers::pi, n - 1); }

}  // namespace

double quantile(std::span<const double> values, double q) {
  if (values.empty()) throw std::logic_error("quantile of nothing");
  const std::vector<double> x = sorted(values);
  const double at = q * static_cast<double>(x.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, x.size() - 1);
  return x[below] + (at - static_cast<double>(below)) * (x[above] - x[below]);
}

double median(std::span<const double> values) { return quantile(values, 0.5); }

double mean(std::span<const double> values) {
  if (values.empty()) throw std::logic_error("mean of nothing");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double effective_size(std::span<const double> x) {
  const double n = static_cast<double>(x.size());
  if (x.size() < 3) return n;
  const double centre = mean(x);
  double variance = 0, lagged = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    variance += (x[i] - centre) * (x[i] - centre);
    if (i > 0) lagged += (x[i] - centre) * (x[i - 1] - centre);
  }
  if (variance <= 0) return n;
  const double seen = lagged / variance;
  const double r1 = std::clamp(seen + (1 + 4 * std::max(0.0, seen)) / n, 0.0, 0.95);
  return std::max(1.0, n * (1 - r1) / (1 + r1));
}

std::optional<Interval> median_interval(std::span<const double> values, double level, double effective) {
  if (values.empty()) return std::nullopt;
  const double n = static_cast<double>(values.size());
  const double used = std::clamp(effective, 1.0, n);
  int rank = order_rank(static_cast<int>(values.size()), 1 - level);
  if (rank < 1 || all_on_one_side(n, (n - used) / (n + used)) > 1 - level) return std::nullopt;
  if (used < n) {
    const double correlated = n / 2 - normal_quantile((1 + level) / 2) / 2 * n / std::sqrt(used) - 0.5;
    rank = std::min(rank, std::max(1, static_cast<int>(std::floor(correlated))));
  }
  const std::vector<double> x = sorted(values);
  const auto k = static_cast<std::size_t>(rank);
  return Interval{x[k - 1], x[x.size() - k], level};
}

}  // namespace yoso
