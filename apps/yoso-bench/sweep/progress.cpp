#include "sweep/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace yoso::app {

std::string duration_text(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", std::max(1.0, seconds));
  if (seconds < 5400) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

SweepProgress::SweepProgress(const std::string& mode, std::size_t points, double cost)
    : bar_(mode == "bar" || (mode == "auto" && isatty(STDERR_FILENO))),
      shown_(mode != "none"),
      points_(points),
      cost_(cost),
      began_(std::chrono::steady_clock::now()) {}

SweepProgress::~SweepProgress() {
  if (shown_ && bar_ && width_) fmt::print(stderr, "\r{:{}}\r", "", width_);
}

void SweepProgress::begin(const std::string& what) {
  what_ = what;
  show(true);
}

void SweepProgress::done(std::size_t points, double cost) {
  done_ += points;
  spent_ += cost;
  show(false);
}

void SweepProgress::warn(std::size_t warnings) { warnings_ += warnings; }

// The plan's guess at first; the pace of what is done once that says something.
std::string SweepProgress::forecast() const {
  const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  const double pace = spent_ > 0.02 * cost_ && passed > 1 ? passed / spent_ : 1;
  return fmt::format("about {} left", duration_text(pace * std::max(0.0, cost_ - spent_)));
}

void SweepProgress::show(bool new_line) {
  if (!shown_) return;
  const std::string warnings = warnings_ ? fmt::format(", {} warning{}", warnings_, warnings_ == 1 ? "" : "s") : "";
  if (!bar_) {
    if (new_line) fmt::print(stderr, "[{}/{}] {}, {}{}\n", done_, points_, what_, forecast(), warnings);
    return;
  }
  winsize size{};
  const std::size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 100;
  constexpr std::size_t kBar = 24;
  const std::size_t full = points_ ? kBar * done_ / points_ : kBar;
  std::string line = fmt::format("[{}{}] {}/{}, {}{}, {}", std::string(full, '#'), std::string(kBar - full, '.'), done_,
                                 points_, forecast(), warnings, what_);
  if (line.size() >= columns) line.resize(columns - 1);
  fmt::print(stderr, "\r{:{}}", line, std::max(width_, line.size()));
  width_ = line.size();
  std::fflush(stderr);
}

}  // namespace yoso::app
