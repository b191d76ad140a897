#include <yoso/rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include <yoso/errors.hpp>
#include <yoso/knobs.hpp>
#include <yoso/schema.hpp>

namespace yoso {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string words(const Json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }

void put(Row& row, const std::string& name, const Json& value) {
  if (value.is_number()) row.values[name] = {value.get<double>(), {}, {}};
}

// A median with lo and hi beside it.
void put_summary(Row& row, const std::string& name, const Json& summary) {
  if (!summary.is_object() || !summary.contains("median") || !summary["median"].is_number()) return;
  Value value{summary["median"].get<double>(), {}, {}};
  if (summary.contains("lo") && summary["lo"].is_number() && summary["hi"].is_number()) {
    value.lo = summary["lo"].get<double>();
    value.hi = summary["hi"].get<double>();
  }
  row.values[name] = value;
}

void put_comparison(Row& row, const std::string& prefix, const Json& comparison) {
  if (!comparison.is_object()) return;
  for (const auto& [metric, summary] : comparison.at("metrics").items()) put_summary(row, prefix + metric, summary);
}

void put_time(Row& row, const Json& p) {
  if (const Json& time = p.at("time"); time.is_object()) {
    Value value{time.at("median").get<double>(), {}, {}};
    if (const Json& ci = time.at("ci"); ci.is_object()) {
      value.lo = ci.at("lo").get<double>();
      value.hi = ci.at("hi").get<double>();
    }
    row.values["time"] = value;
  } else if (const Json predicted = p.value("predicted", Json()); predicted.is_object()) {
    put(row, "time", predicted.at("seconds"));
  }
  if (const Json& paired = p.at("paired"); paired.is_object()) {
    row.baseline = words(paired.at("baseline"));
    row.baseline_predicted = paired.value("baseline_predicted", false);
    Value ratio{paired.at("ratio").get<double>(), {}, {}};
    Value speedup{1 / ratio.median, {}, {}};
    if (paired.at("lo").is_number()) {
      ratio.lo = paired.at("lo").get<double>();
      ratio.hi = paired.at("hi").get<double>();
      speedup.lo = 1 / *ratio.hi;
      speedup.hi = 1 / *ratio.lo;
    }
    row.values["ratio"] = ratio;
    row.values["speedup"] = speedup;
  }
  for (const auto& [phase, seconds] : p.at("phases").items())
    if (seconds.is_number()) row.phases.emplace_back(phase, seconds.get<double>());
}

void put_error(Row& row, const Json& error) {
  if (!error.is_object()) return;
  put_comparison(row, "", error.at("total"));
  put_comparison(row, "own.", error.at("sampling"));
  put_comparison(row, "gap.", error.at("kernel_gap"));
  put(row, "bias_z", error.at("bias_z"));
  if (const Json& weights = error.at("weights"); weights.is_object()) {
    put(row, "row_mass", weights.at("row_mass"));
    put(row, "topk_recall", weights.at("topk_recall"));
  }
  for (const char* name : {"entropy", "effective_keys", "temperature"}) {
    double sum = 0;
    std::size_t heads = 0;
    for (const Json& head : error.at("per_head"))
      if (head.at(name).is_number()) {
        sum += head.at(name).get<double>();
        ++heads;
      }
    if (heads > 0) row.values[name] = {sum / static_cast<double>(heads), {}, {}};
  }
  for (const Json& comparison : error.value("gradients", Json::array()))
    for (const auto& [tensor, metrics] : comparison.at("tensors").items())
      for (const auto& [metric, summary] : metrics.items())
        put_summary(row, fmt::format("{}.{}.{}", words(comparison.at("role")), tensor, metric), summary);
}

void put_memory(Row& row, const Json& memory) {
  if (!memory.is_object()) return;
  for (const char* name : {"peak", "saved", "scratch"}) put(row, name, memory.at(name));
  put(row, "predicted_peak", memory.at("predicted"));
  put(row, "resident", memory.at("rss"));
  if (!row.values.contains("peak")) put(row, "peak", memory.at("predicted"));
  if (const Json most = memory.value("max_batch", Json()); most.is_object()) {
    put(row, "batch", most.at("batch"));
    put(row, "per_instance", most.at("per_instance"));
  }
}

Row row_of(const Json& p) {
  Row row;
  row.id = words(p.at("id"));
  row.group = words(p.at("group"));
  row.environment = words(p.at("env"));
  row.repro = words(p.at("repro"));
  row.method = words(p.at("method"));
  row.control = p.at("control").get<bool>();
  for (const auto& [knob, value] : p.at("knobs").items())
    row.knobs[knob] = value.is_string() ? value.get<std::string>() : value.dump();
  const Json series = p.value("series", Json::array());
  for (const Json& text : series) row.setting += (row.setting.empty() ? "" : " | ") + words(text);
  row.input = words(p.at("input"));
  const Json& s = p.at("shape");
  row.shape = {s.at("batch"), s.at("heads"), s.at("n_q"), s.at("n_k"), s.at("d"), s.at("d_v"), s.at("causal")};
  row.pass = words(p.at("pass"));
  row.backend = words(p.at("backend"));
  row.isa = words(p.at("isa"));
  row.dtype = p.value("dtype", "f32");
  row.cache = p.value("cache", "hot");
  row.threads = p.at("threads").get<int>();
  row.seed = p.at("seed").get<std::uint64_t>();
  row.redraw = words(p.at("draws").at("policy"));
  row.status = words(p.at("status"));
  row.reason = words(p.at("reason"));
  row.verdict = words(p.value("verdict", Json()));
  put_time(row, p);
  put_memory(row, p.at("memory"));
  put_error(row, p.at("error"));
  if (const Json& work = p.at("work"); work.is_object()) {
    put(row, "flops", work.at("flops"));
    put(row, "roofline_pct", work.value("roofline_pct", Json()));
  }
  if (const Json match = p.value("match", Json()); match.is_object() && match.at("goal").is_number())
    put(row, "goal", match.at("goal"));
  return row;
}

Rows read_file(const std::string& path) {
  const Verdict verdict = validate_file(path);
  if (verdict.schema != "yoso-bench/report")
    throw BadInput(fmt::format("{}: must be a report, is a {}", path, verdict.schema));
  if (!verdict.problems.empty()) throw BadInput(fmt::format("{}: {}", path, verdict.problems.front()));
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  Rows all;
  try {
    const Json report = Json::parse(text.str());
    const Json& build = report.at("build");
    Origin origin{path,
                  words(build.at("git_sha")),
                  words(build.at("type")),
                  words(build.at("compiler")),
                  "",
                  words(build.at("flags")),
                  false};
    for (const Json& sanitizer : build.at("sanitizers"))
      origin.sanitizers += (origin.sanitizers.empty() ? "" : ",") + words(sanitizer);
    origin.git_dirty = build.at("git_dirty").is_boolean() && build.at("git_dirty").get<bool>();
    all.origins.push_back(origin);
    for (const Json& e : report.at("environments")) {
      const Json& cpu = e.at("cpu");
      Machine machine{words(e.at("id")),
                      words(cpu.at("model")),
                      words(cpu.value("isa_usual", Json())),
                      words(e.at("os")),
                      words(cpu.value("governor", Json())),
                      "",
                      cpu.at("cores").is_number() ? cpu.at("cores").get<int>() : 0,
                      ""};
      if (const Json gpu = e.value("gpu", Json()); gpu.is_object()) machine.gpu = words(gpu.at("name"));
      const Json variables = e.value("env_vars", Json::object());
      for (const auto& [variable, value] : variables.items())
        machine.variables += (machine.variables.empty() ? "" : " ") + variable + "=" + words(value);
      all.machines.push_back(std::move(machine));
    }
    for (const Json& point : report.at("points")) all.rows.push_back(row_of(point));
  } catch (const Json::exception& error) {
    throw BadInput(fmt::format("{}: not a report of this program: {}", path, error.what()));
  }
  return all;
}

// Lower is worse: what both halves of a row say is the worse of the two.
int rank(const std::string& status) {
  static const std::vector<std::string> kWorstFirst{"wrong",   "error", "unsupported", "over_budget", "interrupted",
                                                    "timeout", "noisy", "predicted",   "ok"};
  return static_cast<int>(std::ranges::find(kWorstFirst, status) - kWorstFirst.begin());
}

// One more file's. Where a row is there already, it gains what it lacks.
void add(Rows& all, Rows more) {
  all.origins.insert(all.origins.end(), more.origins.begin(), more.origins.end());
  for (Machine& m : more.machines)
    if (std::ranges::find(all.machines, m.id, &Machine::id) == all.machines.end()) all.machines.push_back(m);
  for (Row& row : more.rows) {
    const auto known = std::ranges::find_if(
        all.rows, [&](const Row& r) { return r.id == row.id && r.environment == row.environment; });
    if (known == all.rows.end()) {
      all.rows.push_back(std::move(row));
      continue;
    }
    for (const auto& [name, value] : row.values)
      if (const Value* kept = known->value(name); kept && kept->median != value.median)
        all.clashes.push_back({row.id, name, more.origins.front().file});
    known->values.merge(row.values);
    if (known->phases.empty()) known->phases = row.phases;
    if (known->baseline.empty()) known->baseline = row.baseline;
    if (known->verdict.empty()) known->verdict = row.verdict;
    if (rank(row.status) < rank(known->status)) {
      known->status = row.status;
      known->reason = row.reason;
    }
  }
}

std::vector<std::string> files_of(const std::string& path) {
  if (!fs::is_directory(path)) return {path};
  const fs::path points = fs::is_directory(fs::path(path) / "points") ? fs::path(path) / "points" : fs::path(path);
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(points))
    if (entry.is_regular_file() && entry.path().extension() == ".json") files.push_back(entry.path().string());
  std::ranges::sort(files);
  if (files.empty()) throw BadInput(fmt::format("{}: no reports (*.json) in this folder", path));
  return files;
}

