#include <yoso/launches.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace yoso {
namespace {

// Every launch's value of one quantity.
template <class F>
std::vector<double> gather(const std::vector<const Point*>& launches, F value) {
  std::vector<double> values;
  for (const Point* p : launches) values.push_back(value(*p));
  return values;
}

Timing over_launches(const std::vector<const Point*>& launches, double rel_ci) {
  const auto all = [&](auto member) {
    return gather(launches, [&](const Point& p) { return static_cast<double>(p.speed->timing.*member); });
  };
  const auto sum = [&](auto member) {
    double total = 0;
    for (const double value : all(member)) total += value;
    return total;
  };
  Timing t = launches.front()->speed->timing;
  t.n = static_cast<std::int64_t>(sum(&Timing::n));
  t.dropped = static_cast<std::int64_t>(sum(&Timing::dropped));
  t.n_eff = sum(&Timing::n_eff);
  t.min = std::ranges::min(all(&Timing::min));
  t.max = std::ranges::max(all(&Timing::max));
  t.q1 = median(all(&Timing::q1));
  t.median = median(all(&Timing::median));
  t.q3 = median(all(&Timing::q3));
  t.cpu_median = median(all(&Timing::cpu_median));
  t.ci = launch_interval(all(&Timing::median));
  t.noisy = !t.ci || (t.ci->hi - t.ci->lo) / 2 > rel_ci * t.median;
  t.warm_up = sum(&Timing::warm_up);
  t.settled = std::ranges::all_of(launches, [](const Point* p) { return p->speed->timing.settled; });
  t.drift.reset();  // of one process
  t.samples.clear();
  for (const Point* p : launches) {
    const Timing& one = p->speed->timing;
    t.samples.insert(t.samples.end(), one.samples.begin(), one.samples.end());
    if (one.stop != "ci") t.stop = one.stop;
  }
  return t;
}

Point combine_row(const std::vector<const Point*>& launches, double rel_ci) {
  // what went well elsewhere is not shown: a row that fails sometimes has failed
  for (std::size_t i = 0; i < launches.size(); ++i) {
    const Point& p = *launches[i];
    const bool measured = p.status == Status::ok || p.status == Status::noisy;
    if (measured || (p.status == launches.front()->status && p.status != Status::wrong)) continue;
    Point failed = p;
    failed.reason = fmt::format("launch {}: {}", i + 1, p.reason);
    return failed;
  }
  Point row = *launches.front();
  if (row.predicted)
    row.predicted->seconds = median(gather(launches, [](const Point& p) { return p.predicted->seconds; }));
  if (!row.speed) return row;
  SpeedResult& speed = *row.speed;
  speed.timing = over_launches(launches, rel_ci);
  speed.launches.clear();
  std::vector<double> ratios, cpu_ratios;
  std::int64_t rounds = 0;
  for (const Point* p : launches) {
    Launch launch{p->speed->timing.median, {}};
    if (p->speed->paired) {
      launch.ratio = p->speed->paired->ratio;
      ratios.push_back(*launch.ratio);
      cpu_ratios.push_back(p->speed->paired->cpu_ratio);
      rounds += p->speed->paired->rounds;
    }
    speed.launches.push_back(launch);
  }
  if (ratios.size() == launches.size()) {
    speed.paired->rounds = rounds;
    speed.paired->ratio = median(ratios);
    speed.paired->ci = launch_interval(ratios);
    speed.paired->cpu_ratio = median(cpu_ratios);
    speed.paired->cpu_ci = launch_interval(cpu_ratios);
  } else {
    speed.paired.reset();
  }
  for (auto& [phase, seconds] : speed.phases) {
    std::vector<double> values;
    for (const Point* p : launches) {
      const auto same = std::ranges::find(p->speed->phases, phase, &std::pair<std::string, double>::first);
      if (same != p->speed->phases.end()) values.push_back(same->second);
    }
    seconds = median(values);
  }
  speed.phase_total = median(gather(launches, [](const Point& p) { return p.speed->phase_total; }));
  const bool measured = row.status == Status::ok || row.status == Status::noisy;
  if (measured) row.status = speed.timing.noisy ? Status::noisy : Status::ok;
  for (const Point* p : launches) {
    if (!row.check || !p->check) continue;
    row.check->passed &= p->check->passed;
    row.check->rechecked &= p->check->rechecked;
    if (p->check->gradients) row.check->gradients = std::max(*p->check->gradients, row.check->gradients.value_or(0));
    if (p->check->max_abs > row.check->max_abs) {
      row.check->max_abs = p->check->max_abs;
      row.check->tolerance = p->check->tolerance;
    }
  }
  return row;
}

}  // namespace

std::optional<Interval> launch_interval(std::span<const double> values, double level) {
  const int n = static_cast<int>(values.size());
  if (n < 2) return std::nullopt;
  std::vector<double> x(values.begin(), values.end());
  std::ranges::sort(x);
  // [x(k), x(n-k+1)] misses the median with probability 2 P(Bin(n, 1/2) < k)
  double term = std::ldexp(1.0, -n), missed = 2 * term;
  int k = 1;
  while (2 * (k + 1) <= n) {
    term *= static_cast<double>(n - k + 1) / k;
    if (missed + 2 * term > 1 - level) break;
    missed += 2 * term;
    ++k;
  }
  return Interval{x[static_cast<std::size_t>(k - 1)], x[static_cast<std::size_t>(n - k)], 1 - missed};
}

std::vector<Point> combine(const std::vector<LaunchReport>& launches, double rel_ci) {
  std::vector<Point> rows;
  if (launches.empty()) return rows;
  for (std::size_t row = 0; row < launches.front().points.size(); ++row) {
    std::vector<const Point*> same;
    for (const LaunchReport& launch : launches) {
      if (launch.points.size() != launches.front().points.size() ||
          launch.points[row].id != launches.front().points[row].id)
        throw std::logic_error("launches differ in their rows");
      same.push_back(&launch.points[row]);
    }
    rows.push_back(combine_row(same, rel_ci));
  }
  return rows;
}

}  // namespace yoso
