// simt.hpp under nvcc: aliases over the CUDA runtime.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <string>
#include <utility>

#include "simt/watch.hpp"

#define SIMT_NS cuda_impl
#define SIMT_UNROLL _Pragma("unroll")
// What an unrolled loop has under way at once, it has in registers: these hold it back.
#define SIMT_UNROLL_4 _Pragma("unroll 4")
#define SIMT_ROLLED _Pragma("unroll 1")
// All kernels share one symbol, because its type has to be the same in all of them.
#define SIMT_DYNAMIC_SHARED(name)                                      \
  extern __shared__ __align__(16) unsigned char simt_dynamic_shared[]; \
  unsigned char* const name = simt_dynamic_shared

namespace simt::detail {

inline std::string reason(cudaError_t error) {
  cudaGetLastError();  // reported here, and not again by whoever asks next
  // what a kernel did before this launch is told by any call from then on
  const bool earlier = cudaDeviceSynchronize() != cudaSuccess;
  return std::string(earlier ? "an earlier kernel failed: " : "") + cudaGetErrorString(error);
}

template <class... P, class... A>
std::string start(dim3 grid, dim3 block, std::size_t shared_bytes, void* stream, void (*kernel)(P...), A&&... args) {
  // beyond what every launch may have, a kernel has to be allowed its shared memory by name
  if (shared_bytes > 48 * 1024) {
    const cudaError_t error =
        cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(shared_bytes));
    if (error != cudaSuccess) return reason(error);
  }
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = static_cast<cudaStream_t>(stream);
  const cudaError_t error = cudaLaunchKernelEx(&config, kernel, std::forward<A>(args)...);
  if (error != cudaSuccess) return reason(error);
  note_launch(reinterpret_cast<const void*>(kernel), grid, block, shared_bytes);
  return {};
}

}  // namespace simt::detail

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
// sm_75 has no such instruction.
__device__ __forceinline__ unsigned __reduce_add_sync(unsigned mask, unsigned value) {
  unsigned sum = 0;
  for (unsigned left = mask; left != 0; left &= left - 1)
    sum += __shfl_sync(mask, value, __ffs(static_cast<int>(left)) - 1);
  return sum;
}
__device__ __forceinline__ int __reduce_add_sync(unsigned mask, int value) {
  return static_cast<int>(__reduce_add_sync(mask, static_cast<unsigned>(value)));
}
#endif
