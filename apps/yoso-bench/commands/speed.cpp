// speed: interleaved timings, paired with a baseline.
#include <fmt/format.h>

#include <yoso/roofline.hpp>

#include "../measure.hpp"

namespace yoso::app {
namespace {

// "81 % fma": the share of the machine's limit, and which one; empty without a calibration.
std::string roofline_text(const Point& p, const std::optional<Calibration>& calibration) {
  if (!calibration || !p.work || !p.speed || !(p.speed->timing.median > 0)) return "-";
  const auto bound = roofline(*p.work, *calibration, p.threads, p.isa);
  return bound ? fmt::format("{:.0f} % {}", 100 * bound->seconds / p.speed->timing.median, bound->limit) : "-";
}

std::string table_of(const Group& g, const std::vector<Point>& points, const std::string& baseline,
                     const std::optional<Calibration>& calibration) {
  std::vector<std::string> header{"method", "setting", "time", "interval", "n", "ratio", "cpu", "check", "status"};
  if (baseline != "none") {
    header[5] = fmt::format("time x {} [interval]", baseline);
    header[6] = "cpu x";
  }
  if (calibration) header.insert(header.end() - 1, "roofline");
  Table table(header);
  const auto add = [&](const Point& p, std::vector<std::string> row) {
    if (calibration) row.insert(row.end() - 1, roofline_text(p, calibration));
    table.row(std::move(row));
  };
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    const std::string note = fmt::format("{}{}{}", name(p.status), p.reason.empty() ? "" : ": ", p.reason);
    if (!p.speed) {
      add(p, {p.method, setting_text(g.members[i]), "-", "-", "-", "-", "-", "-", note});
      continue;
    }
    const Timing& t = p.speed->timing;
    std::string ratio = "-";
    if (const auto& pair = p.speed->paired; pair && p.method != baseline)
      ratio = pair->ci ? fmt::format("{:.3g} [{:.3g}, {:.3g}]", pair->ratio, pair->ci->lo, pair->ci->hi)
                       : fmt::format("{:.3g}", pair->ratio);
    else if (p.method == baseline)
      ratio = "1";
    add(p, {p.method, setting_text(g.members[i]), seconds_text(t.median),
            t.ci ? fmt::format("[{}, {}]", seconds_text(t.ci->lo), seconds_text(t.ci->hi)) : "too few samples",
            t.dropped ? fmt::format("{} (-{})", t.n, t.dropped) : fmt::format("{}", t.n), ratio,
            p.speed->paired ? fmt::format("{:.3g}", p.speed->paired->cpu_ratio) : "-",
            p.check ? fmt::format("{:.1e}", p.check->max_abs) : "-", note});
  }
  return fmt::format("{}\n{}\n", g.title(), table.text());
}

// What each part of a pass takes, and what of the whole the parts leave out.
std::string phases_of(const Group& g, const std::vector<Point>& points) {
  Table table({"method", "setting", "phase", "time", "share"}, 3);
  bool any = false;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!points[i].speed || points[i].speed->phase_runs == 0) continue;
    const SpeedResult& s = *points[i].speed;
    std::string method = points[i].method, setting = setting_text(g.members[i]);
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
                           g.context.threads == 1 ? "CPU" : "wall", table.text())
             : "";
}

}  // namespace

int run_speed(const Options& o) {
  std::vector<Group> groups = groups_of(o, {1024}, false);
  Output output(o, true);
  Progress progress(o.progress, groups.size());
  std::string text;
  for (Group& g : groups) {
    if (interrupted()) break;
    add_baseline(o, g);
    progress.next(g.title());
    std::vector<Point> points = points_of(o, g);
    if (const auto data = inputs_of(o, g, points)) time_group(o, g, *data, points);
    text += table_of(g, points, o.baseline, output.report.environment.calibration);
    if (o.phases) text += phases_of(g, points);
    output.report.points.insert(output.report.points.end(), points.begin(), points.end());
  }
  text +=
      "Medians with 95 % intervals from order statistics; those of ratios hold for the whole table at once. `noisy`: "
      "the\n"
      "interval is wider than --rel-ci asks for, or there are too few independent samples for one.\n";
  text +=
      output.report.environment.calibration
          ? "roofline: the least time by this machine's calibration over the median time, and what it would wait for.\n"
          : "No roofline: `yoso-bench env --calibrate` measures this machine's limits in seconds.\n";
  return output.finish(text);
}

}  // namespace yoso::app
