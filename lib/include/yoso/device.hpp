// A backend that is not the CPU: its memory, its clock, and what is known of its kernels. lib knows no CUDA; whoever
// has a device (kernels/simt, an emulator in the tests) implements this.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <yoso/tensors.hpp>

namespace yoso {

// What the device is. What cannot be known is null, never invented.
struct DeviceInfo {
  std::string name;                            // "NVIDIA H100 80GB HBM3"
  std::string architecture;                    // "sm_90"
  std::optional<std::string> driver, runtime;  // versions
  std::optional<std::string> blas;             // version of cuBLAS; null: it was not found
  std::string blas_problem;                    // why not
  std::int64_t memory = 0;                     // bytes
  std::int64_t processors = 0;                 // streaming multiprocessors
  std::int64_t shared_per_block = 0;           // bytes, at most
  std::int64_t second_level_cache = 0;         // bytes
};

// Clocks as they are now, where the driver's management library is there to ask.
struct DeviceState {
  std::optional<double> sm_clock, memory_clock;  // Hz
  std::optional<double> temperature;             // degrees Celsius
  std::optional<double> power;                   // watts
  std::vector<std::string> throttled;            // reasons why clocks are lower than they could be; empty: none
};

// How one kernel was launched, and what a block of it takes.
struct KernelUse {
  std::string name;
  std::int64_t grid = 0, block = 0;  // blocks, threads a block
  std::int64_t registers = 0;        // of a thread
  std::int64_t shared = 0;           // bytes of a block, static and dynamic
  std::int64_t local = 0;            // bytes of a thread that did not fit its registers
  double occupancy = 0;              // resident warps over those a multiprocessor could hold
  bool operator==(const KernelUse&) const = default;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string_view backend() const = 0;  // "cuda"
  virtual const DeviceInfo& info() const = 0;
  virtual DeviceState state() = 0;

  // Aligned to 256 bytes. Throws OutOfBudget when there is no room.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* memory) noexcept = 0;
  virtual std::size_t available() = 0;  // bytes

  // All work is done in the order in which it is asked for; upload and download return when they are done.
  // They throw DeviceError, also for a kernel that failed before them.
  virtual void upload(void* to, const void* from, std::size_t bytes) = 0;
  virtual void download(void* to, const void* from, std::size_t bytes) = 0;
  virtual void synchronize() = 0;
  virtual void* stream() const = 0;  // for launches

  // Asks for the work that fills all copies of a declared tensor with the numbers of fill() (draws.hpp), bit for bit.
  // Redrawing is part of a timed pass, so it neither waits nor allocates. False for a law that the host has to fill.
  virtual bool fill(const TensorSpec& spec, const Shape& shape, std::uint64_t seed, float* to) = 0;

  // Seconds on the device's own clock at which all work asked for so far has ended, from an arbitrary moment.
  virtual double seconds() = 0;
  // Writes over the last cache, so that the next kernel finds nothing of its inputs there.
  virtual void flush_cache() = 0;

  // While on, launches are noted; `kernels()` hands over what was noted, each kernel once.
  virtual void watch(bool on) = 0;
  virtual std::vector<KernelUse> kernels() = 0;
};

// Memory of a device, released on destruction.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(Device& device, std::size_t bytes);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  std::size_t size() const { return bytes_; }
  template <class T = std::byte>
  T* as() const {
    return static_cast<T*>(memory_);
  }

 private:
  Device* device_ = nullptr;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace yoso
