// Figures: rows become panels of curves or bars, and these a gnuplot script that holds its own data.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <yoso/rows.hpp>

#include "../options.hpp"

namespace yoso::app::plot {

// What was asked for, checked.
struct Request {
  std::string kind, x, y, facet, title;
  std::string x_label, y_label;  // empty: what the name says
  bool linear_x = false, linear_y = false;
  double width = 0, height = 0;  // points, 1/72 inch
  std::string figure;            // file name without its folder
  std::string terminal;          // svg, pdfcairo or pngcairo
};

// ---- data.cpp: rows to panels

struct Mark {
  Value x, y;
  std::string label;  // of the knob that the curve runs over
  bool predicted = false, dominated = false;
};

struct Curve {
  std::string method, setting;
  std::string knob;  // pareto: what it runs over
  bool control = false;
  bool level = false;  // has no x: the same for all
  std::vector<Mark> marks;
};

struct Bar {
  std::string method, setting;
  bool control = false;
  std::vector<std::pair<std::string, double>> parts;
};

struct Panel {
  std::string title;
  std::vector<Curve> curves;
  std::vector<Bar> bars;
  std::vector<std::string> notes = {};  // for the legend
};

// The rows that --where lets through and that hold a result; says on stderr what is left out.
std::vector<Row> selected(const std::vector<Row>& rows, const std::vector<std::string>& where);
// The panels of a request. Throws BadSetting when rows of different conditions would be drawn as one.
std::vector<Panel> line_panels(const Request& request, const std::vector<Row>& rows);
std::vector<Panel> pareto_panels(const Request& request, const std::vector<Row>& rows);
std::vector<Panel> bar_panels(const Request& request, const std::vector<Row>& rows);
// The one baseline that ratios are taken to; "the baseline" where rows do not say.
std::string baseline_of(const std::vector<Row>& rows, const std::string& value);

// ---- style.cpp: how a method looks, in every figure

struct Style {
  std::uint32_t colour = 0;
  int filled = 7, open = 6;  // gnuplot's point types
  std::string dash;          // gnuplot's dash type
};
// Setting `index` of `count` of a method: the hue is the method's, lightness, dash and point tell settings apart.
Style style_of(const std::string& method, std::size_t index, std::size_t count);
Style phase_style(std::size_t index);
std::uint32_t faint(std::uint32_t colour);
bool dark(std::uint32_t colour);

using Styles = std::map<std::pair<std::string, std::string>, Style>;  // by method and setting
Styles styles_of(const std::vector<Panel>& panels);

// ---- axis.cpp: ranges, units and ticks

struct Axis {
  std::string label;
  bool log = false;
  double unit = 1;  // data are divided by it
  double lo = 0, hi = 1;
  std::optional<double> floor;  // marks below are shown as arrows at the edge
  std::vector<std::pair<double, std::string>> ticks;
  std::vector<double> minor;
  double at(double value) const;  // 0..1 along the axis, of a value in its unit
};
enum class Scale : std::uint8_t { log2, log10, linear };
// An axis over `values` (of the field or value `name`), for a side that is `length` points long.
Axis axis_for(const std::string& name, const std::string& label, std::vector<double> values, Scale scale, double length,
              bool upright);
double label_room(const Axis& axis);  // points that its tick labels and its own take beside a panel
std::string axis_label(const std::string& name, const std::string& baseline);
inline const std::string& or_else(const std::string& asked, const std::string& usual) {
  return asked.empty() ? usual : asked;
}
std::string number_label(double value);
std::string value_label(const std::string& name, double value);  // with the unit that suits it

// ---- page.cpp: where panels and legend lie, and the frame of a script

struct Entry {
  std::string text;
  std::uint32_t colour = 0;
  std::string dash;  // empty: no line
  int point = -1;    // gnuplot's type; -1: none
  bool swatch = false;
};

struct Box {
  double left = 0, bottom = 0, width = 0, height = 0;  // points
};

constexpr double kFont = 8, kSmall = 7;
double text_width(const std::string& text, double size = kSmall);

class Page {
 public:
  // `left` and `below`: points that the labels of the first panel of a row and of the lowest row need.
  Page(const Request& request, std::vector<Panel> panels, std::vector<Entry> legend, double left, double below);
  const std::vector<Box>& boxes() const { return boxes_; }
  bool first_column(std::size_t panel) const { return panel % columns_ == 0; }

  // Script text. data() is for datablocks; begin() opens panel i, whose commands follow.
  std::string head(const std::string& data) const;
  std::string begin(std::size_t panel, const Axis& x, const Axis& y) const;
  std::string tail() const;

 private:
  std::size_t legend_rows(std::size_t columns) const;
  std::vector<double> column_widths(std::size_t columns) const;
  std::string legend() const;
  Request request_;
  std::vector<Panel> panels_;
  std::vector<Entry> legend_;
  std::vector<Box> boxes_;
  Box legend_box_;
  double legend_font_ = kSmall, sample_ = 26;  // of a line and its mark
  std::size_t columns_ = 1, legend_columns_ = 1;
};

std::string quoted(const std::string& text);  // as gnuplot reads it
std::string comment(std::string text);        // a line; what a report says cannot end it
std::string rgb(std::uint32_t colour);

// ---- line.cpp, pareto.cpp, bars.cpp: whole scripts

std::string line_script(const Request& request, const std::vector<Row>& rows);
std::string pareto_script(const Request& request, const std::vector<Row>& rows);
std::string bars_script(const Request& request, const std::vector<Row>& rows);  // phases, and memory at one length

// ---- gnuplot.cpp

// Runs a script that was written, in its folder, and leaves the figure whole or absent. Throws DeviceError where there
// is no gnuplot.
void run_gnuplot(const std::string& script, const std::string& figure);

}  // namespace yoso::app::plot
