#include <yoso/environment.hpp>

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <tuple>

#include <yoso/calibration.hpp>
#include <yoso/cpu.hpp>
#include <yoso/errors.hpp>

#include "hash.hpp"
#include "version.hpp"  // generated at build time

extern char** environ;

namespace yoso {
namespace {

std::optional<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

// The text after "key:" or "key=" in a file of such lines.
std::optional<std::string> field(const std::string& path, const std::string& key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto at = line.find(separator);
    if (at == std::string::npos) continue;
    std::string name = line.substr(0, at);
    name.erase(name.find_last_not_of(" \t") + 1);
    if (name != key) continue;
    std::string value = line.substr(at + 1);
    value.erase(0, value.find_first_not_of(" \t\""));
    value.erase(value.find_last_not_of(" \t\"") + 1);
    return value;
  }
  return std::nullopt;
}

// A hypervisor may hide which model it is: "AMD EPYC" was of different generations on machines with equal cores, and
// "Intel(R) Xeon(R) CPU @ 2.20GHz" says no more. A model's number has three digits at least.
bool has_number(std::string_view name) {
  int digits = 0;
  for (const char c : name.substr(0, name.find('@'))) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits == 3) return true;
  }
  return false;
}
std::optional<std::string> cpu_model() {
  const auto name = field("/proc/cpuinfo", "model name", ':');
  const auto family = field("/proc/cpuinfo", "cpu family", ':'), model = field("/proc/cpuinfo", "model", ':');
  if (!name || !family || !model || has_number(*name)) return name;
  return fmt::format("{} family {} model {}", *name, *family, *model);
}

std::optional<std::int64_t> memory_field(const std::string& key) {
  const auto text = field("/proc/meminfo", key, ':');
  if (!text) return std::nullopt;
  return std::stoll(*text) * 1024;  // "123 kB"
}

std::optional<std::string> hypervisor() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return std::nullopt;
  if (!(c >> 31 & 1)) return "none";
  __cpuid(0x40000000, a, b, c, d);
  char vendor[13] = {};
  std::memcpy(vendor, &b, 4);
  std::memcpy(vendor + 4, &c, 4);
  std::memcpy(vendor + 8, &d, 4);
  std::string clean(vendor);
  std::erase_if(clean, [](char ch) { return ch < ' ' || ch > '~'; });
  return clean.empty() ? "unnamed" : clean;
#else
  return std::nullopt;
#endif
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

// What the kernel says of the first core's data caches: "32768K". (sysconf adds up the third level of whole packages.)
std::vector<CacheInfo> caches() {
  std::vector<CacheInfo> found;
  for (int index = 0;; ++index) {
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", index);
    const auto type = first_line(folder + "type"), level = first_line(folder + "level"),
               size = first_line(folder + "size");
    if (!type || !level || !size) break;
    if (*type == "Instruction") continue;
    const std::int64_t unit = size->ends_with('K') ? 1024 : size->ends_with('M') ? 1024 * 1024 : 1;
    const std::int64_t bytes = std::strtoll(size->c_str(), nullptr, 10) * unit;
    int sharing = 0;
    for (const char digit : first_line(folder + "shared_cpu_map").value_or("1"))  // "00000000,000000ff"
      if (std::isxdigit(static_cast<unsigned char>(digit)))
        sharing += std::popcount(static_cast<unsigned>(std::strtoul(std::string(1, digit).c_str(), nullptr, 16)));
    if (bytes > 0)
      found.push_back({static_cast<int>(std::strtol(level->c_str(), nullptr, 10)), bytes, std::max(1, sharing)});
  }
  if (!found.empty()) return found;
  const std::pair<int, int> levels[] = {
      {1, _SC_LEVEL1_DCACHE_SIZE}, {2, _SC_LEVEL2_CACHE_SIZE}, {3, _SC_LEVEL3_CACHE_SIZE}};
  for (const auto& [level, name] : levels)
    if (const long bytes = sysconf(name); bytes > 0)
      found.push_back({level, bytes, level < 3 ? 1 : static_cast<int>(sysconf(_SC_NPROCESSORS_CONF))});
  return found;
}

// "some avg10=1.23 ..." of the pressure-stall information
std::optional<double> cpu_pressure() {
  const auto line = first_line("/proc/pressure/cpu");
  if (!line) return std::nullopt;
  const auto at = line->find("avg10=");
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(line->c_str() + at + 6, nullptr);
}

