#include "output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <map>
#include <set>

namespace yoso::app {
namespace {

std::atomic<int> stop_asked{0};

// Those of rows: the first of each code, and how many there are.
void print_warnings(const std::vector<Warning>& warnings) {
  std::map<std::string, std::size_t> rows;
  for (const Warning& w : warnings) rows[w.code] += w.point.has_value();
  std::set<std::string> said;
  for (const Warning& w : warnings) {
    if (w.point && !said.insert(w.code).second) continue;
    const std::size_t others = w.point ? rows[w.code] - 1 : 0;
    fmt::print(stderr, "warning {}: {}{}\n", w.code, w.message,
               others ? fmt::format(" (and {} more row{}, see the report)", others, others == 1 ? "" : "s") : "");
  }
}

void on_signal(int signal) {
  stop_asked = signal;
  std::signal(signal, SIG_DFL);  // a second one ends the program at once
}

}  // namespace

int interrupted() { return stop_asked; }

void catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGHUP, on_signal);
  std::signal(SIGUSR1, on_signal);  // a job's time is nearly over
}

Progress::Progress(const std::string& mode, std::size_t total)
    : shown_(mode == "plain" || (mode == "auto" && isatty(STDERR_FILENO))),
      terminal_(mode == "auto" && isatty(STDERR_FILENO)),
      total_(total) {}

Progress::~Progress() {
  if (shown_ && terminal_ && width_) fmt::print(stderr, "\r{:{}}\r", "", width_);
}

void Progress::next(const std::string& what) {
  ++done_;
  say(fmt::format("[{}/{}] {}", done_, total_, what));
}

void Progress::say(const std::string& line) {
  if (!shown_) return;
  if (!terminal_) {
    fmt::print(stderr, "{}\n", line);
    return;
  }
  fmt::print(stderr, "\r{:{}}", line, std::max(width_, line.size()));
  width_ = line.size();
  std::fflush(stderr);
}

Output::Output(const Options& options, bool timed)
    : report(start_report(options.argv, options.seed)), options_(options), timed_(timed) {
  if (!timed)
    std::erase_if(report.warnings, [](const Warning& w) { return w.code != "sanitizer" && w.code != "debug-build"; });
  report.tags = options.tags;
  report.samples = options.samples;
  for (Device* device : options.devices)
    if (device) report.environment.gpu = device->info();
  if (!options.backend_note.empty()) report.warnings.push_back(warning("backend-auto", options.backend_note));
  if (!options.output.empty()) file_ = std::make_unique<OutputFile>(options.output);
  catch_interrupts();
}

int Output::finish(const std::string& table) {
  if (interrupted()) report.status = "interrupted";
  std::size_t broken = 0, results = 0;
  for (const Point& p : report.points) {
    broken += p.status == Status::wrong || p.status == Status::error;
    results += p.status == Status::ok || p.status == Status::noisy || p.status == Status::timeout;
  }
  if (timed_) {
    report.during = between(began_, machine_state());
    update_warnings(report.warnings, report.environment, *report.during);
    for (Warning& w : warnings_of(report.points)) report.warnings.push_back(std::move(w));
  }
  const std::string json = options_.json || file_ ? to_json(report) : std::string();
  if (file_) file_->commit(json);  // first: whoever reads stdout may have gone
  print_warnings(report.warnings);
  if (file_) fmt::print(stderr, "report: {} ({} points)\n", file_->path(), report.points.size());
  fmt::print("{}", options_.json ? json : table);
  if (interrupted()) return 130;
  return broken > 0 || (results == 0 && !report.points.empty()) ? 1 : 0;
}

}  // namespace yoso::app
