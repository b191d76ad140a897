// Raw -> Options: every value is taken as text and parsed here, so that messages name flag, range and value alike.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include <yoso/catalogue.hpp>
#include <yoso/families.hpp>
#include <yoso/rows.hpp>

#include "raw.hpp"
#include "simt/backend.hpp"

namespace yoso::app {
namespace {

std::vector<std::int64_t> counts(const char* flag, const Texts& texts, std::int64_t highest) {
  std::vector<std::int64_t> all;
  for (const std::string& text : texts)
    for (const std::int64_t value : parse_counts(flag, text, 1, highest))
      if (std::ranges::find(all, value) == all.end()) all.push_back(value);  // a point is measured once
  return all;
}

Texts items(const Texts& texts) {
  Texts all;
  for (const std::string& text : texts)
    for (const std::string& item : split(text))
      if (std::ranges::find(all, item) == all.end()) all.push_back(item);
  return all;
}

std::string one_of(const char* flag, const std::string& text, const Texts& allowed) {
  if (std::ranges::find(allowed, text) == allowed.end())
    throw BadSetting(fmt::format("{} must be one of {}, got '{}'", flag, fmt::join(allowed, ", "), text));
  return text;
}

std::int64_t whole(const char* flag, const std::string& text, std::int64_t lowest, std::int64_t highest) {
  try {
    if (const auto values = parse_counts(flag, text, lowest, highest); values.size() == 1) return values[0];
  } catch (const BadSetting&) {  // whose message speaks of lists
  }
  throw BadSetting(fmt::format("{} must be a whole number in [{}, {}], got '{}'", flag, lowest, highest, text));
}

// Opens what is asked for. A backend asked for by name has to be there.
void interpret_backends(const Raw& raw, Options& o) {
  const Texts backends = items(raw.backends);
  if (backends.empty()) return;
  o.devices.clear();
  const auto add = [&](Device* device) {
    if (std::ranges::find(o.devices, device) == o.devices.end()) o.devices.push_back(device);
  };
  for (const std::string& text : backends) {
    const std::string backend = one_of("--backend", text, {"cpu", "cuda", "auto"});
    try {
      add(backend == "cpu" ? nullptr : &cuda_device());
    } catch (const DeviceError& error) {
      if (backend == "cuda") throw DeviceError(fmt::format("--backend cuda: {}", error.what()));
      o.backend_note = fmt::format("--backend auto uses the CPU: {}", error.what());
      add(nullptr);
    }
  }
  if (std::ranges::find(o.devices, nullptr) != o.devices.end()) return;
  if (!o.isas.empty()) throw BadSetting("--isa goes with --backend cpu: a device has one architecture");
  if (!o.threads.empty()) throw BadSetting("--threads goes with --backend cpu");
}

void interpret_dtypes(const Raw& raw, Options& o) {
  if (raw.dtypes.empty()) return;
  o.dtypes.clear();
  for (const std::string& text : items(raw.dtypes))
    o.dtypes.push_back(one_of("--dtype", text, {"f32", "bf16"}) == "f32" ? Element::f32 : Element::bf16);
  if (std::ranges::find(o.dtypes, Element::bf16) != o.dtypes.end() &&
      std::ranges::find(o.devices, nullptr) != o.devices.end())
    throw BadSetting("--dtype must be f32 with --backend cpu, got 'bf16', which goes with --backend cuda alone");
}

// "skill=0.5,0.9", in ascending order
void interpret_match(const Texts& texts, Options& o) {
  for (const std::string& text : texts) {
    if (!text.starts_with("skill=")) throw BadSetting(fmt::format("--match must look like skill=0.5, got '{}'", text));
    for (const std::string& goal : split(text.substr(6))) {
      const double skill = parse_number("--match skill", goal, 0.001, 0.999999);
      if (std::ranges::find(o.skills, skill) == o.skills.end()) o.skills.push_back(skill);
    }
  }
  std::ranges::sort(o.skills);
}

void interpret_speed(const Raw& raw, Options& o) {
  o.cold = !raw.cache.empty() && one_of("--cache", raw.cache, {"hot", "cold"}) == "cold";
  if (o.cold && std::ranges::find(o.devices, nullptr) != o.devices.end())
    throw BadSetting("--cache cold goes with --backend cuda: the CPU's caches cannot be emptied");
  if (!raw.launches.empty()) o.launches = static_cast<int>(whole("--launches", raw.launches, 1, 50));
  if (!raw.extrapolate_beyond.empty())
    o.extrapolate_beyond = whole("--extrapolate-beyond", raw.extrapolate_beyond, 1, (std::int64_t{1} << 31) - 1);
  interpret_match(raw.match, o);
  if (!o.settled.empty() && o.skills.empty()) throw BadSetting("--settled needs --match");
  if (o.extrapolate_beyond && !o.skills.empty())
    throw BadSetting(
        "--extrapolate-beyond cannot be given with --match: a skill needs exact attention at every length");
  if (o.extrapolate_beyond && (!o.n_q.empty() || !o.n_k.empty()))
    throw BadSetting("--extrapolate-beyond goes with -n/--seq-len, not with --n-q and --n-k");
}

// What goes with which pass, and the search for a batch.
void interpret_passes(const Raw& raw, Options& o) {
  const bool backward = std::ranges::any_of(o.passes, [](const std::string& pass) { return pass != "forward"; });
  const auto refuse = [&](bool given, const char* flag, const char* why) {
    if (backward && given) throw BadSetting(fmt::format("{} goes with --pass forward: {}", flag, why));
  };
  refuse(o.command == "overview", "overview", "its verdicts weigh a forward pass");
  refuse(!o.skills.empty(), "--match", "a skill is one of outputs");
  refuse(o.weights, "--weights", "they are those of outputs");
  refuse(o.per_head, "--per-head", "gradients are compared as means over heads");
  refuse(!raw.reference.empty(), "--reference", "gradients are compared with softmax and with the method's own target");
  if (o.redraw == "each" && std::ranges::find(o.passes, "backward") != o.passes.end())
    throw BadSetting("--redraw each goes with --pass forward, both: backward uses the draws of its forward pass");
  if (o.command == "memory" && std::ranges::find(o.passes, "backward") != o.passes.end())
    throw BadSetting(
        "--pass must be one of forward, both for memory: backward needs what forward saved, got 'backward'");
  if (o.command == "error" && std::ranges::find(o.passes, "both") != o.passes.end())
    throw BadSetting("--pass must be one of forward, backward for error: each has errors of its own, got 'both'");
  if (!raw.batch_budget.empty()) {
    if (!o.max_batch) throw BadSetting("--budget goes with --max-batch; a point's limit is --memory-budget");
    o.batch_budget = parse_bytes("--budget", raw.batch_budget);
  }
  if (o.max_batch && !o.batch.empty())
    throw BadSetting("--max-batch searches the batch: --batch cannot be given with it");
  if (o.max_batch) {
    const std::uint64_t most = memory_budget(o, o.devices.front());
    if (o.batch_budget == 0) o.batch_budget = most;
    if (o.batch_budget > most)
      throw BadSetting(fmt::format("--budget must be at most {} bytes ({}), got {}", most,
                                   o.memory_budget ? "--memory-budget" : "80 % of what is free", o.batch_budget));
  }
  if (o.max_batch && !o.captures.empty())
    throw BadSetting("--max-batch cannot be given with --qkv: a capture has the batch it has");
}

// "90", "90s", "10m", "2h"
double parse_duration(const char* flag, const std::string& text) {
  double factor = 1;
  std::string digits = text;
  if (!digits.empty() && std::isalpha(static_cast<unsigned char>(digits.back()))) {
    const char unit = digits.back();
    factor = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;
    digits.pop_back();
  }
  try {
    if (factor > 0) return factor * parse_number(flag, digits, 0.001, 1e7);
  } catch (const BadSetting&) {  // whose message speaks of numbers
  }
  throw BadSetting(fmt::format("{} must be seconds, or as 10m or 2h, in [0.001, 1e7], got '{}'", flag, text));
}

void interpret_sweep(const Raw& raw, Options& o) {
  for (const std::string& kind : items(raw.kinds))
    o.kinds.push_back(one_of("--kinds", kind, {"speed", "memory", "error"}));
  o.zips = raw.zips;
  for (const std::string& status : items(raw.retry))
    o.retry.push_back(one_of("--retry", status, {"noisy", "error", "wrong", "timeout", "over_budget", "unsupported"}));
  if (!raw.total_budget.empty()) o.total_budget = parse_duration("--total-budget", raw.total_budget);
  if (!raw.missing_shards.empty())
    o.missing_shards = static_cast<int>(whole("--missing-shards", raw.missing_shards, 1, 100000));
}

void interpret_reports(const Raw& raw, Options& o) {
  const bool table = o.command == "table";
  if (table && o.files.empty()) throw BadSetting("table: a report is missing");
  if (!table && o.files.size() != 2)
    throw BadSetting(fmt::format("compare: two reports are needed, A and B, got {}", o.files.size()));
  const auto list = [](const char* flag, const Texts& texts, Texts& to) {
    if (texts.empty()) return;
    to = items(texts);
    if (std::ranges::find(to, "") != to.end())
      throw BadSetting(fmt::format("{} must be names separated by commas, got '{}'", flag, fmt::join(texts, ",")));
  };
  list("--rows", raw.rows, o.grid.rows);
  list("--cols", raw.cols, o.grid.cols);
  list("--value", raw.values, o.grid.values);
  if (!raw.given.empty()) {
    const auto at = raw.given.find('=');
    if (at == std::string::npos)
      throw BadSetting(fmt::format("--given must look like skill=0.5,0.9, got '{}'", raw.given));
    o.grid.given = raw.given.substr(0, at);
    const bool time_sought = !value_name("--given", o.grid.given).less_is_better;
    for (const std::string& goal : split(raw.given.substr(at + 1)))
      o.grid.goals.push_back(parse_number("--given " + o.grid.given, goal, -1e12, 1e12));
    if (raw.rows.empty()) o.grid.rows = {"method"};
    if (raw.cols.empty()) o.grid.cols = {"goal"};
    if (raw.values.empty()) o.grid.values = {time_sought ? "time" : "skill"};
  }
  if (o.grid.cols == Texts{"none"}) o.grid.cols.clear();
  for (const std::string& name : o.grid.rows)
    if (std::ranges::find(o.grid.cols, name) != o.grid.cols.end())
      throw BadSetting(fmt::format("--cols {}: it is among --rows already", name));
  for (const std::string& name : o.grid.values) value_name("--value", name);
  o.compare.values = o.grid.values;
  o.compare.where = o.grid.where;
  if (!raw.digits.empty()) o.style.digits = static_cast<int>(whole("--digits", raw.digits, 1, 17));
  o.style.intervals = !raw.no_intervals;
  if (!raw.format.empty() && table) o.grid_format = one_of("--format", raw.format, {"md", "csv", "latex", "jsonl"});
  if (!raw.format.empty() && !table) o.json = one_of("--format", raw.format, {"table", "json"}) == "json";
  for (const std::string& kind : items(raw.fail_on))
    o.fail_on.push_back(one_of("--fail-on", kind, {"slower", "error", "memory"}));
  if (!raw.min_effect.empty()) {
    const bool percent = raw.min_effect.ends_with('%');
    try {
      const std::string number = raw.min_effect.substr(0, raw.min_effect.find_last_not_of(" %") + 1);
      o.compare.min_effect = parse_number("--min-effect", number, 0, percent ? 50 : 0.5) / (percent ? 100 : 1);
    } catch (const BadSetting&) {
      throw BadSetting(fmt::format("--min-effect must lie in [0%, 50%], as 2% or 0.02, got '{}'", raw.min_effect));
    }
  }
}

}  // namespace

void interpret(const Raw& raw, Options& o) {
  if (o.command == "table" || o.command == "compare") return interpret_reports(raw, o);

  constexpr std::int64_t kMost = (std::int64_t{1} << 31) - 1;
  if (!raw.methods.empty()) o.methods = items(raw.methods);
  select(catalogue(), o.methods);  // refuses unknown names now
  o.n = counts("-n/--seq-len", raw.n, kMost);
  o.n_q = counts("--n-q", raw.n_q, kMost);
  o.n_k = counts("--n-k", raw.n_k, kMost);
  o.d = counts("-d/--head-dim", raw.d, kMost);
  o.d_v = counts("--d-v", raw.d_v, kMost);
  o.batch = counts("--batch", raw.batch, kMost);
  o.heads = counts("--heads", raw.heads, kMost);
  o.threads = counts("--threads", raw.threads, 1024);
  for (const std::string& text : items(raw.isas)) {
    if (text == "all") {
      for (const Isa isa : isas_here()) o.isas.push_back(isa);
      continue;
    }
    o.isas.push_back(parse_isa(text));
    if (!runs_here(o.isas.back())) throw DeviceError(fmt::format("--isa {}: this machine cannot run it", text));
  }
  interpret_backends(raw, o);
  interpret_dtypes(raw, o);
  for (const std::string& text : items(raw.passes))
    o.passes.push_back(one_of("--pass", text, {"forward", "backward", "both"}));
  o.families = items(raw.inputs);
  for (const std::string& family : o.families) parse_family(family);
  for (const std::string& path : raw.captures)
    if (std::ranges::find(o.captures, path) == o.captures.end()) o.captures.push_back(path);
  for (const auto& [knob, texts] : raw.knobs)
    for (const std::string& text : texts)
      for (std::string& value : parse_values("--" + dashes(knob), text))
        o.knobs.shared[knob].push_back(std::move(value));
  for (const std::string& text : raw.own_knobs) parse_own_knob(catalogue(), text, o.knobs);
  if (!raw.seed.empty()) o.seed = static_cast<std::uint64_t>(whole("--seed", raw.seed, 0, INT64_MAX));
  if (!raw.time_budget.empty()) o.time_budget = parse_number("--time-budget", raw.time_budget, 0.001, 86400);
  if (!raw.rel_ci.empty()) o.rel_ci = parse_number("--rel-ci", raw.rel_ci, 1e-6, 1);
  if (!raw.min_samples.empty()) o.min_samples = static_cast<int>(whole("--min-samples", raw.min_samples, 1, 1000));
  if (!raw.redraw.empty()) o.redraw = one_of("--redraw", raw.redraw, {"each", "once"});
  if (!raw.memory_budget.empty()) o.memory_budget = parse_bytes("--memory-budget", raw.memory_budget);
  if (!raw.seeds.empty()) o.seeds = whole("--seeds", raw.seeds, 1, 100000);
  if (!raw.reference.empty()) {
    o.reference_name = one_of("--reference", raw.reference, {"softmax", "softmax-unit", "own"});
    o.reference = o.reference_name == "softmax" ? Reference::softmax
                  : o.reference_name == "own"   ? Reference::own
                                                : Reference::softmax_unit;
  }
  if (!raw.format.empty()) o.json = one_of("--format", raw.format, {"table", "json"}) == "json";
  if (!raw.progress.empty())
    o.progress = one_of("--progress", raw.progress,
                        o.command == "sweep" ? Texts{"auto", "bar", "plain", "none"} : Texts{"auto", "plain", "none"});
  for (const std::string& text : raw.tags) {
    const auto at = text.find('=');
    if (at == std::string::npos || at == 0)
      throw BadSetting(fmt::format("--tag must look like key=value, got '{}'", text));
    o.tags[text.substr(0, at)] = text.substr(at + 1);
  }
  o.measure_rss = !raw.no_rss;
  one_of("--kind", o.plot.kind, {"line", "pareto", "phases", "memory"});
  interpret_speed(raw, o);
  interpret_passes(raw, o);
  interpret_sweep(raw, o);
  if (o.calibrate + o.self_test + o.atomics > 1)
    throw BadSetting("--calibrate, --self-test and --atomics: one at a time");
  if (o.command == "env" && !o.output.empty() && !o.atomics) throw BadSetting("env: -o goes with --atomics");
  const bool pairs = o.command == "speed" || o.command == "overview" || o.command == "sweep" || o.command == "plan";
  if (pairs && o.baseline != "none") find(catalogue(), o.baseline);
}

}  // namespace yoso::app
