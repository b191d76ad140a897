// What a sweep measures, worked out without running it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <yoso/merge.hpp>

#include "../bench.hpp"

namespace yoso::app {

// One group of points, measured in one way.
struct Task {
  std::string kind;                        // "speed", "memory" or "error"
  std::shared_ptr<const Options> options;  // of its study, as if `kind` were the command
  Group group;
  std::vector<std::string> ids;  // of its members
};

struct SweepPlan {
  PlanFile file;            // groups stand beside tasks, one each
  std::vector<Task> tasks;  // memory first: its forked children must come before this process has threads
};

// Expands a recipe, a plan file (both by path) or the axis flags of `options`. Throws BadSetting or BadInput naming the
// field; for a plan file also when this program makes other points of its studies than it says.
SweepPlan plan_sweep(const Options& options);

// "0/3" or "auto": {0, 3}; the whole is {0, 1}. `auto` asks Slurm's array or tasks, Open MPI, or GNU parallel.
std::pair<int, int> parse_shard(const std::string& text);

}  // namespace yoso::app
