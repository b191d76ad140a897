// How far a sweep is: a bar on a terminal, lines elsewhere.
#pragma once
#include <chrono>
#include <string>

namespace yoso::app {

class SweepProgress {
 public:
  // mode: auto, bar, plain or none. `cost`: seconds that all points should take, by the plan.
  SweepProgress(const std::string& mode, std::size_t points, double cost);
  ~SweepProgress();
  void begin(const std::string& what);         // the group that is measured now
  void done(std::size_t points, double cost);  // so many more are done, which the plan put at `cost`
  void warn(std::size_t warnings);             // so many more came up
  std::string forecast() const;                // "about 3 min left"; empty while nothing is known

 private:
  void show(bool new_line);
  bool bar_, shown_;
  std::size_t points_, done_ = 0, warnings_ = 0, width_ = 0;
  double cost_, spent_ = 0;
  std::string what_;
  std::chrono::steady_clock::time_point began_;
};

std::string duration_text(double seconds);  // "40 s", "3 min", "2.5 h"

}  // namespace yoso::app
