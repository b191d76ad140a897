// plot: figures of reports, through a gnuplot script that is written in any case.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include <yoso/plan.hpp>
#include <yoso/report.hpp>
#include <yoso/selection.hpp>

#include "../options.hpp"
#include "../plot/figure.hpp"

namespace yoso::app {
namespace {

namespace fs = std::filesystem;

// "16x10", in cm
void interpret_size(const std::string& text, plot::Request& request) {
  const auto parts = split(text, 'x');
  if (parts.size() != 2) throw BadSetting(fmt::format("--size must look like 16x10 (cm), got '{}'", text));
  constexpr double kPoints = 72 / 2.54;
  request.width = parse_number("--size, its width in cm,", parts[0], 4, 100) * kPoints;
  request.height = parse_number("--size, its height in cm,", parts[1], 3, 100) * kPoints;
}

void interpret_axes(const PlotOptions& o, plot::Request& request) {
  for (const std::string& axis : o.linear.empty() ? std::vector<std::string>{} : split(o.linear)) {
    if (axis != "x" && axis != "y") throw BadSetting(fmt::format("--linear must be of x, y, got '{}'", axis));
    (axis == "x" ? request.linear_x : request.linear_y) = true;
  }
}

std::string terminal_of(const std::string& figure) {
  static const std::map<std::string, std::string> kTerminals{
      {".svg", "svg"}, {".pdf", "pdfcairo"}, {".png", "pngcairo"}};
  const fs::path path(figure);
  const auto found = kTerminals.find(path.extension().string());
  if (figure.empty()) throw BadSetting("plot: -o FIGURE.svg is missing (.svg, .pdf or .png)");
  if (found == kTerminals.end()) throw BadSetting(fmt::format("-o must end in .svg, .pdf or .png, got '{}'", figure));
  return found->second;
}

// What a report most likely was measured for
std::string usual_y(const std::vector<Row>& rows) {
  for (const char* name : {"speedup", "time", "skill", "own.skill", "own.dq.cosine", "own.angle", "peak"})
    if (std::ranges::any_of(rows, [&](const Row& row) { return row.value(name) != nullptr; })) return name;
  return "time";
}

std::size_t lengths(const std::vector<Row>& rows) {
  std::set<std::string> all;
  for (const Row& row : rows) all.insert(field(row, "n"));
  return all.size();
}

// The script of a kind, with the usual axes where none are asked for.
std::string script_of(plot::Request& request, const PlotOptions& o, const std::vector<Row>& rows) {
  const std::string& kind = request.kind;
  const bool bars = kind == "phases" || (kind == "memory" && o.x.empty() && (lengths(rows) == 1 || o.facet == "n"));
  request.x = o.x.empty() ? kind == "pareto" ? "time" : "n" : o.x;
  request.y = !o.y.empty() ? o.y : kind == "pareto" ? "skill" : kind == "memory" ? "peak" : usual_y(rows);
  if (bars && (!o.y.empty() || !o.x.empty() || !o.linear.empty()))
    throw BadSetting(fmt::format("--kind {} draws bars: --x, --y and --linear cannot be given with it", kind));
  if (!request.facet.empty()) require_field("--facet", request.facet, rows);
  if (bars) return plot::bars_script(request, rows);
  value_name("--y", request.y);
  if (kind == "pareto") {
    value_name("--x", request.x);
    return plot::pareto_script(request, rows);
  }
  if (std::ranges::none_of(rows, [&](const Row& row) { return row.value(request.x); }))
    require_field("--x", request.x, rows);
  return plot::line_script(request, rows);
}

}  // namespace

int run_plot(const Options& o) {
  plot::Request request;
  request.kind = o.plot.kind;
  request.facet = o.plot.facet;
  request.title = o.plot.title;
  request.x_label = o.plot.x_label;
  request.y_label = o.plot.y_label;
  request.terminal = terminal_of(o.output);
  request.figure = fs::path(o.output).filename().string();
  interpret_size(o.plot.size, request);
  interpret_axes(o.plot, request);
  if (o.files.empty()) throw BadSetting("plot: a report is missing");
  const Rows read = read_rows(o.files);
  const std::vector<Row> rows = plot::selected(read.rows, o.plot.where);
  const std::string text = script_of(request, o.plot, rows);
  refuse_clashes(read, rows, {request.x, request.y, "time", "ratio", "peak"});
  const std::string script = fs::path(o.output).replace_extension(".gnuplot").string();
  OutputFile(script).commit(text);
  plot::run_gnuplot(script, o.output);
  return 0;
}

}  // namespace yoso::app
