// The words of a GPU kernel: one source, two compilers. Under nvcc they are CUDA's own. Elsewhere the emulator of
// tests/simt stands in, so that g++, its sanitizers and clang-tidy see kernels on a machine without a GPU.
//
// A kernel stands in namespace SIMT_NS, so that both compilations can be linked into one binary, and is `static` or a
// template. What is missing in the emulator is a compile error there: cooperative groups, asynchronous copies,
// __activemask, and anything by which one block waits for another.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <yoso/errors.hpp>

#if defined(__CUDACC__)
#include "simt/cuda.hpp"
#else
#include "simt/emulator.hpp"
#endif

namespace simt {

struct Launch {
  dim3 grid{1}, block{1};
  std::size_t shared_bytes = 0;  // of dynamic shared memory
  void* stream = nullptr;        // a cudaStream_t
};

// Cuts the dynamic shared memory into pieces aligned to 16 bytes. Every thread takes the same pieces in the same order;
// the host sums bytes<T>(count) over them to know what to launch with.
class Carver {
 public:
  __device__ explicit Carver(unsigned char* base) : at_(base) {}

  template <class T>
  static constexpr __host__ __device__ std::size_t bytes(std::size_t count) {
    return (count * sizeof(T) + 15) / 16 * 16;
  }

#if defined(__CUDACC__)
  template <class T>
  __device__ T* take(std::size_t count) {
    unsigned char* const piece = at_;
    at_ += bytes<T>(count);
    return reinterpret_cast<T*>(piece);
  }
#else
  template <class T>
  T* take(std::size_t count, SIMT_SITE) {
    static_assert(alignof(T) <= 16);
    unsigned char* const piece = at_;
    at_ += bytes<T>(count);
    detail::carve(piece, count * sizeof(T), SIMT_HERE);
    return reinterpret_cast<T*>(piece);
  }
#endif

 private:
  unsigned char* at_;
};

namespace detail {

inline std::string text(const dim3& d) {
  return std::to_string(d.x) + "x" + std::to_string(d.y) + "x" + std::to_string(d.z);
}

[[noreturn]] inline void launch_failed(const Launch& launch, const std::string& why) {
  throw yoso::DeviceError("a kernel cannot be launched: " + why + " (grid " + text(launch.grid) + ", block " +
                          text(launch.block) + ", " + std::to_string(launch.shared_bytes) +
                          " bytes of dynamic shared memory)");
}

}  // namespace detail

// Throws DeviceError if the launch itself fails. Under CUDA what fails later shows at the next synchronisation; the
// emulator has run the kernel when this returns, and throws simt::KernelFault, a DeviceError, for what it did wrong.
// A grid of no blocks is not launched.
template <class... P, class... A>
void launch(const Launch& launch, void (*kernel)(P...), A&&... args) {
  if (launch.grid.x == 0 || launch.grid.y == 0 || launch.grid.z == 0) return;
  const std::string error =
      detail::start(launch.grid, launch.block, launch.shared_bytes, launch.stream, kernel, std::forward<A>(args)...);
  if (!error.empty()) detail::launch_failed(launch, error);
}

}  // namespace simt

#include "simt/bf16.hpp"
