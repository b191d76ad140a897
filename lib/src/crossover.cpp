#include <yoso/crossover.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <yoso/report.hpp>

namespace yoso {
namespace {

bool loses(const RatioAt& r) { return !r.ratio || (r.ci && r.ci->lo > 1); }
bool wins(const RatioAt& r) { return r.ratio && *r.ratio < 1 && r.ci && r.ci->hi < 1; }

// Where the straight line through two points of (log n, log ratio) meets ratio 1.
double meets_one(const RatioAt& losing, const RatioAt& winning) {
  const double x0 = std::log(static_cast<double>(losing.n)), x1 = std::log(static_cast<double>(winning.n));
  const double y0 = std::log(*losing.ratio), y1 = std::log(*winning.ratio);
  return std::exp(x0 + (x1 - x0) * y0 / (y0 - y1));
}

// The ratio a point adds to its series; nothing when it was not compared.
std::optional<RatioAt> ratio_of(const Point& p) {
  if (p.speed && p.speed->paired)
    return RatioAt{p.shape.n_k, p.speed->paired->ratio, p.speed->paired->ci, p.speed->baseline_predicted};
  if (p.match && p.match->missed && p.match->reached) return RatioAt{p.shape.n_k, {}, {}, false};
  return std::nullopt;
}

}  // namespace

Crossing crossing(std::vector<RatioAt> ratios) {
  std::ranges::sort(ratios, {}, &RatioAt::n);
  Crossing c;
  c.first = ratios.front().n;
  c.last = ratios.back().n;
  for (const RatioAt& r : ratios)
    if (loses(r)) c.slower.push_back(r.n);
  std::size_t from = ratios.size();
  while (from > 0 && wins(ratios[from - 1])) --from;
  if (from == ratios.size()) {
    c.unclear = ratios.back().ratio && *ratios.back().ratio < 1;
    c.baseline_predicted = ratios.back().baseline_predicted;
    return c;
  }
  c.n = ratios[from].n;
  c.from_start = from == 0;
  c.baseline_predicted = ratios[from].baseline_predicted;
  if (c.from_start) return c;
  // medians that are below 1 within noise stand between the last loss and the first sure win
  std::size_t losing = from;
  while (losing > 0 && ratios[losing - 1].ratio && *ratios[losing - 1].ratio < 1) --losing;
  if (losing > 0 && ratios[losing - 1].ratio) c.interpolated = meets_one(ratios[losing - 1], ratios[losing]);
  return c;
}

std::vector<Crossover> crossovers(const std::vector<Point>& points) {
  struct Series {
    Crossover what;
    std::vector<RatioAt> ratios;
  };
  std::vector<Series> all;
  for (const Point& p : points) {
    const auto ratio = ratio_of(p);
    if (!ratio || p.shape.n_q != p.shape.n_k || (p.speed && p.speed->baseline == p.method)) continue;
    for (const std::string& series : p.series) {
      Crossover what;
      what.method = p.method;
      what.series = series;
      what.control = p.control;
      what.input = p.input;
      what.isa = p.isa;
      what.dtype = p.dtype;
      what.shape = p.shape;
      what.shape.n_q = what.shape.n_k = 0;
      what.threads = p.threads;
      what.pass = p.pass;
      if (p.match) what.goal = p.match->goal;
      if (p.speed) what.baseline = p.speed->baseline.value_or("");
      const auto same = std::ranges::find_if(all, [&](const Series& s) {
        return s.what.method == what.method && s.what.series == what.series && s.what.input == what.input &&
               s.what.isa == what.isa && s.what.dtype == what.dtype && s.what.shape == what.shape &&
               s.what.threads == what.threads && s.what.pass == what.pass && s.what.goal == what.goal;
      });
      if (same == all.end()) {
        all.push_back({what, {*ratio}});
        continue;
      }
      if (same->what.baseline.empty()) same->what.baseline = what.baseline;
      if (std::ranges::find(same->ratios, ratio->n, &RatioAt::n) == same->ratios.end()) same->ratios.push_back(*ratio);
    }
  }
  std::vector<Crossover> found;
  for (Series& s : all) {
    if (s.ratios.size() < 2) continue;
    s.what.crossing = crossing(std::move(s.ratios));
    found.push_back(std::move(s.what));
  }
  return found;
}

std::string text(const Crossing& c) {
  const char* mark = c.baseline_predicted ? "~" : "";
  if (!c.n) return fmt::format("{}{} up to {}", mark, c.unclear ? "not for sure" : "never", c.last);
  if (c.from_start) return fmt::format("{}already at {}", mark, *c.n);
  if (!c.interpolated) return fmt::format("{}{}", mark, *c.n);
  return fmt::format("{}{} (about {:.0f})", mark, *c.n, *c.interpolated);
}

}  // namespace yoso
