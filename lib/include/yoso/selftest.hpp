// The harness tried on itself: does it find what is there, and nothing where nothing is?
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include <yoso/timing.hpp>

namespace yoso {

// A clock on which only its members take time: a call of one takes `seconds` times exp(noise * a), where a is a series
// of standard normal numbers with autocorrelation `rho` (AR(1)), one series for all members.
class SimulatedClock final : public Clock {
 public:
  SimulatedClock(std::uint64_t seed, double noise, double rho) : seed_(seed), noise_(noise), rho_(rho) {}
  double wall() override { return now_; }
  double cpu() override { return now_; }
  std::int64_t preemptions() override { return 0; }
  std::function<void()> member(double seconds);

 private:
  double next();
  std::uint64_t seed_, block_ = 0;
  double noise_, rho_, state_ = 0, now_ = 0;
  std::size_t at_ = 0;
  std::vector<float> normals_;
};

// How often the interval of a median holds the true one, over runs that stop by the protocol's own rule.
struct Coverage {
  double rho = 0;
  int runs = 0, covered = 0, without = 0;  // `without` an interval: too few independent samples
  double samples = 0;                      // mean over runs
  double share() const { return runs > without ? static_cast<double>(covered) / (runs - without) : 0; }
};
Coverage simulated_coverage(double rho, int runs, std::uint64_t seed, double noise = 0.03);

// Pairs of one kernel with itself or with a slower one, each pair a group of its own; judged at the level that a row
// gets beside four others (99 %), so that 95 % of groups is a bound that chance will not break.
struct Pairs {
  int groups = 0;
  int different = 0, cpu_different = 0;  // the interval of the ratio of wall time, or of CPU time, leaves 1 out
  int slower = 0, cpu_slower = 0;        // ... upwards
  double ratio = 1, cpu_ratio = 1;       // medians over groups
};
Pairs compare_pairs(int groups, const std::function<void()>& first, const std::function<void()>& second,
                    const Protocol& protocol, Clock& clock);

inline constexpr int kSelfTestComparisons = 5;

}  // namespace yoso
