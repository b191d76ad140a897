#include <yoso/warnings.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include <yoso/report.hpp>

namespace yoso {
namespace {

constexpr WarningCode kCodes[] = {
    {"debug-build", "not a Release build: times mean nothing"},
    {"sanitizer", "built with sanitizers: times and resident memory mean nothing"},
    {"openblas-env", "OPENBLAS_* is set: it may slow a BLAS-backed rival beside ours, which uses no BLAS"},
    {"omp-env", "an OMP_* or GOMP_* variable that changes how threads run is set"},
    {"calibration", "a calibration that is kept for this machine was ignored: damaged, or of another build"},
    {"load", "more than half a task for each core was running, before or at the end of the run"},
    {"pressure", "tasks waited for a CPU more than 5 % of the time"},
    {"steal", "the hypervisor took more than 1 % of CPU time"},
    {"mask-note", "a capture's model had a mask that the file does not hold"},
    {"cold", "the warm-up ended at its bound: times of calls had not settled within 2 %"},
    {"drift", "the middle halves of the first and of the last third of a row's samples lie more than 2 % apart"},
    {"few-samples", "too few independent samples for an interval"},
    {"backend-auto", "--backend auto used the CPU: what the CUDA backend lacks is said"},
    {"throttled", "the device's clocks were held down while a row was measured"},
    {"noisy-machine", "more than half of the rows are noisy, or a fifth of all samples were preempted"},
};

constexpr double kLoadPerCore = 0.5, kPressure = 5, kSteal = 1;  // percent, the last two

// These do not change how our threads run: we ask for a number of threads, and print the settings ourselves.
bool harmless(const std::string& variable) {
  return variable == "OMP_NUM_THREADS" || variable == "OMP_DISPLAY_ENV" || variable == "OMP_NESTED" ||
         variable == "OMP_SCHEDULE" || variable == "OMP_MAX_ACTIVE_LEVELS";
}

}  // namespace

std::span<const WarningCode> warning_codes() { return kCodes; }

Warning warning(std::string_view code, std::string message, std::optional<std::string> point) {
  if (std::ranges::find(kCodes, code, &WarningCode::code) == std::end(kCodes))
    throw std::logic_error(fmt::format("no such warning: {}", code));
  return {std::string(code), std::move(message), std::move(point)};
}

std::vector<Warning> warnings_of(const Environment& e, const BuildInfo& b) {
  std::vector<Warning> found;
  const auto warn = [&](const char* code, std::string message) { found.push_back(warning(code, std::move(message))); };
  if (b.type != "Release" && b.type != "RelWithDebInfo")
    warn("debug-build", fmt::format("built as '{}', not Release: times mean nothing", b.type));
  if (!b.sanitizers.empty())
    warn("sanitizer", fmt::format("built with {} sanitizers: times and resident memory mean nothing",
                                  fmt::join(b.sanitizers, ", ")));
  for (const auto& [key, value] : e.variables) {
    if (key.starts_with("OPENBLAS_"))
      warn("openblas-env",
           fmt::format("{}={} is set: it may slow a BLAS-backed program; ours uses no OpenBLAS", key, value));
    if ((key.starts_with("OMP_") || key.starts_with("GOMP_")) && !harmless(key))
      warn("omp-env", fmt::format("{}={} is set: it can change how threads run", key, value));
  }
  if (!e.calibration_problem.empty()) warn("calibration", e.calibration_problem);
  if (e.load_1min && *e.load_1min > kLoadPerCore * e.cores)
    warn("load", fmt::format("load average {:.1f} on {} cores: other work is running", *e.load_1min, e.cores));
  if (e.cpu_pressure_10s && *e.cpu_pressure_10s > kPressure)
    warn("pressure", fmt::format("tasks waited for a CPU {:.0f} % of the last 10 s", *e.cpu_pressure_10s));
  if (e.steal_percent && *e.steal_percent > kSteal)
    warn("steal", fmt::format("the hypervisor took {:.1f} % of CPU time since boot", *e.steal_percent));
  return found;
}

void update_warnings(std::vector<Warning>& warnings, const Environment& before, const Disturbance& during) {
  const auto replace = [&](const char* code, bool now, const auto& message) {
    std::erase_if(warnings, [&](const Warning& w) { return w.code == code; });
    if (now) warnings.push_back(warning(code, message()));
  };
  if (during.steal)  // since boot says little about now
    replace("steal", *during.steal > kSteal,
            [&] { return fmt::format("the hypervisor took {:.1f} % of CPU time during the run", *during.steal); });
  if (during.cpu_pressure)
    replace("pressure", *during.cpu_pressure > kPressure,
            [&] { return fmt::format("tasks waited for a CPU {:.0f} % of the run", *during.cpu_pressure); });
  if (during.load_1min && before.load_1min)  // the run itself is part of the load at its end: one task a thread
    replace("load", *before.load_1min > kLoadPerCore * before.cores || *during.load_1min > before.cores, [&] {
      return fmt::format("load average {:.1f} before the run and {:.1f} after it, on {} cores: other work is running",
                         *before.load_1min, *during.load_1min, before.cores);
    });
}

std::vector<Warning> warnings_of(const std::vector<Point>& points) {
  std::vector<Warning> found;
  std::int64_t rows = 0, noisy = 0, kept = 0, dropped = 0;
  for (const Point& p : points) {
    if (!p.speed || p.status == Status::timeout) continue;
    const Timing& t = p.speed->timing;
    const auto warn = [&](const char* code, const std::string& what) {
      found.push_back(warning(code, fmt::format("{}, n = {}: {}", p.method, p.shape.n_k, what), p.id));
    };
    if (!t.settled && t.warm_up > 0)
      warn("cold", fmt::format("times had not settled within 2 % after {:.2f} s of warm-up", t.warm_up));
    if (t.drifting && t.drift)
      warn("drift", fmt::format("the last third of the samples is {:+.1f} % off the first", 100 * *t.drift));
    if (p.speed->device && !p.speed->device->throttled.empty())
      warn("throttled", fmt::format("clocks were held down: {}", fmt::join(p.speed->device->throttled, ", ")));
    if (!t.ci)
      warn("few-samples", fmt::format("{} samples, worth {:.1f} independent ones: no interval", t.n, t.n_eff));
    else if (p.speed->paired && !p.speed->paired->ci && !p.speed->baseline_predicted && p.method != p.speed->baseline)
      warn("few-samples",
           fmt::format("{} rounds with the baseline: no interval for the speed-up", p.speed->paired->rounds));
    ++rows;
    noisy += p.status == Status::noisy;
    for (const Sample& s : t.samples) (s.preempted ? dropped : kept) += 1;
  }
  if (rows > 0 && (2 * noisy > rows || 5 * dropped > kept + dropped))
    found.push_back(warning("noisy-machine",
                            fmt::format("{} of {} rows are noisy, {:.0f} % of the samples were preempted", noisy, rows,
                                        100.0 * static_cast<double>(dropped) /
                                            static_cast<double>(std::max<std::int64_t>(1, kept + dropped)))));
  return found;
}

}  // namespace yoso
