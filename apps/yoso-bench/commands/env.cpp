// env: the machine, this build, and whether it is quiet enough to measure.
#include <fmt/format.h>

#include <yoso/errors.hpp>
#include <yoso/report.hpp>

#include "../bench.hpp"
#include "calibration_table.hpp"
#include "simt/backend.hpp"

namespace yoso::app {
namespace {

template <class T>
std::string known(const std::optional<T>& value, const char* unit = "") {
  return value ? fmt::format("{}{}", *value, unit) : "unknown";
}

std::string size(const std::optional<std::int64_t>& bytes) {
  return bytes ? bytes_text(static_cast<std::size_t>(*bytes)) : "unknown";
}

std::string gpu_text(const DeviceInfo& d) {
  return fmt::format("{}, {}, {} multiprocessors, {}; driver {}, runtime {}; cuBLAS {}", d.name, d.architecture,
                     d.processors, size(d.memory), known(d.driver), known(d.runtime),
                     d.blas ? *d.blas : fmt::format("not found: {}", d.blas_problem));
}

}  // namespace

int run_env(const Options& o) {
  if (o.calibrate) return run_calibrate(o);
  if (o.self_test) return run_self_test(o);
  if (o.atomics) return run_atomics(o);
  const BuildInfo b = this_build();
  Environment e = this_environment();
  std::string gpu;
  try {
    e.gpu = cuda_device().info();
    gpu = gpu_text(*e.gpu);
  } catch (const DeviceError& error) {
    gpu = fmt::format("none: {}", error.what());
  }
  const std::vector<Warning> warnings = warnings_of(e, b);
  if (o.json) {
    fmt::print("{}", to_json(e, b, warnings));
    return 0;
  }
  std::string caches;
  for (const CacheInfo& c : e.caches)
    caches +=
        fmt::format("{}L{} {}", caches.empty() ? "" : ", ", c.level, bytes_text(static_cast<std::size_t>(c.bytes)));
  fmt::print("machine\n  id          {}\n  os          {}\n  kernel      {}\n  hypervisor  {}\n", e.id, e.os, e.kernel,
             known(e.virtualisation));
  fmt::print("  cpu         {}\n  cores       {}\n  caches      {}\n", known(e.cpu_model), e.cores,
             caches.empty() ? "unknown" : caches);
  fmt::print("  isa         {} (usual: {}; YOSO_ISA or --isa choose)\n", fmt::join(e.isas, ", "), e.isa_usual);
  fmt::print("  governor    {}\n  memory      {}, {} available\n  gpu         {}\n", known(e.governor),
             size(e.memory_total), size(e.memory_available), gpu);
  fmt::print(
      "state\n  load        {}\n  pressure    {}\n  steal       {}\n",
      e.load_1min ? fmt::format("{:.2f} runnable tasks over 1 min", *e.load_1min) : "unknown",
      e.cpu_pressure_10s ? fmt::format("a task waited for a CPU {:.1f} % of 10 s", *e.cpu_pressure_10s) : "unknown",
      e.steal_percent ? fmt::format("{:.2f} % since boot", *e.steal_percent) : "unknown");
  for (const auto& [key, value] : e.variables) fmt::print("  {}={}\n", key, value);
  fmt::print("build\n  version     {}, git {}{}\n  compiler    {}\n  flags       {} ({})\n  sanitizers  {}\n",
             b.version, known(b.git_sha), b.git_dirty.value_or(false) ? " (modified)" : "", b.compiler, b.flags, b.type,
             b.sanitizers.empty() ? "none" : fmt::format("{}", fmt::join(b.sanitizers, ", ")));
  if (e.calibration)
    fmt::print("calibration of {}\n{}", e.calibration->made_at, calibration_table(*e.calibration));
  else
    fmt::print(
        "calibration\n  none: `yoso-bench env --calibrate` makes one in seconds; rows then say how far from the "
        "machine's limit they are\n");
  for (const Warning& w : warnings) fmt::print("warning {}: {}\n", w.code, w.message);
  fmt::print("{}\n", warnings.empty() ? "quiet enough to measure" : "not a good moment or build to measure");
  return 0;
}

}  // namespace yoso::app
