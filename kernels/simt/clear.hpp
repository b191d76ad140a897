// Zeros in device memory.
#pragma once
#include "simt/block.hpp"

namespace yoso::SIMT_NS {

constexpr int kClearThreads = 256;

template <class Word>
__global__ void __launch_bounds__(kClearThreads) clear_kernel(Word* __restrict__ x, std::int64_t count) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kClearThreads + threadIdx.x;
  if (at < count) x[at] = 0;
}

// x [count] = 0. Throws Unsupported beyond 2^39 words.
template <class Word>
void clear(void* stream, Word* x, std::int64_t count) {
  simt::launch({grid_of(ceil_div(count, kClearThreads)), dim3(kClearThreads), 0, stream}, clear_kernel<Word>, x, count);
}

}  // namespace yoso::SIMT_NS
