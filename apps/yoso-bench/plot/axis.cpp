// Ranges, units and ticks. They are worked out here, not by gnuplot, so that panels share them and labels can be
// placed.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "figure.hpp"

namespace yoso::app::plot {
namespace {

constexpr double kWorstSkill = -1;  // a few hashes reach -100, and all that matters would be a line

struct Unit {
  double size;
  const char* name;
};
constexpr std::array<Unit, 4> kSeconds{{{1e-9, "ns"}, {1e-6, "µs"}, {1e-3, "ms"}, {1, "s"}}};
constexpr std::array<Unit, 5> kBytes{
    {{1, "B"}, {1024, "KiB"}, {1048576, "MiB"}, {1073741824, "GiB"}, {1099511627776, "TiB"}}};

template <std::size_t N>
const Unit& unit_for(const std::array<Unit, N>& units, double value) {
  const Unit* best = &units[0];
  for (const Unit& u : units)
    if (value >= u.size) best = &u;
  return *best;
}

std::string unit_of(const std::string& name) {
  const auto& names = value_names();
  const auto found = std::ranges::find(names, name, &ValueName::name);
  return found == names.end() ? "" : found->unit;
}

// 512, 4k, 1M
std::string count_label(double value) {
  if (value >= 1048576 && std::fmod(value, 1048576) == 0) return fmt::format("{:g}M", value / 1048576);
  if (value >= 1024 && std::fmod(value, 1024) == 0) return fmt::format("{:g}k", value / 1024);
  return number_label(value);
}

// 1, 2 or 5 times a power of ten
double nice_step(double rough) {
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (rough <= factor * power * 1.0001) return factor * power;
  return 10 * power;
}

void linear_ticks(Axis& axis, int most) {
  double step = nice_step((axis.hi - axis.lo) / most);
  const auto ticks = [&] { return std::floor(axis.hi / step + 1e-9) - std::ceil(axis.lo / step - 1e-9) + 1; };
  // one or two say little of a scale, though there is hardly room for more
  if (ticks() < 3) step = nice_step(step / 3);
  for (double k = std::ceil(axis.lo / step - 1e-9); k * step <= axis.hi + 1e-9 * step; ++k)
    axis.ticks.emplace_back(k * step, number_label(k == 0 ? 0 : k * step));
}

void log2_ticks(Axis& axis, int most, bool bytes) {
  const int first = static_cast<int>(std::ceil(std::log2(axis.lo) - 1e-9));
  const int last = static_cast<int>(std::floor(std::log2(axis.hi) + 1e-9));
  if (last - first < 1) return linear_ticks(axis, most);
  int step = 1;
  while ((last - first) / step + 1 > most) ++step;
  // bytes: 1 MiB and 1 GiB belong to the labels
  if (bytes && step > 1) step = step <= 2 ? 2 : step <= 5 ? 5 : 10;
  for (int e = first; e <= last; ++e) {
    const double value = std::exp2(e);
    const bool labelled = bytes ? e % step == 0 : (e - first) % step == 0;
    if (labelled)
      axis.ticks.emplace_back(value, bytes ? value_label("peak", value) : count_label(value));
    else
      axis.minor.push_back(value);
  }
}

void log10_ticks(Axis& axis, int most) {
  const double decades = std::log10(axis.hi / axis.lo);
  if (decades < 0.7) return linear_ticks(axis, most);
  const int first = static_cast<int>(std::floor(std::log10(axis.lo))), last = static_cast<int>(std::log10(axis.hi)) + 1;
  int step = 1;
  while (decades / step > most) ++step;
  for (int e = first; e <= last; ++e)
    for (int digit = 1; digit < 10; ++digit) {
      const double value = digit * std::pow(10, e);
      if (value < axis.lo * 0.9999 || value > axis.hi * 1.0001) continue;
      const bool labelled = digit == 1 ? e % step == 0 : decades * 3 <= most && (digit == 2 || digit == 5);
      if (labelled)
        axis.ticks.emplace_back(value, number_label(value));
      else
        axis.minor.push_back(value);
    }
}

}  // namespace

double Axis::at(double value) const {
  if (!log) return (value - lo) / (hi - lo);
  return std::log(value / lo) / std::log(hi / lo);
}

double label_room(const Axis& axis) {
  double widest = 0;
  for (const auto& [value, label] : axis.ticks) widest = std::max(widest, text_width(label));
  return widest + 24;  // and the axis' own label beside them
}

std::string number_label(double value) {
  std::string text = fmt::format("{:.6g}", value);
  if (text.starts_with("-")) text.replace(0, 1, "−");
  return text;
}

std::string value_label(const std::string& name, double value) {
  const std::string unit = unit_of(name);
  if (unit == "s") {
    const Unit& u = unit_for(kSeconds, value);
    return fmt::format("{:.3g} {}", value / u.size, u.name);
  }
  if (unit == "B") {
    const Unit& u = unit_for(kBytes, value);
    return fmt::format("{:.3g} {}", value / u.size, u.name);
  }
  return fmt::format("{:.3g}", value);
}

std::string axis_label(const std::string& name, const std::string& baseline) {
  if (name == "n") return "tokens n";
  if (name == "time" || name == "peak") return name == "time" ? "time" : "peak memory";
  if (name == "ratio") return fmt::format("time / time of {}", baseline);
  if (name == "speedup") return fmt::format("speed-up over {}", baseline);
  if (name == "skill") return "skill (1: exact attention, 0: no attention)";
  if (name == "own.skill") return "skill against the method's own target";
  if (name == "entropy") return "entropy of the softmax weights";
  if (name == "effective_keys") return "effective keys of softmax";
  const auto& names = value_names();
  const auto found = std::ranges::find(names, name, &ValueName::name);
  return found == names.end() ? name : found->what;
}

Axis axis_for(const std::string& name, const std::string& label, std::vector<double> values, Scale scale, double length,
              bool upright) {
  Axis axis;
  axis.label = label;
  if (name.ends_with("skill") && std::ranges::min(values) < kWorstSkill) {
    for (double& value : values) value = std::max(value, kWorstSkill);
    axis.floor = kWorstSkill;
    axis.label += fmt::format("; arrows: below {}", number_label(kWorstSkill));
  }
  axis.log = scale != Scale::linear;
  axis.lo = *std::ranges::min_element(values);
  axis.hi = *std::ranges::max_element(values);
  const std::string unit = unit_of(name);
  const bool bytes = unit == "B";
  if (unit == "s" || (bytes && !axis.log)) {
    const double middle = axis.log ? std::sqrt(axis.lo * axis.hi) : axis.hi;
    const Unit& u = bytes ? unit_for(kBytes, middle) : unit_for(kSeconds, middle);
    axis.unit = u.size;
    axis.label += fmt::format(" ({})", u.name);
    axis.lo /= u.size;
    axis.hi /= u.size;
  } else if (!unit.empty() && !bytes) {
    axis.label += fmt::format(" ({})", unit);
  }
  if (axis.log) {
    const double margin = axis.hi > axis.lo ? std::pow(axis.hi / axis.lo, 0.04) : 2;
    axis.lo /= margin;
    axis.hi *= margin;
  } else {
    const double margin = axis.hi > axis.lo ? 0.04 * (axis.hi - axis.lo) : std::max(0.05 * std::abs(axis.hi), 1e-12);
    axis.lo -= margin;
    axis.hi += margin;
  }
  const int most = std::clamp(static_cast<int>(length / (upright || scale == Scale::log10 ? 24
                                                         : bytes                          ? 40
                                                                                          : 30)),
                              2, 8);
  if (scale == Scale::linear)
    linear_ticks(axis, most);
  else if (scale == Scale::log2 || bytes)
    log2_ticks(axis, most, bytes);
  else
    log10_ticks(axis, most);
  return axis;
}

}  // namespace yoso::app::plot
