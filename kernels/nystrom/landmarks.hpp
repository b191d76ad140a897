// What the passes of the CUDA engine share. Landmarks are not packed: a segment without a kept token has a mean of
// zeros and is marked as gone, its row or column of B and of all that is made of B is zero, and so the iteration is the
// one of the smaller matrix. So all rows of the problem have matrices of one size.
#pragma once
#include <cstdint>

#include "simt/block.hpp"
#include "simt/columns.hpp"
#include "simt/cut.hpp"

namespace yoso::nystrom::SIMT_NS {

using namespace yoso::SIMT_NS;

struct Summarised {
  float* values;  // [rows, L, d_v]: C V, zeros for landmarks that are gone
  float* peaks;   // [rows, L]
  float* shares;  // [rows, L]: 1 / sum of exp(logit - peak); 0 for landmarks that are gone or see no key
};

// A block's result of what its threads have; all get it. Ends in a barrier.
template <class T, class Join>
__device__ T join_block(T own, T* shared, const Join& join) {
  shared[threadIdx.x] = own;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < half)
      shared[threadIdx.x] = join(shared[threadIdx.x], shared[threadIdx.x + half]);
  }
  __syncthreads();
  own = shared[0];
  __syncthreads();
  return own;
}

// Z_0 = B^T / (|B|_1 |B|_inf); the rows of a softmax sum to 1. to += for gradients.
template <bool kAdd>
__global__ void __launch_bounds__(kThreads)
    turn_over(const std::int64_t rows, const std::int64_t landmarks, const float* norms, const float* from, float* to) {
  const std::int64_t at = this_element(), size = landmarks * landmarks, row = at / size;
  if (row >= rows) return;
  const std::int64_t i = at % size / landmarks, j = at % landmarks;
  const float guess = norms[row] > 0 ? 1.0f / norms[row] : 0.0f;
  const float turned = guess * from[row * size + j * landmarks + i];
  to[at] = kAdd ? to[at] + turned : turned;
}

}  // namespace yoso::nystrom::SIMT_NS
