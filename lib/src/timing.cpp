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
    do {
      const double before = clock_.wall();
      call_();
      fastest = std::min(fastest, clock_.wall() - before);
    } while (clock_.wall() - start < protocol_.warm_up);
    timing.inner = fastest >= protocol_.min_sample
                       ? 1
                       : static_cast<std::int64_t>(std::ceil(protocol_.min_sample / std::max(fastest, 1e-9)));
  }

  void sample() {
    const std::int64_t switches = clock_.preemptions();
    const double cpu = clock_.cpu(), wall = clock_.wall();
    for (std::int64_t i = 0; i < timing.inner; ++i) call_();
    const double took = clock_.wall() - wall, worked = clock_.cpu() - cpu;
    const double inner = static_cast<double>(timing.inner);
    // The rule is fixed before any value is seen. With more threads CPU time is a sum and cannot tell.
    const bool preempted = clock_.preemptions() > switches || (protocol_.threads == 1 && worked < 0.98 * took);
    timing.samples.push_back({took / inner, worked / inner, preempted});
  }

  bool precise() {
    summarise();
    return timing.n >= protocol_.min_samples && !timing.noisy;
  }

  void summarise() {
    std::vector<double> clean, all, cpu;
    for (const Sample& s : timing.samples) {
      all.push_back(s.wall);
      cpu.push_back(s.cpu);
      if (!s.preempted) clean.push_back(s.wall);
    }
    const bool mostly_dropped = 2 * clean.size() < all.size();
    const std::vector<double>& used = mostly_dropped ? all : clean;
    timing.n = static_cast<std::int64_t>(used.size());
    timing.dropped = static_cast<std::int64_t>(all.size() - used.size());
    timing.min = quantile(used, 0);
    timing.q1 = quantile(used, 0.25);
    timing.median = median(used);
    timing.q3 = quantile(used, 0.75);
    timing.max = quantile(used, 1);
    timing.cpu_median = median(cpu);
    timing.n_eff = effective_size(used);
    timing.ci = median_interval(used, protocol_.level, timing.n_eff);
    timing.noisy =
        mostly_dropped || !timing.ci || (timing.ci->hi - timing.ci->lo) / 2 > protocol_.rel_ci * timing.median;
  }

  Timing timing;

 private:
  const std::function<void()>& call_;
  const Protocol& protocol_;
  Clock& clock_;
};

}  // namespace

double MachineClock::wall() { return seconds(CLOCK_MONOTONIC); }
double MachineClock::cpu() { return seconds(CLOCK_PROCESS_CPUTIME_ID); }
std::int64_t MachineClock::preemptions() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

std::vector<Timing> measure(const std::vector<std::function<void()>>& calls, const Protocol& protocol, Clock& clock) {
  std::vector<Member> members;
  for (const auto& call : calls) members.emplace_back(call, protocol, clock);
  for (Member& member : members)
    if (!protocol.interrupted()) member.warm_up();

  // Row r of a cyclic Latin square, from a seeded start and in a seeded direction: over a full cycle every member
  // stands at every place equally often.
  const Random random(protocol.seed, stream_of("order"));
  const std::size_t size = members.size();
  const double deadline = clock.wall() + protocol.time_budget * static_cast<double>(size);
  const char* stop = "samples";
  for (int round = 0; round < protocol.max_samples; ++round) {
    if (protocol.interrupted()) {
      stop = "interrupted";
      break;
    }
    const std::size_t cycle = static_cast<std::size_t>(round) / std::max<std::size_t>(1, size);
    const std::size_t start = static_cast<std::size_t>(random.below(2 * cycle, size)) + static_cast<std::size_t>(round);
    const bool backwards = random.below(2 * cycle + 1, 2) == 1;
    for (std::size_t i = 0; i < size; ++i) members[(start + (backwards ? size - i : i)) % size].sample();
    if (clock.wall() >= deadline) {
      stop = "budget";
      break;
    }
    const bool checked_now = round + 1 >= protocol.min_samples && (round + 1) % 5 == 0;
    if (checked_now && std::ranges::all_of(members, [](Member& m) { return m.precise(); })) {
      stop = "ci";
      break;
    }
  }
  std::vector<Timing> timings;
  for (Member& member : members) {
    if (!member.timing.samples.empty()) member.summarise();
    member.timing.stop = stop;
    timings.push_back(std::move(member.timing));
  }
  return timings;
}

Paired pair_with(const Timing& member, const Timing& baseline, double level, std::size_t comparisons) {
  std::vector<double> clean, all;
  for (std::size_t round = 0; round < std::min(member.samples.size(), baseline.samples.size()); ++round) {
    const Sample &a = member.samples[round], &b = baseline.samples[round];
    const double ratio = std::log(a.wall / b.wall);
    all.push_back(ratio);
    if (!a.preempted && !b.preempted) clean.push_back(ratio);
  }
  const std::vector<double>& used = 2 * clean.size() < all.size() ? all : clean;
  Paired paired;
  paired.rounds = static_cast<std::int64_t>(used.size());
  paired.ratio = std::exp(median(used));
  const double shared = 1 - (1 - level) / static_cast<double>(std::max<std::size_t>(1, comparisons));
  paired.ci = median_interval(used, shared, effective_size(used));
  if (paired.ci) paired.ci = Interval{std::exp(paired.ci->lo), std::exp(paired.ci->hi), shared};
  return paired;
}

}  // namespace yoso
