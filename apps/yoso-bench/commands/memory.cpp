// memory: arenas by kind, and the resident set of a forked child beside their sum.
#include <fmt/format.h>

#include <cmath>

#include "../max_batch.hpp"
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
  const bool trains = g.pass != "forward";
  std::vector<std::string> header{"method", "setting", "inputs", "outputs", "draws", "parameters", "saved", "scratch"};
  if (trains) header.emplace_back("gradients");
  header.insert(header.end(), {"peak", "resident", "status"});
  Table table(header);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    std::string note = fmt::format("{}{}{}", name(p.status), p.reason.empty() ? "" : ": ", p.reason);
    std::vector<std::string> cells{p.method, setting_text(g.members[i])};
    if (!p.memory) {
      cells.resize(header.size() - 1, "-");
    } else {
      const Footprint& f = p.memory->measured ? *p.memory->measured : p.memory->predicted;
      if (!agrees(*p.memory)) note += " (resident set disagrees)";
      for (const std::size_t bytes : {f.inputs, f.outputs, f.draws, f.parameters, f.saved, f.scratch})
        cells.push_back(bytes_text(bytes));
      if (trains) cells.push_back(bytes_text(f.gradients));
      cells.insert(cells.end(), {bytes_text(f.total()), bytes_text(p.memory->rss)});
    }
    cells.push_back(note);
    table.row(cells);
  }
  return fmt::format("{}\n{}\n", g.title(), table.text());
}

void warn_of_resident_sets(const std::vector<Point>& points, Report& report) {
  for (const Point& p : points)
    if (p.memory && !agrees(*p.memory))
      report.warnings.push_back({"resident",
                                 fmt::format("{}: the resident set grew by {}, the arenas say {}", p.method,
                                             bytes_text(p.memory->rss), bytes_text(p.memory->measured->total())),
                                 p.id});
}

std::string rounded_bytes(std::optional<double> bytes) {
  return bytes ? bytes_text(static_cast<std::size_t>(std::llround(*bytes))) : "-";
}

// The largest batches within a budget, as the paper's efficiency protocol asks for them; but to the instance and not to
// a power of two, and with what does not grow with the batch told apart instead of divided by it.
int run_max_batch(const Options& o) {
  Output output(o, false);
  std::vector<Searched> all = search_batches(o, groups_of(o, {1024}, false));
  Progress progress(o.progress, all.size());
  std::string text, title;
  Table table({"method", "setting", "batch", "an instance", "fixed", "peak", "resident", "one more", "status"});
  const auto flush = [&] {
    if (!title.empty()) text += fmt::format("{}\n{}\n", title, table.text());
    table = Table({"method", "setting", "batch", "an instance", "fixed", "peak", "resident", "one more", "status"});
  };
  for (const Searched& s : all) {
    if (interrupted()) break;
    const Group& g = s.group;
    progress.next(fmt::format("{}, {}", g.members[0].method->name, g.title()));
    Group any = g;
    any.shape.batch = 1;
    const std::string its = fmt::format("{}, largest batch within {}", any.title(), bytes_text(o.batch_budget));
    if (its != title) flush();
    title = its;
    std::vector<Point> points = points_of(o, g);
    Point& p = points[0];
    if (const auto data = inputs_of(o, g, points)) weigh_group(o, g, *data, points);
    if (p.memory) {
      p.memory->max_batch = s.found;
      p.memory->budget = o.batch_budget;
    }
    if (p.status == Status::ok && p.memory->measured && p.memory->measured->total() > o.batch_budget &&
        s.found.batch > 0) {
      p.status = Status::wrong;
      p.reason = fmt::format("predicted to fit, but the run used {}", bytes_text(p.memory->measured->total()));
    }
    if (p.status == Status::ok && s.found.batch == 0) {
      p.status = Status::over_budget;
      p.reason = fmt::format("one instance needs {}, the budget is {}", bytes_text(p.memory->predicted.total()),
                             bytes_text(o.batch_budget));
    }
    std::string note = fmt::format("{}{}{}", name(p.status), p.reason.empty() ? "" : ": ", p.reason);
    if (p.memory && p.status == Status::ok) {
      if (!agrees(*p.memory)) note += " (resident set disagrees)";
      if (p.memory->rss && *p.memory->rss > o.batch_budget) note += " (resident set with the program's own is over it)";
      if (s.found.batch == kLargestBatch) note += fmt::format(" (the search ends at {})", kLargestBatch);
    }
    if (!p.memory) {
      table.row({p.method, setting_text(g.members[0]), "-", "-", "-", "-", "-", "-", note});
    } else {
      const Footprint& f = p.memory->measured ? *p.memory->measured : p.memory->predicted;
      table.row({p.method, setting_text(g.members[0]), fmt::format("{}", s.found.batch),
                 rounded_bytes(s.found.per_instance), rounded_bytes(s.found.fixed), bytes_text(f.total()),
                 bytes_text(p.memory->rss), bytes_text(s.found.next), note});
    }
    warn_of_resident_sets(points, output.report);
    output.report.points.push_back(p);
  }
  flush();
  text +=
      "batch: the most instances whose predicted peak is within the budget; unless the status says otherwise so many "
      "were run, and peak\nand resident are of that run. an instance: bytes that one more adds, the mean up to twice "
      "as many; fixed: the rest; one more: the peak\nof batch + 1, by prediction.\n";
  return output.finish(text);
}

}  // namespace

int run_memory(const Options& o) {
  if (o.max_batch) return run_max_batch(o);
  const std::vector<Group> groups = groups_of(o, {1024}, false);
  Output output(o, false);
  Progress progress(o.progress, groups.size());
  std::string text;
  for (const Group& g : groups) {
    if (interrupted()) break;
    progress.next(g.title());
    std::vector<Point> points = points_of(o, g);
    if (const auto data = inputs_of(o, g, points)) weigh_group(o, g, *data, points);
    warn_of_resident_sets(points, output.report);
    text += table_of(g, points);
    output.report.points.insert(output.report.points.end(), points.begin(), points.end());
  }
  text +=
      "peak = inputs + outputs + draws + parameters + saved + scratch (+ gradients); resident: growth of a forked "
      "child that ran the "
      "point.\n";
  return output.finish(text);
}

}  // namespace yoso::app
