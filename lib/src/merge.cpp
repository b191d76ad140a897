#include <yoso/merge.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>

#include <yoso/errors.hpp>
#include <yoso/launches.hpp>
#include <yoso/report.hpp>
#include <yoso/schema.hpp>

#include "hash.hpp"
#include "report_extras.hpp"

namespace yoso {
namespace {

using Json = nlohmann::ordered_json;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw BadInput(fmt::format("{}: cannot be read", path));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Json read_valid(const std::string& path, const char* schema) {
  const std::string text = contents(path);
  const Verdict verdict = validate(text, path);
  if (verdict.schema != schema) throw BadInput(fmt::format("{}: must be a {}, is a {}", path, schema, verdict.schema));
  if (!verdict.problems.empty()) throw BadInput(fmt::format("{}: {}", path, verdict.problems.front()));
  return Json::parse(text);
}

// What a measurement leaves in a point, and nothing else does.
const char* const kMeasured[] = {"time",  "phases", "phase_sum", "paired",   "memory",    "error",
                                 "check", "work",   "verdict",   "launches", "predicted", "match"};

bool empty(const Json& value) {
  return value.is_null() || ((value.is_object() || value.is_array()) && value.empty()) ||
         (value.is_string() && value.get<std::string>().empty());
}

int badness(const std::string& status) {
  static const std::vector<std::string> kWorstFirst{"wrong",       "error",   "unsupported", "over_budget",
                                                    "interrupted", "timeout", "noisy",       "predicted"};
  return static_cast<int>(std::ranges::find(kWorstFirst, status) - kWorstFirst.begin());
}

// Puts what `more` measured into `point`.
void join(Json& point, const Json& more, const std::string& file) {
  for (const char* key : kMeasured) {
    if (!more.contains(key) || empty(more[key])) continue;
    if (!point.contains(key) || empty(point[key]) || std::string(key) == "work") {
      // a timed row's work says what was achieved of it
      const bool timed = !more["time"].is_null();
      if (std::string(key) != "work" || empty(point[key]) || timed) point[key] = more[key];
    } else if (point[key] != more[key] && std::string(key) != "check") {
      throw BadInput(
          fmt::format("{}: point {} is there already with another {}", file, more.at("id").get<std::string>(), key));
    }
  }
  const auto status = [](const Json& p) { return p.at("status").get<std::string>(); };
  if (badness(status(more)) < badness(status(point))) {
    point["status"] = more.at("status");
    point["reason"] = more.at("reason");
  }
}

Json summary_of(const Json& points) {
  Json counts = Json::object();
  for (const Json& p : points) {
    const std::string status = p.at("status").get<std::string>();
    counts[status] = counts.value(status, 0) + 1;
  }
  return {{"points", points.size()}, {"statuses", counts}};
}

}  // namespace

std::size_t PlanFile::points() const {
  std::size_t count = 0;
  for (const PlannedGroup& g : groups) count += g.points.size();
  return count;
}

double PlanFile::cost() const {
  double sum = 0;
  for (const PlannedGroup& g : groups) sum += g.cost;
  return sum;
}

std::string identity(const PlanFile& plan) {
  std::set<std::string> all;  // in whatever order studies and flags name them
  for (const PlannedGroup& g : plan.groups)
    for (const auto& p : g.points) all.insert(fmt::format("{} {} {} {}", g.kind, p.id, g.how, g.inputs));
  return hash_hex(fmt::format("{}", fmt::join(all, "\n")));
}

std::string to_json(const PlanFile& plan) {
  Json groups = Json::array();
  for (const PlannedGroup& g : plan.groups) {
    Json points = Json::array();
    for (const auto& p : g.points) points.push_back({{"id", p.id}, {"method", p.method}, {"setting", p.setting}});
    groups.push_back({{"kind", g.kind},
                      {"group", g.group},
                      {"title", g.title},
                      {"how", g.how},
                      {"inputs", g.inputs},
                      {"cost_s", g.cost},
                      {"points", points}});
  }
  return Json{{"schema", {{"name", "yoso-bench/plan"}, {"version", "1.0"}}},
              {"id", plan.id},
              {"name", plan.name},
              {"smoke", plan.smoke},
              {"notes", plan.notes},
              {"studies", plan.studies},
              {"groups", groups}}
             .dump(1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

PlanFile read_plan(const std::string& path) {
  const Json j = read_valid(path, "yoso-bench/plan");
  PlanFile plan{j.at("id"), j.at("name"), j.value("notes", ""), j.at("smoke"), j.at("studies"), {}};
  for (const Json& g : j.at("groups")) {
    PlannedGroup group{g.at("kind"), g.at("group"), g.at("title"), g.at("how"), g.at("inputs"), g.at("cost_s"), {}};
    for (const Json& p : g.at("points")) group.points.push_back({p.at("id"), p.at("method"), p.at("setting")});
    plan.groups.push_back(std::move(group));
  }
  return plan;
}

std::string point_file(const std::string& id, const std::string& kind) { return id + "." + kind + ".json"; }

std::vector<int> shard_groups(const std::vector<PlannedGroup>& groups, int shards) {
  std::map<std::string, double> costs;
  for (const PlannedGroup& g : groups) costs[g.group] += g.cost;
  std::vector<std::pair<std::string, double>> longest(costs.begin(), costs.end());
  std::ranges::stable_sort(longest, [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<double> load(static_cast<std::size_t>(shards), 0);
  std::map<std::string, int> where;
  for (const auto& [group, cost] : longest) {
    const auto least = std::ranges::min_element(load);
    where[group] = static_cast<int>(least - load.begin());
    *least += cost;
  }
  std::vector<int> shard;
  for (const PlannedGroup& g : groups) shard.push_back(where.at(g.group));
  return shard;
}

std::string merge_reports(std::vector<std::string> files, const std::vector<std::string>& ids, const std::string& plan,
                          bool complete, bool force) {
  if (files.empty()) throw BadInput("merge: there is no report to merge");
  std::ranges::sort(files);
  Json merged, tags;
  std::map<std::pair<std::string, std::string>, Json> points;  // by id and environment
  std::vector<std::pair<std::string, std::string>> order;
  std::map<std::string, Json> environments;
  Json warnings = Json::array();
  std::set<std::string> said;
  std::string began, ended;
  bool all_complete = true;
  for (const std::string& file : files) {
    const Json report = read_valid(file, "yoso-bench/report");
    if (merged.is_null()) {
      merged = {{"schema", report.at("schema")}, {"run", report.at("run")}, {"build", report.at("build")}};
      tags = report.at("run").at("tags");
    } else if (report.at("build") != merged["build"] && !force) {
      throw BadInput(fmt::format("{} and {} are of different builds ({} and {}): --force merges them all the same",
                                 files.front(), file, merged["build"].at("git_sha").get<std::string>().substr(0, 10),
                                 report.at("build").at("git_sha").get<std::string>().substr(0, 10)));
    }
    const Json& run = report.at("run");
    if (run.value("launches", 1) != merged["run"].value("launches", 1) && !force)
      throw BadInput(fmt::format("{} and {} were measured in {} and {} launches: --force merges them all the same",
                                 files.front(), file, merged["run"].value("launches", 1), run.value("launches", 1)));
    for (auto tag = tags.begin(); tag != tags.end();)  // those of all
      tag = run.at("tags").contains(tag.key()) && run["tags"][tag.key()] == tag.value() ? std::next(tag)
                                                                                        : tags.erase(tag);
    const std::string from = run.at("started_at"), to = run.at("finished_at");
    if (began.empty() || from < began) began = from;
    if (to > ended) ended = to;
    all_complete = all_complete && run.at("status") == "complete";
    for (const Json& e : report.at("environments")) {
      Json& kept = environments.emplace(e.at("id").get<std::string>(), e).first->second;
      if (kept.at("gpu").is_null()) kept["gpu"] = e.at("gpu");  // only points of a device name it
    }
    for (const Json& w : report.at("warnings"))
      if (said.insert(w.dump()).second) warnings.push_back(w);
    for (const Json& p : report.at("points")) {
      const std::pair<std::string, std::string> key{p.at("id"), p.at("env")};
      if (const auto known = points.find(key); known != points.end()) {
        join(known->second, p, file);
      } else {
        points.emplace(key, p);
        order.push_back(key);
      }
    }
  }
  std::map<std::string, std::size_t> planned;
  for (const std::string& id : ids) planned.emplace(id, planned.size());
  std::ranges::stable_sort(order, {}, [&](const auto& key) {
    const auto found = planned.find(key.first);
    return found == planned.end() ? planned.size() : found->second;
  });
  Json list = Json::array(), machines = Json::array();
  for (const auto& key : order) list.push_back(points.at(key));
  for (const auto& [id, environment] : environments) machines.push_back(environment);

  std::string names;
  for (const auto& key : order) names += key.first + key.second;
  Json run = merged["run"];
  run["id"] = hash_hex(plan + names + began + ended);
  run["started_at"] = began;
  run["finished_at"] = ended;
  run["status"] = complete && all_complete ? "complete" : "partial";
  run["argv"] = Json::array({"yoso-bench", "merge"});
  run["tags"] = tags;
  run["shard"] = nullptr;
  run["plan"] = plan.empty() ? Json(nullptr) : Json(plan);
  run["during"] = nullptr;
  const int launches = run.value("launches", 1);
  merged["run"] = run;
  merged["environments"] = machines;
  merged["points"] = list;
  merged["warnings"] = warnings;
  merged["summary"] = summary_of(list);
  Report extras;
  extras.launches = launches;
  // a line between the times of two machines would cross nothing
  if (environments.size() == 1) extras.crossovers = crossovers(read_launch(merged.dump(), "the merged report").points);
  add_extras(merged, extras);
  return merged.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace yoso
