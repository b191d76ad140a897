// Stacked bars: what the parts of a pass take, or what memory consists of.
#include <fmt/format.h>

#include <algorithm>

#include "figure.hpp"

namespace yoso::app::plot {
namespace {

double sum(const Bar& bar) {
  double all = 0;
  for (const auto& [name, value] : bar.parts) all += value;
  return all;
}

std::string named(const Bar& bar) { return bar.setting.empty() ? bar.method : bar.method + " " + bar.setting; }

template <class T>
std::size_t place(std::vector<T>& list, const T& item) {
  const auto found = std::ranges::find(list, item);
  if (found != list.end()) return static_cast<std::size_t>(found - list.begin());
  list.push_back(item);
  return list.size() - 1;
}

double longest(const Panel& panel) {
  double most = 0;
  for (const Bar& bar : panel.bars) most = std::max(most, sum(bar));
  return most;
}

}  // namespace

std::string bars_script(const Request& request, const std::vector<Row>& rows) {
  const std::string value = request.kind == "memory" ? "peak" : "time";
  const std::vector<Panel> panels = bar_panels(request, rows);
  std::vector<std::string> names, parts;
  double widest = 0, most = 0, least = 0;
  for (const Panel& panel : panels) {
    for (const Bar& bar : panel.bars) {
      place(names, named(bar));
      widest = std::max(widest, text_width(named(bar)));
      for (const auto& [part, size] : bar.parts) place(parts, part);
    }
    most = std::max(most, longest(panel));
    least = least == 0 ? longest(panel) : std::min(least, longest(panel));
  }
  std::vector<Entry> legend;
  for (std::size_t i = 0; i < parts.size(); ++i) legend.push_back({parts[i], phase_style(i).colour, "", -1, true});
  const Page page(request, panels, legend, widest + 10, 16);
  const Box& box = page.boxes().front();

  Axis y;
  y.lo = -0.5;
  y.hi = static_cast<double>(names.size()) - 0.5;
  const auto height_of = [&](const Bar& bar) { return y.hi - 0.5 - static_cast<double>(place(names, named(bar))); };
  for (std::size_t i = 0; i < names.size(); ++i) y.ticks.emplace_back(y.hi - 0.5 - static_cast<double>(i), names[i]);

  // Panels share their axis unless that would squash one of them.
  const bool shared = least * 8 >= most;
  std::string data, body;
  for (std::size_t p = 0; p < panels.size(); ++p) {
    const double end = shared ? most : longest(panels[p]);
    // room for the longest bar's number beside it
    const double room = box.width / std::max(0.3 * box.width, box.width - text_width(value_label(value, end)) - 8);
    Axis x = axis_for(value, axis_label(value, ""), {0, end * room}, Scale::linear, box.width, false);
    x.lo = 0;
    x.hi = end * room / x.unit;
    std::erase_if(x.ticks, [&](const auto& tick) { return tick.first < 0 || tick.first > x.hi; });
    if (!shared && panels.size() > 1) x.label = axis_label(value, "") + ", an axis for each panel";
    const auto words = [&](double at) {  // each axis in a unit of its own where it is not shared
      return shared ? number_label(at + 0.0) : at == 0 ? "0" : value_label(value, at * x.unit);
    };
    const auto fits = [&](double at) {  // and does not reach into the next panel
      return x.at(at) * box.width + text_width(words(at)) / 2 <= box.width + 5;
    };
    if (x.ticks.size() == 2 && !fits(x.ticks[1].first)) x.ticks[1].first /= 2;
    std::erase_if(x.ticks, [&](const auto& tick) { return !fits(tick.first); });
    for (auto& [at, label] : x.ticks) label = words(at);
    std::vector<std::string> blocks(parts.size());
    std::string labels;
    for (const Bar& bar : panels[p].bars) {
      double from = 0;
      for (const auto& [part, size] : bar.parts) {
        const std::size_t i = place(parts, part);
        const double to = from + size, middle = height_of(bar);
        blocks[i] += fmt::format("{:.9g} {:.9g} {:.9g} {:.9g} {:.9g} {:.9g}\n", (from + to) / 2 / x.unit, middle,
                                 from / x.unit, to / x.unit, middle - 0.36, middle + 0.36);
        const double span = size / x.unit / (x.hi - x.lo) * box.width;
        if (span > text_width(part) + 2)
          labels += fmt::format("set label {} at {:.9g},{:.9g} center front font ',{}' tc rgb {}\n", quoted(part),
                                (from + to) / 2 / x.unit, middle, kSmall,
                                dark(phase_style(i).colour) ? "'white'" : "'black'");
        from = to;
      }
      labels += fmt::format("set label {} at {:.9g},{:.9g} left offset 0.5,0 font ',{}'\n",
                            quoted(value_label(value, sum(bar))), sum(bar) / x.unit, height_of(bar), kSmall);
    }
    std::vector<std::string> plots;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (blocks[i].empty()) continue;
      data += fmt::format("{}$panel{}_{} << EOD\n{}EOD\n", comment(parts[i]), p, i, blocks[i]);
      plots.push_back(
          fmt::format("$panel{}_{} using 1:2:3:4:5:6 with boxxyerror fs solid border lc rgb 'white' lw 0.4 fc rgb {}",
                      p, i, rgb(phase_style(i).colour)));
    }
    body += page.begin(p, x, y) + labels + fmt::format("plot {}\n", fmt::join(plots, ", \\\n     "));
  }
  return page.head(data) + "set grid noytics\n" + body + page.tail();
}

}  // namespace yoso::app::plot
