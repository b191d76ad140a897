// What a run tells: progress on stderr, the result on stdout, the report in a file.
#pragma once
#include <memory>
#include <string>

#include <yoso/report.hpp>

#include "options.hpp"

namespace yoso::app {

// The signal once SIGINT, SIGTERM, SIGHUP or SIGUSR1 has come, else 0: finish nothing new.
int interrupted();
void catch_interrupts();

// One line on stderr about what is running; on a terminal it replaces the one before.
class Progress {
 public:
  Progress(const std::string& mode, std::size_t total);
  ~Progress();
  void next(const std::string& what);
  void say(const std::string& line);  // without counting

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
  bool timed_;
  MachineState began_ = machine_state();
  std::unique_ptr<OutputFile> file_;
};

}  // namespace yoso::app
