#include "sweep/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include <yoso/catalogue.hpp>
#include <yoso/filter.hpp>
#include <yoso/recipe.hpp>
#include <yoso/schema.hpp>

#include "measure.hpp"
#include "sweep/arguments.hpp"

namespace yoso::app {
namespace {

// --- zips: axes that go together, value by value ---

template <class T>
bool keep_one(std::vector<T>& axis, std::size_t i) {
  axis = {axis[i]};
  return true;
}

// The number of values of an axis, or, with `keep`, nothing but that one of them. 0: there is no such axis.
std::size_t axis(Options& o, const std::string& name, const std::size_t* keep) {
  const auto use = [&](auto& values) -> std::size_t {
    const std::size_t size = values.size();
    if (keep) keep_one(values, *keep);
    return size;
  };
  if (name == "seq-len" || name == "n") return use(o.n);
  if (name == "n-q") return use(o.n_q);
  if (name == "n-k") return use(o.n_k);
  if (name == "head-dim" || name == "d") return use(o.d);
  if (name == "d-v") return use(o.d_v);
  if (name == "batch") return use(o.batch);
  if (name == "heads") return use(o.heads);
  if (name == "threads") return use(o.threads);
  if (name == "isa") return use(o.isas);
  if (name == "backend") return use(o.devices);
  if (name == "dtype") return use(o.dtypes);
  if (name == "pass") return use(o.passes);
  if (name == "input") return use(o.families);
  if (name == "qkv") return use(o.captures);
  std::string knob = name;
  std::ranges::replace(knob, '-', '_');
  if (const auto found = o.knobs.shared.find(knob); found != o.knobs.shared.end()) return use(found->second);
  if (const auto dot = name.find('.'); dot != std::string::npos) {
    const auto own = o.knobs.own.find({name.substr(0, dot), knob.substr(dot + 1)});
    if (own != o.knobs.own.end()) return use(own->second);
  }
  return 0;
}

std::vector<Options> unzip(const Options& o) {
  std::vector<Options> all{o};
  for (const std::string& zip : o.zips) {
    const std::vector<std::string> names = split(zip);
    for (std::size_t i = 0; i < names.size(); ++i)
      if (std::ranges::find(names.begin() + static_cast<std::ptrdiff_t>(i) + 1, names.end(), names[i]) != names.end())
        throw BadSetting(fmt::format("--zip {}: axis '{}' is there twice", zip, names[i]));
    if (names.size() < 2)
      throw BadSetting(fmt::format("--zip must name two axes or more, as seq-len,hashes, got '{}'", zip));
    std::vector<Options> wider;
    for (Options& one : all) {
      std::size_t size = 0;
      for (const std::string& name : names) {
        const std::size_t its = axis(one, name, nullptr);
        if (its == 0) throw BadSetting(fmt::format("--zip {}: axis '{}' has no values here", zip, name));
        if (size && its != size)
          throw BadSetting(fmt::format("--zip {}: axes must have as many values each, got {} and {}", zip, size, its));
        size = its;
      }
      for (std::size_t i = 0; i < size; ++i) {
        wider.push_back(one);
        for (const std::string& name : names) axis(wider.back(), name, &i);
      }
    }
    all = std::move(wider);
  }
  return all;
}

// --- filters ---

Filter::Lookup fields_of(const Group& g, const Member& m) {
  return [&](const std::string& name) -> std::optional<std::string> {
    const Shape& s = g.shape;
    const auto whole = [](std::int64_t value) { return fmt::format("{}", value); };
    if (name == "method") return std::string(m.method->name);
    if (name == "input") return g.input;
    if (name == "pass") return g.pass;
    if (name == "isa") return g.context.isa_name();
    if (name == "backend") return std::string(g.context.backend());
    if (name == "dtype") return std::string(yoso::name(g.context.element));
    if (name == "threads") return whole(g.context.threads);
    if (name == "n") return whole(std::max(s.n_q, s.n_k));
    if (name == "n_q") return whole(s.n_q);
    if (name == "n_k") return whole(s.n_k);
    if (name == "d") return whole(s.d);
    if (name == "d_v") return whole(s.d_v);
    if (name == "batch") return whole(s.batch);
    if (name == "heads") return whole(s.heads);
    if (m.settings.has(name)) return m.settings.text(name);
    return std::nullopt;
  };
}

// A slip in a name would otherwise exclude nothing, in silence.
void check_names(const Filter& filter, const std::string& text) {
  std::set<std::string> known{"method", "input", "pass", "backend", "isa",   "threads", "n",
                              "n_q",    "n_k",   "d",    "d_v",     "batch", "heads",   "dtype"};
  for (const Method* method : catalogue())
    for (const Knob& knob : method->knobs) known.insert(std::string(knob.name));
  for (const std::string& name : filter.names()) {
    if (known.contains(name)) continue;
    const std::vector<std::string> all(known.begin(), known.end());
    const std::string close = nearest(name, all);
    throw BadSetting(fmt::format(
        "--where '{}': unknown name '{}'{}: neither an axis (method, input, pass, backend, isa, dtype, threads, "
        "n, n_q, n_k, d, d_v, batch, heads) nor a knob",
        text, name, close.empty() ? "" : fmt::format(" (did you mean {}?)", close)));
  }
}

// --- costs ---

// Seconds, by operations at a pace that most machines keep; good enough to share work and to begin a forecast with.
double cost_of(const Options& o, const Group& g, const std::string& kind) {
  constexpr double kPace = 2e10, kDoublePace = 1e9;  // operations a second
  const double pairs = static_cast<double>(g.shape.rows() * g.shape.n_q) * static_cast<double>(g.shape.n_k);
  const double exact = pairs * 2.0 * static_cast<double>(g.shape.d + g.shape.d_v);
  double sum = 0.01;
  if (kind == "error") sum += exact / kDoublePace;  // the reference
  for (const Member& m : g.members) {
    const auto work = work_of(*m.method, g.shape, m.settings, g.pass);
    const double call = (work ? work->flops : exact) / kPace;
    if (kind == "memory") sum += 0.02 + call;
    if (kind == "speed") sum += std::max(o.time_budget, 2 * call) * 1.1 + 0.05;
    if (kind == "error") {
      const bool draws = m.method->draws && !m.method->draws(g.shape, m.settings).empty();
      sum += 0.005 + (draws ? static_cast<double>(o.seeds) : 1) * (call + pairs * 4 / kPace);
    }
  }
  return sum;
}

constexpr std::size_t kMostPoints = 100000;  // each is a file, and weeks would not measure them

// What an id leaves out of how a point is measured.
std::string how_of(const Options& o, const std::string& kind) {
  if (kind == "memory") return o.measure_rss ? "" : "no-rss";
  if (kind == "error")
    return fmt::format("seeds={} reference={}{}{}", o.seeds, o.reference_name, o.per_head ? " per-head" : "",
                       o.weights ? " weights" : "");
  return fmt::format("time-budget={} rel-ci={} min-samples={} baseline={}{}{}", o.time_budget, o.rel_ci, o.min_samples,
                     o.baseline, o.phases ? " phases" : "", o.samples ? " samples" : "");
}

class Expansion {
 public:
  void add(const Options& study, const std::string& place) {
    try {
      for (const Options& one : unzip(study)) add_one(one);
    } catch (const BadSetting& error) {
      if (place.empty()) throw;
      throw BadSetting(fmt::format("{}: {}", place, error.what()));
    }
  }

