// Where numbers come from: the machine, its state, and this build. What cannot be read is null, never invented.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <yoso/device.hpp>

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
  int shared_by = 1;  // logical cores that one such cache serves
};

// Bandwidth of one level of memory, bytes a second of all threads together. An update reads and writes a byte, and
// counts both.
struct LevelRate {
  std::string level;                     // "L1", "L2", "L3", "memory"
  std::optional<std::int64_t> capacity;  // bytes of one such cache; null: memory
  int shared_by = 1;                     // logical cores that one serves
  std::int64_t measured_with = 0;        // bytes each thread worked on
  double read = 0, update = 0;
};

// The limits of one instruction set with one number of threads (all of them together).
struct Limits {
  std::string isa;
  int threads = 1;
  double fma = 0;                 // arithmetic operations a second in multiply-adds, two each
  double add = 0;                 // additions a second that have nothing to fuse with
  double exp = 0;                 // exponentials a second, from L1
  std::vector<LevelRate> levels;  // nearest first; the last is memory
};

// Measured by `env --calibrate` (calibration.hpp).
struct Calibration {
  std::string key;      // what it is valid for
  std::string made_at;  // UTC
  double took = 0;      // seconds
  std::vector<Limits> limits;
};

struct Environment {
  std::string id;  // hash of what does not change between runs: machine, kernel, build
  std::string os, kernel;
  std::optional<std::string> virtualisation;  // "none" when the CPU does not report a hypervisor
  std::optional<std::string> cpu_model;  // with family and model number where the name has no model number
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
  std::optional<DeviceInfo> gpu;                               // when the backend that has it was used, or asked for
  std::optional<Calibration> calibration;                      // of this machine and build, when one is kept
  std::string calibration_problem;  // why the one that is kept was ignored; empty: it was not
};

BuildInfo this_build();
Environment this_environment();

// Counters that tell, of two moments, what happened between them.
struct MachineState {
  double at = 0;                        // seconds, monotonic
  std::optional<double> load_1min;      // runnable tasks, averaged over a minute
  std::optional<double> stalled;        // seconds, since boot, in which some task waited for a CPU
  std::optional<double> ticks, stolen;  // CPU time of all cores since boot, and what the hypervisor took of it
};
MachineState machine_state();

// What the machine was like while something ran.
struct Disturbance {
  double seconds = 0;
  std::optional<double> load_1min;     // at the end
  std::optional<double> cpu_pressure;  // percent of the time in which some task waited for a CPU
  std::optional<double> steal;         // percent of CPU time that the hypervisor took
};
Disturbance between(const MachineState& begin, const MachineState& end);

bool built_with_sanitizers();
std::int64_t available_memory();  // bytes; throws DeviceError when the system does not say

}  // namespace yoso
