// The timing protocol on a simulated clock: deterministic, no machine involved.
#include <yoso/timing.hpp>

#include <cmath>

#include <yoso/random.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

// Time passes only when a member is called.
class Simulation final : public Clock {
 public:
  double wall() override { return now; }
  double cpu() override { return busy; }
  std::int64_t preemptions() override { return switches; }

  // A member that takes `seconds`, with log-normal noise, under a drift common to all.
  std::function<void()> member(double seconds, double noise, double drift = 0) {
    return [=, this] {
      float n[4];
      Random(9, calls++).normal(std::span<float>(n, 4));
      const double took = seconds * std::exp(noise * static_cast<double>(n[0])) * (1 + drift * now);
      now += took;
      busy += took;
    };
  }

  double now = 0, busy = 0;
  std::int64_t switches = 0;
  std::uint64_t calls = 0;
};

Protocol quick() {
  Protocol p;
  p.time_budget = 1;
  p.rel_ci = 0.02;
  return p;
}

}  // namespace

TEST_CASE("short calls are repeated until a sample is long enough", "[timing]") {
  Simulation clock;
  const auto timings = measure({clock.member(1e-5, 0), clock.member(5e-3, 0)}, quick(), clock);
  CHECK(std::abs(timings[0].inner - 200) <= 1);  // rounding of sums
  CHECK(timings[1].inner == 1);
  CHECK(timings[0].median == Approx(1e-5));
  CHECK(timings[1].median == Approx(5e-3));
}

TEST_CASE("a true ratio is found under drift, because rounds are paired", "[timing]") {
  Simulation clock;
  const auto timings = measure({clock.member(3e-3, 0.05, 0.5), clock.member(3.15e-3, 0.05, 0.5)}, quick(), clock);
  const Paired pair = pair_with(timings[1], timings[0], 0.95, 1);
  REQUIRE(pair.ci);
  CHECK(pair.ratio == Approx(1.05).epsilon(0.02));
  CHECK(pair.ci->lo > 1.0);
  CHECK(pair.ci->hi < 1.1);
}

TEST_CASE("equal members are not called different", "[timing]") {
  int different = 0;
  for (int i = 0; i < 40; ++i) {
    Simulation clock;
    clock.calls = static_cast<std::uint64_t>(100000 * i);
    const auto timings = measure({clock.member(3e-3, 0.1), clock.member(3e-3, 0.1)}, quick(), clock);
    const Paired pair = pair_with(timings[1], timings[0], 0.95, 1);
    REQUIRE(pair.ci);
    different += pair.ci->lo > 1 || pair.ci->hi < 1;
  }
  CHECK(different <= 6);  // of 40 at 5 %: more than 6 once in 10^3
}

TEST_CASE("sampling stops at the width asked for, or at the budget, and says which", "[timing]") {
  Simulation quiet, loud;
  const Timing precise = measure({quiet.member(3e-3, 0.001)}, quick(), quiet)[0];
  CHECK(precise.stop == "ci");
  CHECK_FALSE(precise.noisy);
  CHECK(precise.n >= 20);
  Protocol p = quick();
  p.time_budget = 0.2;
  const Timing rough = measure({loud.member(3e-3, 0.8)}, p, loud)[0];
  CHECK(rough.stop == "budget");
  CHECK(rough.noisy);
  CHECK(loud.now < 1);
}

TEST_CASE("preempted samples are dropped by the rule, and kept when they are most", "[timing]") {
  for (const int every : {4, 1}) {
    Simulation clock;
    int count = 0;
    const auto steady = clock.member(3e-3, 0);
    const auto disturbed = [&] {
      steady();
      if (++count % every == 0) {
        clock.now += 0.1;  // somebody else ran
        ++clock.switches;
      }
    };
    Protocol p = quick();
    p.time_budget = 3;
    const Timing t = measure({disturbed}, p, clock)[0];
    CAPTURE(every);
    if (every == 4) {
      CHECK(t.dropped > 0);
      CHECK(t.median == Approx(3e-3));
      CHECK(t.max == Approx(3e-3));
    } else {
      CHECK(t.dropped == 0);
      CHECK(t.noisy);
      CHECK(t.median == Approx(0.103));
    }
  }
}

TEST_CASE("every member stands at every place of a round", "[timing]") {
  Simulation clock;
  std::vector<int> order;
  std::vector<std::function<void()>> members;
  for (int m = 0; m < 3; ++m)
    members.emplace_back([&, m] {
      order.push_back(m);
      clock.now += 3e-3;
      clock.busy += 3e-3;
    });
  Protocol p = quick();
  p.warm_up = 0;
  p.max_samples = 30;
  p.min_samples = 30;
  measure(members, p, clock);
  int at[3][3] = {};
  for (std::size_t i = 3; i < order.size(); ++i) ++at[order[i]][i % 3];  // the first three are the warm-up
  for (const auto& places : at)
    for (const int count : places) CHECK(count > 0);
}

