// Plans of sweeps as files, and many reports as one.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace yoso {

// What is measured together, and where it stands in a plan.
struct PlannedGroup {
  std::string kind;   // "speed", "memory" or "error"
  std::string group;  // Point::group
  std::string title;
  std::string how;     // what an id leaves out: seeds, budgets, references
  std::string inputs;  // a hash of captured ones, which a path alone does not name; empty: synthetic
  double cost = 0;     // seconds, a guess
  struct Entry {
    std::string id, method, setting;
  };
  std::vector<Entry> points;
};

struct PlanFile {
  std::string id, name, notes;
  bool smoke = false;
  std::vector<std::vector<std::string>> studies;  // arguments of each
  std::vector<PlannedGroup> groups;

  std::size_t points() const;
  double cost() const;
};

std::string identity(const PlanFile& plan);  // a hash of its points and of how they are measured: what `id` should be
std::string to_json(const PlanFile& plan);
PlanFile read_plan(const std::string& path);  // throws BadInput

// Name of the file that holds one point measured in one way.
std::string point_file(const std::string& id, const std::string& kind);

// Which of `shards` each group belongs to: longest first, each to the shard with the least so far, groups of one id
// together, by the plan alone.
std::vector<int> shard_groups(const std::vector<PlannedGroup>& groups, int shards);

// One report with every point of `files` once: what was measured of a point in several files is put together, in the
// order of `ids` and then of the files. Throws BadInput naming the files when builds differ, unless `force`, or when
// two files disagree on one measurement of one point. The same files give the same bytes in any order. `plan`: its id,
// or empty; `complete`: whether that plan is.
std::string merge_reports(std::vector<std::string> files, const std::vector<std::string>& ids, const std::string& plan,
                          bool complete, bool force);

}  // namespace yoso
