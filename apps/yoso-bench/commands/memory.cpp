// memory: arenas by kind, and the resident set of a forked child beside their sum.
#include <fmt/format.h>

#include <cmath>

#include "../measure.hpp"

namespace yoso::app {
namespace {

// The arenas and the resident set must agree within 10 % and 8 MiB: page tables, stacks and the allocator are in there.
bool agrees(const MemoryResult& m) {
  if (!m.rss || !m.measured) return true;
  const double sum = static_cast<double>(m.measured->total());
  return std::abs(static_cast<double>(*m.rss) - sum) <= 0.1 * sum + 8.0 * 1024 * 1024;
}

std::string table_of(const Group& g, const std::vector<Point>& points) {
  Table table({"method", "setting", "inputs", "outputs", "draws", "parameters", "saved", "scratch", "peak", "resident",
               "status"});
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    std::string note = fmt::format("{}{}{}", name(p.status), p.reason.empty() ? "" : ": ", p.reason);
    if (!p.memory) {
      table.row({p.method, setting_text(g.members[i]), "-", "-", "-", "-", "-", "-", "-", "-", note});
      continue;
    }
    const Footprint& f = p.memory->measured ? *p.memory->measured : p.memory->predicted;
    if (!agrees(*p.memory)) note += " (resident set disagrees)";
    table.row({p.method, setting_text(g.members[i]), bytes_text(f.inputs), bytes_text(f.outputs), bytes_text(f.draws),
               bytes_text(f.parameters), bytes_text(f.saved), bytes_text(f.scratch), bytes_text(f.total()),
               bytes_text(p.memory->rss), note});
  }
  return fmt::format("{}\n{}\n", g.title(), table.text());
}

}  // namespace

int run_memory(const Options& o) {
  const std::vector<Group> groups = groups_of(o, {1024}, false);
  Output output(o, false);
  Progress progress(o.progress, groups.size());
  std::string text;
  for (const Group& g : groups) {
    if (interrupted()) break;
    progress.next(g.title());
    std::vector<Point> points = points_of(o, g);
    if (const auto data = inputs_of(o, g, points)) weigh_group(o, g, *data, points);
    for (const Point& p : points)
      if (p.memory && !agrees(*p.memory))
        output.report.warnings.push_back(
            {"resident",
             fmt::format("{}: the resident set grew by {}, the arenas say {}", p.method, bytes_text(p.memory->rss),
                         bytes_text(p.memory->measured->total())),
             p.id});
    text += table_of(g, points);
    output.report.points.insert(output.report.points.end(), points.begin(), points.end());
  }
  text +=
      "peak = inputs + outputs + draws + parameters + saved + scratch; resident: growth of a forked child that ran the "
      "point.\n";
  return output.finish(text);
}

}  // namespace yoso::app
