// Launches, noted while somebody watches (Device::watch); the vendor's own kernels are not seen. For nvcc only, which
// has included cuda_runtime.h before any line of a .cu file.
#pragma once
#include <cstddef>
#include <vector>

#include <yoso/device.hpp>

namespace simt {

namespace detail {
inline bool watched = false;
void note(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes);
}  // namespace detail

// Called by simt::launch; costs a comparison when nobody watches.
inline void note_launch(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes) {
  if (detail::watched) detail::note(kernel, grid, block, shared_bytes);
}

inline void watch_launches(bool on) { detail::watched = on; }

// What was noted, in the order of first launches, and forgets it. A kernel that was launched in several ways appears
// once, with the launch of most threads.
std::vector<yoso::KernelUse> take_launches();

}  // namespace simt
