// Text for people: aligned tables, and numbers with the unit that suits them.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <yoso/report.hpp>

namespace yoso::app {

// Aligned columns of text; numbers to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> header, std::size_t left_columns = 2);
  void row(std::vector<std::string> cells);
  std::string text() const;

 private:
  std::size_t left_columns_;
  std::vector<std::vector<std::string>> rows_;
};

std::string seconds_text(double seconds);                    // "1.23 ms"
std::string bytes_text(std::optional<std::size_t>);          // "1.5 MiB"; "-" for none
std::string rate_text(double per_second, const char* unit);  // "217 GFLOP/s"
std::string number_text(const std::optional<double>&, int decimals);
std::string summary_text(const std::optional<Summary>&, int decimals);  // "0.512 [0.498, 0.533]"

}  // namespace yoso::app
