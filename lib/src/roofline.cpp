#include <yoso/roofline.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace yoso {
namespace {

const Limits* find_limits(const Calibration& calibration, std::string_view isa, bool most_threads) {
  const Limits* found = nullptr;
  for (const Limits& l : calibration.limits)
    if (l.isa == isa && (!found || (most_threads ? l.threads > found->threads : l.threads < found->threads)))
      found = &l;
  return found;
}

// Rates with any number of threads, from those of one thread and of all.
struct Rates {
  const Limits &one, &all;
  double threads;

  double at(double with_one, double with_all) const {
    if (threads >= all.threads) return with_all;
    const double scaled = with_one * threads / one.threads;
    return threads > one.threads ? std::min(scaled, with_all) : scaled;
  }
  double fma() const { return at(one.fma, all.fma); }
  double add() const { return at(one.add, all.add); }
  double exp() const { return at(one.exp, all.exp); }

  struct Level {
    const std::string& name;
    double read, update;
  };
  // The first level that holds `bytes`.
  Level level(double bytes, bool shared_out) const {
    std::size_t found = one.levels.size() - 1;
    for (std::size_t i = 0; i + 1 < one.levels.size(); ++i) {
      const double copies = shared_out ? std::ceil(threads / std::max(1, one.levels[i].shared_by)) : 1;
      if (one.levels[i].capacity && bytes <= copies * static_cast<double>(*one.levels[i].capacity)) {
        found = i;
        break;
      }
    }
    const LevelRate& a = one.levels[found];
    const LevelRate& b = all.levels[std::min(found, all.levels.size() - 1)];
    return {a.level, at(a.read, b.read), at(a.update, b.update)};
  }
};

// Seconds for `amount` at `rate`; nothing to do takes no time, whatever the rate.
double seconds(double amount, double rate) { return amount > 0 && rate > 0 ? amount / rate : 0; }

}  // namespace

std::optional<Roofline> roofline(const Work& work, const Calibration& calibration, int threads, std::string_view isa) {
  const Limits* one = find_limits(calibration, isa, false);
  const Limits* all = find_limits(calibration, isa, true);
  if (!one || one->levels.empty() || all->levels.empty()) return std::nullopt;
  const Rates rates{*one, *all, static_cast<double>(std::max(1, threads))};

  std::vector<Stage> stages = work.stages;
  if (stages.empty()) stages.push_back({.phase = "all", .fused = work.flops});
  double sum = 0;
  std::map<std::string, double> waits;  // seconds by limit
  for (const Stage& s : stages) {
    const double fused = seconds(s.fused, rates.fma()), adds = seconds(s.adds, rates.add()),
                 exps = seconds(s.exponentials, rates.exp());
    const Rates::Level level = rates.level(s.footprint, false);
    const double moving = seconds(s.reads, level.read) + seconds(s.updates, level.update),
                 computing = fused + adds + exps;
    sum += std::max(moving, computing);
    if (moving > computing) {
      waits[level.name] += moving;
    } else {
      waits["fma"] += fused;
      waits["add"] += adds;
      waits["exp"] += exps;
    }
  }
  const Rates::Level level = rates.level(work.bytes, true);
  const double once = seconds(work.bytes, std::max(level.read, level.update));
  if (!(std::max(sum, once) > 0)) return std::nullopt;
  if (once > sum) return Roofline{once, level.name};
  const auto most = std::ranges::max_element(waits, {}, [](const auto& wait) { return wait.second; });
  return Roofline{sum, most->first};
}

}  // namespace yoso
