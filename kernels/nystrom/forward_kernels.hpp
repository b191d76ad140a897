// Kernels of the CUDA engine's forward pass, for cuda.cu alone.
#pragma once
#include <cmath>

#include "nystrom/landmarks.hpp"
#include "simt/few_keys.hpp"

namespace yoso::nystrom::SIMT_NS {

// means [rows, L, d] of the kept tokens of each segment of x [rows, n, d], gone [rows, L], shares [rows, L]: 1 over how
// many there are. A warp a segment.
static __global__ void __launch_bounds__(kThreads)
    average(const Shape s, const std::uint8_t* keep, const std::int64_t landmarks, const float* x, float* means,
            std::uint8_t* gone, float* shares) {
  const std::int64_t at = this_token(), row = at / landmarks, l = at % landmarks, n = s.n_k;
  if (row >= s.rows()) return;
  const std::int64_t begin = l * n / landmarks, end = (l + 1) * n / landmarks;
  float kept = 0;
  for (std::int64_t i = begin + this_lane(); i < end; i += kWarp) kept += is_kept(keep, s, row, n, i) ? 1.0f : 0.0f;
  kept = warp_sum(kept);
  const float share = kept > 0 ? 1.0f / kept : 0.0f;
  for (std::int64_t c = this_lane(); c < s.d; c += kWarp) {
    float sum = 0;
    for (std::int64_t i = begin; i < end; ++i)
      if (is_kept(keep, s, row, n, i)) sum += x[(row * n + i) * s.d + c];
    means[at * s.d + c] = sum * share;
  }
  if (this_lane() > 0) return;
  gone[at] = kept > 0 ? 0 : 1;
  shares[at] = share;
}

// gone [rows, n] of padded keys
static __global__ void __launch_bounds__(kThreads)
    mark_padded(const Shape s, const std::uint8_t* keep, std::uint8_t* gone) {
  const std::int64_t at = this_element();
  if (at < s.rows() * s.n_k) gone[at] = !is_kept(keep, s, at / s.n_k, s.n_k, at % s.n_k);
}

// ---- B = softmax(Q~ K~^T / sqrt(d)), [rows, L, L]

// Logits become weights. A warp a row of B.
static __global__ void __launch_bounds__(kThreads)
    softmax_landmarks(const std::int64_t rows, const std::int64_t landmarks, const std::uint8_t* gone_q,
                      const std::uint8_t* gone_k, float* b) {
  const std::int64_t at = this_token();
  if (at >= rows * landmarks) return;
  float* const own = b + at * landmarks;
  const std::uint8_t* const gone = gone_k + at / landmarks * landmarks;
  float largest = -INFINITY, total = 0;
  if (!gone_q[at])
    for (std::int64_t j = this_lane(); j < landmarks; j += kWarp)
      if (!gone[j]) largest = fmaxf(largest, own[j]);
  largest = warp_max(largest);
  if (largest > -INFINITY)
    for (std::int64_t j = this_lane(); j < landmarks; j += kWarp)
      if (!gone[j]) total += expf(own[j] - largest);
  total = warp_sum(total);
  for (std::int64_t j = this_lane(); j < landmarks; j += kWarp)
    own[j] = total > 0 && !gone[j] ? expf(own[j] - largest) / total : 0.0f;
}

// |B|_1 of each row of the problem: the largest column sum, and the first column that has it. A block a row.
static __global__ void __launch_bounds__(kThreads)
    largest_columns(const std::int64_t landmarks, const float* b, float* sums, int* places) {
  __shared__ float shared[kThreads];
  __shared__ int shared_places[kThreads];
  const float* const own = b + blockIdx.x * landmarks * landmarks;
  float most = 0;
  int place = static_cast<int>(landmarks);
  for (std::int64_t j = threadIdx.x; j < landmarks; j += kThreads) {
    float sum = 0;
    for (std::int64_t i = 0; i < landmarks; ++i) sum += own[i * landmarks + j];
    if (sum > most) {
      most = sum;
      place = static_cast<int>(j);
    }
  }
  const float all = join_block(most, shared, [](float x, float y) { return fmaxf(x, y); });
  place = join_block(most == all ? place : static_cast<int>(landmarks), shared_places,
                     [](int x, int y) { return x < y ? x : y; });
  if (threadIdx.x > 0) return;
  sums[blockIdx.x] = all;
  places[blockIdx.x] = place;
}

// norms [rows]: the largest column sum that a row's guess is over, its own or that of all rows. One block.
static __global__ void __launch_bounds__(kThreads)
    spread_norms(const std::int64_t rows, const bool whole, const float* sums, float* norms) {
  __shared__ float shared[kThreads];
  float most = 0;
  for (std::int64_t row = threadIdx.x; row < rows; row += kThreads) most = fmaxf(most, sums[row]);
  most = join_block(most, shared, [](float x, float y) { return fmaxf(x, y); });
  for (std::int64_t row = threadIdx.x; row < rows; row += kThreads) norms[row] = whole ? most : sums[row];
}

// ---- pinv(B) of at most 64 landmarks: all steps in one block a row, whose four matrices fill 64 KiB of shared memory

constexpr int kSmall = 64;  // (threadIdx.x / 16, threadIdx.x % 16): which 4 rows, which 4 columns of a product

__device__ inline void small_product(const float* a, const float* b, float (&c)[4][4]) {
  const int y = 4 * static_cast<int>(threadIdx.x / 16), x = 4 * static_cast<int>(threadIdx.x % 16);
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) c[i][0] = c[i][1] = c[i][2] = c[i][3] = 0.0f;
  SIMT_ROLLED
  for (int k = 0; k < kSmall; k += 4) {
    float4 right[4];
    SIMT_UNROLL
    for (int t = 0; t < 4; ++t) right[t] = *reinterpret_cast<const float4*>(b + (k + t) * kSmall + x);
    SIMT_UNROLL
    for (int i = 0; i < 4; ++i) {
      const float4 four = *reinterpret_cast<const float4*>(a + (y + i) * kSmall + k);
      const float left[4] = {four.x, four.y, four.z, four.w};
      SIMT_UNROLL
      for (int t = 0; t < 4; ++t) {
        c[i][0] = fmaf(left[t], right[t].x, c[i][0]);
        c[i][1] = fmaf(left[t], right[t].y, c[i][1]);
        c[i][2] = fmaf(left[t], right[t].z, c[i][2]);
        c[i][3] = fmaf(left[t], right[t].w, c[i][3]);
      }
    }
  }
}

