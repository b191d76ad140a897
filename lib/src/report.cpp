// Reports as JSON: one function a struct, in the order of the schema.
#include <yoso/report.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include <yoso/random.hpp>
#include <yoso/roofline.hpp>

#include "calibration_json.hpp"
#include "hash.hpp"
#include "report_extras.hpp"

namespace yoso {
namespace {

using Json = nlohmann::ordered_json;

// Infinity and NaN have no JSON; what is unknown is null.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

template <class T>
Json maybe(const std::optional<T>& value) {
  if (!value) return nullptr;
  if constexpr (std::is_floating_point_v<T>)
    return number(*value);
  else
    return *value;
}

Json json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return {{"lo", number(interval->lo)}, {"hi", number(interval->hi)}, {"level", interval->level}};
}

Json json(const BuildInfo& b) {
  return {{"version", b.version},
          {"git_sha", maybe(b.git_sha)},
          {"git_dirty", maybe(b.git_dirty)},
          {"compiler", b.compiler},
          {"flags", b.flags},
          {"type", b.type},
          {"sanitizers", b.sanitizers},
          {"libs", b.libs},
          {"cuda", nullptr}};
}

Json json(const Environment& e) {
  Json caches = Json::array();
  for (const CacheInfo& c : e.caches)
    caches.push_back({{"level", c.level}, {"bytes", c.bytes}, {"shared_by", c.shared_by}});
  return {{"id", e.id},
          {"os", e.os},
          {"kernel", e.kernel},
          {"virt", maybe(e.virtualisation)},
          {"cpu",
           {{"model", maybe(e.cpu_model)},
            {"isa", e.isas},
            {"isa_usual", e.isa_usual},
            {"cores", e.cores},
            {"caches", caches},
            {"governor", maybe(e.governor)}}},
          {"memory", {{"total", maybe(e.memory_total)}, {"available", maybe(e.memory_available)}}},
          {"load",
           {{"load_1min", maybe(e.load_1min)},
            {"cpu_pressure_10s_percent", maybe(e.cpu_pressure_10s)},
            {"steal_percent", maybe(e.steal_percent)}}},
          {"gpu", e.gpu ? device_json(*e.gpu) : Json(nullptr)},
          {"env_vars", e.variables},
          {"calibration", e.calibration ? calibration_json(*e.calibration) : Json(nullptr)}};
}

Json json(const Footprint& f) {
  return {{"inputs", f.inputs}, {"outputs", f.outputs}, {"draws", f.draws},         {"parameters", f.parameters},
          {"saved", f.saved},   {"scratch", f.scratch}, {"gradients", f.gradients}, {"peak", f.total()}};
}

Json json(const std::optional<MemoryResult>& memory) {
  if (!memory) return nullptr;
  Json j = memory->measured ? json(*memory->measured) : Json::object();
  if (!memory->measured)
    for (const char* key : {"inputs", "outputs", "draws", "parameters", "saved", "scratch", "gradients", "peak"})
      j[key] = nullptr;
  j["predicted"] = memory->predicted.total();
  j["predicted_parts"] = json(memory->predicted);
  j["rss"] = maybe(memory->rss);
  j["budget"] = maybe(memory->budget);
  if (const auto& most = memory->max_batch)
    j["max_batch"] = {{"batch", most->batch},
                      {"per_instance", maybe(most->per_instance)},
                      {"fixed", maybe(most->fixed)},
                      {"next", maybe(most->next)}};
  return j;
}

Json json(const Timing& t, bool samples) {
  Json j = {{"unit", "s"},
            {"n", t.n},
            {"dropped", t.dropped},
            {"inner", t.inner},
            {"min", number(t.min)},
            {"q1", number(t.q1)},
            {"median", number(t.median)},
            {"q3", number(t.q3)},
            {"max", number(t.max)},
            {"cpu_median", number(t.cpu_median)},
            {"ci", json(t.ci)},
            {"n_eff", number(t.n_eff)},
            {"stop", t.stop},
            {"warm_up", number(t.warm_up)},
            {"settled", t.settled},
            {"drift", maybe(t.drift)}};
  if (samples) {
    Json all = Json::array();
    for (const Sample& s : t.samples)
      all.push_back({{"wall", number(s.wall)}, {"cpu", number(s.cpu)}, {"preempted", s.preempted}});
    j["samples"] = std::move(all);
  }
  return j;
}

Json json(const std::optional<Summary>& s) {
  if (!s) return nullptr;
  return {{"median", number(s->median)}, {"lo", maybe(s->lo)}, {"hi", maybe(s->hi)}};
}

Json json(const std::optional<Comparison>& c) {
  if (!c) return nullptr;
  Json metrics = Json::object(), heads = Json::object();
  for (const auto& [metric, summary] : c->metrics) metrics[metric] = json(summary);
  for (const auto& [metric, range] : c->heads)
    heads[metric] = range ? Json{{"min", number(range->first)}, {"max", number(range->second)}} : Json(nullptr);
  return {{"reference", c->reference}, {"metrics", metrics}, {"heads", heads}};
}

Json json(const std::optional<ErrorResult>& error) {
  if (!error) return nullptr;
  Json heads = Json::array();
  for (const HeadError& h : error->per_head)
    heads.push_back({{"batch", h.profile.batch},
                     {"head", h.profile.head},
                     {"entropy", number(h.profile.entropy)},
                     {"effective_keys", number(h.profile.effective_keys)},
                     {"q_norm", number(h.profile.q_norm)},
                     {"k_norm", number(h.profile.k_norm)},
                     {"v_norm", number(h.profile.v_norm)},
                     {"temperature", number(h.profile.temperature)},
                     {"skill_total", maybe(h.skill_total)},
                     {"angle_total", maybe(h.angle_total)},
                     {"skill_sampling", maybe(h.skill_sampling)},
                     {"angle_sampling", maybe(h.angle_sampling)}});
  Json gradients = Json::array();
  for (const GradientComparison& c : error->gradients) {
    Json tensors = Json::object();
    for (const GradientComparison::Tensor& t : c.tensors)
      tensors[t.name] = {{"cosine", json(t.cosine)}, {"norm_ratio", json(t.norm_ratio)}, {"slope", json(t.slope)}};
    gradients.push_back({{"reference", c.reference}, {"role", c.role}, {"tensors", tensors}});
  }
  return {{"seeds", error->seeds},
          {"total", json(error->total)},
          {"sampling", json(error->sampling)},
          {"kernel_gap", json(error->kernel_gap)},
          {"bias_z", maybe(error->bias_z)},
          {"weights", error->weights ? Json{{"row_mass", maybe(error->weights->row_mass)},
                                            {"topk_recall", maybe(error->weights->topk_recall)},
                                            {"top", error->weights->top}}
                                     : Json(nullptr)},
          {"per_head", heads},
          {"gradients", gradients}};
}

Json json(const std::optional<CheckResult>& check) {
  if (!check) return nullptr;
  return {{"max_abs", number(check->max_abs)},
          {"tol", number(check->tolerance)},
          {"passed", check->passed},
          {"queries", check->queries},
          {"gradients", maybe(check->gradients)},
          {"gradients_tol", check->gradients ? number(check->gradients_tolerance) : Json(nullptr)},
          {"hash", check->hash.empty() ? Json(nullptr) : Json(check->hash)},
          {"rechecked", check->rechecked}};
}

Json json(const Shape& s) {
  return {{"batch", s.batch}, {"heads", s.heads}, {"n_q", s.n_q},      {"n_k", s.n_k},
          {"d", s.d},         {"d_v", s.d_v},     {"causal", s.causal}};
}

Json json(const Work& w, const Point& p, const std::optional<Calibration>& calibration) {
  const double time = p.speed ? p.speed->timing.median : 0;
  const auto bound = calibration ? roofline(w, *calibration, p.threads, p.isa) : std::nullopt;
  return {{"flops", number(w.flops)},
          {"bytes", number(w.bytes)},
          {"achieved_flops_per_s", time > 0 ? number(w.flops / time) : Json(nullptr)},
          {"achieved_bytes_per_s", time > 0 ? number(w.bytes / time) : Json(nullptr)},
          {"roofline_s", bound ? number(bound->seconds) : Json(nullptr)},
          {"roofline_pct", bound && time > 0 ? number(100 * bound->seconds / time) : Json(nullptr)},
          {"limit", bound ? Json(bound->limit) : Json(nullptr)}};
}

// A knob's value with its type: numbers as numbers, choices as text.
Json knob_value(const std::string& text) {
  const Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_number() ? parsed : Json(text);
}

Json json(const Point& p, const Environment& environment, bool samples) {
  Json knobs = Json::object(), phases = Json::object(), phase_sum = nullptr, paired = nullptr;
  for (const auto& [knob, value] : p.knobs) knobs[knob] = knob_value(value);
  if (p.speed) {
    double sum = 0;
    for (const auto& [phase, seconds] : p.speed->phases) {
      phases[phase] = number(seconds);
      sum += seconds;
    }
    if (p.speed->phase_runs > 0)
      phase_sum = {{"clock", p.threads == 1 ? "cpu" : "wall"},
                   {"runs", p.speed->phase_runs},
                   {"sum", number(sum)},
                   {"total", number(p.speed->phase_total)}};
    if (p.speed->paired) {
      paired = {{"baseline", maybe(p.speed->baseline)},
                {"ratio", number(p.speed->paired->ratio)},
                {"lo", nullptr},
                {"hi", nullptr},
                {"level", nullptr},
                {"rounds", p.speed->paired->rounds},
                {"cpu_ratio", number(p.speed->paired->cpu_ratio)},
                {"cpu_lo", nullptr},
                {"cpu_hi", nullptr}};
      if (const auto& ci = p.speed->paired->cpu_ci) {
        paired["cpu_lo"] = number(ci->lo);
        paired["cpu_hi"] = number(ci->hi);
      }
      if (const auto& ci = p.speed->paired->ci) {
        paired["lo"] = number(ci->lo);
        paired["hi"] = number(ci->hi);
        paired["level"] = ci->level;
      }
    }
  }
  Json j = {{"id", p.id},
            {"group", p.group},
            {"env", environment.id},
            {"repro", p.repro},
            {"method", p.method},
            {"control", p.control},
            {"knobs", knobs},
            {"input", p.input},
            {"shape", json(p.shape)},
            {"pass", p.pass},
            {"backend", p.backend},
            {"isa", p.isa},
            {"threads", p.threads},
            {"seed", p.seed},
            {"draws", {{"policy", p.redraw}}},
            {"status", name(p.status)},
            {"reason", p.reason.empty() ? Json(nullptr) : Json(p.reason)},
            {"time", p.speed ? json(p.speed->timing, samples) : Json(nullptr)},
            {"phases", phases},
            {"phase_sum", phase_sum},
            {"paired", paired},
            {"memory", json(p.memory)},
            {"error", json(p.error)},
            {"work", p.work ? json(*p.work, p, environment.calibration) : Json(nullptr)},
            {"check", json(p.check)},
            {"verdict", p.verdict.empty() ? Json(nullptr) : Json(p.verdict)}};
  add_extras(j, p);
  return j;
}

Json json(const std::optional<Disturbance>& d) {
  if (!d) return nullptr;
  return {{"seconds", number(d->seconds)},
          {"load_1min_end", maybe(d->load_1min)},
          {"cpu_pressure_percent", maybe(d->cpu_pressure)},
          {"steal_percent", maybe(d->steal)}};
}

Json json(const std::vector<Warning>& warnings) {
  Json list = Json::array();
  for (const Warning& w : warnings)
    list.push_back({{"code", w.code}, {"message", w.message}, {"point", maybe(w.point)}});
  return list;
}

Json json(const Knob& k) {
  const bool number_kind = k.kind != Knob::Kind::choice;
  Json choices = Json::array();
  for (const std::string_view choice : k.choices) choices.push_back(choice);
  static constexpr const char* kKinds[] = {"integer", "real", "choice"};
  return {{"name", k.name},
          {"flag", k.flag()},
          {"kind", kKinds[static_cast<int>(k.kind)]},
          {"help", k.help},
          {"lowest", number_kind ? number(k.lowest) : Json(nullptr)},
          {"highest", number_kind ? number(k.highest) : Json(nullptr)},
          {"choices", choices},
          {"auto", k.automatic != nullptr},
          {"usual", k.usual},
          {"usual_in_error", k.in_error.empty() ? k.usual : k.in_error},
          {"paper", k.paper.empty() ? Json(nullptr) : Json(k.paper)}};
}

Json json(const Method& m) {
  Json knobs = Json::array();
  for (const Knob& k : m.knobs) knobs.push_back(json(k));
  const Settings usual(m.knobs, Shape{});
  const auto cell = [](const Cell& c) { return Json{{"forward", c.forward}, {"backward", c.backward}}; };
  Json cuda = cell(m.cuda);
  cuda["verified"] = m.cuda.verified.empty() ? Json(nullptr) : Json(m.cuda.verified);
  return {{"name", m.name},
          {"title", m.title},
          {"control", m.control},
          {"paper", m.paper.empty() ? Json(nullptr) : Json(m.paper)},
          {"equation", m.equation.empty() ? Json(nullptr) : Json(m.equation)},
          {"target", m.target ? Json(m.target(usual)) : Json(nullptr)},
          {"main_knob", m.main_knob.empty() ? Json(nullptr) : Json(m.main_knob)},
          {"sampled", m.draws && !m.draws(Shape{}, usual).empty()},
          {"backends", {{"cpu", cell(m.cpu)}, {"cuda", cuda}}},
          {"knobs", knobs}};
}

Json schema_of(const char* schema) { return {{"name", schema}, {"version", kReportVersion}}; }

std::string now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

}  // namespace

