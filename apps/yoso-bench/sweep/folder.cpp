#include "sweep/folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include <yoso/errors.hpp>
#include <yoso/rows.hpp>

namespace yoso::app {
namespace {

namespace fs = std::filesystem;

// Of runs that were killed while they wrote; nobody else is at work here.
void remove_leftovers(const std::string& folder) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".tmp") {
      std::error_code failed;
      fs::remove(entry.path(), failed);
    }
}

}  // namespace

SweepFolder::SweepFolder(std::string path, const PlanFile& plan, std::pair<int, int> shard) : path_(std::move(path)) {
  std::error_code failed;
  fs::create_directories(path_ + "/points", failed);
  if (failed) throw BadInput(fmt::format("--out {}: cannot make the folder: {}", path_, failed.message()));
  const bool whole = shard.second == 1;
  locks_.push_back(lock("lock", whole));
  if (whole) remove_leftovers(path_ + "/points");
  if (!whole) refuse_other_shards(shard.second);
  if (!whole) locks_.push_back(lock(fmt::format("lock.{}-of-{}", shard.first, shard.second), true));
  const std::string kept = path_ + "/plan.json";
  if (fs::exists(kept)) {
    const PlanFile begun = read_plan(kept);
    if (begun.id != plan.id)
      throw BadSetting(fmt::format(
          "--out {}: begun with another plan ({}, {} points; this one is {}, {} points): use another folder, "
          "or remove its plan.json to add to it",
          path_, begun.id, begun.points(), plan.id, plan.points()));
  } else {
    OutputFile(kept).commit(to_json(plan));
  }
}

SweepFolder::~SweepFolder() {
  for (const int file : locks_) close(file);
}

int SweepFolder::lock(const std::string& name, bool alone) const {
  const std::string place = path_ + "/" + name;
  const int file = open(place.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) throw BadInput(fmt::format("--out {}: cannot write: {}", path_, std::strerror(errno)));
  if (flock(file, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) {
    // shards do not name themselves: there may be several
    if (ftruncate(file, 0) == 0 && alone) dprintf(file, "%d\n", static_cast<int>(getpid()));
    return file;
  }
  char holder[32] = {};
  const bool known = read(file, holder, sizeof holder - 1) > 0;
  close(file);
  holder[std::strcspn(holder, "\n")] = 0;
  throw BadSetting(fmt::format("--out {}: another run is at work in this folder{}: wait for it, or use another", path_,
                               known ? fmt::format(" (process {})", holder) : ""));
}

// Shards of 3 and of 2 in one folder would measure some points twice.
void SweepFolder::refuse_other_shards(int shards) const {
  const std::string mine = fmt::format("-of-{}", shards);
  for (const auto& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("lock.") || name.ends_with(mine)) continue;
    const int file = open(entry.path().c_str(), O_RDWR | O_CLOEXEC);
    const bool busy = file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0;
    if (file >= 0) close(file);
    if (busy)
      throw BadSetting(
          fmt::format("--shard: {} is at work in {}, which is being cut into another number of shards than {}",
                      name.substr(5), path_, shards));
  }
}

std::string SweepFolder::file(const std::string& id, const std::string& kind) const {
  return path_ + "/points/" + point_file(id, kind);
}

std::optional<std::string> SweepFolder::status(const std::string& id, const std::string& kind) {
  const std::string place = file(id, kind);
  if (!fs::exists(place)) return std::nullopt;
  std::string why;
  try {
    const Rows rows = read_rows(place);
    if (rows.rows.size() == 1 && rows.rows[0].id == id) return rows.rows[0].status;
    why = "it holds another point";
  } catch (const BadInput& error) {
    why = error.what();
    if (why.starts_with(place + ": ")) why.erase(0, place.size() + 2);
  }
  std::error_code failed;
  fs::rename(place, place + ".damaged", failed);
  if (failed) throw BadInput(fmt::format("{}: damaged, and cannot be set aside: {}", place, failed.message()));
  fmt::print(stderr, "warning damaged: {}: {}: set aside as {}.damaged and measured again\n", place, why,
             point_file(id, kind));
  return std::nullopt;
}

void SweepFolder::write(const Report& report, const std::string& id, const std::string& kind) const {
  try {
    OutputFile(file(id, kind)).commit(to_json(report));
  } catch (const BadInput& error) {
    std::string what = error.what();
    if (what.starts_with("-o ")) what.erase(0, 3);
    throw BadInput(fmt::format("{}; all points before it are kept: the same command goes on from here", what));
  }
}

Progressed progress_of(const PlanFile& plan, const std::vector<std::string>& folders) {
  Progressed all;
  std::set<std::string> names;
  for (const std::string& folder : folders) {
    const fs::path points =
        fs::is_directory(fs::path(folder) / "points") ? fs::path(folder) / "points" : fs::path(folder);
    for (const auto& entry : fs::directory_iterator(points)) {
      const std::string name = entry.path().filename().string();
      // plan.json and temporary files of a run that was killed are no points
      if (!entry.is_regular_file() || entry.path().extension() != ".json" || name == "plan.json") continue;
      try {
        read_rows(entry.path().string());
      } catch (const BadInput& error) {  // the sweep sets it aside when it goes on
        fmt::print(stderr, "warning damaged: {}\n", error.what());
        continue;
      }
      names.insert(name);
      all.files.push_back(entry.path().string());
    }
  }
  std::ranges::sort(all.files);
  for (std::size_t g = 0; g < plan.groups.size(); ++g)
    for (std::size_t p = 0; p < plan.groups[g].points.size(); ++p)
      if (!names.contains(point_file(plan.groups[g].points[p].id, plan.groups[g].kind))) all.missing.emplace_back(g, p);
  return all;
}

}  // namespace yoso::app