// "angle:0.5" is a family and its parameter, "layer0.safetensors@4" a capture and what its logits are scaled by.
std::size_t parameter_at(const std::string& input) {
  const auto at = input.find_last_of(":@");
  if (at == std::string::npos || at + 1 == input.size()) return std::string::npos;
  double value = 0;
  const char* const last = input.data() + input.size();
  const auto [end, error] = std::from_chars(input.data() + at + 1, last, value);
  return error == std::errc() && end == last ? at : std::string::npos;
}

const std::vector<std::string> kFields{"method",    "setting", "input",   "pass", "backend", "isa",         "status",
                                       "verdict",   "redraw",  "n",       "n_q",  "n_k",     "d",           "d_v",
                                       "batch",     "heads",   "threads", "seed", "causal",  "environment", "family",
                                       "parameter", "goal",    "dtype",   "cache"};

}  // namespace

const Value* Row::value(std::string_view name) const {
  const auto found = values.find(std::string(name));
  return found == values.end() ? nullptr : &found->second;
}

bool Row::usable() const { return status == "ok" || status == "noisy" || status == "timeout" || status == "predicted"; }

std::string Machine::text() const {
  return fmt::format("{}, {} core{}, {}{}{}", cpu, cores, cores == 1 ? "" : "s", isa, gpu.empty() ? "" : ", ", gpu);
}

