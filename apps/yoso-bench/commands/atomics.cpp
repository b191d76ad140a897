// env --atomics: how fast the GPU adds atomically.
#include <fmt/format.h>

#include <optional>

#include <yoso/atomics.hpp>
#include <yoso/report.hpp>

#include "../options.hpp"
#include "../table.hpp"
#include "simt/backend.hpp"

namespace yoso::app {

int run_atomics(const Options& o) {
  std::optional<OutputFile> file;
  if (!o.output.empty()) file.emplace(o.output);
  const AtomicRates all = atomic_rates();
  const std::string json = to_json(all);
  if (file) file->commit(json);
  if (o.json) {
    fmt::print("{}", json);
    return 0;
  }
  Table table({"memory", "type", "lanes' addresses", "numbers added", "cycles a warp-add"}, 3);
  for (const AtomicRate& r : all.rates)
    table.row({r.memory, r.type, r.addresses, fmt::format("{:.3g} G/s", r.per_second / 1e9),
               r.cycles ? fmt::format("{:.2f}", *r.cycles) : "-"});
  fmt::print("{}, {}, {} multiprocessors{}\n{}Cycles of a multiprocessor for each of its warp-wide additions.\n",
             all.device.name, all.device.architecture, all.device.processors,
             all.sm_clock ? fmt::format(" at {:.0f} MHz", *all.sm_clock / 1e6) : ", clock unknown", table.text());
  return 0;
}

}  // namespace yoso::app
