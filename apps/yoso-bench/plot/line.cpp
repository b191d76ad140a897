// A value against a field: one line a method and setting, with a band between lo and hi.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "figure.hpp"

namespace yoso::app::plot {
namespace {

// Lie between 0 and 1, or around it: a logarithm would only bend them.
bool bounded(const std::string& value) {
  return std::ranges::any_of(std::array{"skill", "cosine", "slope", "norm_ratio", "recall", "mass", "pct", "angle"},
                             [&](const char* part) { return value.find(part) != std::string::npos; });
}

bool positive(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double v) { return v > 0; });
}

std::string named(const Curve& curve) {
  return curve.setting.empty() ? curve.method : curve.method + " " + curve.setting;
}

// Lines in the legend from top to bottom as they end on the right of the first panel that has them.
std::vector<Entry> legend_of(const std::vector<Panel>& panels, const Styles& styles, bool predicted) {
  std::vector<Entry> entries;
  std::vector<const Curve*> shown;
  for (const Panel& panel : panels) {
    std::vector<const Curve*> fresh;
    for (const Curve& curve : panel.curves)
      if (std::ranges::none_of(shown, [&](const Curve* c) { return named(*c) == named(curve); }))
        fresh.push_back(&curve);
    std::ranges::stable_sort(
        fresh, [](const Curve* a, const Curve* b) { return a->marks.back().y.median > b->marks.back().y.median; });
    shown.insert(shown.end(), fresh.begin(), fresh.end());
  }
  for (const Curve* curve : shown) {
    const Style& style = styles.at({curve->method, curve->setting});
    entries.push_back({named(*curve), style.colour, style.dash, curve->level ? -1 : style.filled, false});
  }
  if (predicted) entries.push_back({"dotted, no mark: predicted", 0x707070, "(1,2)", -1, false});
  for (const Panel& panel : panels)
    for (const std::string& note : panel.notes) entries.push_back({note, 0x404040, "", -1, false});
  return entries;
}

struct Pieces {
  std::string measured, predicted, below;
};

// Datablocks of a curve: what was measured, what is predicted with the mark that it joins on to, and what lies below
// the axis.
Pieces pieces_of(const Curve& curve, std::size_t number, const Axis& x, const Axis& y) {
  Pieces pieces;
  const auto line = [&](double at, const Mark& m) {
    const double median = m.y.median / y.unit;
    // a band that leaves the axis ends at its edge: gnuplot would fill from there to wherever
    const auto inside = [&](double bound) { return y.floor ? std::max(bound / y.unit, y.lo) : bound / y.unit; };
    return fmt::format("{:.9g} {:.9g} {:.9g} {:.9g}\n", at, median, inside(m.y.lo.value_or(m.y.median)),
                       inside(m.y.hi.value_or(m.y.median)));
  };
  if (curve.level) {
    // the interval beside those of other lines across
    const double share = 0.98 - 0.02 * static_cast<double>(number % 10);
    const double bar = x.log ? x.lo * std::pow(x.hi / x.lo, share) : x.lo + share * (x.hi - x.lo);
    for (const double at : {x.lo, bar, x.hi}) pieces.measured += line(at, curve.marks.front());
    return pieces;
  }
  for (std::size_t i = 0; i < curve.marks.size(); ++i) {
    const Mark& m = curve.marks[i];
    // an empty line is a gap
    pieces.measured += m.predicted ? "\n" : line(m.x.median, m);
    if (i > 0 && (m.predicted || curve.marks[i - 1].predicted))
      pieces.predicted += line(curve.marks[i - 1].x.median, curve.marks[i - 1]) + line(m.x.median, m) + "\n";
    if (y.floor && m.y.median < *y.floor) pieces.below += fmt::format("{:.9g} {:.9g}\n", m.x.median, *y.floor);
  }
  if (pieces.measured.find_first_not_of('\n') == std::string::npos) pieces.measured.clear();
  return pieces;
}

}  // namespace

