#include <yoso/atomics.hpp>

#include <nlohmann/json.hpp>

#include "report_extras.hpp"

namespace yoso {

std::string to_json(const AtomicRates& all) {
  using Json = nlohmann::ordered_json;
  const auto maybe = [](const std::optional<double>& x) { return x ? Json(*x) : Json(nullptr); };
  Json rates = Json::array();
  for (const AtomicRate& r : all.rates)
    rates.push_back({{"memory", r.memory},
                     {"type", r.type},
                     {"addresses", r.addresses},
                     {"warp_adds", r.warp_adds},
                     {"seconds", r.seconds},
                     {"per_second", r.per_second},
                     {"cycles", maybe(r.cycles)}});
  return Json{{"schema", {{"name", "yoso-bench/atomics"}, {"version", "1.0"}}},
              {"device", device_json(all.device)},
              {"sm_clock", maybe(all.sm_clock)},
              {"rates", rates}}
             .dump(1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace yoso
