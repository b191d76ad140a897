// Where numbers come from: the machine, its state, and this build. What cannot be read is null, never invented.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace yoso {

struct BuildInfo {
  std::string version;
  std::optional<std::string> git_sha;
  std::optional<bool> git_dirty;
  std::string compiler, flags, type;
  std::vector<std::string> sanitizers;
  std::map<std::string, std::string> libs;  // name -> version
};

struct CacheInfo {
  int level = 1;
  std::int64_t bytes = 0;
};

struct Environment {
  std::string id;  // hash of what does not change between runs: machine, kernel, build
  std::string os, kernel;
  std::optional<std::string> virtualisation;  // "none" when the CPU does not report a hypervisor
  std::optional<std::string> cpu_model;
  std::vector<std::string> isas;  // that our kernels can use here
  std::string isa_usual;          // what runs unless told
  int cores = 1;                  // that this process may use
  std::vector<CacheInfo> caches;
  std::optional<std::string> governor;
  std::optional<std::int64_t> memory_total, memory_available;  // bytes
  std::optional<double> load_1min;                             // runnable tasks, averaged over a minute
  std::optional<double> cpu_pressure_10s;                      // percent of time some task waited for a CPU
  std::optional<double> steal_percent;                         // since boot
  std::map<std::string, std::string> variables;                // OMP_*, GOMP_*, OPENBLAS_*, DNNL_*, MKL_*, YOSO_*
};

// A condition that may spoil numbers; codes are stable, so that scripts can act on them.
struct Warning {
  std::string code;
  std::string message;
  std::optional<std::string> point;  // id of the point it concerns
};

BuildInfo this_build();
Environment this_environment();

// debug-build, sanitizer, openblas-env, omp-env, load, steal, pressure: what is wrong with measuring here and now.
std::vector<Warning> warnings_of(const Environment& environment, const BuildInfo& build);

bool built_with_sanitizers();
std::int64_t available_memory();  // bytes; throws DeviceError when the system does not say

}  // namespace yoso
