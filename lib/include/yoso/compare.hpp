// Two reports of the same points, side by side: what `yoso-bench compare` says.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <yoso/rows.hpp>

namespace yoso {

struct CompareAsk {
  std::vector<std::string> values;  // empty: those of time, peak and skill that both have
  std::string where;
  double min_effect = 0.02;  // a ratio of times within 1 +- this does not matter
  bool force = false;        // also where machine or build differ
};

// One value of one point. `verdict` of times: faster, slower, same, unclear; of bytes and counts: less, more, same; of
// errors: better, worse, same.
struct Change {
  std::string value, verdict;
  Value a, b;
  std::optional<Value> ratio;    // B/A
  std::optional<double> paired;  // of times: B/A of the ratios to the baseline that both were paired with
  bool regression = false;       // slower, more or worse
  bool measured = false;         // neither of the two is a prediction
};

struct PointChange {
  Row a, b;
  std::vector<Change> changes;
  bool status_changed = false;
  bool lost = false;  // A had numbers and B has none, or B is wrong or broke where A was not
};

struct ReportChange {
  std::string file_a, file_b;
  std::vector<std::string> differences;  // of machine and build; empty unless forced
  std::vector<std::string> values;       // compared
  std::vector<PointChange> points;       // in the order of A
  std::vector<Row> only_a, only_b;
  std::vector<Machine> machines;
  double min_effect = 0;
  std::optional<Value> mean_ratio;  // geometric, of B/A of measured times with intervals
  std::size_t mean_of = 0;          // so many

  std::size_t slower() const, more() const, worse() const, lost() const;
  std::size_t count(const std::string& value, const std::string& verdict) const;
};

// Throws BadSetting when machine, compiler, build type or sanitizers differ (unless forced), when no point is in both,
// when no value is, and when an asked one is not.
ReportChange compare_reports(const std::string& a, const std::string& b, const CompareAsk& ask);

// The interval of b/a of two independent runs: logarithmic half-widths, each side by itself, added in quadrature.
Value ratio_of(const Value& a, const Value& b);
std::string time_verdict(const Value& a, const Value& b, double min_effect, bool less_is_better = true);
std::string error_verdict(const std::string& name, const Value& a, const Value& b);

std::string to_json(const ReportChange& change);

}  // namespace yoso