  SweepPlan finish(PlanFile file) {
    std::vector<std::pair<Task, PlannedGroup>> all;
    for (Task& task : tasks_) {
      PlannedGroup g{task.kind,
                     "",
                     task.group.title(),
                     how_of(*task.options, task.kind),
                     fingerprint(task.group),
                     cost_of(*task.options, task.group, task.kind),
                     {}};
      for (std::size_t i = 0; i < task.group.members.size(); ++i) {
        const Point p = point_of(*task.options, task.group, task.group.members[i]);
        g.group = p.group;
        g.points.push_back({p.id, p.method, p.series.front()});
      }
      all.emplace_back(std::move(task), std::move(g));
    }
    std::stable_partition(all.begin(), all.end(), [](const auto& one) { return one.first.kind == "memory"; });
    SweepPlan plan;
    plan.file = std::move(file);
    for (auto& [task, g] : all) {
      plan.tasks.push_back(std::move(task));
      plan.file.groups.push_back(std::move(g));
    }
    plan.file.id = identity(plan.file);
    if (plan.tasks.empty()) throw BadSetting("--where leaves no point");
    return plan;
  }

 private:
  void add_one(const Options& study) {
    const bool errors = std::ranges::find(study.kinds, "error") != study.kinds.end();
    const std::optional<Filter> filter =
        study.where.empty() ? std::nullopt : std::optional<Filter>(Filter("--where", study.where));
    if (filter) check_names(*filter, study.where);
    for (const std::string& kind : study.kinds) {
      Options own = study;
      own.command = kind;
      // a pass that this kind does not have is another kind's
      std::erase_if(own.passes, [&](const std::string& pass) {
        return (kind == "memory" && pass == "backward") || (kind == "error" && pass == "both");
      });
      if (own.passes.empty() && !study.passes.empty()) continue;
      const auto options = std::make_shared<const Options>(own);
      for (Group& g : groups_of(*options, {1024}, errors, errors ? controls() : std::vector<const Method*>{})) {
        if (filter) std::erase_if(g.members, [&](const Member& m) { return !(*filter)(fields_of(g, m)); });
        if (!g.members.empty()) add_group(kind, options, std::move(g));
      }
    }
  }

