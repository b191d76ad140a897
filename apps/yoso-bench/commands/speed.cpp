// speed: interleaved timings, paired with a baseline; in one launch of the process or in several.
#include <optional>

#include "../extrapolate.hpp"
#include "../launches.hpp"
#include "../match.hpp"
#include "../measure.hpp"
#include "../speed_table.hpp"

namespace yoso::app {
namespace {

std::vector<Point> time_all(const Options& o, std::vector<Group>& groups, std::optional<Matcher>& matcher) {
  Progress progress(o.progress, groups.size());
  std::vector<Point> all;
  for (Group& g : groups) {
    if (interrupted()) break;
    progress.next(g.title());
    std::vector<Point> points = points_of(o, g);
    if (const auto data = inputs_of(o, g, points)) {
      if (matcher) {
        matcher->settle(g, *data);
        if (interrupted()) break;
        points = points_of(o, g);
      }
      leave_out(o, g, points);
      time_group(o, g, *data, points);
    }
    all.insert(all.end(), points.begin(), points.end());
  }
  predict(o, all);
  return all;
}

}  // namespace

int run_speed(const Options& o) {
  std::vector<Group> groups = groups_of(o, {1024}, !o.skills.empty());
  for (Group& g : groups) add_baseline(o, g);
  std::optional<Matcher> matcher;
  if (!o.skills.empty()) matcher.emplace(o);
  Output output(o, true);
  Report& report = output.report;
  report.points = o.launches > 1 ? launch(o, report) : time_all(o, groups, matcher);
  if (o.launches > 1 && report.points.empty() && interrupted()) return 130;
  report.crossovers = crossovers(report.points);
  return output.finish(speed_text(o, report));
}

}  // namespace yoso::app