Rows read_rows(const std::vector<std::string>& paths) {
  Rows all;
  for (const std::string& path : paths)
    for (const std::string& file : files_of(path)) add(all, read_file(file));
  return all;
}

Rows read_rows(const std::string& path) { return read_rows(std::vector<std::string>{path}); }

const std::vector<ValueName>& value_names() {
  static const std::vector<ValueName> kNames = [] {
    std::vector<ValueName> names{{"time", "s", "median time of a pass", true},
                                 {"ratio", "", "time over the baseline's, paired round by round", true},
                                 {"speedup", "", "the baseline's time over this one", false},
                                 {"peak", "B", "peak bytes: measured, else predicted", true},
                                 {"predicted_peak", "B", "peak bytes by prediction", true},
                                 {"resident", "B", "growth of the resident set", true},
                                 {"saved", "B", "kept from forward to backward", true},
                                 {"scratch", "B", "working memory", true},
                                 {"batch", "", "largest batch that fits (memory --max-batch)", false},
                                 {"per_instance", "B", "bytes that one more batch item adds", true},
                                 {"flops", "", "operations", true},
                                 {"roofline_pct", "%", "of the least time by the machine's calibration", false},
                                 {"goal", "", "skill that --match asked for", false},
                                 {"bias_z", "", "bias against the own target, in standard errors", true},
                                 {"row_mass", "", "sum of the weights of a query", false},
                                 {"topk_recall", "", "share found of the keys that matter most", false},
                                 {"entropy", "nats", "of the softmax weights, mean over heads (--per-head)", false},
                                 {"effective_keys", "", "exp(entropy), mean over heads (--per-head)", false},
                                 {"temperature", "", "mean |q||k|/sqrt(d), mean over heads (--per-head)", false}};
    const std::pair<const char*, const char*> against[] = {
        {"", "exact softmax attention"}, {"own.", "the method's own target"}, {"gap.", "softmax, of its own target"}};
    for (const auto& [prefix, reference] : against) {
      const auto add = [&, p = prefix, r = reference](const char* metric, const char* unit, const char* what,
                                                      bool less) {
        names.push_back({std::string(p) + metric, unit, fmt::format("{}, against {}", what, r), less});
      };
      add("skill", "", "1 - |Y - R|^2 / |mean(V) - R|^2", false);
      add("angle", "rad", "mean angle between rows", true);
      add("cosine", "", "mean cosine between rows", false);
      add("rel_fro", "", "|Y - R| / |R|", true);
      add("rel_row_median", "", "median relative error of a row", true);
      add("rel_row_p95", "", "95th percentile of the relative error of a row", true);
      add("max_abs", "", "largest difference", true);
    }
    for (const char* role : {"total", "truth", "own"})
      for (const char* tensor : {"dq", "dk", "dv"})
        for (const char* metric : {"cosine", "norm_ratio", "slope"})
          names.push_back({fmt::format("{}.{}.{}", role, tensor, metric), "",
                           fmt::format("{} of the gradient {}, against the {} one", metric, tensor, role), false});
    return names;
  }();
  return kNames;
}

