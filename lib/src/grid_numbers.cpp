// Numbers as a table prints them: the unit of a column, and digits.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <yoso/grid.hpp>

namespace yoso {

Scale scale_of(const std::string& unit, const std::vector<double>& numbers) {
  std::vector<double> sizes;
  for (const double x : numbers)
    if (x != 0) sizes.push_back(std::abs(x));
  if (sizes.empty()) return {1, unit};
  std::ranges::sort(sizes);
  const double typical = sizes[(sizes.size() - 1) / 2];
  const auto pick = [&](const std::vector<Scale>& scales) {
    for (const Scale& scale : scales)
      if (typical >= scale.size) return scale;
    return scales.back();
  };
  constexpr double kKi = 1024;
  if (unit == "s") return pick({{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}});
  if (unit == "B") return pick({{kKi * kKi * kKi, "GiB"}, {kKi * kKi, "MiB"}, {kKi, "KiB"}, {1, "B"}});
  return {1, unit};
}

Digits digits_of(const Value& value, double size, int digits) {
  const double x = value.median / size;
  const bool point = !value.lo || *value.lo == *value.hi;
  const double width = point ? 0 : (*value.hi - *value.lo) / size / 2;
  const auto exponent = [](double y, int significant) {
    const std::string text = fmt::format("{:.{}e}", y, significant - 1);
    return std::stoi(text.substr(text.find('e') + 1));
  };
  std::string format = "f";
  int decimals = 0;
  if (point && size == 1 && x == std::floor(x) && std::abs(x) < 1e7) {
    decimals = 0;  // a count
  } else if (std::abs(x) >= 1e7 || (std::abs(x) < 1e-4 && width < 1e-4 && x != 0)) {
    format = "e";
    decimals = digits - 1;
  } else {
    decimals = x == 0 ? digits - 1 : std::max(0, digits - 1 - exponent(x, digits));
    // no digits that the interval says nothing of
    if (width > 0) decimals = std::min(decimals, std::max(digits, 1 - exponent(width, 2)));
  }
  const auto text = [&](double y) {
    std::string s = format == "e" ? fmt::format("{:.{}e}", y, decimals) : fmt::format("{:.{}f}", y, decimals);
    if (s.starts_with("-") && s.find_first_of("123456789") == std::string::npos) s.erase(0, 1);
    return s;
  };
  if (point) return {text(x), "", ""};
  return {text(x), text(*value.lo / size), text(*value.hi / size)};
}

}  // namespace yoso
