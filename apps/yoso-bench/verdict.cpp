#include "verdict.hpp"

#include <fmt/format.h>

#include <cmath>

namespace yoso::app {
namespace {

constexpr double kZero = 0.0005;  // a skill that prints as 0.000

// A row that can be compared: medians with intervals. A time without an interval may be anything.
struct Standing {
  double time, time_lo, time_hi;
  double skill, skill_lo, skill_hi;
};

std::optional<Standing> standing(const Point& p) {
  if (!p.speed || !p.speed->paired || !p.error || !p.error->total) return std::nullopt;
  const auto skill = (*p.error->total)["skill"];
  if (!skill) return std::nullopt;
  const Paired& pair = *p.speed->paired;
  const Interval time = pair.ci.value_or(Interval{0, INFINITY, 0});
  return Standing{pair.ratio,
                  time.lo,
                  time.hi,
                  skill->median,
                  skill->lo.value_or(skill->median),
                  skill->hi.value_or(skill->median)};
}

// Not slower, not less skilful, and better in one of the two beyond both intervals.
bool dominates(const Standing& x, const Standing& y) {
  const bool no_worse = x.time <= y.time && x.skill >= y.skill;
  return no_worse && (x.time_hi < y.time_lo || x.skill_lo > y.skill_hi);
}

std::string called(const Group& g, std::size_t i) {
  const std::string setting = setting_text(g.members[i]);
  return setting.empty() ? std::string(g.members[i].method->name)
                         : fmt::format("{} ({})", g.members[i].method->name, setting);
}

}  // namespace

void give_verdicts(const Group& g, std::vector<Point>& points) {
  std::vector<std::optional<Standing>> standings;
  for (const Point& p : points) standings.push_back(standing(p));
  for (std::size_t i = 0; i < points.size(); ++i) {
    Point& p = points[i];
    const Member& m = g.members[i];
    if (!standings[i]) {
      p.verdict =
          p.status == Status::ok || p.status == Status::noisy
              ? m.method->shares_qk ? "not comparable: needs shared Q and K" : "not comparable: no estimate of softmax"
              : fmt::format("{}: {}", name(p.status), p.reason);
      continue;
    }
    const Standing& mine = *standings[i];
    if (mine.skill_hi < -kZero || (mine.skill_lo < kZero && mine.skill_hi > -kZero)) {
      p.verdict = mine.skill_hi < -kZero ? "worse than no attention" : "no better than no attention";
      continue;
    }
    // of all that dominate it, the most skilful
    std::optional<std::size_t> by;
    for (std::size_t j = 0; j < points.size(); ++j)
      if (j != i && standings[j] && dominates(*standings[j], mine) &&
          (!by || standings[j]->skill > standings[*by]->skill))
        by = j;
    p.verdict = by ? "dominated by " + called(g, *by) : "frontier";
  }
}

}  // namespace yoso::app