  void add_group(const std::string& kind, const std::shared_ptr<const Options>& options, Group g) {
    if (kind == "speed") add_baseline(*options, g);
    const std::string how = how_of(*options, kind);
    Task task{kind, options, {}, {}};
    std::vector<Member> fresh;
    std::string group;
    for (const Member& m : g.members) {
      const Point p = point_of(*options, g, m);
      group = p.group;
      const auto [known, first] = seen_.emplace(kind + p.id, how);
      if (!first && known->second != how)
        throw BadSetting(
            fmt::format("two studies measure the {} of one point ({} {}, {}) in two ways ({}; {}): one plan "
                        "has each point once",
                        kind, p.method, p.series.front(), g.title(), known->second, how));
      if (!first) continue;  // another study has it
      if (seen_.size() > kMostPoints)
        throw BadSetting(
            fmt::format("these axes span more than {} points; --where and --zip leave some out", kMostPoints));
      fresh.push_back(m);
      task.ids.push_back(p.id);
    }
    if (fresh.empty()) return;
    g.members = std::move(fresh);
    // one group, though several studies fill it: what is compared is timed together
    const auto [at, is_new] = tasks_by_group_.emplace(kind + group + how, tasks_.size());
    if (!is_new) {
      Task& known = tasks_[at->second];
      known.group.members.insert(known.group.members.end(), g.members.begin(), g.members.end());
      known.ids.insert(known.ids.end(), task.ids.begin(), task.ids.end());
      return;
    }
    task.group = std::move(g);
    tasks_.push_back(std::move(task));
  }

  // Groups share what was read of a capture.
  std::string fingerprint(const Group& g) {
    if (!g.capture) return "";
    auto& known = fingerprints_[g.capture.get()];
    if (known.empty()) known = g.capture->fingerprint();
    return known;
  }

