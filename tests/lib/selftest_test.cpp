// What `env --self-test` does on a machine, on a simulated clock: the same numbers everywhere.
#include <yoso/selftest.hpp>

#include <cmath>

#include "catch.hpp"

using namespace yoso;

TEST_CASE("self-test: the simulated clock has the autocorrelation it is asked for", "[selftest]") {
  for (const double rho : {0.0, 0.6}) {
    SimulatedClock clock(3, 0.1, rho);
    const auto call = clock.member(1);
    std::vector<double> logs;
    for (int i = 0; i < 4000; ++i) {
      const double before = clock.wall();
      call();
      logs.push_back(std::log(clock.wall() - before) / 0.1);
    }
    double square = 0, lagged = 0;
    for (std::size_t i = 1; i < logs.size(); ++i) {
      square += logs[i] * logs[i];
      lagged += logs[i] * logs[i - 1];
    }
    CAPTURE(rho);
    CHECK(square / 4000 == Approx(1).epsilon(0.1));
    CHECK(lagged / square == Approx(rho).margin(0.05));
  }
}

TEST_CASE("self-test: intervals hold the truth in 94 to 98 of 100 runs that stop by the protocol's rule",
          "[selftest]") {
  for (const double rho : {0.0, 0.3, 0.6})
    for (const double noise : {0.01, 0.02}) {
      const Coverage c = simulated_coverage(rho, 1000, 77, noise);
      CAPTURE(rho, noise, c.share(), c.samples);
      CHECK(c.without == 0);
      CHECK(c.samples >= 20);
      CHECK(c.share() >= 0.94);
      CHECK(c.share() <= 0.98);
    }
}

TEST_CASE("self-test: a kernel is not called different from itself, and 5 % more of it is found", "[selftest]") {
  Protocol protocol;
  protocol.time_budget = 0.5;
  protocol.warm_up = 0;
  for (const double rho : {0.0, 0.6}) {
    SimulatedClock clock(11, 0.03, rho);
    const Pairs equal = compare_pairs(100, clock.member(3e-3), clock.member(3e-3), protocol, clock);
    const Pairs slower = compare_pairs(20, clock.member(3e-3), clock.member(3.15e-3), protocol, clock);
    CAPTURE(rho, equal.different, slower.slower);
    CHECK(equal.groups == 100);
    CHECK(equal.different <= 5);
    CHECK(equal.different == equal.cpu_different);  // on this clock they are the same
    CHECK(slower.slower == 20);
    CHECK(slower.different == slower.slower);
    CHECK(slower.ratio == Approx(1.05).epsilon(0.01));
  }
}