const ValueName& value_name(std::string_view flag, std::string_view name) {
  const auto& names = value_names();
  const auto found = std::ranges::find(names, name, &ValueName::name);
  if (found != names.end()) return *found;
  std::vector<std::string> known;
  for (const ValueName& n : names) known.push_back(n.name);
  const std::string close = nearest(name, known);
  throw BadSetting(fmt::format("{}: unknown value '{}'{}; such as time, ratio, speedup, peak, skill, own.skill, angle",
                               flag, name, close.empty() ? "" : fmt::format(" (did you mean {}?)", close)));
}

std::string field(const Row& row, std::string_view name) {
  const Shape& s = row.shape;
  if (name == "method") return row.method;
  if (name == "setting") return row.setting;
  if (name == "input") return row.input;
  if (name == "family") return row.input.substr(0, parameter_at(row.input));
  if (name == "parameter") {
    const std::size_t at = parameter_at(row.input);
    return at == std::string::npos ? "" : row.input.substr(at + 1);
  }
  if (name == "pass") return row.pass;
  if (name == "backend") return row.backend;
  if (name == "isa") return row.isa;
  if (name == "dtype") return row.dtype;
  if (name == "cache") return row.cache;
  if (name == "status") return row.status;
  if (name == "verdict") return row.verdict;
  if (name == "redraw") return row.redraw;
  if (name == "environment") return row.environment;
  if (name == "causal") return s.causal ? "yes" : "no";
  if (name == "n") return fmt::format("{}", std::max(s.n_q, s.n_k));
  if (name == "n_q") return fmt::format("{}", s.n_q);
  if (name == "n_k") return fmt::format("{}", s.n_k);
  if (name == "d") return fmt::format("{}", s.d);
  if (name == "d_v") return fmt::format("{}", s.d_v);
  if (name == "batch") return fmt::format("{}", s.batch);
  if (name == "heads") return fmt::format("{}", s.heads);
  if (name == "threads") return fmt::format("{}", row.threads);
  if (name == "seed") return fmt::format("{}", row.seed);
  if (name == "goal") {
    const Value* goal = row.value(name);
    return goal ? fmt::format("{}", goal->median) : "";
  }
  const auto knob = row.knobs.find(std::string(name));
  return knob == row.knobs.end() ? "" : knob->second;
}

std::optional<double> number(const Row& row, std::string_view name) {
  const std::string text = field(row, name);
  if (const Value* value = text.empty() ? row.value(name) : nullptr) return value->median;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void require_field(std::string_view flag, std::string_view name, const std::vector<Row>& rows) {
  std::vector<std::string> known = kFields;
  for (const Row& row : rows)
    for (const auto& [knob, value] : row.knobs)
      if (std::ranges::find(known, knob) == known.end()) known.push_back(knob);
  if (std::ranges::find(known, name) != known.end()) return;
  const std::string close = nearest(name, known);
  throw BadSetting(fmt::format("{}: unknown field '{}'{}; fields are {}", flag, name,
                               close.empty() ? "" : fmt::format(" (did you mean {}?)", close), fmt::join(known, ", ")));
}

}  // namespace yoso