  std::vector<Task> tasks_;
  std::map<std::string, std::size_t> tasks_by_group_;  // by kind, group and how
  std::map<const Capture*, std::string> fingerprints_;
  std::map<std::string, std::string> seen_;  // kind and id: how
};

Options parsed(const std::vector<std::string>& args) {
  std::vector<const char*> argv;
  argv.reserve(args.size());
  for (const std::string& arg : args) argv.push_back(arg.c_str());
  Options o = parse_command_line(static_cast<int>(argv.size()), argv.data());
  if (o.kinds.empty()) o.kinds = {"speed", "memory", "error"};
  if (!o.recipe.empty()) throw BadSetting("a recipe cannot name another recipe");
  return o;
}

std::string schema_of(const std::string& path) { return validate_file(path).schema; }

}  // namespace

SweepPlan plan_sweep(const Options& o) {
  PlanFile file;
  file.smoke = o.smoke;
  Expansion all;
  if (o.recipe.empty()) {
    file.name = "flags";
    file.studies = {study_arguments(o.argv)};
    all.add(parsed(file.studies[0]), "");
    return all.finish(std::move(file));
  }
  refuse_axes(o.argv, o.recipe);
  if (schema_of(o.recipe) == "yoso-bench/plan") {
    const PlanFile known = read_plan(o.recipe);
    if (o.smoke != known.smoke && o.smoke)
      throw BadSetting(fmt::format("--smoke: {} is not a plan of a smoke run", o.recipe));
    file.name = known.name;
    file.notes = known.notes;
    file.smoke = known.smoke;
    file.studies = known.studies;
    for (const auto& study : known.studies) all.add(parsed(study), o.recipe);
    SweepPlan plan = all.finish(std::move(file));
    if (plan.file.id != known.id)
      throw BadInput(
          fmt::format("{}: field id: {} was planned, but this program on this machine plans {} from its "
                      "studies (another version, instruction set or folder?)",
                      o.recipe, known.id, plan.file.id));
    return plan;
  }
  const Recipe recipe = read_recipe(o.recipe, o.smoke);
  file.name = recipe.name;
  file.notes = recipe.notes;
  for (const Study& study : recipe.studies) {
    const std::vector<std::string> args = arguments_of(study);
    try {
      all.add(parsed(args), "");
    } catch (const BadSetting& error) {
      throw BadSetting(fmt::format("{}: {}", study.place, error.what()));
    }
    file.studies.push_back(args);
  }
  return all.finish(std::move(file));
}

std::pair<int, int> parse_shard(const std::string& text) {
  const auto number = [](const char* name) -> std::optional<int> {
    const char* value = std::getenv(name);
    if (!value || !*value) return std::nullopt;
    char* end = nullptr;
    const long parsed_value = std::strtol(value, &end, 10);
    return *end == '\0' ? std::optional(static_cast<int>(parsed_value)) : std::nullopt;
  };
  if (text.empty()) return {0, 1};
  if (text == "auto") {
    // an array of some shards only (0,2) has to be told how many there are
    if (const auto shards = number("YOSO_SHARDS")) {
      const auto task = number("SLURM_ARRAY_TASK_ID"), sequence = number("PARALLEL_SEQ");
      const std::optional<int> index = task ? task : sequence ? std::optional(*sequence - 1) : std::nullopt;
      if (!index || *index < 0 || *index >= *shards)
        throw BadSetting(
            fmt::format("--shard auto: YOSO_SHARDS is {}, but {}", *shards,
                        index ? fmt::format("this is shard {}, from SLURM_ARRAY_TASK_ID or PARALLEL_SEQ - 1", *index)
                              : "there is neither SLURM_ARRAY_TASK_ID nor PARALLEL_SEQ"));
      return {*index, *shards};
    }
    const auto pair = [&](const char* index, const char* count, int first) -> std::optional<std::pair<int, int>> {
      const auto i = number(index), n = number(count);
      if (!i || !n || *n < 1 || *i - first < 0 || *i - first >= *n) return std::nullopt;
      return std::pair(*i - first, *n);
    };
    const int first = number("SLURM_ARRAY_TASK_MIN").value_or(0);
    if (const auto p = pair("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", first)) return *p;
    if (const auto p = pair("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", 0)) return *p;
    if (const auto p = pair("SLURM_PROCID", "SLURM_NTASKS", 0)) return *p;
    throw BadSetting(
        "--shard auto needs SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT, OMPI_COMM_WORLD_RANK and "
        "OMPI_COMM_WORLD_SIZE, SLURM_PROCID and SLURM_NTASKS, or PARALLEL_SEQ and YOSO_SHARDS");
  }
  const auto parts = split(text, '/');
  try {
    if (parts.size() == 2) {
      const auto n = parse_counts("", parts[1], 1, 100000);
      const auto i = parse_counts("", parts[0], 0, 100000);
      if (n.size() == 1 && i.size() == 1 && i[0] < n[0]) return {static_cast<int>(i[0]), static_cast<int>(n[0])};
    }
  } catch (const BadSetting&) {  // whose message speaks of lists
  }
  throw BadSetting(fmt::format("--shard must be I/N with 0 <= I < N <= 100000, or auto, got '{}'", text));
}

}  // namespace yoso::app