// to = diagonal I + factor c, when all threads have read what stands there
__device__ inline void small_store(float diagonal, float factor, const float (&c)[4][4], float* to) {
  const int y = 4 * static_cast<int>(threadIdx.x / 16), x = 4 * static_cast<int>(threadIdx.x % 16);
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    float own[4];
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) own[j] = fmaf(factor, c[i][j], y + i == x + j ? diagonal : 0.0f);
    *reinterpret_cast<float4*>(to + (y + i) * kSmall + x) = make_float4(own[0], own[1], own[2], own[3]);
  }
}

// iterates: every step's Z, or, two in turn, the last one.
static __global__ void __launch_bounds__(kThreads)
    invert_small(const std::int64_t rows, const int landmarks, const int iterations, const bool keep, const float* b,
                 const float* norms, float* iterates) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const kernel = carver.take<float>(kSmall * kSmall);
  float* const z = carver.take<float>(kSmall * kSmall);
  float* const p = carver.take<float>(kSmall * kSmall);
  float* const t = carver.take<float>(kSmall * kSmall);  // T, then U, then W
  const std::int64_t row = blockIdx.x, size = static_cast<std::int64_t>(landmarks) * landmarks;
  const float guess = norms[row] > 0 ? 1.0f / norms[row] : 0.0f;
  for (int at = static_cast<int>(threadIdx.x); at < kSmall * kSmall; at += kThreads) {
    const int i = at / kSmall, j = at % kSmall;
    const bool inside = i < landmarks && j < landmarks;
    kernel[at] = inside ? b[row * size + i * landmarks + j] : 0.0f;
    z[at] = inside ? guess * b[row * size + j * landmarks + i] : 0.0f;
  }
  for (int step = 0;; ++step) {
    __syncthreads();
    if (keep || step == iterations) {
      float* const to = iterates + ((keep ? step : step % 2) * rows + row) * size;
      for (int at = static_cast<int>(threadIdx.x); at < kSmall * kSmall; at += kThreads)
        if (at / kSmall < landmarks && at % kSmall < landmarks) to[at / kSmall * landmarks + at % kSmall] = z[at];
    }
    if (step == iterations) return;
    float c[4][4];
    small_product(kernel, z, c);
    small_store(0.0f, 1.0f, c, p);
    small_store(7.0f, -1.0f, c, t);
    __syncthreads();
    SIMT_ROLLED
    for (int factor = 0; factor < 2; ++factor) {  // U = 15 I - P T, W = 13 I - P U
      small_product(p, t, c);
      __syncthreads();
      small_store(factor == 0 ? 15.0f : 13.0f, -1.0f, c, t);
      __syncthreads();
    }
    small_product(z, t, c);
    __syncthreads();
    small_store(0.0f, 0.25f, c, z);
  }
}

