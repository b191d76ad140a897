// Interleaved timing: all methods of a group run once a round, in a seeded Latin-square order, so that drift of the
// machine hits them alike, and ratios are taken round by round (CLI design, section 2).
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <yoso/device.hpp>
#include <yoso/statistics.hpp>

namespace yoso {

// Where time comes from: the machine, or a simulation in tests.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual double wall() = 0;               // seconds, monotonic
  virtual double cpu() = 0;                // seconds of CPU time of this process
  virtual std::int64_t preemptions() = 0;  // involuntary context switches of this process
};

class MachineClock final : public Clock {
 public:
  double wall() override;
  double cpu() override;
  std::int64_t preemptions() override;
};

// A device's clock. CPU time is the same there: nothing else runs on it that could be told apart.
class DeviceClock final : public Clock {
 public:
  explicit DeviceClock(Device& device) : device_(device) {}
  double wall() override { return device_.seconds(); }
  double cpu() override { return device_.seconds(); }
  std::int64_t preemptions() override { return 0; }

 private:
  Device& device_;
};

struct Protocol {
  double time_budget = 1.0;  // seconds for each member of the group; three times that where intervals need it
  double rel_ci = 0.01;      // stop early when every member's relative half-width is at most this
  int min_samples = 20;      // ... and has this many samples
  int max_samples = 1000;
  double min_sample = 2e-3;  // seconds: short calls are repeated until a sample takes this long
  double warm_up = 0.1;      // seconds of warm-up for each member, at least one call; then on, up to four times as
                             // long, until the medians of the last three tenths of it agree within 2 %
  double level = 0.95;
  int threads = 1;  // decides which samples count as preempted
  std::uint64_t seed = 1;
  // Before every sample, outside of what is timed. A sample is then a single call: the next one would find the caches
  // that this was to empty filled again.
  std::function<void()> before_sample = {};
  std::function<bool()> interrupted = [] { return false; };  // asked often: end with what there is
};

struct Sample {
  double wall = 0, cpu = 0;  // seconds for one call (already divided by the inner repetitions)
  bool preempted = false;
};

// All in seconds for one call.
struct Timing {
  std::int64_t n = 0, dropped = 0, inner = 1;
  double min = 0, q1 = 0, median = 0, q3 = 0, max = 0, cpu_median = 0;
  double n_eff = 0;
  std::optional<Interval> ci;   // of the median; nothing when there are too few samples
  std::string stop;             // "ci", "budget", "samples", "interrupted" or "timeout": why sampling ended
  double warm_up = 0;           // how long that took in all
  bool settled = false;         // whether the warm-up ended because calls took the same time
  std::optional<double> drift;  // median of the last third of the samples over that of the first third, less 1
  bool drifting = false;        // the middle halves of these thirds lie more than 2 % of the median apart
  bool noisy = true;            // the interval is wider than asked for, or most samples were preempted
  std::vector<Sample> samples;  // in the order taken
};

// Time of one member over time of the baseline, from the rounds both have clean samples in.
struct Paired {
  std::int64_t rounds = 0;
  double ratio = 1;
  double cpu_ratio = 1;  // of CPU time of the process, over all rounds: says something when wall time does not
  std::optional<Interval> cpu_ci;
  std::optional<Interval> ci;  // level shared over the group (Bonferroni), so that a whole table holds at `level`
};

// Runs every member until it is measured well enough. A member makes one call each time it is invoked.
// A member whose first call is too_long() is not called again: that call is its only sample.
std::vector<Timing> measure(const std::vector<std::function<void()>>& members, const Protocol& protocol, Clock& clock);

// Whether one call took longer than the whole budget. With one thread CPU time counts where it is less, and below a
// tenth of a second a call proves nothing: it may have been a cold one.
bool too_long(const Sample& call, double time_budget, int threads);

// What is known after one call that took longer than the budget: stop is "timeout".
Timing timed_out(const Sample& call);

Paired pair_with(const Timing& member, const Timing& baseline, double level, std::size_t comparisons);

}  // namespace yoso
