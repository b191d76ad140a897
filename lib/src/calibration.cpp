#include <yoso/calibration.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cmath>
#include <thread>

#include <yoso/arena.hpp>
#include <yoso/statistics.hpp>

#include "hash.hpp"

namespace yoso {
namespace {

constexpr int kVersion = 1;           // of what is measured; a change makes older files foreign
constexpr std::int64_t kBlock = 512;  // bytes of 128 words, which working sets are a multiple of
constexpr std::int64_t kMiB = 1 << 20;
constexpr int kFewest = 5;  // repeats, whatever they cost
constexpr std::int64_t kMostRounds = 1 << 22;
constexpr std::int64_t kExponentials = 2048;  // floats, 8 KiB: in every L1

double seconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Does `rounds` rounds of the work on a thread of its own buffers and returns the amount done.
using Work = std::function<double(int thread, std::int64_t rounds)>;

// How many rounds make a repeat long enough for the clock. Warms up on the way.
std::int64_t rounds_for(double sample, const Work& work) {
  for (std::int64_t rounds = 1;; rounds *= 2) {
    const double before = seconds(CLOCK_THREAD_CPUTIME_ID);
    work(0, rounds);
    const double took = seconds(CLOCK_THREAD_CPUTIME_ID) - before;
    if (took >= sample / 2 || rounds >= kMostRounds)
      return std::max<std::int64_t>(1, std::min(kMostRounds, static_cast<std::int64_t>(static_cast<double>(rounds) *
                                                                                       sample / std::max(took, 1e-9))));
  }
}

// Amount a second of all threads together: they start each repeat at once, and the slowest of them counts. CPU time
// leaves out what other programs took, but threads that did not run at the same time did not share a cache or the
// memory either: repeats in which all ran through are preferred.
double rate(int threads, const CalibrationEffort& effort, const Work& work) {
  const std::int64_t rounds = rounds_for(effort.sample, work);
  struct Repeat {
    double amount = 0, slowest = 0;
    bool through = true;
  };
  std::vector<Repeat> repeats;
  std::vector<Repeat> mine(static_cast<std::size_t>(threads));
  bool done = false;
  const double end = seconds(CLOCK_MONOTONIC) + effort.budget;
  std::barrier start(threads);
  std::barrier finish(threads, [&]() noexcept {
    Repeat all;
    for (const Repeat& r : mine) {
      all.amount += r.amount;
      all.slowest = std::max(all.slowest, r.slowest);
      all.through &= r.through;
    }
    repeats.push_back(all);
    const int count = static_cast<int>(repeats.size());
    done = count >= effort.repeats || (count >= kFewest && seconds(CLOCK_MONOTONIC) >= end);
  });
  repeats.reserve(static_cast<std::size_t>(std::max(effort.repeats, kFewest)));
  const auto run = [&](int thread) {
    while (!done) {
      start.arrive_and_wait();
      const double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
      const double amount = work(thread, rounds);
      const double took = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
      const bool through = took > 0.95 * (seconds(CLOCK_MONOTONIC) - wall);
      mine[static_cast<std::size_t>(thread)] = {amount, took, through};
      finish.arrive_and_wait();
    }
  };
  {
    std::vector<std::jthread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back(run, t);
    run(0);
  }
  const auto through = static_cast<int>(std::ranges::count_if(repeats, &Repeat::through));
  std::vector<double> each;  // seconds a unit
  for (const Repeat& r : repeats)
    if (r.amount > 0 && (r.through || through < kFewest)) each.push_back(r.slowest / r.amount);
  const double best = each.empty() ? 0 : quantile(each, 0.25);
  return best > 0 ? 1 / best : 0;
}

std::int64_t whole_blocks(std::int64_t bytes) { return std::max<std::int64_t>(1, bytes / kBlock) * kBlock; }

// Working sets well inside each level, for each of `threads` threads.
std::vector<LevelRate> levels_of(const Environment& e, int threads) {
  std::vector<LevelRate> levels;
  std::int64_t below = 0, all = 0;
  for (const CacheInfo& c : e.caches) {
    if (c.bytes <= below) continue;  // a level that holds no more than the one before it tells nothing
    LevelRate level{fmt::format("L{}", c.level), c.bytes, c.shared_by, 0, 0, 0};
    // of what many cores share, other programs, or other guests, have a part
    const std::int64_t sharing = std::min(threads, c.shared_by), part = c.level >= 3 ? 4 : 2;
    level.measured_with = whole_blocks(std::max(c.bytes / part / sharing, std::min(2 * below, c.bytes / 2 / sharing)));
    levels.push_back(level);
    all = c.bytes * ((e.cores + c.shared_by - 1) / c.shared_by);
    below = c.bytes;
  }
  std::int64_t memory = std::clamp(4 * all, 64 * kMiB, 4096 * kMiB);
  if (e.memory_available) memory = std::min(memory, std::max(*e.memory_available / 8, 4 * kMiB));
  levels.push_back({"memory", std::nullopt, e.cores, whole_blocks(memory / threads), 0, 0});
  return levels;
}

Limits limits_of(const CalibrationKernels& k, int threads, std::vector<LevelRate> levels,
                 const std::vector<Buffer>& memory, const CalibrationEffort& effort) {
  Limits found{std::string(name(k.isa)), threads, 0, 0, 0, {}};
  const auto plain = [](const auto& f) { return [&f](int, std::int64_t rounds) { return f(rounds); }; };
  const double pairs = rate(threads, effort, plain(k.multiply_adds));
  found.fma = 2 * pairs;
  // where adders and multiply-adders are different units the mixture wins; where only one unit adds, multiply-adds do
  found.add =
      std::max({pairs, rate(threads, effort, plain(k.additions)), rate(threads, effort, plain(k.mixed_additions))});
  std::vector<float> x(static_cast<std::size_t>(kExponentials));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = -static_cast<float>(i % 97) / 8;
  found.exp = rate(threads, effort, [&](int, std::int64_t rounds) {
    const double sum = k.exponentials(x.data(), kExponentials, rounds);
    return std::isfinite(sum) ? static_cast<double>(kExponentials * rounds) : 0;
  });
  for (LevelRate& level : levels) {
    const std::int64_t words = level.measured_with / 4;
    const auto words_of = [&](int thread) {
      return memory[static_cast<std::size_t>(thread)].as<std::uint32_t>().data();
    };
    level.read = rate(threads, effort, [&](int thread, std::int64_t rounds) {
      volatile std::uint32_t kept = k.read_words(words_of(thread), words, rounds);
      (void)kept;
      return static_cast<double>(level.measured_with * rounds);
    });
    level.update = rate(threads, effort, [&](int thread, std::int64_t rounds) {
      k.update_words(words_of(thread), words, rounds);
      return 2 * static_cast<double>(level.measured_with * rounds);
    });
  }
  found.levels = std::move(levels);
  return found;
}

}  // namespace

Calibration calibrate(const std::vector<CalibrationKernels>& kernels, const Environment& environment,
                      const BuildInfo& build, const CalibrationEffort& effort) {
  Calibration c;
  c.key = calibration_key(environment, build);
  const double start = seconds(CLOCK_MONOTONIC);
  std::vector<int> counts{1};
  if (environment.cores > 1) counts.push_back(environment.cores);
  for (const int threads : counts) {
    const std::vector<LevelRate> levels = levels_of(environment, threads);
    std::int64_t bytes = 0;
    for (const LevelRate& level : levels) bytes = std::max(bytes, level.measured_with);
    std::vector<Buffer> memory;
    for (int t = 0; t < threads; ++t) memory.emplace_back(static_cast<std::size_t>(bytes));
    {
      std::vector<std::jthread> owners;  // who touches a page first has it near
      for (const Buffer& buffer : memory) owners.emplace_back([&buffer] { buffer.touch(); });
    }
    for (const CalibrationKernels& k : kernels) c.limits.push_back(limits_of(k, threads, levels, memory, effort));
  }
  c.took = seconds(CLOCK_MONOTONIC) - start;
  c.made_at = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                          fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
  return c;
}

std::string calibration_key(const Environment& e, const BuildInfo& b) {
  std::string identity = fmt::format("{}|{}|{}|{}|{}|{}|{}", kVersion, e.cpu_model.value_or("?"), e.cores,
                                     fmt::join(e.isas, ","), b.compiler, b.flags, fmt::join(b.sanitizers, ","));
  for (const CacheInfo& cache : e.caches)
    identity += fmt::format("|{}:{}:{}", cache.level, cache.bytes, cache.shared_by);
  return hash_hex(identity);
}

}  // namespace yoso
