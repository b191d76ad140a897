// What this machine can do at best: arithmetic and bandwidths, measured once and kept in a file, so that every row can
// say how far from the limit it is (roofline.hpp).
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <yoso/cpu.hpp>
#include <yoso/environment.hpp>

namespace yoso {

// The work that is timed, for one instruction set; lib knows no kernels. n is a multiple of 128.
struct CalibrationKernels {
  Isa isa = Isa::scalar;
  // each returns how many multiply-adds or additions it made in `rounds` rounds
  std::function<double(std::int64_t rounds)> multiply_adds, additions, mixed_additions;
  std::function<double(const float* x, std::int64_t n, std::int64_t rounds)> exponentials;
  std::function<std::uint32_t(const std::uint32_t* x, std::int64_t n, std::int64_t rounds)> read_words;
  std::function<void(std::uint32_t* x, std::int64_t n, std::int64_t rounds)> update_words;
};

struct CalibrationEffort {
  double sample = 1e-3;  // seconds of one repeat; a repeat passes its working set at least once
  int repeats = 40;      // of which the best quartile counts
  double budget = 0.05;  // seconds for one limit: with slow repeats there are fewer, at least 5
};

// Measures every instruction set with one thread and with all cores of this process. Times are CPU times of the
// threads that work, so that other load on the machine costs little accuracy. Takes a few seconds.
Calibration calibrate(const std::vector<CalibrationKernels>& kernels, const Environment& environment,
                      const BuildInfo& build, const CalibrationEffort& effort = {});

// What a calibration is valid for: CPU, caches, cores, compiler and flags, and the version of what is measured.
std::string calibration_key(const Environment& environment, const BuildInfo& build);

// $XDG_CACHE_HOME/yoso-bench/calibration-KEY.json, or under ~/.cache; empty when there is no home.
std::string calibration_path(const std::string& key);

// Throws BadInput when no file can be written there: to be asked before anything is measured.
void check_calibration_path(const std::string& path);

// Replaces the file whole or not at all. Throws BadInput when it cannot.
void save_calibration(const Calibration& calibration, const std::string& path);

// Nothing when there is no file; nothing and a `problem` when it is damaged or not for `key`.
std::optional<Calibration> load_calibration(const std::string& path, const std::string& key, std::string& problem);

}  // namespace yoso
