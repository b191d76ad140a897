// merge: the points of a sweep, or several reports, as one report.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <yoso/rows.hpp>

#include "../output.hpp"
#include "../sweep/folder.hpp"
#include "../sweep/plan.hpp"

namespace yoso::app {
namespace {

namespace fs = std::filesystem;

void list_missing(const PlanFile& plan, const Progressed& found) {
  constexpr std::size_t kShown = 10;
  fmt::print(stderr, "missing: {} of {} points\n", found.missing.size(), plan.points());
  for (std::size_t i = 0; i < std::min(kShown, found.missing.size()); ++i) {
    const auto& [g, p] = found.missing[i];
    const PlannedGroup& group = plan.groups[g];
    fmt::print(stderr, "  {} {}: {} {}, {}\n", group.points[p].id, group.kind, group.points[p].method,
               group.points[p].setting, group.title);
  }
  if (found.missing.size() > kShown) fmt::print(stderr, "  and {} more\n", found.missing.size() - kShown);
}

// What was measured of a point on two machines, or on one that changed meanwhile, stays in rows of its own.
std::string in_two_environments(const std::vector<std::string>& files) {
  const Rows rows = read_rows(files);
  std::map<std::string, std::set<std::string>> environments;
  for (const Row& row : rows.rows) environments[row.id].insert(row.environment);
  const auto twice = std::ranges::count_if(environments, [](const auto& of) { return of.second.size() > 1; });
  if (twice == 0) return "";
  std::vector<std::string> machines;
  for (const Machine& m : rows.machines) machines.push_back(m.text() + (m.variables.empty() ? "" : ", " + m.variables));
  return fmt::format(
      "warning environments: {} points were measured in more than one environment ({}), and have a row for "
      "each\n",
      twice, fmt::join(machines, " / "));
}

// "0,2": what sbatch --array takes.
int print_missing_shards(const PlanFile& plan, const Progressed& found, int shards) {
  const std::vector<int> shares = shard_groups(plan.groups, shards);
  std::set<int> lacking;
  for (const auto& [g, p] : found.missing) lacking.insert(shares[g]);
  fmt::print("{}{}", fmt::join(lacking, ","), lacking.empty() ? "" : "\n");
  return 0;
}

}  // namespace

int run_merge(const Options& o) {
  if (o.files.empty()) throw BadSetting("merge: a folder of a sweep, or reports, are missing");
  std::vector<std::string> folders, files;
  for (const std::string& path : o.files) (fs::is_directory(path) ? folders : files).push_back(path);
  std::string plan_path = o.plan;
  for (const std::string& folder : folders)
    if (plan_path.empty() && fs::exists(fs::path(folder) / "plan.json"))
      plan_path = (fs::path(folder) / "plan.json").string();
  PlanFile plan;
  if (!plan_path.empty()) plan = read_plan(plan_path);
  for (const std::string& folder : folders) {
    const fs::path its = fs::path(folder) / "plan.json";
    if (fs::exists(its) && read_plan(its.string()).id != plan.id)
      throw BadInput(fmt::format("{}: its plan is another than {}", folder, plan_path));
  }
  const Progressed found = progress_of(plan, folders);
  if (o.missing_shards) {
    if (plan_path.empty()) throw BadSetting("--missing-shards needs a folder with plan.json, or --plan");
    return print_missing_shards(plan, found, o.missing_shards);
  }
  files.insert(files.end(), found.files.begin(), found.files.end());
  if (o.output.empty() && !o.json) throw BadSetting("merge: -o FILE is missing: where the report goes");
  std::vector<std::string> ids;
  for (const PlannedGroup& g : plan.groups)
    for (const auto& p : g.points) ids.push_back(p.id);
  const bool complete = found.missing.empty();
  const std::string merged = merge_reports(files, ids, plan.id, complete, o.force);
  if (!o.output.empty()) {
    OutputFile(o.output).commit(merged);
    fmt::print(stderr, "report: {} (from {} files)\n", o.output, files.size());
  }
  if (const std::string twice = in_two_environments(files); !twice.empty()) fmt::print(stderr, "{}", twice);
  if (o.json) fmt::print("{}", merged);
  if (complete) return 0;
  list_missing(plan, found);
  return 1;
}

}  // namespace yoso::app
