// What quality costs: a curve a method over its knob, the frontier solid, what is dominated faint.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "figure.hpp"

namespace yoso::app::plot {
namespace {

std::string named(const Curve& curve) {
  std::string text = curve.setting.empty() ? curve.method : curve.method + " " + curve.setting;
  if (!curve.knob.empty()) text += ", by " + curve.knob;
  return text;
}

struct Ends {
  double lo, hi;
};
Ends ends(const Value& v) { return {v.lo.value_or(v.median), v.hi.value_or(v.median)}; }

// A control alone far from all methods (no attention takes no time) is a line across: its mark would squeeze the rest.
void find_levels(const Request& request, std::vector<Panel>& panels) {
  double lo = INFINITY, hi = 0;
  for (const Panel& panel : panels)
    for (const Curve& curve : panel.curves)
      if (!curve.control)
        for (const Mark& mark : curve.marks) {
          lo = std::min(lo, mark.x.median);
          hi = std::max(hi, mark.x.median);
        }
  const bool log = !request.linear_x && lo > 0 && hi > 0;  // and there is a method at all
  for (Panel& panel : panels)
    for (Curve& curve : panel.curves) {
      const double x = curve.marks.front().x.median;
      curve.level = curve.control && curve.marks.size() == 1 && log && (x < lo / 2 || x > 2 * hi);
    }
}

// Best y so far, from the best x on: what nothing in the panel beats in both.
std::vector<std::pair<double, double>> frontier(const Panel& panel, bool less_x, bool less_y) {
  std::vector<std::pair<double, double>> all, best;
  for (const Curve& curve : panel.curves)
    for (const Mark& mark : curve.marks) all.emplace_back(mark.x.median, mark.y.median);
  std::ranges::sort(all, [&](const auto& a, const auto& b) {
    if (a.first != b.first) return less_x ? a.first < b.first : a.first > b.first;
    return less_y ? a.second < b.second : a.second > b.second;
  });
  for (const auto& point : all)
    if (best.empty() || (less_y ? point.second < best.back().second : point.second > best.back().second))
      best.push_back(point);
  return best;
}

// Knob values beside the ends of curves, each where it covers least of marks and of other labels.
class Labels {
 public:
  Labels(const Box& box, const Axis& x, const Axis& y) : box_(box), x_(x), y_(y) {}
  void occupy(double lo, double x, double hi, double y) {
    const auto [px, py] = place(x, y);
    taken_.push_back({px - 2.5, py - 2.5, 5, 5});
    const double left = place(lo, y).first, right = place(hi, y).first;
    taken_.push_back({left, py - 1, right - left, 2});
  }
  // a step of the frontier, from one best point to the next
  void occupy_step(double x, double y, double next_x, double next_y) {
    const auto [px, py] = place(x, y);
    const auto [qx, qy] = place(next_x, next_y);
    taken_.push_back({px, py - 1.5, qx - px, 3});
    taken_.push_back({qx - 1.5, std::min(py, qy), 3, std::abs(qy - py)});
  }
  std::string put(double x, double y, const std::string& text, std::uint32_t colour) {
    const auto [px, py] = place(x, y);
    const double w = text_width(text, kSmall), h = kSmall;
    static constexpr std::array<std::pair<int, int>, 8> kSides{
        {{0, 1}, {1, 0}, {0, -1}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}}};
    Box best{};
    double least = INFINITY;
    for (const double far : {1.0, 2.2})
      for (const auto& [dx, dy] : kSides) {
        const Box b{px + dx * (w / 2 + 4 * far) - w / 2, py + dy * (h / 2 + 3 * far) - h / 2, w, h};
        double cost = far + covered(b);
        if (b.left < 0 || b.bottom < 0 || b.left + w > box_.width || b.bottom + h > box_.height) cost += 1000;
        if (cost < least) {
          least = cost;
          best = b;
        }
      }
    return label(best, text, colour);
  }
  // Along a line across at y, where least is in the way.
  std::string put_along(double y, const std::string& text, std::uint32_t colour) {
    const double py = place(x_.hi, y).second, w = text_width(text, kSmall), h = kSmall;
    std::vector<Box> sites;
    for (const double side : {1.0, -1.0})
      for (double right = box_.width - 4; right - w > 0; right -= 8)
        if (const double low = py + side * (h / 2 + 2) - h / 2; low > 0 && low + h < box_.height)
          sites.push_back({right - w, low, w, h});
    if (sites.empty()) sites.push_back({0, std::min(py + 2, box_.height - h), w, h});
    return label(*std::ranges::min_element(sites, {}, [&](const Box& b) { return covered(b); }), text, colour);
  }

