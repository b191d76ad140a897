// env --self-test: the harness measures itself, on this machine and on a simulated clock.
#include <fmt/format.h>

#include <yoso/selftest.hpp>

#include "../bench.hpp"
#include "primitives/primitives.hpp"

namespace yoso::app {
namespace {

constexpr int kEqualGroups = 40, kSlowedGroups = 10, kRuns = 1000;
constexpr double kLeast = 0.94, kMost = 0.98;  // of runs whose interval holds the truth

const char* verdict(bool good) { return good ? "ok" : "FAILED"; }

// Some 0.2 ms of work in registers; a multiple of 20 rounds, so that 5 % more of them is exact.
std::int64_t rounds_of_a_call(const Primitives& p, Clock& clock) {
  for (std::int64_t rounds = 200;; rounds *= 2) {
    const double before = clock.cpu();
    p.multiply_adds(rounds);
    if (clock.cpu() - before >= 2e-4) return rounds;
  }
}

bool pairs_on_this_machine(std::string& text) {
  const Primitives& p = primitives(default_isa());
  MachineClock clock;
  const std::int64_t rounds = rounds_of_a_call(p, clock);
  volatile double kept = 0;
  const std::function<void()> kernel = [&] { kept = p.multiply_adds(rounds); };
  const std::function<void()> slowed = [&] { kept = p.multiply_adds(rounds / 20 * 21); };
  Protocol protocol;
  protocol.time_budget = 0.3;
  protocol.warm_up = 0.01;
  protocol.min_sample = 1e-3;
  protocol.interrupted = interrupted;
  const Pairs equal = compare_pairs(kEqualGroups, kernel, kernel, protocol, clock);
  // a busy machine needs more rounds to see 5 %: of 20, those in which neither sample was preempted may be a dozen
  protocol.time_budget = 1;
  protocol.min_samples = 60;
  const Pairs slower = compare_pairs(kSlowedGroups, kernel, slowed, protocol, clock);
  const bool same = equal.groups == kEqualGroups && 20 * equal.different <= equal.groups;
  const bool found = slower.groups == kSlowedGroups && slower.slower == slower.groups;
  Table table(
      {"on this machine", "groups", "wanted", "by wall time", "median ratio", "by CPU time", "median ratio", ""}, 1);
  table.row({"a kernel and itself: not different", fmt::format("{}", equal.groups), ">= 95 %",
             fmt::format("{}", equal.groups - equal.different), fmt::format("{:.4f}", equal.ratio),
             fmt::format("{}", equal.groups - equal.cpu_different), fmt::format("{:.4f}", equal.cpu_ratio),
             verdict(same)});
  table.row({"a kernel and 5 % more of it: slower", fmt::format("{}", slower.groups), "all",
             fmt::format("{}", slower.slower), fmt::format("{:.4f}", slower.ratio),
             fmt::format("{}", slower.cpu_slower), fmt::format("{:.4f}", slower.cpu_ratio), verdict(found)});
  text += table.text() + "\n";
  return same && found;
}

bool coverage_of_intervals(std::string& text) {
  Table table({"simulated: intervals that hold the truth", "runs", "wanted", "covered", "mean samples", ""}, 1);
  bool all = true;
  for (const double rho : {0.0, 0.2, 0.4, 0.6}) {
    if (interrupted()) return false;
    const Coverage c = simulated_coverage(rho, kRuns, 1);
    const bool good = c.share() >= kLeast && c.share() <= kMost;
    table.row({fmt::format("autocorrelation {:.1f}", rho), fmt::format("{}", c.runs), "94..98 %",
               fmt::format("{:.1f} %", 100 * c.share()), fmt::format("{:.0f}", c.samples), verdict(good)});
    all &= good;
  }
  text += table.text() + "\n";
  return all;
}

}  // namespace

int run_self_test(const Options& o) {
  if (o.json) throw BadSetting("--json cannot be given with --self-test, which prints a table");
  catch_interrupts();
  for (const Warning& w : warnings_of(this_environment(), this_build()))
    fmt::print(stderr, "warning {}: {}\n", w.code, w.message);
  std::string text;
  const bool machine = pairs_on_this_machine(text), simulation = coverage_of_intervals(text);
  fmt::print("{}", text);
  if (interrupted()) return 130;
  if (!simulation) fmt::print("The statistics do not keep their promise: this is a fault of the program.\n");
  if (!machine)
    fmt::print("Wall times of this machine, as it is now, do not tell 5 % from noise: wait until it is quiet.\n");
  if (machine && simulation) fmt::print("The harness finds 5 %, and nothing where nothing is.\n");
  return machine && simulation ? 0 : 1;
}

}  // namespace yoso::app
