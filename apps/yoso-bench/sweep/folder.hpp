// The folder of a sweep: plan.json, points/<id>.<kind>.json, and a lock.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <yoso/merge.hpp>
#include <yoso/report.hpp>

namespace yoso::app {

class SweepFolder {
 public:
  // Makes the folder, takes its lock and keeps the plan in it. Shards of one sweep may work in one folder at a time.
  // Throws BadSetting when another run is at work in it, or when it was begun with another plan.
  SweepFolder(std::string path, const PlanFile& plan, std::pair<int, int> shard);
  ~SweepFolder();
  SweepFolder(const SweepFolder&) = delete;
  SweepFolder& operator=(const SweepFolder&) = delete;

  // The status of a point that was measured; nothing when it was not. A damaged file is set aside as *.damaged, with a
  // word on stderr.
  std::optional<std::string> status(const std::string& id, const std::string& kind);
  // One point, whole or not at all. Throws BadInput when it cannot be written.
  void write(const Report& report, const std::string& id, const std::string& kind) const;

 private:
  std::string file(const std::string& id, const std::string& kind) const;
  int lock(const std::string& name, bool alone) const;
  void refuse_other_shards(int shards) const;
  std::string path_;
  std::vector<int> locks_;
};

// What of a plan lies in a folder's points/ and what does not.
struct Progressed {
  std::vector<std::string> files;                            // valid ones, sorted
  std::vector<std::pair<std::size_t, std::size_t>> missing;  // (group, point) of the plan
};
Progressed progress_of(const PlanFile& plan, const std::vector<std::string>& folders);

}  // namespace yoso::app