 private:
  double covered(const Box& b) const {
    double area = 0;
    for (const Box& t : taken_)
      area += std::max(0.0, std::min(b.left + b.width, t.left + t.width) - std::max(b.left, t.left)) *
              std::max(0.0, std::min(b.bottom + b.height, t.bottom + t.height) - std::max(b.bottom, t.bottom));
    return 4 * area;
  }
  std::string label(const Box& b, const std::string& text, std::uint32_t colour) {
    taken_.push_back(b);
    return fmt::format("set label {} at graph {:.5f},{:.5f} center front font ',{}' tc rgb {}\n", quoted(text),
                       (b.left + b.width / 2) / box_.width, (b.bottom + b.height / 2) / box_.height, kSmall - 0.5,
                       rgb(colour));
  }
  std::pair<double, double> place(double x, double y) const {
    return {x_.at(x) * box_.width, y_.at(std::max(y, y_.floor.value_or(y))) * box_.height};
  }
  const Box& box_;
  const Axis &x_, &y_;
  std::vector<Box> taken_;
};

class Drawing {
 public:
  Drawing(const Request& request, const Page& page, const Axis& x, const Axis& y, const Styles& styles)
      : request_(request), page_(page), x_(x), y_(y), styles_(styles) {}

  void add(const Panel& panel, std::size_t p) {
    plots_.clear();
    std::string labels;
    Labels places(page_.boxes()[p], x_, y_);
    const std::string name = fmt::format("$panel{}", p);
    const bool less_x = value_name("--x", request_.x).less_is_better;
    std::string steps;
    const auto best = frontier(panel, less_x, value_name("--y", request_.y).less_is_better);
    for (const auto& [x, y] : best) steps += fmt::format("{:.9g} {:.9g}\n", x / x_.unit, y / y_.unit);
    if (!best.empty()) steps += fmt::format("{:.9g} {:.9g}\n", less_x ? x_.hi : x_.lo, best.back().second / y_.unit);
    for (std::size_t i = 1; i < best.size(); ++i)
      places.occupy_step(best[i - 1].first / x_.unit, best[i - 1].second / y_.unit, best[i].first / x_.unit,
                         best[i].second / y_.unit);
    data_ += fmt::format("{}_frontier << EOD\n{}EOD\n", name, steps);
    plots_.push_back(name + "_frontier with steps lw 2.5 dt solid lc rgb '#c8c8c8'");
    for (const Curve& curve : panel.curves)
      for (const Mark& mark : curve.marks)
        if (!curve.level)
          places.occupy(ends(mark.x).lo / x_.unit, mark.x.median / x_.unit, ends(mark.x).hi / x_.unit,
                        mark.y.median / y_.unit);
    // faint ones first, so that they cover nothing
    for (const bool dominated : {true, false})
      for (std::size_t c = 0; c < panel.curves.size(); ++c)
        if (!panel.curves[c].level) add(panel.curves[c], fmt::format("{}_{}", name, c), dominated);
    for (const Curve& curve : panel.curves)
      if (!curve.level) labels += knobs(curve, places);
    for (const Curve& curve : panel.curves)
      if (curve.level) labels += level(curve, places);
    body_ += page_.begin(p, x_, y_) + labels + fmt::format("plot {}\n", fmt::join(plots_, ", \\\n     "));
  }

  std::string text() const { return page_.head(data_) + body_ + page_.tail(); }

 private:
  const Style& style(const Curve& curve) const { return styles_.at({curve.method, curve.setting}); }

  void add(const Curve& curve, const std::string& name, bool dominated) {
    const Style& look = style(curve);
    const std::string colour = rgb(dominated ? faint(look.colour) : look.colour);
    std::string line, marks, below;
    for (const Mark& m : curve.marks) {
      line += fmt::format("{:.9g} {:.9g}\n", m.x.median / x_.unit, m.y.median / y_.unit);
      if (m.dominated != dominated) continue;
      const Ends x = ends(m.x), y = ends(m.y);
      if (y_.floor && m.y.median < *y_.floor)
        below += fmt::format("{:.9g} {:.9g}\n", m.x.median / x_.unit, *y_.floor);
      else
        marks += fmt::format("{:.9g} {:.9g} {:.9g} {:.9g} {:.9g} {:.9g}\n", m.x.median / x_.unit, m.y.median / y_.unit,
                             x.lo / x_.unit, x.hi / x_.unit, y.lo / y_.unit, y.hi / y_.unit);
    }
    if (dominated && curve.marks.size() > 1) {
      data_ += fmt::format("{}{} << EOD\n{}EOD\n", comment(named(curve)), name, line);
      plots_.push_back(fmt::format("{} with lines lw 0.8 dt {} lc rgb {}", name, look.dash, colour));
    }
    const std::string suffix = dominated ? "_dominated" : "_best";
    if (!marks.empty()) {
      data_ += fmt::format("{}{}{} << EOD\n{}EOD\n", comment(named(curve)), name, suffix, marks);
      plots_.push_back(fmt::format("{}{} using 1:2:3:4:5:6 with xyerrorbars pt {} ps {} lw 0.8 lc rgb {}", name, suffix,
                                   dominated || curve.control ? look.open : look.filled, dominated ? 0.4 : 0.6,
                                   colour));
    }
    if (!below.empty()) {
      data_ +=
          fmt::format("{}{}_below{} << EOD\n{}EOD\n", comment(named(curve) + ", below the axis"), name, suffix, below);
      plots_.push_back(fmt::format("{}_below{} with points pt 11 ps 0.5 lc rgb {}", name, suffix, colour));
    }
  }

