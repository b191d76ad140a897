// Kernels that do nothing but add atomically, and how fast they are. A warp has cells of its own, four rows of a cell a
// lane, and takes the rows in turn, so that an addition does not wait for the one before it. Its lanes add to cells
// that are apart, or all to the first one of the row.
#pragma once
#include <yoso/atomics.hpp>
#include <yoso/device.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <vector>

#include "simt/block.hpp"

namespace yoso::SIMT_NS {

constexpr int kAdderWarps = 8, kAdderThreads = kAdderWarps * kWarp;
constexpr int kAdderRows = 4, kWarpCells = kAdderRows * kWarp;

__device__ inline void add_to(int* cell, int x) { atomicAdd(cell, x); }
__device__ inline void add_to(float* cell, float x) { atomicAdd(cell, x); }
__device__ inline void add_to(float4* cell, float4 x) {
#if !defined(__CUDACC__)
  for (const auto part : {&float4::x, &float4::y, &float4::z, &float4::w}) atomicAdd(&(cell->*part), x.*part);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  atomicAdd(cell, x);
#endif
}

// cells [blocks, warps, rows, lanes] of zeros; `rounds` a multiple of kAdderRows. `one` is a parameter, because
// additions of a constant have an instruction of their own.
template <class T>
__global__ void __launch_bounds__(kAdderThreads)
    add_shared_kernel(int rounds, bool same, T one, T* __restrict__ cells) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  T* const own = carver.take<T>(kAdderWarps * kWarpCells) + threadIdx.x / kWarp * kWarpCells;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int row = 0; row < kAdderRows; ++row) own[row * kWarp + lane] = T{};
  __syncwarp();
  T* const first = own + (same ? 0 : lane);
  for (int round = 0; round < rounds; round += kAdderRows) {
    SIMT_UNROLL
    for (int row = 0; row < kAdderRows; ++row) add_to(first + row * kWarp, one);
  }
  __syncwarp();
  T* const to = cells + (static_cast<std::int64_t>(blockIdx.x) * kAdderWarps + threadIdx.x / kWarp) * kWarpCells;
  for (int row = 0; row < kAdderRows; ++row) to[row * kWarp + lane] = own[row * kWarp + lane];
}

template <class T>
__global__ void __launch_bounds__(kAdderThreads)
    add_global_kernel(int rounds, bool same, T one, T* __restrict__ cells) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  T* const first = cells + (static_cast<std::int64_t>(blockIdx.x) * kAdderWarps + threadIdx.x / kWarp) * kWarpCells +
                   (same ? 0 : lane);
  for (int round = 0; round < rounds; round += kAdderRows) {
    SIMT_UNROLL
    for (int row = 0; row < kAdderRows; ++row) add_to(first + row * kWarp, one);
  }
}

// One kind of addition: its cells, and runs of it.
template <class T>
class Adder {
 public:
  Adder(Device& device, bool shared, bool same, std::int64_t blocks)
      : device_(device),
        shared_(shared),
        same_(same),
        blocks_(blocks),
        zeros_(static_cast<std::size_t>(blocks * kAdderWarps * kWarpCells)),
        cells_(device, zeros_.size() * sizeof(T)) {}

  // Throws DeviceError when a sum is not what was added.
  double seconds(int rounds) {
    device_.upload(cells_.as(), zeros_.data(), zeros_.size() * sizeof(T));
    T one{};
    words(one, 1);
    const double begin = device_.seconds();
    simt::launch({.grid = grid_of(blocks_),
                  .block = dim3(kAdderThreads),
                  .shared_bytes = shared_ ? simt::Carver::bytes<T>(kAdderWarps * kWarpCells) : 0,
                  .stream = device_.stream()},
                 kernel(), rounds, same_, one, cells_.template as<T>());
    const double taken = device_.seconds() - begin;
    std::vector<T> sums(zeros_.size());
    device_.download(sums.data(), cells_.as(), sums.size() * sizeof(T));
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const int adders = !same_ ? 1 : i % kWarp == 0 ? kWarp : 0;
      if (!holds(sums[i], rounds / kAdderRows * adders)) throw DeviceError("atomic additions: a sum is wrong");
    }
    return taken;
  }

 private:
  using Scalar = std::conditional_t<std::is_same_v<T, int>, int, float>;
  static constexpr std::size_t kWords = sizeof(T) / sizeof(Scalar);

  static void words(T& x, int value) {
    for (std::size_t i = 0; i < kWords; ++i) reinterpret_cast<Scalar*>(&x)[i] = static_cast<Scalar>(value);
  }
  static bool holds(const T& x, int value) {
    for (std::size_t i = 0; i < kWords; ++i)
      if (reinterpret_cast<const Scalar*>(&x)[i] != static_cast<Scalar>(value)) return false;
    return true;
  }
  auto kernel() const {
    if constexpr (kWords == 1)
      if (shared_) return &add_shared_kernel<T>;
    return &add_global_kernel<T>;
  }

  Device& device_;
  bool shared_, same_;
  std::int64_t blocks_;
  std::vector<T> zeros_;
  DeviceBuffer cells_;
};

// Rounds are doubled until a run is long enough for the clock; what is told is the median of three such runs.
template <class T>
void measure_adds(Device& device, const char* memory, const char* type, std::vector<AtomicRate>& rates) {
  constexpr double kLongEnough = 0.01;
  constexpr int kMostRounds = 1 << 16;  // 32 lanes add to one float, exactly
  const std::int64_t blocks = 8 * device.info().processors;
  for (const bool same : {false, true}) {
    Adder<T> adder(device, std::string(memory) == "shared", same, blocks);
    int rounds = 64;
    while (adder.seconds(rounds) < kLongEnough && rounds < kMostRounds) rounds *= 2;
    double runs[] = {adder.seconds(rounds), adder.seconds(rounds), adder.seconds(rounds)};
    std::sort(std::begin(runs), std::end(runs));
    AtomicRate rate;
    rate.memory = memory;
    rate.type = type;
    rate.addresses = same ? "same" : "apart";
    rate.warp_adds = blocks * kAdderWarps * rounds;
    rate.seconds = runs[1];
    rate.per_second = static_cast<double>(rate.warp_adds) * kWarp * sizeof(T) / sizeof(int) / rate.seconds;
    if (const auto clock = device.state().sm_clock)
      rate.cycles =
          rate.seconds * *clock * static_cast<double>(device.info().processors) / static_cast<double>(rate.warp_adds);
    rates.push_back(rate);
  }
}

inline AtomicRates measure_atomics(Device& device) {
  AtomicRates all{.device = device.info(), .sm_clock = {}, .rates = {}};
  measure_adds<int>(device, "shared", "int32", all.rates);
  measure_adds<float>(device, "shared", "float", all.rates);
  measure_adds<int>(device, "global", "int32", all.rates);
  measure_adds<float>(device, "global", "float", all.rates);
  const std::string& name = all.device.architecture;  // sm_90 and later add four floats at once
  if (name.substr(0, 3) != "sm_" || std::atoi(name.c_str() + 3) >= 90)
    measure_adds<float4>(device, "global", "float4", all.rates);
  all.sm_clock = device.state().sm_clock;
  return all;
}

}  // namespace yoso::SIMT_NS