// ---- and of more, between products of cuBLAS

// to = diagonal I - from
static __global__ void __launch_bounds__(kThreads) from_diagonal(const std::int64_t rows, const std::int64_t landmarks,
                                                                 const float diagonal, const float* from, float* to) {
  const std::int64_t at = this_element(), size = landmarks * landmarks;
  if (at >= rows * size) return;
  to[at] = (at % size / landmarks == at % landmarks ? diagonal : 0.0f) - from[at];
}
static __global__ void __launch_bounds__(kThreads)
    add_diagonal(const std::int64_t rows, const std::int64_t landmarks, const float diagonal, float* to) {
  const std::int64_t at = this_element();
  if (at < rows * landmarks) to[at * landmarks + at % landmarks] += diagonal;
}

// ---- C = softmax(Q~ K^T / sqrt(d)): keys are the tokens, landmarks the columns of x [tokens of a piece, L]

// peaks [rows, parts, L]: the largest logit of each landmark in a part of the keys
static __global__ void __launch_bounds__(kThreads)
    peak_of_columns(const Shape s, const Stretches stretches, const std::uint8_t* keep, const std::int64_t landmarks,
                    const float* x, float* peaks) {
  __shared__ float shared[kThreads];
  const std::int64_t across = ceil_div(landmarks, kColumns);
  const Stretches::One one = stretches.one(blockIdx.x / across);
  const std::int64_t l = blockIdx.x % across * kColumns + threadIdx.x % kColumns;
  float most = -INFINITY;
  if (l < landmarks)
    for (std::int64_t t = threadIdx.x / kColumns; t < one.count; t += kTokenLanes)
      if (is_kept(keep, s, one.row, s.n_k, one.first + t)) most = fmaxf(most, x[(one.at + t) * landmarks + l]);
  most = join_lanes(most, shared, [](float p, float q) { return fmaxf(p, q); });
  if (threadIdx.x < kColumns && l < landmarks) peaks[one.slot * landmarks + l] = most;
}

// Logits become weights relative to the peak of their part; zeros for padded keys. A warp a key.
static __global__ void __launch_bounds__(kThreads)
    weigh_keys(const Shape s, const Stretches stretches, const std::uint8_t* keep, const std::int64_t landmarks,
               const float* peaks, float* x) {
  const std::int64_t at = this_token(), place = stretches.piece.token(s.n_k) + at, row = place / s.n_k;
  if (at >= stretches.piece.tokens()) return;
  const bool kept = is_kept(keep, s, row, s.n_k, place % s.n_k);
  const std::int64_t slot = row * stretches.parts + place % s.n_k / stretches.part;
  for (std::int64_t l = this_lane(); l < landmarks; l += kWarp)
    x[at * landmarks + l] = kept ? expf(x[at * landmarks + l] - peaks[slot * landmarks + l]) : 0.0f;
}

// Sums of the parts of the keys become C V. A warp a landmark.
static __global__ void __launch_bounds__(kThreads)
    fold_landmarks(const Shape s, const std::int64_t parts, const std::int64_t landmarks, const std::uint8_t* gone,
                   const float* sums, const float* totals, const float* peaks, const Summarised to) {
  const std::int64_t at = this_token(), row = at / landmarks, l = at % landmarks;
  if (row >= s.rows()) return;
  float peak = -INFINITY, total = 0;
  for (std::int64_t part = 0; part < parts; ++part) peak = fmaxf(peak, peaks[(row * parts + part) * landmarks + l]);
  const bool any = peak > -INFINITY && !gone[at];
  const auto weight = [&](std::int64_t slot) { return any ? expf(peaks[slot * landmarks + l] - peak) : 0.0f; };
  for (std::int64_t part = 0; part < parts; ++part)
    total = fmaf(weight(row * parts + part), totals[(row * parts + part) * landmarks + l], total);
  const float share = any ? 1.0f / total : 0.0f;
  for (std::int64_t c = this_lane(); c < s.d_v; c += kWarp) {
    float sum = 0;
    for (std::int64_t part = 0; any && part < parts; ++part) {
      const std::int64_t slot = row * parts + part;
      sum = fmaf(weight(slot), sums[(slot * landmarks + l) * s.d_v + c], sum);
    }
    to.values[at * s.d_v + c] = sum * share;
  }
  if (this_lane() > 0) return;
  to.peaks[at] = peak;
  to.shares[at] = share;
}

}  // namespace yoso::nystrom::SIMT_NS
