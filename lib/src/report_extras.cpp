#include "report_extras.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace yoso {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json maybe(const std::optional<double>& value) { return value ? number(*value) : Json(nullptr); }

Json json(const Match& m) {
  const std::optional<Summary> reached = m.reached;
  return {{"metric", "skill"},
          {"goal", maybe(m.goal)},
          {"reached", reached ? number(reached->median) : Json(nullptr)},
          {"lo", reached ? maybe(reached->lo) : Json(nullptr)},
          {"hi", reached ? maybe(reached->hi) : Json(nullptr)},
          {"missed", m.missed}};
}

const char* verdict(const Crossing& x) {
  if (!x.n) return x.unclear ? "unclear" : "never";
  return x.from_start ? "already" : "from";
}

Json json(const Crossover& c) {
  const Crossing& x = c.crossing;
  return {{"method", c.method},
          {"series", c.series},
          {"control", c.control},
          {"baseline", c.baseline},
          {"input", c.input},
          {"isa", c.isa},
          {"dtype", c.dtype},
          {"threads", c.threads},
          {"pass", c.pass},
          {"shape",
           {{"batch", c.shape.batch},
            {"heads", c.shape.heads},
            {"d", c.shape.d},
            {"d_v", c.shape.d_v},
            {"causal", c.shape.causal}}},
          {"skill_goal", maybe(c.goal)},
          {"verdict", verdict(x)},
          {"n", x.n ? Json(*x.n) : Json(nullptr)},
          {"interpolated", maybe(x.interpolated)},
          {"slower", x.slower},
          {"first", x.first},
          {"last", x.last},
          {"baseline_predicted", x.baseline_predicted}};
}

Json words(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

Json json(const KernelUse& k) {
  return {{"name", k.name},
          {"grid", k.grid},
          {"block", k.block},
          {"registers", k.registers},
          {"shared", k.shared},
          {"local", k.local},
          {"occupancy", number(k.occupancy)}};
}

Json json(const DeviceState& d) {
  return {{"sm_clock", maybe(d.sm_clock)},
          {"memory_clock", maybe(d.memory_clock)},
          {"temperature", maybe(d.temperature)},
          {"power", maybe(d.power)},
          {"throttled", d.throttled}};
}

}  // namespace

Json device_json(const DeviceInfo& d) {
  return {{"name", d.name},
          {"architecture", d.architecture},
          {"driver", words(d.driver)},
          {"runtime", words(d.runtime)},
          {"blas", words(d.blas)},
          {"memory", d.memory},
          {"processors", d.processors},
          {"shared_per_block", d.shared_per_block},
          {"second_level_cache", d.second_level_cache}};
}

void add_extras(Json& point, const Point& p) {
  point["cache"] = p.cache;
  point["dtype"] = p.dtype;
  point["kernels"] = Json::array();
  if (p.speed)
    for (const KernelUse& kernel : p.speed->kernels) point["kernels"].push_back(json(kernel));
  point["device"] = p.speed && p.speed->device ? json(*p.speed->device) : Json(nullptr);
  point["series"] = p.series;
  point["launches"] = Json::array();
  if (p.speed) {
    for (const Launch& launch : p.speed->launches)
      point["launches"].push_back({{"median", number(launch.median)}, {"ratio", maybe(launch.ratio)}});
    if (!point["paired"].is_null()) point["paired"]["baseline_predicted"] = p.speed->baseline_predicted;
  }
  point["predicted"] = nullptr;
  if (p.predicted)
    point["predicted"] = {{"seconds", number(p.predicted->seconds)}, {"from_point", p.predicted->from_point}};
  point["match"] = p.match ? json(*p.match) : Json(nullptr);
}

void add_extras(Json& report, const Report& r) {
  report["run"]["launches"] = r.launches;
  Json& list = report["summary"]["crossovers"] = Json::array();
  for (const Crossover& c : r.crossovers) list.push_back(json(c));
}

}  // namespace yoso