// Ticks of all cores since boot: all of them, and those that the hypervisor took.
std::optional<std::pair<double, double>> cpu_ticks() {
  const auto line = first_line("/proc/stat");  // cpu user nice system idle iowait irq softirq steal ...
  if (!line) return std::nullopt;
  std::istringstream words(*line);
  std::string cpu;
  words >> cpu;
  double total = 0, stolen = 0, value = 0;
  for (int i = 0; i < 8 && words >> value; ++i) {
    total += value;
    if (i == 7) stolen = value;
  }
  if (total <= 0) return std::nullopt;
  return std::pair(total, stolen);
}

std::map<std::string, std::string> relevant_variables() {
  std::map<std::string, std::string> found;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string text = *entry;
    const auto at = text.find('=');
    if (at == std::string::npos) continue;
    if (text.starts_with("YOSO_BENCH=") || text.starts_with("YOSO_SHARDS="))
      continue;  // of scripts: they change no number
    for (const char* prefix : {"OMP_", "GOMP_", "OPENBLAS_", "DNNL_", "ONEDNN_", "MKL_", "YOSO_"})
      if (text.starts_with(prefix)) found[text.substr(0, at)] = text.substr(at + 1);
  }
  return found;
}

}  // namespace

bool built_with_sanitizers() { return std::strlen(version::kSanitizers) > 0; }

std::int64_t available_memory() {
  const auto bytes = memory_field("MemAvailable");
  if (!bytes) throw DeviceError("the system does not say how much memory is free; give --memory-budget");
  return *bytes;
}

BuildInfo this_build() {
  BuildInfo b;
  b.version = version::kVersion;
  if (std::strlen(version::kGitSha) > 0) {
    b.git_sha = version::kGitSha;
    b.git_dirty = version::kGitDirty;
  }
  b.compiler = version::kCompiler;
  b.flags = version::kFlags;
  b.type = version::kBuildType;
  std::istringstream sanitizers(version::kSanitizers);
  for (std::string name; std::getline(sanitizers, name, ',');) b.sanitizers.push_back(name);
  b.libs["fmt"] = fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
  return b;
}

Environment this_environment() {
  Environment e;
  utsname system{};
  uname(&system);
  e.kernel = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  e.os = field("/etc/os-release", "PRETTY_NAME", '=').value_or(system.sysname);
  e.virtualisation = hypervisor();
  e.cpu_model = cpu_model();
  for (const Isa isa : isas_here()) e.isas.emplace_back(name(isa));
  e.isa_usual = name(default_isa());
  e.cores = usable_cores();
  e.caches = caches();
  e.governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  e.memory_total = memory_field("MemTotal");
  e.memory_available = memory_field("MemAvailable");
  double load[1];
  if (getloadavg(load, 1) == 1) e.load_1min = load[0];
  e.cpu_pressure_10s = cpu_pressure();
  if (const auto times = cpu_ticks()) e.steal_percent = 100 * times->second / times->first;
  e.variables = relevant_variables();

  const BuildInfo b = this_build();
  std::string identity =
      fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", e.os, e.kernel, e.cpu_model.value_or("?"), e.cores,
                  (e.memory_total.value_or(0) + (1 << 29)) >> 30, b.compiler, b.flags, b.git_sha.value_or("?"));
  for (const auto& [key, value] : e.variables) identity += "|" + key + "=" + value;
  e.id = hash_hex(identity);
  const std::string key = calibration_key(e, b);
  e.calibration = load_calibration(calibration_path(key), key, e.calibration_problem);
  return e;
}

MachineState machine_state() {
  MachineState s;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  s.at = static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  double load[1];
  if (getloadavg(load, 1) == 1) s.load_1min = load[0];
  if (const auto line = first_line("/proc/pressure/cpu"))
    if (const auto at = line->find("total="); at != std::string::npos)
      s.stalled = 1e-6 * std::strtod(line->c_str() + at + 6, nullptr);
  if (const auto times = cpu_ticks()) std::tie(s.ticks, s.stolen) = *times;
  return s;
}

Disturbance between(const MachineState& begin, const MachineState& end) {
  Disturbance d;
  d.seconds = end.at - begin.at;
  d.load_1min = end.load_1min;
  if (begin.stalled && end.stalled && d.seconds > 0) d.cpu_pressure = 100 * (*end.stalled - *begin.stalled) / d.seconds;
  if (begin.ticks && end.ticks && *end.ticks > *begin.ticks && begin.stolen && end.stolen)
    d.steal = 100 * (*end.stolen - *begin.stolen) / (*end.ticks - *begin.ticks);
  return d;
}

}  // namespace yoso
