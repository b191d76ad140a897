#include <yoso/statistics.hpp>

#include <cmath>

#include <yoso/random.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

// An autocorrelated series (AR(1)) around zero, whose true median is zero.
std::vector<double> series(std::uint64_t seed, std::size_t n, double rho) {
  std::vector<float> noise(n);
  Random(seed, stream_of("series")).normal(noise);
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i)
    x[i] = (i ? rho * x[i - 1] : 0) + std::sqrt(1 - rho * rho) * static_cast<double>(noise[i]);
  return x;
}

}  // namespace

TEST_CASE("quantiles interpolate between order statistics", "[statistics]") {
  const std::vector<double> x{4, 1, 3, 2};
  CHECK(median(x) == 2.5);
  CHECK(quantile(x, 0) == 1);
  CHECK(quantile(x, 1) == 4);
  CHECK(quantile(x, 0.25) == 1.75);
  CHECK_THROWS(median(std::vector<double>{}));
}

TEST_CASE("an interval needs six samples at 95 %, and its ranks are those of the binomial", "[statistics]") {
  std::vector<double> x;
  for (int i = 1; i <= 5; ++i) x.push_back(i);
  CHECK_FALSE(median_interval(x, 0.95, 5));
  x.push_back(6);
  const auto six = median_interval(x, 0.95, 6);  // 2 / 2^6 = 3.1 %
  REQUIRE(six);
  CHECK(six->lo == 1);
  CHECK(six->hi == 6);
  for (int i = 7; i <= 20; ++i) x.push_back(i);
  const auto twenty = median_interval(x, 0.95, 20);  // P(Bin(20, 1/2) < 6) = 2.07 %
  REQUIRE(twenty);
  CHECK(twenty->lo == 6);
  CHECK(twenty->hi == 15);
  // the same samples count for less when they are correlated
  const auto fewer = median_interval(x, 0.95, 10);
  REQUIRE(fewer);
  CHECK(fewer->lo < twenty->lo);
  CHECK(fewer->hi > twenty->hi);
}

TEST_CASE("effective size: all of independent samples, a part of correlated ones", "[statistics]") {
  CHECK(effective_size(series(1, 2000, 0)) > 1800);
  const double n = effective_size(series(2, 2000, 0.6));  // 2000 * 0.4 / 1.6 = 500
  CHECK(n > 350);
  CHECK(n < 700);
  CHECK(effective_size(std::vector<double>(10, 3.0)) == 10);
  CHECK(effective_size(std::vector<double>{1, 2, 1, 2, 1, 2, 1, 2}) > 6);  // alternating: never more than there are
  CHECK(effective_size(std::vector<double>{1, 2, 1, 2, 1, 2, 1, 2}) <= 8);
}

TEST_CASE("intervals cover the true median as often as they say", "[statistics]") {
  for (const double rho : {0.0, 0.3, 0.6})
    for (const std::size_t n : {40, 120, 480}) {
      int covered = 0;
      for (std::uint64_t s = 0; s < 1000; ++s) {
        const auto x = series(1000 + s, n, rho);
        const auto ci = median_interval(x, 0.95, effective_size(x));
        covered += ci && ci->lo <= 0 && ci->hi >= 0;
      }
      CAPTURE(rho, n, covered);
      CHECK(covered >= 940);
      CHECK(covered <= 985);
    }
}

TEST_CASE("a few rounds have an interval at a family's level, and it covers", "[statistics]") {
  constexpr double kLevel = 1 - 0.05 / 4;  // five members share 5 %
  for (const double rho : {0.0, 0.3}) {
    int covered = 0, given = 0;
    for (std::uint64_t s = 0; s < 2000; ++s) {
      const auto x = series(5000 + s, 15, rho);
      const auto ci = median_interval(x, kLevel, effective_size(x));
      given += ci.has_value();
      covered += ci && ci->lo <= 0 && ci->hi >= 0;
    }
    CAPTURE(rho, covered, given);
    CHECK(given >= 0.9 * 2000);
    CHECK(covered >= 0.98 * given);
  }
  // a walk that never comes back says nothing of its median
  std::vector<double> walk;
  for (int i = 0; i < 15; ++i) walk.push_back(i);
  CHECK_FALSE(median_interval(walk, kLevel, effective_size(walk)));
}
