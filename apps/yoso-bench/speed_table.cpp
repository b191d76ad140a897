#include "speed_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <yoso/launches.hpp>
#include <yoso/roofline.hpp>

namespace yoso::app {
namespace {

// How many times as fast as the baseline: the inverse of the report's ratio of times.
std::string speed_up(double ratio) { return ratio > 0 ? fmt::format("{:.3g}", 1 / ratio) : "-"; }

std::string speed_up_text(const Point& p, const std::string& baseline) {
  if (p.method == baseline) return "1";
  if (!p.speed || !p.speed->paired) return "-";
  const Paired& pair = *p.speed->paired;
  const char* mark = p.speed->baseline_predicted ? "~" : "";
  return pair.ci
             ? fmt::format("{}{} [{}, {}]", mark, speed_up(pair.ratio), speed_up(pair.ci->hi), speed_up(pair.ci->lo))
             : fmt::format("{}{}", mark, speed_up(pair.ratio));
}

// "81 % fma": the share of the machine's limit, and which one.
std::string roofline_text(const Point& p, const std::optional<Calibration>& calibration) {
  if (!calibration || !p.work || !p.speed || !(p.speed->timing.median > 0)) return "-";
  const auto bound = roofline(*p.work, *calibration, p.threads, p.isa);
  return bound ? fmt::format("{:.0f} % {}", 100 * bound->seconds / p.speed->timing.median, bound->limit) : "-";
}

// What each part of a pass takes, and what of the whole the parts leave out.
std::string phases_text(const std::vector<const Point*>& rows) {
  Table table({"method", "setting", "phase", "time", "share"}, 3);
  bool any = false;
  for (const Point* p : rows) {
    if (!p->speed || p->speed->phase_runs == 0) continue;
    const SpeedResult& s = *p->speed;
    std::string method = p->method, setting = setting_text(member_of(*p));
    const auto row = [&](const std::string& phase, double seconds) {
      const double share = s.phase_total > 0 ? 100 * seconds / s.phase_total : 0;
      table.row({method, setting, phase, seconds_text(seconds), fmt::format("{:.0f} %", share)});
      method = setting = "";  // said once
      any = true;
    };
    double sum = 0;
    for (const auto& [phase, seconds] : s.phases) {
      row(phase, seconds);
      sum += seconds;
    }
    row(s.phases.empty() ? "all" : "outside of phases", std::max(0.0, s.phase_total - sum));
  }
  return any ? fmt::format("phases: medians of runs of their own, {} time\n{}\n",
                           rows.front()->backend != "cpu" ? "device"
                           : rows.front()->threads == 1   ? "CPU"
                                                          : "wall",
                           table.text())
             : "";
}

std::string group_text(const Options& o, const std::vector<const Point*>& rows,
                       const std::optional<Calibration>& calibration) {
  const bool matched = std::ranges::any_of(rows, [](const Point* p) { return p->match.has_value(); });
  std::vector<std::string> header{"method", "setting"};
  if (matched) header.insert(header.end(), {"goal", "skill"});
  const bool paired = o.baseline != "none";
  header.insert(header.end(), {"time", "interval", "n",
                               paired ? fmt::format("speed-up over {} [interval]", o.baseline) : "speed-up"});
  if (paired) header.emplace_back("by CPU time");
  header.emplace_back("check");
  if (calibration) header.emplace_back("roofline");
  header.emplace_back("status");
  Table table(header);
  for (const Point* row : rows) {
    const Point& p = *row;
    std::vector<std::string> cells{p.method, setting_text(member_of(p))};
    if (matched) {
      cells.push_back(p.match && p.match->goal ? fmt::format("{}", *p.match->goal) : "-");
      cells.push_back(p.match ? summary_text(p.match->reached, 3) : "-");
    }
    const std::string note = fmt::format("{}{}{}", name(p.status), p.reason.empty() ? "" : ": ", p.reason);
    std::string time = "-", interval = "-", samples = "-";
    if (p.predicted) {
      time = "~" + seconds_text(p.predicted->seconds);
    } else if (p.speed) {
      const Timing& t = p.speed->timing;
      time = seconds_text(t.median);
      interval = t.ci ? fmt::format("[{}, {}]", seconds_text(t.ci->lo), seconds_text(t.ci->hi)) : "too few samples";
      samples = t.dropped ? fmt::format("{} (-{})", t.n, t.dropped) : fmt::format("{}", t.n);
    }
    const bool timed = p.predicted || p.speed;
    cells.insert(cells.end(), {time, interval, samples, timed ? speed_up_text(p, o.baseline) : "-"});
    if (paired)
      cells.push_back(p.speed && p.speed->paired && !p.speed->baseline_predicted && p.backend == "cpu"
                          ? speed_up(p.speed->paired->cpu_ratio)
                          : "-");
    cells.push_back(p.speed && p.check ? fmt::format("{:.1e}", p.check->gradients.value_or(p.check->max_abs)) : "-");
    if (calibration) cells.push_back(roofline_text(p, calibration));
    cells.push_back(note);
    table.row(cells);
  }
  return fmt::format("{}\n{}\n", title_of(*rows.front()), table.text());
}

// What one table of crossovers has in common.
template <class RowOrCrossover>
std::string common(const RowOrCrossover& c) {
  Shape shape = c.shape;
  shape.n_q = shape.n_k = 1;
  std::string title = title_text(c.input, shape, c.pass, c.threads, c.isa, c.dtype);
  if (const auto at = title.find(", n = 1"); at != std::string::npos) title.erase(at, 7);
  return title;
}

// "128, 256" or "128..1024" of measured lengths in a row
std::string lengths_text(const std::vector<std::int64_t>& lengths) {
  if (lengths.empty()) return "-";
  if (lengths.size() < 3) return fmt::format("{}", fmt::join(lengths, ", "));
  return fmt::format("{} lengths in {}..{}", lengths.size(), lengths.front(), lengths.back());
}

// Speed-ups of the rows that belong to `c`, by length.
std::vector<std::string> speed_ups_of(const Crossover& c, const std::vector<Point>& points,
                                      const std::vector<std::int64_t>& lengths) {
  std::vector<std::string> cells(lengths.size(), "-");
  for (const Point& p : points) {
    if (p.method != c.method || p.input != c.input || p.isa != c.isa || p.dtype != c.dtype || p.threads != c.threads ||
        p.pass != c.pass || std::ranges::find(p.series, c.series) == p.series.end() ||
        (p.match ? p.match->goal : std::nullopt) != c.goal)
      continue;
    Shape shape = p.shape;
    shape.n_q = shape.n_k = 0;
    const auto at = std::ranges::find(lengths, p.shape.n_k);
    if (shape != c.shape || at == lengths.end() || !p.speed || !p.speed->paired) continue;
    cells[static_cast<std::size_t>(at - lengths.begin())] =
        fmt::format("{}{}", p.speed->baseline_predicted ? "~" : "", speed_up(p.speed->paired->ratio));
  }
  return cells;
}

std::string crossover_text(const std::vector<Crossover>& all, const std::vector<Point>& points) {
  std::vector<std::string> titles;
  for (const Crossover& c : all)
    if (std::ranges::find(titles, common(c)) == titles.end()) titles.push_back(common(c));
  std::string text;
  for (const std::string& title : titles)
    for (const bool matched : {false, true}) {
      std::vector<std::string> header{"method", "setting"};
      if (matched) header.emplace_back("goal");
      header.insert(header.end(), {"faster from n", "slower at"});
      std::vector<std::int64_t> lengths;
      for (const Point& p : points)
        if (p.speed && common(p) == title && std::ranges::find(lengths, p.shape.n_k) == lengths.end())
          lengths.push_back(p.shape.n_k);
      std::ranges::sort(lengths);
      for (const std::int64_t n : lengths) header.push_back(fmt::format("{}", n));
      header.emplace_back("");
      Table table(header, matched ? 3 : 2);
      std::string baseline;
      for (const Crossover& c : all) {
        if (common(c) != title || c.goal.has_value() != matched) continue;
        if (!c.baseline.empty()) baseline = c.baseline;
        std::vector<std::string> cells{c.method, c.series};
        if (matched) cells.push_back(fmt::format("skill {}", *c.goal));
        cells.insert(cells.end(), {yoso::text(c.crossing), lengths_text(c.crossing.slower)});
        for (std::string& cell : speed_ups_of(c, points, lengths)) cells.push_back(std::move(cell));
        table.row(cells);
      }
      if (baseline.empty()) continue;
      text +=
          fmt::format("faster than {0}{1}: {2}; speed-up over {0} by n\n{3}\n", baseline,
                      matched ? ", each method at the least setting that reaches the skill" : "", title, table.text());
    }
  if (!text.empty())
    text +=
        "faster from n: the smallest measured length from which on the whole interval of the speed-up lies above 1; in "
        "brackets where\nthe line through the medians crosses 1. slower at: where the whole interval lies below 1, or "
        "the skill was not reached.\n";
  return text;
}

}  // namespace

std::string speed_text(const Options& o, const Report& report) {
  std::string text;
  std::vector<const Point*> rows;
  const auto flush = [&] {
    if (!rows.empty()) text += group_text(o, rows, report.environment.calibration) + phases_text(rows);
    rows.clear();
  };
  bool predicted = false, matched = false;
  for (const Point& p : report.points) {
    if (!rows.empty() && rows.front()->group != p.group) flush();
    rows.push_back(&p);
    predicted |= p.predicted.has_value();
    matched |= p.match.has_value();
  }
  flush();
  text += crossover_text(report.crossovers, report.points);
  if (o.launches > 1 && report.launches > 1)
    text += fmt::format(
        "Medians over {} launches of the whole process, with intervals over them that hold at {:.4g} % for each row by "
        "itself. `noisy`: the\ninterval is wider than --rel-ci asks for.\n",
        report.launches, 100 * launch_interval(std::vector<double>(static_cast<std::size_t>(report.launches)))->level);
  else if (o.launches > 1)
    text += fmt::format("One of {} launches was finished: there are no intervals over launches.\n", o.launches);
  else
    text +=
        "Medians with 95 % intervals from order statistics; those of speed-ups (1 / paired.ratio of the report)\n"
        "hold for the whole table at once. `noisy`: the interval is wider than --rel-ci asks for, or there are too "
        "few\n"
        "independent samples for one.\n";
  text +=
      report.environment.calibration
          ? "roofline: the least time by this machine's calibration over the median time, and what it would wait for.\n"
          : "No roofline: `yoso-bench env --calibrate` measures this machine's limits in seconds.\n";
  if (predicted)
    text +=
        "~: not measured, or a speed-up over what was not measured: the time at the longest measured n, by the ratio "
        "of "
        "operations; the\ninterval of such a speed-up is that of the method alone.\n";
  if (matched)
    text +=
        "skill: 1 - |Y - R|^2 / |mean(V) - R|^2 against exact attention R, median over draws: 1 is exact, 0 no better "
        "than the mean of V.\ngoal: the setting is the least that reaches this skill; where there is none it is the "
        "usual one.\n";
  return text;
}

}  // namespace yoso::app
