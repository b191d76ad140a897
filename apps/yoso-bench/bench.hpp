// What the measuring commands share: from options to groups of points, and from points to a report and a table.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <yoso/capture.hpp>
#include <yoso/plan.hpp>
#include <yoso/report.hpp>

#include "options.hpp"

namespace yoso::app {

// All methods at one input, shape, instruction set and thread count.
struct Group {
  std::string input;  // a family, or a capture's path
  Shape shape;
  Context context;
  std::vector<Member> members;
  std::shared_ptr<const Capture> capture;  // null: made from the family when asked for

  Capture data(std::uint64_t seed) const;
  std::string title() const;  // "gaussian, n = 1024, d = 64"
};

// `usual_n` is used when neither -n nor a capture gives a length; `extra` methods are added when not selected.
std::vector<Group> groups_of(const Options& options, std::vector<std::int64_t> usual_n, bool for_error,
                             const std::vector<const Method*>& extra = {});

// The configuration part of a row, with its ids and its repro line.
Point point_of(const Options& options, const Group& group, const Member& member);

// "each", "once" or "none", from the option, the method and whether it draws at all.
std::string redraw_policy(const Options& options, const Member& member, const Shape& shape);

std::size_t memory_budget(const Options& options);
std::vector<const Method*> controls();

// Turns what `work` throws into the row's status and reason: Unsupported, OutOfBudget and any other failure, but not a
// bad setting, which ends the run. True when it went through.
bool guarded(Point& point, const std::function<void()>& work);

// True once SIGINT or SIGTERM has come: finish nothing new.
bool interrupted();
void catch_interrupts();

// One line on stderr about what is running; on a terminal it replaces the one before.
class Progress {
 public:
  Progress(const std::string& mode, std::size_t total);
  ~Progress();
  void next(const std::string& what);

 private:
  bool shown_, terminal_;
  std::size_t done_ = 0, total_, width_ = 0;
};

// Opens -o before anything is measured, and writes report, table and warnings at the end.
class Output {
 public:
  // `timed`: whether load and the like matter to this command, so that warnings about them are shown.
  Output(const Options& options, bool timed);
  Report report;
  // Prints `table` (or JSON, when asked for), writes -o, and returns the exit code: 0; 1 when a point is wrong or
  // broke, or when no point gave a result; 130 when interrupted.
  int finish(const std::string& table);

 private:
  const Options& options_;
  std::unique_ptr<OutputFile> file_;
};

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

std::string seconds_text(double seconds);            // "1.23 ms"
std::string bytes_text(std::optional<std::size_t>);  // "1.5 MiB"; "-" for none
std::string number_text(const std::optional<double>&, int decimals);
std::string summary_text(const std::optional<Summary>&, int decimals);  // "0.512 [0.498, 0.533]"
std::string setting_text(const Member& member);                         // knobs worth showing in a table

// One line on what attention looks like on this input, over heads: the sharpness |q||k|/sqrt(d), on which random
// features and hashes depend, and the number of keys that matter.
std::string regime_text(const Group& group, const Capture& data);

}  // namespace yoso::app
