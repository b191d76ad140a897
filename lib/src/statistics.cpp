#include <yoso/statistics.hpp>

#include <algorithm>
#include <cmath>
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
  const double r1 = std::clamp(lagged / variance, 0.0, 0.99);  // a negative r1 would claim more samples than there are
  return std::max(1.0, n * (1 - r1) / (1 + r1));
}

std::optional<Interval> median_interval(std::span<const double> values, double level, double effective) {
  const double n = static_cast<double>(values.size());
  const double used = std::min(n, effective);
  const int k = order_rank(static_cast<int>(used), 1 - level);
  if (k < 1) return std::nullopt;
  // the same fraction of the tails, in all samples
  const auto rank = static_cast<std::size_t>(std::max(1.0, std::floor(k * n / std::max(1.0, std::floor(used)))));
  const std::vector<double> x = sorted(values);
  if (2 * rank > x.size()) return Interval{x[x.size() / 2], x[x.size() / 2], level};
  return Interval{x[rank - 1], x[x.size() - rank], level};
}

}  // namespace yoso
