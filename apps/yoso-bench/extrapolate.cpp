#include "extrapolate.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace yoso::app {
namespace {

bool quadratic(const Member& m, const Shape& shape, const std::string& pass) {
  const auto here = work_of(*m.method, shape, m.settings, pass);
  if (!here) return false;
  Shape twice = shape;
  twice.n_q *= 2;
  twice.n_k *= 2;
  Settings there(m.settings.knobs(), twice);
  for (const Knob& knob : m.settings.knobs()) there.set(knob.name, m.settings.asked(knob.name));
  return work_of(*m.method, twice, there, pass)->flops > 3 * here->flops;
}

bool same_but_for_length(const Point& a, const Point& b) {
  Shape there = a.shape;
  there.n_q = b.shape.n_q;
  there.n_k = b.shape.n_k;
  const bool same_series = std::ranges::any_of(
      a.series, [&](const std::string& s) { return std::ranges::find(b.series, s) != b.series.end(); });
  return a.method == b.method && same_series && a.input == b.input && a.isa == b.isa && a.dtype == b.dtype &&
         a.threads == b.threads && a.pass == b.pass && there == b.shape;
}

// A prediction needs both lengths in one run.
void lengthen_repro(const Options& o, Point& p, std::int64_t measured) {
  const std::string length = fmt::format(" -n {} ", p.shape.n_k);
  const auto at = p.repro.find(length);
  if (at != std::string::npos) p.repro.insert(at + 4, fmt::format("{},", measured));
  p.repro += fmt::format(" --extrapolate-beyond {}", o.extrapolate_beyond);
}

}  // namespace

void leave_out(const Options& o, const Group& g, std::vector<Point>& points) {
  if (!o.extrapolate_beyond || g.shape.n_k <= o.extrapolate_beyond) return;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (quadratic(g.members[i], g.shape, g.pass)) points[i].status = Status::predicted;
}

void predict(const Options& o, std::vector<Point>& points) {
  for (Point& p : points) {
    if (p.status != Status::predicted) continue;
    const Point* from = nullptr;
    for (const Point& other : points)
      if (other.speed && other.work && same_but_for_length(other, p) && (!from || other.shape.n_k > from->shape.n_k))
        from = &other;
    if (!from) {
      p.status = Status::unsupported;
      p.reason = fmt::format("not run beyond n = {}, and no shorter length was measured to predict it from",
                             o.extrapolate_beyond);
      continue;
    }
    p.predicted = Predicted{from->speed->timing.median * p.work->flops / from->work->flops, from->id};
    p.reason = fmt::format("from n = {}, by operations", from->shape.n_k);
    lengthen_repro(o, p, from->shape.n_k);
  }
  for (Point& p : points) {
    if (!p.speed || p.speed->paired) continue;
    const auto baseline = std::ranges::find_if(points, [&](const Point& other) {
      return other.group == p.group && other.method == o.baseline && other.predicted;
    });
    if (baseline == points.end()) continue;
    const double seconds = baseline->predicted->seconds;
    Paired pair;  // of no rounds
    pair.ratio = p.speed->timing.median / seconds;
    pair.cpu_ratio = p.speed->timing.cpu_median / seconds;
    pair.ci = p.speed->timing.ci;
    if (pair.ci) {
      pair.ci->lo /= seconds;
      pair.ci->hi /= seconds;
    }
    p.speed->baseline = o.baseline;
    p.speed->paired = pair;
    p.speed->baseline_predicted = true;
    const auto from = std::ranges::find(points, baseline->predicted->from_point, &Point::id);
    lengthen_repro(o, p, from->shape.n_k);
  }
}

}  // namespace yoso::app