std::string_view name(Status status) {
  static constexpr std::string_view kNames[] = {"ok",      "noisy", "wrong",       "over_budget", "unsupported",
                                                "timeout", "error", "interrupted", "predicted"};
  return kNames[static_cast<std::size_t>(status)];
}

std::optional<Summary> Comparison::operator[](std::string_view metric) const {
  for (const auto& [known, summary] : metrics)
    if (known == metric) return summary;
  return std::nullopt;
}

Report start_report(std::vector<std::string> argv, std::uint64_t seed) {
  Report r;
  r.started_at = now();
  r.argv = std::move(argv);
  r.seed = seed;
  r.build = this_build();
  r.environment = this_environment();
  r.warnings = warnings_of(r.environment, r.build);
  const auto ticks = std::chrono::system_clock::now().time_since_epoch().count();
  r.id = hash_hex(fmt::format("{}|{}|{}", ticks, r.environment.id, fmt::join(r.argv, " ")));
  return r;
}

void identify(Point& p) {
  const std::string common =
      Json{{"input", p.input}, {"shape", json(p.shape)}, {"pass", p.pass}, {"backend", p.backend},
           {"isa", p.isa},     {"threads", p.threads},   {"seed", p.seed}}
          .dump() +
      (p.cache == "hot" ? "" : p.cache) + (p.dtype == "f32" ? "" : p.dtype);
  Json knobs = Json::object();
  for (const auto& [knob, value] : p.knobs) knobs[knob] = value;
  p.group = hash_hex(common);
  Json own = {{"method", p.method}, {"knobs", knobs}, {"redraw", p.redraw}};
  if (p.match && p.match->goal) own["skill"] = *p.match->goal;  // two goals may end at one setting
  p.id = hash_hex(common + own.dump());
}

