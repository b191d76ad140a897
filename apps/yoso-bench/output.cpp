#include "output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>

namespace yoso::app {
namespace {

std::atomic<bool> stop_asked{false};

void on_signal(int signal) {
  stop_asked = true;
  std::signal(signal, SIG_DFL);  // a second one ends the program at once
}

}  // namespace

bool interrupted() { return stop_asked; }

void catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGHUP, on_signal);
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
    : report(start_report(options.argv, options.seed)), options_(options) {
  if (!timed)
    std::erase_if(report.warnings, [](const Warning& w) { return w.code != "sanitizer" && w.code != "debug-build"; });
  report.tags = options.tags;
  report.samples = options.samples;
  if (!options.output.empty()) file_ = std::make_unique<OutputFile>(options.output);
  catch_interrupts();
}

int Output::finish(const std::string& table) {
  if (interrupted()) report.status = "interrupted";
  std::size_t broken = 0, results = 0;
  for (const Point& p : report.points) {
    broken += p.status == Status::wrong || p.status == Status::error || p.status == Status::timeout;
    results += p.status == Status::ok || p.status == Status::noisy;
  }
  const std::string json = options_.json || file_ ? to_json(report) : std::string();
  if (file_) file_->commit(json);  // first: whoever reads stdout may have gone
  for (const Warning& w : report.warnings) fmt::print(stderr, "warning {}: {}\n", w.code, w.message);
  if (file_) fmt::print(stderr, "report: {} ({} points)\n", file_->path(), report.points.size());
  fmt::print("{}", options_.json ? json : table);
  if (interrupted()) return 130;
  return broken > 0 || (results == 0 && !report.points.empty()) ? 1 : 0;
}

}  // namespace yoso::app
