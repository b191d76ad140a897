#include <yoso/compare.hpp>

#include <cmath>

#include "catch.hpp"

using namespace yoso;

TEST_CASE("compare: a ratio's interval adds logarithmic half-widths in quadrature, each side by itself", "[compare]") {
  const double e = std::exp(1.0);
  // a: 1 in [e^-4, e^3]; b: 2 in [2 e^-4, 2 e^3]: below e^-hypot(4, 3), above e^hypot(3, 4)
  const Value ratio = ratio_of({1, std::pow(e, -4), std::pow(e, 3)}, {2, 2 * std::pow(e, -4), 2 * std::pow(e, 3)});
  CHECK(ratio.median == 2);
  CHECK(*ratio.lo == Approx(2 * std::exp(-5.0)));
  CHECK(*ratio.hi == Approx(2 * std::exp(5.0)));
  CHECK_FALSE(ratio_of({1, {}, {}}, {2, 1.9, 2.1}).lo.has_value());
}

TEST_CASE("compare: times differ only when the whole interval clears the band", "[compare]") {
  const Value a{1, 0.999, 1.001};
  CHECK(time_verdict(a, {1.1, 1.09, 1.11}, 0.02) == "slower");
  CHECK(time_verdict(a, {1.1, 0.99, 1.01}, 0.02) == "slower");  // the median alone was moved
  CHECK(time_verdict(a, {0.9, 0.89, 0.91}, 0.02) == "faster");
  CHECK(time_verdict(a, {1.005, 1.004, 1.006}, 0.02) == "same");
  CHECK(time_verdict(a, {1.03, 1.01, 1.05}, 0.02) == "unclear");
  CHECK(time_verdict(a, {1.1, 1.09, 1.11}, 0.2) == "same");
  CHECK(time_verdict(a, {1.1, 1.0, 1.2}, 0.02) == "unclear");
  CHECK(time_verdict(a, {1.1, 1.09, 1.11}, 0.02, false) == "faster");  // a speed-up
  CHECK(time_verdict({1, {}, {}}, {1.5, {}, {}}, 0.02) == "unclear");
  CHECK(time_verdict({1, {}, {}}, {1, {}, {}}, 0.02) == "same");
  const Value wide{1, 0.5, 2};
  CHECK(time_verdict(wide, wide, 0.02) == "same");  // one measurement, twice
}

TEST_CASE("compare: errors differ when their intervals are disjoint", "[compare]") {
  CHECK(error_verdict("skill", {0.5, 0.4, 0.6}, {0.7, 0.65, 0.8}) == "better");
  CHECK(error_verdict("skill", {0.5, 0.4, 0.6}, {0.3, 0.2, 0.39}) == "worse");
  CHECK(error_verdict("skill", {0.5, 0.4, 0.6}, {0.55, 0.5, 0.7}) == "same");
  CHECK(error_verdict("angle", {0.5, 0.4, 0.6}, {0.7, 0.65, 0.8}) == "worse");
  CHECK(error_verdict("skill", {0.5, {}, {}}, {0.5, {}, {}}) == "same");
  CHECK(error_verdict("skill", {0.5, {}, {}}, {0.5 + 1e-9, {}, {}}) == "same");
  CHECK(error_verdict("skill", {0.5, {}, {}}, {0.49, {}, {}}) == "worse");
  CHECK(error_verdict("own.dq.norm_ratio", {0.8, {}, {}}, {1.5, {}, {}}) == "worse");  // 1 is best
}
