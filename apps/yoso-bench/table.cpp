#include "table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace yoso::app {

Table::Table(std::vector<std::string> header, std::size_t left_columns) : left_columns_(left_columns) {
  rows_.push_back(std::move(header));
}

void Table::row(std::vector<std::string> cells) {
  cells.resize(rows_.front().size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  std::string text;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      if (c) line += "  ";
      line += c < left_columns_ || c + 1 == widths.size() ? fmt::format("{:<{}}", rows_[r][c], widths[c])
                                                          : fmt::format("{:>{}}", rows_[r][c], widths[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (r == 0) {
      std::size_t width = 2 * (widths.size() - 1);
      for (const std::size_t w : widths) width += w;
      text += std::string(width, '-') + "\n";
    }
  }
  return text;
}

std::string seconds_text(double s) {
  if (s < 1e-6) return fmt::format("{:.3g} ns", s * 1e9);
  if (s < 1e-3) return fmt::format("{:.3g} us", s * 1e6);
  if (s < 1) return fmt::format("{:.3g} ms", s * 1e3);
  return fmt::format("{:.3g} s", s);
}

std::string bytes_text(std::optional<std::size_t> bytes) {
  if (!bytes) return "-";
  const double b = static_cast<double>(*bytes);
  if (b < 1024) return fmt::format("{} B", *bytes);
  if (b < 1024.0 * 1024) return fmt::format("{:.1f} KiB", b / 1024);
  if (b < 1024.0 * 1024 * 1024) return fmt::format("{:.1f} MiB", b / 1024 / 1024);
  return fmt::format("{:.2f} GiB", b / 1024 / 1024 / 1024);
}

std::string rate_text(double r, const char* unit) {
  constexpr double kKilo = 1e3, kMega = 1e6, kGiga = 1e9, kTera = 1e12;
  const auto [size, prefix] = r >= kTera   ? std::pair(kTera, "T")
                              : r >= kGiga ? std::pair(kGiga, "G")
                              : r >= kMega ? std::pair(kMega, "M")
                                           : std::pair(kKilo, "k");
  return fmt::format("{:.3g} {}{}/s", r / size, prefix, unit);
}

std::string number_text(const std::optional<double>& value, int decimals) {
  if (!value) return "-";
  if (std::abs(*value) < 0.5 * std::pow(10, -decimals)) return fmt::format("{:.{}f}", 0.0, decimals);  // no "-0.000"
  return fmt::format("{:.{}f}", *value, decimals);
}

std::string summary_text(const std::optional<Summary>& s, int decimals) {
  if (!s) return "-";
  const std::string text = number_text(s->median, decimals);
  const std::string lo = number_text(s->lo, decimals), hi = number_text(s->hi, decimals);
  return s->lo && lo != hi ? fmt::format("{} [{}, {}]", text, lo, hi) : text;
}

}  // namespace yoso::app