  std::string knobs(const Curve& curve, Labels& places) const {
    if (curve.marks.front().label.empty()) return "";
    std::string text;
    const auto put = [&](const Mark& m) {
      text += places.put(m.x.median / x_.unit, m.y.median / y_.unit, m.label, style(curve).colour);
    };
    put(curve.marks.front());
    if (curve.marks.size() > 1) put(curve.marks.back());
    return text;
  }

  // Across the panel at its height; the legend says the x that is off the axis.
  std::string level(const Curve& curve, Labels& places) {
    const Mark& m = curve.marks.front();
    const double y = std::max(m.y.median, y_.floor.value_or(m.y.median)) / y_.unit;
    plots_.push_back(
        fmt::format("{:.9g} with lines lw 0.8 dt {} lc rgb {}", y, style(curve).dash, rgb(style(curve).colour)));
    return places.put_along(y, curve.method, style(curve).colour);
  }

  const Request& request_;
  const Page& page_;
  const Axis &x_, &y_;
  const Styles& styles_;
  std::string data_, body_;
  std::vector<std::string> plots_;
};

// "mean-v, off the axis (time 49.6 µs)", over all panels
std::string level_text(const Request& request, const std::vector<Panel>& panels, const Curve& level) {
  double lo = INFINITY, hi = 0;
  for (const Panel& panel : panels)
    for (const Curve& curve : panel.curves)
      if (curve.level && named(curve) == named(level)) {
        lo = std::min(lo, curve.marks.front().x.median);
        hi = std::max(hi, curve.marks.front().x.median);
      }
  const std::string from = value_label(request.x, lo), to = value_label(request.x, hi);
  return fmt::format("{}, off the axis ({} {})", named(level), request.x, from == to ? from : from + " to " + to);
}

std::vector<Entry> legend_of(const Request& request, const std::vector<Panel>& panels, const Styles& styles) {
  std::vector<Entry> entries;
  for (const Panel& panel : panels)
    for (const Curve& curve : panel.curves) {
      const std::string text = curve.level ? level_text(request, panels, curve) : named(curve);
      if (std::ranges::find(entries, text, &Entry::text) != entries.end()) continue;
      const Style& style = styles.at({curve.method, curve.setting});
      const int point = curve.level ? -1 : curve.control ? style.open : style.filled;
      entries.push_back({text, style.colour, style.dash, point, false});
    }
  entries.push_back({"frontier", 0xc8c8c8, "solid", -1, false});
  entries.push_back({"faint, hollow: dominated", 0xb0b0b0, "", 6, false});
  return entries;
}

}  // namespace

std::string pareto_script(const Request& request, const std::vector<Row>& rows) {
  const std::string over = baseline_of(rows, request.x), under = baseline_of(rows, request.y);
  std::vector<Panel> panels = pareto_panels(request, rows);
  find_levels(request, panels);
  const Styles styles = styles_of(panels);
  std::vector<double> xs, ys;
  for (const Panel& panel : panels)
    for (const Curve& curve : panel.curves)
      for (const Mark& m : curve.marks) {
        const Ends x = ends(m.x), y = ends(m.y);
        if (!curve.level) xs.insert(xs.end(), {x.lo, x.hi});
        ys.insert(ys.end(), {y.lo, y.hi});
      }
  const bool log_x = !request.linear_x && std::ranges::min(xs) > 0;
  // skills and cosines end at 1: a linear axis; times and bytes do not
  const bool log_y = !request.linear_y && std::ranges::min(ys) > 0 && !(request.y.find("skill") != std::string::npos) &&
                     std::ranges::max(ys) / std::ranges::min(ys) > 20;
  const Axis y = axis_for(request.y, or_else(request.y_label, axis_label(request.y, under)), ys,
                          log_y ? Scale::log10 : Scale::linear, request.height * 0.8, true);
  const Page page(request, panels, legend_of(request, panels, styles), label_room(y), 16);
  const Box& box = page.boxes().front();
  const Axis x = axis_for(request.x, or_else(request.x_label, axis_label(request.x, over)), xs,
                          log_x ? Scale::log10 : Scale::linear, box.width, false);
  Drawing drawing(request, page, x, y, styles);
  for (std::size_t p = 0; p < panels.size(); ++p) drawing.add(panels[p], p);
  return drawing.text();
}

}  // namespace yoso::app::plot