std::string line_script(const Request& request, const std::vector<Row>& rows) {
  const std::string baseline = baseline_of(rows, request.y);
  const std::vector<Panel> panels = line_panels(request, rows);
  const Styles styles = styles_of(panels);
  std::vector<double> xs, ys;
  bool predicted = false;
  for (const Panel& panel : panels)
    for (const Curve& curve : panel.curves)
      for (const Mark& mark : curve.marks) {
        if (!curve.level) xs.push_back(mark.x.median);
        for (const auto& v : {std::optional(mark.y.median), mark.y.lo, mark.y.hi})
          if (v) ys.push_back(*v);
        predicted = predicted || mark.predicted;
      }
  if (!baseline.empty()) ys.push_back(1);
  const bool log_y = !request.linear_y && !bounded(request.y) && positive(ys),
             log_x = !request.linear_x && positive(xs);
  const Axis y = axis_for(request.y, or_else(request.y_label, axis_label(request.y, baseline)), ys,
                          log_y ? Scale::log10 : Scale::linear, request.height * 0.8, true);
  const Page page(request, panels, legend_of(panels, styles, predicted), label_room(y), 16);
  const Box& box = page.boxes().front();
  const Axis x = axis_for(request.x, or_else(request.x_label, axis_label(request.x, "")), xs,
                          log_x ? Scale::log2 : Scale::linear, box.width, false);

  std::string data, body;
  for (std::size_t p = 0; p < panels.size(); ++p) {
    std::vector<std::string> bands, lines;
    if (!baseline.empty()) lines.push_back("1 with lines lw 0.8 lc rgb '#909090'");
    for (std::size_t c = 0; c < panels[p].curves.size(); ++c) {
      const Curve& curve = panels[p].curves[c];
      const Style& style = styles.at({curve.method, curve.setting});
      const std::string name = fmt::format("$panel{}_{}", p, c), colour = rgb(style.colour);
      const Pieces pieces = pieces_of(curve, c, x, y);
      const auto block = [&](const std::string& suffix, const std::string& text) {
        data += fmt::format("{}{}{} << EOD\n{}EOD\n", comment(named(curve)), name, suffix, text);
      };
      if (!pieces.measured.empty()) {
        block("", pieces.measured);
        const bool interval = std::ranges::any_of(curve.marks, [](const Mark& m) { return m.y.lo.has_value(); });
        const char* bar = "{} using 1:3:(0):($4-$3){} with vectors heads size graph 0.004,90 lw 0.8 lc rgb {}";
        if (interval && curve.level)  // a band across the panel for each would bury it
          lines.push_back(fmt::format(fmt::runtime(bar), name, " every ::1::1", colour));
        else if (interval && curve.marks.size() == 1)
          lines.push_back(fmt::format(fmt::runtime(bar), name, "", colour));
        else if (interval)
          bands.push_back(fmt::format("{} using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb {}",
                                      name, colour));
        lines.push_back(curve.level ? fmt::format("{} with lines lw 1.2 dt {} lc rgb {}", name, style.dash, colour)
                                    : fmt::format("{} with linespoints lw {} dt {} pt {} ps 0.45 lc rgb {}", name,
                                                  curve.control ? 1.0 : 1.2, style.dash, style.filled, colour));
      }
      if (!pieces.predicted.empty()) {
        block("_predicted", pieces.predicted);
        lines.push_back(fmt::format("{}_predicted with lines lw 1 dt (1,2) lc rgb {}", name, colour));
      }
      if (!pieces.below.empty()) {
        block("_below", pieces.below);
        lines.push_back(fmt::format("{}_below with points pt 11 ps 0.6 lc rgb {}", name, colour));
      }
    }
    bands.insert(bands.end(), lines.begin(), lines.end());
    body += page.begin(p, x, y) + fmt::format("plot {}\n", fmt::join(bands, ", \\\n     "));
  }
  return page.head(data) + body + page.tail();
}

}  // namespace yoso::app::plot
