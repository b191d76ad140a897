// compare: two reports of the same points; an exit code for CI.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include <yoso/report.hpp>
#include <yoso/selection.hpp>

#include "../options.hpp"
#include "../table.hpp"

namespace yoso::app {
namespace {

using Texts = std::vector<std::string>;

std::string value_text(const ValueName& name, const Value& value, const Row& row) {
  if (name.unit == "s") return (row.status == "predicted" ? "~" : "") + seconds_text(value.median);
  if (name.unit == "B") return bytes_text(static_cast<std::size_t>(value.median));
  const Digits d = digits_of(value, 1, 3);
  return d.lo.empty() ? d.median : fmt::format("{} [{}, {}]", d.median, d.lo, d.hi);
}

std::string ratio_text(const std::optional<Value>& ratio) {
  if (!ratio) return "-";
  if (!ratio->lo) return fmt::format("{:.3f}", ratio->median);
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", ratio->median, *ratio->lo, *ratio->hi);
}

// What tells the points of a table apart, beside method and setting.
Texts fields_of(const ReportChange& all) {
  std::vector<Row> rows;
  for (const PointChange& point : all.points) rows.push_back(point.a);
  Texts candidates = context_fields();
  candidates.emplace_back("goal");
  std::erase(candidates, "environment");
  return varying(rows, candidates);
}

std::string points_text(const ReportChange& all) {
  const Texts fields = fields_of(all);
  Texts header{"method", "setting"};
  header.insert(header.end(), fields.begin(), fields.end());
  const std::size_t left = header.size();
  const bool paired = std::ranges::any_of(all.points, [](const PointChange& p) {
    return std::ranges::any_of(p.changes, [](const Change& c) { return c.paired.has_value(); });
  });
  const bool statuses = std::ranges::any_of(
      all.points, [](const PointChange& p) { return p.status_changed && (!p.a.usable() || !p.b.usable()); });
  for (const std::string& value : all.values) {
    const bool error = value_name("--value", value).unit != "B" && value != "time";
    header.insert(header.end(), {value + " A", value + " B"});
    if (!error) header.emplace_back("B/A");
    if (value == "time" && paired) header.emplace_back("paired");
    header.emplace_back("verdict");
  }
  if (statuses) header.emplace_back("status");
  Table table(header, left);
  for (const PointChange& point : all.points) {
    Texts cells{point.a.method, point.a.setting};
    for (const std::string& name : fields) cells.push_back(field(point.a, name));
    for (const std::string& value : all.values) {
      const ValueName& name = value_name("--value", value);
      const bool error = name.unit != "B" && value != "time";
      const auto change = std::ranges::find(point.changes, value, &Change::value);
      const bool there = change != point.changes.end();
      cells.push_back(there ? value_text(name, change->a, point.a) : "-");
      cells.push_back(there ? value_text(name, change->b, point.b) : "-");
      if (!error) cells.push_back(there ? ratio_text(change->ratio) : "-");
      if (value == "time" && paired)
        cells.push_back(there && change->paired ? fmt::format("{:.3f}", *change->paired) : "-");
      cells.push_back(there ? change->verdict : "-");
    }
    if (statuses) {
      const bool shown = point.status_changed && (!point.a.usable() || !point.b.usable());
      cells.push_back(shown ? fmt::format("{} -> {}", point.a.status, point.b.status) : "");
    }
    table.row(cells);
  }
  return table.text();
}

std::string alone_text(const char* which, const std::string& file, const std::vector<Row>& rows) {
  if (rows.empty()) return "";
  constexpr std::size_t kShown = 3;
  Texts first;
  for (std::size_t i = 0; i < std::min(rows.size(), kShown); ++i)
    first.push_back(fmt::format("{}{}{} at n = {}", rows[i].method, rows[i].setting.empty() ? "" : " ", rows[i].setting,
                                field(rows[i], "n")));
  return fmt::format("only in {} ({}): {} point{}: {}{}\n", which, file, rows.size(), rows.size() == 1 ? "" : "s",
                     fmt::join(first, "; "), rows.size() > kShown ? "; ..." : "");
}

std::string summary_text(const ReportChange& all) {
  std::string text;
  for (const std::string& value : all.values) {
    Texts counts;
    for (const char* verdict : {"faster", "slower", "less", "more", "better", "worse", "same", "unclear"})
      if (const std::size_t n = all.count(value, verdict)) counts.push_back(fmt::format("{} {}", n, verdict));
    text += fmt::format("{}: {}\n", value, fmt::join(counts, ", "));
  }
  if (all.mean_ratio)
    text += fmt::format("geometric mean of the time ratios B/A of {} points: {}\n", all.mean_of,
                        ratio_text(all.mean_ratio));
  if (const std::size_t n = all.lost()) text += fmt::format("lost or broken in B: {} point{}\n", n, n == 1 ? "" : "s");
  if (const std::size_t n = all.count("time", "unclear"))
    text += fmt::format("{} of {} points could not be judged: no clear interval\n", n, all.points.size());
  text += alone_text("A", all.file_a, all.only_a) + alone_text("B", all.file_b, all.only_b);
  if (std::ranges::find(all.values, "time") != all.values.end())
    text += fmt::format(
        "slower, faster: the whole interval of B/A lies beyond 1 +- {:.3g} %; same: within; unclear: neither, or no "
        "interval. The\ninterval takes the two runs for independent: logarithmic half-widths in quadrature; that of "
        "the mean as well, over points.\n",
        100 * all.min_effect);
  if (std::ranges::any_of(all.points, [](const PointChange& p) {
        return std::ranges::any_of(p.changes, [](const Change& c) { return c.paired.has_value(); });
      }))
    text += "paired: B/A of the ratios to the baseline of each run, which a slower machine does not move.\n";
  if (std::ranges::any_of(all.values, [](const std::string& v) { return v == "skill" || v == "angle"; }))
    text += "better, worse: the intervals over draws are disjoint, and the medians more than 1e-6 apart.\n";
  return text;
}

}  // namespace

int run_compare(const Options& o) {
  refuse_overwriting(o);
  std::optional<OutputFile> file;
  if (!o.output.empty()) file.emplace(o.output);
  const ReportChange all = compare_reports(o.files[0], o.files[1], o.compare);
  if (!all.differences.empty())
    fmt::print(stderr, "yoso-bench: warning: the reports differ in {}: what follows may be due to that\n",
               fmt::join(all.differences, ", "));
  std::vector<Row> rows;
  for (const PointChange& point : all.points) rows.push_back(point.a);
  if (o.json)
    fmt::print("{}", to_json(all));
  else
    fmt::print("A = {}\nB = {}\n{}\n\n{}\n{}", all.file_a, all.file_b, shared_context(rows, all.machines),
               points_text(all), summary_text(all));
  if (file) file->commit(to_json(all));
  const auto asked = [&](const char* kind) { return std::ranges::find(o.fail_on, kind) != o.fail_on.end(); };
  const bool fails = (asked("slower") && all.slower()) || (asked("memory") && all.more()) ||
                     (asked("error") && (all.worse() || all.lost() || !all.only_a.empty()));
  return fails ? 1 : 0;
}

}  // namespace yoso::app
