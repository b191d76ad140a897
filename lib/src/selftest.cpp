#include <yoso/selftest.hpp>

#include <cmath>

#include <yoso/random.hpp>

namespace yoso {

double SimulatedClock::next() {
  if (at_ == normals_.size()) {
    normals_.resize(512);
    Random(seed_, stream_of("simulated clock", block_++)).normal(normals_);
    at_ = 0;
    if (block_ == 1) state_ = static_cast<double>(normals_[at_++]);  // as if it had always run
  }
  state_ = rho_ * state_ + std::sqrt(1 - rho_ * rho_) * static_cast<double>(normals_[at_++]);
  return state_;
}

std::function<void()> SimulatedClock::member(double seconds) {
  return [this, seconds] { now_ += seconds * std::exp(noise_ * next()); };
}

Coverage simulated_coverage(double rho, int runs, std::uint64_t seed, double noise) {
  constexpr double kTruth = 3e-3;  // seconds: a call is a sample
  Protocol protocol;
  protocol.time_budget = 10;
  protocol.max_samples = 400;
  protocol.warm_up = 0;
  Coverage c;
  c.rho = rho;
  c.runs = runs;
  for (int run = 0; run < runs; ++run) {
    SimulatedClock clock(seed + static_cast<std::uint64_t>(run), noise, rho);
    const Timing t = measure({clock.member(kTruth)}, protocol, clock)[0];
    c.samples += static_cast<double>(t.n) / runs;
    c.without += !t.ci;
    c.covered += t.ci && t.ci->lo <= kTruth && kTruth <= t.ci->hi;
  }
  return c;
}

Pairs compare_pairs(int groups, const std::function<void()>& first, const std::function<void()>& second,
                    const Protocol& protocol, Clock& clock) {
  Pairs pairs;
  std::vector<double> ratios, cpu_ratios;
  for (int group = 0; group < groups && !protocol.interrupted(); ++group) {
    Protocol mine = protocol;
    mine.seed = protocol.seed + static_cast<std::uint64_t>(group);
    const std::vector<Timing> timings = measure({first, second}, mine, clock);
    if (timings[0].samples.empty() || timings[1].samples.empty()) break;
    const Paired p = pair_with(timings[1], timings[0], protocol.level, kSelfTestComparisons);
    const auto out = [](const std::optional<Interval>& ci) { return ci && (ci->lo > 1 || ci->hi < 1); };
    ++pairs.groups;
    pairs.different += out(p.ci);
    pairs.cpu_different += out(p.cpu_ci);
    pairs.slower += p.ci && p.ci->lo > 1;
    pairs.cpu_slower += p.cpu_ci && p.cpu_ci->lo > 1;
    ratios.push_back(p.ratio);
    cpu_ratios.push_back(p.cpu_ratio);
  }
  if (!ratios.empty()) {
    pairs.ratio = median(ratios);
    pairs.cpu_ratio = median(cpu_ratios);
  }
  return pairs;
}

}  // namespace yoso
