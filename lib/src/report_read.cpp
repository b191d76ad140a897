// Points from a report, as far as launches need them.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include <yoso/errors.hpp>
#include <yoso/launches.hpp>

namespace yoso {
namespace {

using Json = nlohmann::ordered_json;

std::optional<double> maybe(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

std::string words(const Json& value) { return value.is_null() ? std::string() : value.get<std::string>(); }

Status status_of(const std::string& text) {
  for (int i = 0; i <= static_cast<int>(Status::predicted); ++i)
    if (name(static_cast<Status>(i)) == text) return static_cast<Status>(i);
  throw BadInput(fmt::format("unknown status '{}'", text));
}

std::optional<Interval> interval(const Json& ci) {
  if (ci.is_null()) return std::nullopt;
  return Interval{ci.at("lo").get<double>(), ci.at("hi").get<double>(), ci.at("level").get<double>()};
}

Timing timing_of(const Json& time, Status status) {
  Timing t;
  t.n = time.at("n").get<std::int64_t>();
  t.dropped = time.at("dropped").get<std::int64_t>();
  t.inner = time.at("inner").get<std::int64_t>();
  t.min = time.at("min").get<double>();
  t.q1 = time.at("q1").get<double>();
  t.median = time.at("median").get<double>();
  t.q3 = time.at("q3").get<double>();
  t.max = time.at("max").get<double>();
  t.cpu_median = time.at("cpu_median").get<double>();
  t.n_eff = time.at("n_eff").get<double>();
  t.stop = time.at("stop").get<std::string>();
  t.ci = interval(time.at("ci"));
  t.noisy = status == Status::noisy;
  t.warm_up = maybe(time.value("warm_up", Json())).value_or(0);
  t.settled = time.value("settled", false);
  t.drift = maybe(time.value("drift", Json()));
  if (time.contains("samples"))
    for (const Json& s : time["samples"])
      t.samples.push_back({s.at("wall").get<double>(), s.at("cpu").get<double>(), s.at("preempted").get<bool>()});
  return t;
}

SpeedResult speed_of(const Json& point, Status status) {
  SpeedResult speed;
  speed.timing = timing_of(point.at("time"), status);
  for (const auto& [phase, seconds] : point.at("phases").items()) speed.phases.emplace_back(phase, seconds);
  if (const Json sum = point.value("phase_sum", Json()); !sum.is_null()) {
    speed.phase_runs = sum.at("runs").get<std::int64_t>();
    speed.phase_total = sum.at("total").get<double>();
  }
  if (const Json& paired = point.at("paired"); !paired.is_null()) {
    speed.baseline = paired.at("baseline").get<std::string>();
    speed.baseline_predicted = paired.value("baseline_predicted", false);
    Paired pair;
    pair.rounds = paired.at("rounds").get<std::int64_t>();
    pair.ratio = paired.at("ratio").get<double>();
    if (!paired.at("lo").is_null())
      pair.ci =
          Interval{paired.at("lo").get<double>(), paired.at("hi").get<double>(), paired.at("level").get<double>()};
    pair.cpu_ratio = maybe(paired.value("cpu_ratio", Json())).value_or(pair.ratio);
    speed.paired = pair;
  }
  return speed;
}

Match match_of(const Json& match) {
  Match m;
  m.goal = maybe(match.at("goal"));
  m.missed = match.at("missed").get<bool>();
  if (const auto reached = maybe(match.at("reached")))
    m.reached = Summary{*reached, maybe(match.at("lo")), maybe(match.at("hi"))};
  return m;
}

Point point_of(const Json& j) {
  Point p;
  p.id = j.at("id").get<std::string>();
  p.group = j.at("group").get<std::string>();
  p.repro = j.at("repro").get<std::string>();
  p.method = j.at("method").get<std::string>();
  p.control = j.at("control").get<bool>();
  for (const auto& [knob, value] : j.at("knobs").items())
    p.knobs.emplace_back(knob, value.is_string() ? value.get<std::string>() : value.dump());
  for (const Json& series : j.value("series", Json::array())) p.series.push_back(series.get<std::string>());
  p.input = j.at("input").get<std::string>();
  const Json& s = j.at("shape");
  p.shape = {s.at("batch"), s.at("heads"), s.at("n_q"), s.at("n_k"), s.at("d"), s.at("d_v"), s.at("causal")};
  p.pass = j.at("pass").get<std::string>();
  p.backend = j.at("backend").get<std::string>();
  p.isa = j.at("isa").get<std::string>();
  p.threads = j.at("threads").get<int>();
  p.seed = j.at("seed").get<std::uint64_t>();
  p.cache = j.value("cache", "hot");
  p.dtype = j.value("dtype", "f32");
  p.redraw = j.at("draws").at("policy").get<std::string>();
  p.status = status_of(j.at("status").get<std::string>());
  p.reason = words(j.at("reason"));
  if (!j.at("time").is_null()) p.speed = speed_of(j, p.status);
  if (const Json& c = j.at("check"); !c.is_null()) {
    CheckResult check;
    check.max_abs = maybe(c.at("max_abs")).value_or(0);
    check.tolerance = maybe(c.at("tol")).value_or(0);
    check.passed = c.at("passed").get<bool>();
    check.queries = c.at("queries").get<std::int64_t>();
    check.gradients = maybe(c.value("gradients", Json()));
    check.gradients_tolerance = maybe(c.value("gradients_tol", Json())).value_or(0);
    check.hash = words(c.value("hash", Json()));
    check.rechecked = c.value("rechecked", false);
    p.check = check;
  }
  if (const Json& w = j.at("work"); !w.is_null()) {
    p.work.emplace();
    p.work->flops = w.at("flops").get<double>();
    p.work->bytes = w.at("bytes").get<double>();
  }
  if (const Json predicted = j.value("predicted", Json()); !predicted.is_null())
    p.predicted = Predicted{predicted.at("seconds").get<double>(), predicted.at("from_point").get<std::string>()};
  if (const Json match = j.value("match", Json()); !match.is_null()) p.match = match_of(match);
  return p;
}

}  // namespace

LaunchReport read_launch(std::string_view json, const std::string& origin) {
  try {
    const Json report = Json::parse(json);
    LaunchReport launch;
    for (const Json& point : report.at("points")) launch.points.push_back(point_of(point));
    for (const Json& w : report.at("warnings"))
      launch.warnings.push_back(
          {w.at("code").get<std::string>(), w.at("message").get<std::string>(),
           w.at("point").is_null() ? std::nullopt : std::optional(w.at("point").get<std::string>())});
    launch.interrupted = report.at("run").at("status") == "interrupted";
    return launch;
  } catch (const Json::exception& error) {
    throw BadInput(fmt::format("{}: not a report of this program: {}", origin, error.what()));
  }
}

}  // namespace yoso
