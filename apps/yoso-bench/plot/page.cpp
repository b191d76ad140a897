// Where panels and legend lie. Lengths are points (1/72 inch) of the page, whatever the terminal counts in.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "figure.hpp"

namespace yoso::app::plot {
namespace {

constexpr double kLine = 10.5, kEdge = 5, kGap = 12, kTitle = 13, kTicks = 12;

// The first line that a terminal needs for a page of this size. Lines of width 1 are a point wide everywhere.
std::string terminal(const Request& r) {
  if (r.terminal == "pdfcairo")
    return fmt::format("pdfcairo size {:.3f}in,{:.3f}in font 'sans-serif,{}' fontscale 0.75 linewidth 1 pointscale 1",
                       r.width / 72, r.height / 72, kFont);
  const double pixels = r.terminal == "svg" ? 96.0 / 72 : 300.0 / 72;
  const std::string size = fmt::format("size {},{}", std::lround(r.width * pixels), std::lround(r.height * pixels));
  if (r.terminal == "svg")
    return fmt::format("svg {} font 'sans-serif,{:.2f}' linewidth {:.3f} background 'white'", size, kFont * pixels,
                       pixels);
  return fmt::format("pngcairo {} font 'sans-serif,{}' fontscale {:.3f} linewidth {:.3f} pointscale {:.3f}", size,
                     kFont, 300.0 / 96, pixels, pixels);
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string result = text.starts_with('\'') ? "' " : "'";  // three quotes in a row gnuplot cannot read
  for (const char c : text) {
    if (c == '\'') result += '\'';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result + "'";
}

std::string comment(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == '\\') c = ' ';
  return "# " + text + "\n";
}

std::string rgb(std::uint32_t colour) { return fmt::format("'#{:06x}'", colour); }

double text_width(const std::string& text, double size) {
  const auto letters = std::ranges::count_if(text, [](unsigned char c) { return (c & 0xc0) != 0x80; });
  return 0.58 * size * static_cast<double>(letters);  // of DejaVu Sans, which is wide
}

std::size_t Page::legend_rows(std::size_t columns) const { return (legend_.size() + columns - 1) / columns; }

std::vector<double> Page::column_widths(std::size_t columns) const {
  const std::size_t rows = legend_rows(columns);
  std::vector<double> widths((legend_.size() + rows - 1) / rows);
  for (std::size_t i = 0; i < legend_.size(); ++i)
    widths[i / rows] = std::max(widths[i / rows], sample_ + text_width(legend_[i].text, legend_font_));
  return widths;
}

Page::Page(const Request& request, std::vector<Panel> panels, std::vector<Entry> legend, double left, double below)
    : request_(request), panels_(std::move(panels)), legend_(std::move(legend)) {
  const double width = request_.width, height = request_.height;
  double right = kEdge + 6, bottom = below + kTicks, top = kEdge + (request_.title.empty() ? 0 : kTitle + 2);
  if (width < 300) {
    legend_font_ = 6;
    sample_ = 21;
  }
  if (!legend_.empty()) {
    const double rows = static_cast<double>(legend_.size()), widest = column_widths(1).front();
    if (widest < 0.42 * width && rows * kLine < height - top - kEdge) {
      legend_box_ = {width - widest - kEdge, 0, widest, rows * kLine};
      right = widest + kEdge + 10;
    } else {
      const auto fits = [&](std::size_t columns) {
        const auto widths = column_widths(columns);
        return std::accumulate(widths.begin(), widths.end(), 0.0) + 8.0 * static_cast<double>(widths.size() - 1) <=
               width - 2 * kEdge;
      };
      while (legend_columns_ < legend_.size() && fits(legend_columns_ + 1)) ++legend_columns_;
      legend_box_ = {kEdge, kEdge, width - 2 * kEdge, static_cast<double>(legend_rows(legend_columns_)) * kLine};
      bottom += legend_box_.height + 6;
    }
  }
  const std::size_t count = panels_.size();
  columns_ = count == 4 || width < 300 ? std::min<std::size_t>(count, 2) : std::min<std::size_t>(count, 3);
  const std::size_t rows = (count + columns_ - 1) / columns_;
  const double titles = panels_.front().title.empty() ? 0 : kTitle;
  const double w = (width - left - right - kGap * static_cast<double>(columns_ - 1)) / static_cast<double>(columns_);
  const double h =
      (height - top - bottom - (kTicks + 4) * static_cast<double>(rows - 1)) / static_cast<double>(rows) - titles;
  if (w < 40 || h < 40)
    throw BadSetting(
        fmt::format("--size must leave room for {} panel{} and {} legend lines; {:.3g}x{:.3g} is too small", count,
                    count == 1 ? "" : "s", legend_.size(), width / 72 * 2.54, height / 72 * 2.54));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t above = i / columns_;
    const double column = static_cast<double>(i % columns_), row = static_cast<double>(above);
    boxes_.push_back({left + column * (w + kGap), height - top - titles - h - row * (h + titles + kTicks + 4), w, h});
  }
  if (legend_columns_ == 1 && legend_box_.left > kEdge) legend_box_.bottom = height - top - titles - legend_box_.height;
}

std::string Page::head(const std::string& data) const {
  std::string text = fmt::format(
      "{}"
      "if (!exists(\"figure\")) figure = {}\n"
      "set encoding utf8\n"
      "set terminal {} noenhanced\n"
      "set output figure\n\n",
      comment("Drawn by yoso-bench plot. To draw it again: gnuplot " +
              request_.figure.substr(0, request_.figure.rfind('.')) + ".gnuplot"),
      quoted(request_.figure), terminal(request_));
  text += data;
  text +=
      "set border 3 lw 0.5 lc rgb '#404040'\n"
      "set grid xtics ytics lt 1 lw 0.4 lc rgb '#e4e4e4'\n"
      "set clip two\n"
      "unset key\n"
      "set multiplot\n";
  return text;
}

std::string Page::begin(std::size_t panel, const Axis& x, const Axis& y) const {
  const Box& box = boxes_[panel];
  const double width = request_.width, height = request_.height;
  std::string text = fmt::format("\n{}unset label\nunset arrow\nunset object\n",
                                 comment(panels_[panel].title.empty() ? "the panel" : panels_[panel].title));
  text += fmt::format(
      "set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\nset bmargin at screen {:.5f}\nset tmargin at screen "
      "{:.5f}\n",
      box.left / width, (box.left + box.width) / width, box.bottom / height, (box.bottom + box.height) / height);
  for (const auto& [name, axis] : {std::pair("x", &x), std::pair("y", &y)}) {
    text += fmt::format("{} logscale {}\nset {}range [{:.9g}:{:.9g}]\n", axis->log ? "set" : "unset", name, name,
                        axis->lo, axis->hi);
    std::vector<std::string> ticks;
    const bool words = name[0] == 'x' || first_column(panel);
    for (const auto& [value, label] : axis->ticks)
      ticks.push_back(fmt::format("{} {:.9g}", quoted(words ? label : ""), value));
    for (const double value : axis->minor) ticks.push_back(fmt::format("'' {:.9g} 1", value));
    text += fmt::format("set {}tics nomirror out scale 0.5,0.25 offset {} font ',{}' ({})\n", name,
                        name[0] == 'x' ? "0,0.4" : "0.5,0", kSmall, fmt::join(ticks, ", "));
  }
  if (!panels_[panel].title.empty())
    // a title wider than its panel would run into the next one's
    text +=
        fmt::format("set label {} at graph 0.5,1 center offset 0,0.6 font ',{:.3g}'\n", quoted(panels_[panel].title),
                    kFont * std::min(1.0, (boxes_[panel].width + kGap) / text_width(panels_[panel].title, kFont)));
  if (panel > 0) return text;
  // what belongs to all panels, once
  double bottom = height, top = 0, right = 0;
  for (const Box& b : boxes_) {
    bottom = std::min(bottom, b.bottom);
    top = std::max(top, b.bottom + b.height);
    right = std::max(right, b.left + b.width);
  }
  const auto put = [&](std::string label, double room, const std::string& where) {
    if (const auto bracket = label.find(" (1: exact"); text_width(label, kFont) > room && bracket != label.npos)
      label.erase(bracket, label.find(')') + 1 - bracket);
    const double size = std::min(kFont, kFont * room / std::max(1.0, text_width(label, kFont)));
    text += fmt::format("set label {} at screen {} font ',{:.2f}'\n", quoted(label), where, size);
  };
  const double centre = (box.left + right) / 2, middle = (bottom + top) / 2;
  put(x.label, 2 * std::min(centre, width - centre),
      fmt::format("{:.5f},{:.5f} center", centre / width, (bottom - kTicks - 8) / height));
  if (!y.label.empty())
    put(y.label, 2 * std::min(middle, height - middle),
        fmt::format("{:.5f},{:.5f} center rotate", 9 / width, middle / height));
  if (!request_.title.empty())
    text += fmt::format("set label {} at screen 0.5,{:.5f} center font ',{}'\n", quoted(request_.title),
                        (height - kEdge - 6) / height, kFont + 1);
  return text + legend();
}

std::string Page::legend() const {
  std::string text;
  if (legend_.empty()) return text;
  const std::size_t rows = legend_rows(legend_columns_);
  const std::vector<double> widths = column_widths(legend_columns_);
  for (std::size_t i = 0; i < legend_.size(); ++i) {
    const Entry& entry = legend_[i];
    const auto column = static_cast<std::ptrdiff_t>(i / rows);
    const double left =
        std::accumulate(widths.begin(), widths.begin() + column, legend_box_.left) + 8.0 * static_cast<double>(column);
    const double y =
        (legend_box_.bottom + legend_box_.height - kLine * (static_cast<double>(i % rows) + 0.5)) / request_.height;
    const auto x = [&](double offset) { return (left + offset) / request_.width; };
    if (!entry.dash.empty())
      text += fmt::format("set arrow from screen {:.5f},{:.5f} to screen {:.5f},{:.5f} nohead lw 1.2 dt {} lc rgb {}\n",
                          x(0), y, x(sample_ - 6), y, entry.dash, rgb(entry.colour));
    if (entry.point >= 0)
      text += fmt::format("set label '' at screen {:.5f},{:.5f} point pt {} ps 0.5 lc rgb {}\n", x(sample_ / 2 - 3), y,
                          entry.point, rgb(entry.colour));
    if (entry.swatch)
      text += fmt::format(
          "set object rectangle center screen {:.5f},{:.5f} size screen {:.5f},{:.5f} fs solid noborder fc rgb {}\n",
          x(sample_ / 2 - 3), y, 12 / request_.width, 6 / request_.height, rgb(entry.colour));
    text += fmt::format("set label {} at screen {:.5f},{:.5f} left font ',{}'\n", quoted(entry.text), x(sample_ - 2), y,
                        legend_font_);
  }
  return text;
}

std::string Page::tail() const { return "\nunset multiplot\nunset output\n"; }

}  // namespace yoso::app::plot
