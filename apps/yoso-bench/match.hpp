// speed --match: what setting of a method's main knob reaches a skill against softmax.
#pragma once
#include <map>
#include <string>
#include <vector>

#include <yoso/study.hpp>

#include "bench.hpp"

namespace yoso::app {

class Matcher {
 public:
  // Reads options.settled. Throws BadInput, or BadSetting when a main knob is given beside --match.
  explicit Matcher(const Options& options);

  // Replaces every member that has a main knob by one a goal, at the least value that reaches it, and fills
  // group.matched. Draws, seeds and `error` knobs are those of the error command.
  void settle(Group& group, const Capture& data);

 private:
  struct Found {
    std::string value;  // of the main knob, as typed
    Matched matched;
  };
  const Options& options_;
  std::map<std::string, Found> found_;  // by input, shape, instruction set, method, other knobs and goal
};

}  // namespace yoso::app