std::string to_json(const Report& r) {
  Json points = Json::array(), counts = Json::object();
  for (const Point& p : r.points) {
    points.push_back(json(p, r.environment, r.samples));
    const std::string status(name(p.status));
    counts[status] = counts.value(status, 0) + 1;
  }
  Json j = {{"schema", schema_of(kReportSchema)},
            {"run",
             {{"id", r.id},
              {"started_at", r.started_at},
              {"finished_at", r.finished_at.empty() ? now() : r.finished_at},
              {"status", r.status},
              {"argv", r.argv},
              {"tags", r.tags},
              {"seed", r.seed},
              {"shard", r.shard.empty() ? Json(nullptr) : Json(r.shard)},
              {"plan", r.plan.empty() ? Json(nullptr) : Json(r.plan)},
              {"during", json(r.during)}}},
            {"build", json(r.build)},
            {"environments", Json::array({json(r.environment)})},
            {"points", points},
            {"warnings", json(r.warnings)},
            {"summary", {{"points", r.points.size()}, {"statuses", counts}}}};
  add_extras(j, r);
  // what a shell hands over need not be UTF-8: replaced, not lost
  return j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_json(const Environment& environment, const BuildInfo& build, const std::vector<Warning>& warnings) {
  return Json{{"schema", schema_of("yoso-bench/environment")},
              {"build", json(build)},
              {"environment", json(environment)},
              {"warnings", json(warnings)}}
             .dump(1) +
         "\n";
}

std::string to_json(Methods methods) {
  Json list = Json::array();
  for (const Method* m : methods) list.push_back(json(*m));
  return Json{{"schema", schema_of("yoso-bench/catalogue")}, {"methods", list}}.dump(1) + "\n";
}

}  // namespace yoso
