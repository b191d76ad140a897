#include <yoso/timing.hpp>

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cmath>

#include <yoso/random.hpp>

namespace yoso {
namespace {

double seconds(clockid_t which) {
  timespec t{};
  clock_gettime(which, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

class Member {
 public:
  Member(const std::function<void()>& call, const Protocol& protocol, Clock& clock)
      : call_(call), protocol_(protocol), clock_(clock) {}

  // Warms caches and branch predictors up, and finds how many calls make a sample long enough for the clock.
  void warm_up() {
    const double start = clock_.wall();
    double fastest = INFINITY;
    std::vector<double> windows;
    do {
      const double opened = clock_.wall();
      std::vector<double> calls;
      do {
        const double cpu = clock_.cpu(), before = clock_.wall();
        call_();
        const double took = clock_.wall() - before, worked = clock_.cpu() - cpu;
        const Sample whole{took, worked, false};
        if (windows.empty() && calls.empty() && too_long(whole, protocol_.time_budget, protocol_.threads)) {
          timing = timed_out(whole);
          timing.warm_up = took;
          return;
        }
        fastest = std::min(fastest, took);
        calls.push_back(protocol_.threads == 1 ? worked : took);  // with more threads CPU time includes waiting
      } while (clock_.wall() - opened < protocol_.warm_up / 10 && !protocol_.interrupted());
      windows.push_back(median(calls));
      timing.settled = agree(windows);
      timing.warm_up = clock_.wall() - start;
    } while (!protocol_.interrupted() && timing.warm_up < (timing.settled ? 1 : 4) * protocol_.warm_up);
    timing.inner = fastest >= protocol_.min_sample || protocol_.before_sample
                       ? 1
                       : static_cast<std::int64_t>(std::ceil(protocol_.min_sample / std::max(fastest, 1e-9)));
  }

  // False when interrupted on the way: a part of a sample is none.
  bool sample() {
    if (protocol_.before_sample) protocol_.before_sample();
    const std::int64_t switches = clock_.preemptions();
    const double cpu = clock_.cpu(), wall = clock_.wall();
    for (std::int64_t i = 0; i < timing.inner; ++i) {
      if (i % 16 == 15 && protocol_.interrupted()) return false;
      call_();
    }
    const double took = clock_.wall() - wall, worked = clock_.cpu() - cpu;
    const double inner = static_cast<double>(timing.inner);
    // The rule is fixed before any value is seen. With more threads CPU time is a sum and cannot tell.
    const bool preempted = clock_.preemptions() > switches || (protocol_.threads == 1 && worked < 0.98 * took);
    timing.samples.push_back({took / inner, worked / inner, preempted});
    return true;
  }

  bool timed_out_already() const { return timing.stop == "timeout"; }

  // Asked while sampling goes on, so it works out no more than the answer needs.
  bool precise() {
    judge();
    return timing.n >= protocol_.min_samples && !timing.noisy;
  }

  void summarise() {
    const std::vector<double> used = judge();
    std::vector<double> cpu;
    for (const Sample& s : timing.samples) cpu.push_back(s.cpu);
    timing.min = quantile(used, 0);
    timing.q1 = quantile(used, 0.25);
    timing.q3 = quantile(used, 0.75);
    timing.max = quantile(used, 1);
    timing.cpu_median = median(cpu);
    if (const std::size_t third = used.size() / 3; third >= 4) {
      const std::span<const double> in_order(used);
      const auto first = in_order.first(third), last = in_order.last(third);
      timing.drift = median(last) / median(first) - 1;
      const double apart =
          std::max(quantile(last, 0.25) - quantile(first, 0.75), quantile(first, 0.25) - quantile(last, 0.75));
      timing.drifting = apart > 0.02 * timing.median;
    }
  }

  Timing timing;

 private:
  // Median and interval of the samples that count, which it returns in order.
  std::vector<double> judge() {
    std::vector<double> clean, all;
    for (const Sample& s : timing.samples) {
      all.push_back(s.wall);
      if (!s.preempted) clean.push_back(s.wall);
    }
    const bool mostly_dropped = 2 * clean.size() < all.size();
    std::vector<double> used = std::move(mostly_dropped ? all : clean);
    timing.n = static_cast<std::int64_t>(used.size());
    timing.dropped = static_cast<std::int64_t>(timing.samples.size() - used.size());
    timing.median = median(used);
    timing.n_eff = effective_size(used);
    timing.ci = median_interval(used, protocol_.level, timing.n_eff);
    timing.noisy =
        mostly_dropped || !timing.ci || (timing.ci->hi - timing.ci->lo) / 2 > protocol_.rel_ci * timing.median;
    return used;
  }

  static bool agree(const std::vector<double>& windows) {
    if (windows.size() < 3) return false;
    const auto [least, most] = std::minmax({windows[windows.size() - 3], windows[windows.size() - 2], windows.back()});
    return most <= 1.02 * least;
  }

  const std::function<void()>& call_;
  const Protocol& protocol_;
  Clock& clock_;
};

}  // namespace

double MachineClock::wall() { return seconds(CLOCK_MONOTONIC); }
double MachineClock::cpu() { return seconds(CLOCK_PROCESS_CPUTIME_ID); }
std::int64_t MachineClock::preemptions() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);  // of all threads: a region waits for the last of them
  return usage.ru_nivcsw;
}

namespace {

// Rounds below which no interval exists for ratios that share a level over so many members, and as many to spare,
// because rounds that resemble their neighbours count for less, and preempted ones not at all.
int least_rounds(const Protocol& protocol, std::size_t members) {
  const double missed = (1 - protocol.level) / static_cast<double>(std::max<std::size_t>(2, members) - 1);
  return static_cast<int>(std::ceil(2 * std::log2(2 / missed)));
}

}  // namespace

std::vector<Timing> measure(const std::vector<std::function<void()>>& calls, const Protocol& protocol, Clock& clock) {
  std::vector<Member> members;
  for (const auto& call : calls) members.emplace_back(call, protocol, clock);
  std::vector<Member*> running;
  for (Member& member : members) {
    if (protocol.interrupted()) break;
    member.warm_up();
    if (!member.timed_out_already()) running.push_back(&member);
  }

  // Row r of a cyclic Latin square, from a seeded start and in a seeded direction: over a full cycle every member
  // stands at every place equally often.
  const Random random(protocol.seed, stream_of("order"));
  const std::size_t size = running.size();
  const double budget = protocol.time_budget * static_cast<double>(size);
  const double deadline = clock.wall() + budget;
  const int least = least_rounds(protocol, size);
  const char* stop = "samples";
  for (int round = 0; size > 0 && round < protocol.max_samples; ++round) {
    if (protocol.interrupted()) {
      stop = "interrupted";
      break;
    }
    const std::size_t cycle = static_cast<std::size_t>(round) / size;
    const std::size_t start = static_cast<std::size_t>(random.below(2 * cycle, size)) + static_cast<std::size_t>(round);
    const bool backwards = random.below(2 * cycle + 1, 2) == 1;
    bool whole = true;
    for (std::size_t i = 0; whole && i < size; ++i)
      whole = running[(start + (backwards ? size - i : i)) % size]->sample() && !protocol.interrupted();
    if (!whole) {
      stop = "interrupted";
      break;
    }
    // long calls may take two more budgets to have intervals at all
    if (clock.wall() >= deadline + (round + 1 < least ? 2 * budget : 0)) {
      stop = "budget";
      break;
    }
    const bool checked_now = round + 1 >= protocol.min_samples && (round + 1) % 5 == 0;
    if (checked_now && std::ranges::all_of(running, [](Member* m) { return m->precise(); })) {
      stop = "ci";
      break;
    }
  }
  std::vector<Timing> timings;
  for (Member& member : members) {
    if (!member.timed_out_already()) {
      if (!member.timing.samples.empty()) member.summarise();
      member.timing.stop = stop;
    }
    timings.push_back(std::move(member.timing));
  }
  return timings;
}

bool too_long(const Sample& call, double time_budget, int threads) {
  return (threads == 1 ? std::min(call.wall, call.cpu) : call.wall) > std::max(time_budget, 0.1);
}

Timing timed_out(const Sample& call) {
  Timing t;
  t.n = 1;
  t.min = t.q1 = t.median = t.q3 = t.max = call.wall;
  t.cpu_median = call.cpu;
  t.n_eff = 1;
  t.stop = "timeout";
  t.samples = {call};
  return t;
}

Paired pair_with(const Timing& member, const Timing& baseline, double level, std::size_t comparisons) {
  std::vector<double> clean, all, cpu;
  for (std::size_t round = 0; round < std::min(member.samples.size(), baseline.samples.size()); ++round) {
    const Sample &a = member.samples[round], &b = baseline.samples[round];
    const double ratio = std::log(a.wall / b.wall);
    all.push_back(ratio);
    if (a.cpu > 0 && b.cpu > 0) cpu.push_back(std::log(a.cpu / b.cpu));
    if (!a.preempted && !b.preempted) clean.push_back(ratio);
  }
  const std::vector<double>& used = 2 * clean.size() < all.size() ? all : clean;
  Paired paired;
  paired.rounds = static_cast<std::int64_t>(used.size());
  paired.ratio = std::exp(median(used));
  const double shared = 1 - (1 - level) / static_cast<double>(std::max<std::size_t>(1, comparisons));
  const auto interval = [shared](const std::vector<double>& logs) -> std::optional<Interval> {
    const auto ci = median_interval(logs, shared, effective_size(logs));
    if (!ci) return std::nullopt;
    return Interval{std::exp(ci->lo), std::exp(ci->hi), shared};
  };
  paired.ci = interval(used);
  if (!cpu.empty()) {
    paired.cpu_ratio = std::exp(median(cpu));
    paired.cpu_ci = interval(cpu);
  }
  return paired;
}

}  // namespace yoso