TEST_CASE("the warm-up goes on until calls take the same time, within its bound", "[timing]") {
  Protocol p = quick();
  p.max_samples = 1;
  Simulation steady;
  const Timing at_once = measure({steady.member(3e-3, 0)}, p, steady)[0];
  CHECK(at_once.settled);
  CHECK(at_once.warm_up == Approx(0.1).epsilon(0.2));

  Simulation clock;
  int calls = 0;
  const auto cooling = [&] {  // fast only after a quarter of a second
    const double took = clock.now < 0.25 ? 3e-3 + 1e-3 * (++calls % 20) : 3e-3;
    clock.now += took;
    clock.busy += took;
  };
  const Timing later = measure({cooling}, p, clock)[0];
  CHECK(later.settled);
  CHECK(later.warm_up > 0.25);
  CHECK(later.warm_up < 0.4);

  Simulation restless;
  const Timing never = measure({restless.member(3e-3, 0.5)}, p, restless)[0];
  CHECK_FALSE(never.settled);
  CHECK(never.warm_up >= 0.4);
  CHECK(never.warm_up < 0.45);
}

TEST_CASE("a call longer than the whole budget is made once, and the others are measured", "[timing]") {
  Simulation clock;
  int calls = 0;
  const auto slow = [&, call = clock.member(5, 0)] {
    ++calls;
    call();
  };
  const auto timings = measure({slow, clock.member(3e-3, 0.001)}, quick(), clock);
  CHECK(calls == 1);
  CHECK(timings[0].stop == "timeout");
  CHECK(timings[0].n == 1);
  CHECK(timings[0].median == 5);
  CHECK(timings[0].noisy);
  CHECK_FALSE(timings[0].ci);
  CHECK(timings[1].stop == "ci");
  const Paired pair = pair_with(timings[0], timings[1], 0.95, 1);
  CHECK(pair.rounds == 1);
  CHECK(pair.ratio == Approx(5 / 3e-3).epsilon(0.01));
  CHECK_FALSE(pair.ci);
  CHECK(measure({slow}, quick(), clock)[0].stop == "timeout");  // nothing else to measure
  CHECK(too_long({2, 2, false}, 1, 1));
  CHECK_FALSE(too_long({2, 0.5, false}, 1, 1));  // others ran meanwhile
  CHECK(too_long({2, 0.5, false}, 1, 2));
  CHECK_FALSE(too_long({0.09, 0.09, false}, 0.01, 1));  // perhaps only cold
}

TEST_CASE("an interrupt ends a sample on the way, and a part of a sample is none", "[timing]") {
  Simulation clock;
  int calls = 0;
  Protocol p = quick();
  p.warm_up = 0;
  p.interrupted = [&] { return calls >= 250; };
  const auto counted = [&, call = clock.member(1e-5, 0)] {
    ++calls;
    call();
  };
  const Timing t = measure({counted}, p, clock)[0];
  CHECK(t.inner == 200);
  CHECK(t.stop == "interrupted");
  CHECK(t.samples.size() == 1);
  CHECK(calls < 270);
  calls = 1000;
  CHECK(measure({counted}, p, clock)[0].samples.empty());
  CHECK(calls == 1000);
}

TEST_CASE("drift is measured, and named when it is beyond noise", "[timing]") {
  Simulation steady, drifting;
  Protocol p = quick();
  p.rel_ci = 1e-6;
  const Timing even = measure({steady.member(3e-3, 0.01)}, p, steady)[0];
  REQUIRE(even.drift);
  CHECK(std::abs(*even.drift) < 0.01);
  CHECK_FALSE(even.drifting);
  const Timing slower = measure({drifting.member(3e-3, 0.001, 0.5)}, p, drifting)[0];
  REQUIRE(slower.drift);
  CHECK(*slower.drift > 0.1);
  CHECK(slower.drifting);
}

TEST_CASE("CPU time has a ratio of its own, which others' work does not touch", "[timing]") {
  Simulation clock;
  const auto baseline = clock.member(3e-3, 0.001), member = clock.member(6e-3, 0.001);
  const auto disturbed = [&] {
    member();
    clock.now += 6e-3;  // somebody else ran, every time
  };
  const auto timings = measure({baseline, disturbed}, quick(), clock);
  const Paired pair = pair_with(timings[1], timings[0], 0.95, 1);
  CHECK(pair.ratio == Approx(4).epsilon(0.01));
  CHECK(pair.cpu_ratio == Approx(2).epsilon(0.01));
  REQUIRE(pair.cpu_ci);
  CHECK(pair.cpu_ci->lo <= pair.cpu_ratio);
  CHECK(pair.cpu_ci->hi >= pair.cpu_ratio);
}
