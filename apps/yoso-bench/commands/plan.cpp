// plan: the points of a sweep, without running it.
#include <fmt/format.h>

#include "../output.hpp"
#include "../sweep/folder.hpp"
#include "../sweep/plan.hpp"
#include "../sweep/progress.hpp"
#include "../table.hpp"

namespace yoso::app {

int run_plan(const Options& o) {
  SweepPlan plan = plan_sweep(o);
  const std::string json = o.json || !o.output.empty() ? to_json(plan.file) : std::string();
  if (!o.output.empty()) {
    OutputFile(o.output).commit(json);
    fmt::print(stderr, "plan: {} ({} points)\n", o.output, plan.file.points());
  }
  if (o.json) {
    fmt::print("{}", json);
    return 0;
  }
  const auto [shard, shards] = parse_shard(o.shard);
  const std::vector<int> shares = shard_groups(plan.file.groups, shards);
  Table table({"id", "kind", "method", "setting", "input and shape", "guess"}, 5);
  std::size_t points = 0, groups = 0;
  double cost = 0;
  for (std::size_t g = 0; g < plan.file.groups.size(); ++g) {
    const PlannedGroup& group = plan.file.groups[g];
    if (shares[g] != shard) continue;
    const double each = group.cost / static_cast<double>(group.points.size());  // what a group takes is not told apart
    for (const auto& p : group.points)
      table.row({p.id, group.kind, p.method, p.setting, group.title, seconds_text(each)});
    points += group.points.size();
    cost += group.cost;
    ++groups;
  }
  fmt::print("{}\n", table.text());
  if (shards > 1) fmt::print("shard {} of {}: ", shard, shards);
  fmt::print("{} points in {} groups, about {} by a guess from operations and budgets; plan {}\n", points, groups,
             duration_text(cost), plan.file.id);
  if (shards > 1) {
    std::vector<double> costs(static_cast<std::size_t>(shards), 0);
    for (std::size_t g = 0; g < plan.file.groups.size(); ++g)
      costs[static_cast<std::size_t>(shares[g])] += plan.file.groups[g].cost;
    std::vector<std::string> texts;
    for (const double c : costs) texts.push_back(duration_text(c));
    fmt::print("shards: {}\n", fmt::join(texts, ", "));
  }
  return 0;
}

}  // namespace yoso::app
