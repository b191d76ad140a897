// The file that keeps a calibration. Nothing in it is trusted: it may be old, cut short or somebody else's.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <yoso/calibration.hpp>
#include <yoso/errors.hpp>
#include <yoso/report.hpp>

#include "calibration_json.hpp"

namespace yoso {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "yoso-bench/calibration";

double rate_in(const Json& j, const char* field) {
  const double value = j.at(field).get<double>();
  if (!(value > 0) || !std::isfinite(value)) throw std::runtime_error(fmt::format("{} is not a rate", field));
  return value;
}

LevelRate level_in(const Json& j) {
  LevelRate level;
  level.level = j.at("level").get<std::string>();
  if (!j.at("capacity_bytes").is_null()) level.capacity = j.at("capacity_bytes").get<std::int64_t>();
  level.shared_by = j.at("shared_by").get<int>();
  level.measured_with = j.at("measured_with_bytes").get<std::int64_t>();
  level.read = rate_in(j, "read_bytes_per_s");
  level.update = rate_in(j, "update_bytes_per_s");
  return level;
}

Limits limits_in(const Json& j) {
  Limits limits;
  limits.isa = j.at("isa").get<std::string>();
  limits.threads = j.at("threads").get<int>();
  if (limits.threads < 1) throw std::runtime_error("threads is not a number of threads");
  limits.fma = rate_in(j, "fma_flops_per_s");
  limits.add = rate_in(j, "adds_per_s");
  limits.exp = rate_in(j, "exps_per_s");
  for (const Json& level : j.at("levels")) limits.levels.push_back(level_in(level));
  if (limits.levels.empty() || limits.levels.back().level != "memory") throw std::runtime_error("memory is missing");
  return limits;
}

OutputFile open_file(const std::string& path) {
  if (path.empty()) throw BadInput("the calibration cannot be kept: neither XDG_CACHE_HOME nor HOME names a folder");
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failed);
  try {
    return OutputFile(path);
  } catch (const BadInput&) {  // which speaks of -o
    throw BadInput(
        fmt::format("{}: the calibration cannot be kept there; XDG_CACHE_HOME chooses another folder", path));
  }
}

}  // namespace

Json calibration_json(const Calibration& c) {
  Json limits = Json::array();
  for (const Limits& l : c.limits) {
    Json levels = Json::array();
    for (const LevelRate& r : l.levels)
      levels.push_back({{"level", r.level},
                        {"capacity_bytes", r.capacity ? Json(*r.capacity) : Json(nullptr)},
                        {"shared_by", r.shared_by},
                        {"measured_with_bytes", r.measured_with},
                        {"read_bytes_per_s", r.read},
                        {"update_bytes_per_s", r.update}});
    limits.push_back({{"isa", l.isa},
                      {"threads", l.threads},
                      {"fma_flops_per_s", l.fma},
                      {"adds_per_s", l.add},
                      {"exps_per_s", l.exp},
                      {"levels", levels}});
  }
  return {{"key", c.key}, {"made_at", c.made_at}, {"took_s", c.took}, {"limits", limits}};
}

std::string calibration_path(const std::string& key) {
  std::filesystem::path folder;
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  if (cache && *cache == '/')  // a relative one is to be ignored, says the XDG specification
    folder = cache;
  else if (home && *home == '/')
    folder = std::filesystem::path(home) / ".cache";
  else
    return {};
  return (folder / "yoso-bench" / fmt::format("calibration-{}.json", key)).string();
}

void check_calibration_path(const std::string& path) { open_file(path); }

void save_calibration(const Calibration& c, const std::string& path) {
  Json j = {{"schema", {{"name", kSchema}, {"version", "1.0"}}}};
  j.update(calibration_json(c));
  open_file(path).commit(j.dump(1) + "\n");
}

std::optional<Calibration> load_calibration(const std::string& path, const std::string& key, std::string& problem) {
  problem.clear();
  std::error_code failed;
  if (path.empty() || !std::filesystem::exists(path, failed)) return std::nullopt;
  try {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) throw std::runtime_error("it cannot be read");
    const Json j = Json::parse(text.str());
    if (j.at("schema").at("name") != kSchema) throw std::runtime_error("it is something else");
    Calibration c;
    c.key = j.at("key").get<std::string>();
    if (c.key != key) {
      problem = fmt::format("{}: was made for another machine or build: ignored", path);
      return std::nullopt;
    }
    c.made_at = j.at("made_at").get<std::string>();
    c.took = j.at("took_s").get<double>();
    std::set<std::pair<std::string, int>> seen;
    for (const Json& limits : j.at("limits")) {
      c.limits.push_back(limits_in(limits));
      if (!seen.emplace(c.limits.back().isa, c.limits.back().threads).second)
        throw std::runtime_error("a row stands twice");
    }
    if (c.limits.empty()) throw std::runtime_error("it is empty");
    return c;
  } catch (const Json::exception& error) {
    problem =
        fmt::format("{}: damaged (JSON error {}): ignored; `yoso-bench env --calibrate` makes it anew", path, error.id);
  } catch (const std::exception& error) {
    problem = fmt::format("{}: damaged ({}): ignored; `yoso-bench env --calibrate` makes it anew", path, error.what());
  }
  return std::nullopt;
}

}  // namespace yoso
