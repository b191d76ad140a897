// Kernels of the CUDA engine's backward pass, for backward.cu alone.
#pragma once
#include <cmath>

#include "nystrom/landmarks.hpp"

namespace yoso::nystrom::SIMT_NS {

// As on the CPU: how far gradients may grow in directions that B lacks.
constexpr double kLargestGradient = 1e22;

// The segment of token i of n: [l n / L, (l + 1) n / L) holds it.
__device__ inline std::int64_t segment_of(std::int64_t i, std::int64_t n, std::int64_t landmarks) {
  return ((i + 1) * landmarks - 1) / n;
}

// The gradient of a mean in equal shares to its tokens: dx [rows, n, d] += dmeans * shares. A warp a token.
static __global__ void __launch_bounds__(kThreads)
    average_back(const Shape s, const std::uint8_t* keep, const std::int64_t landmarks, const float* dmeans,
                 const float* shares, float* dx) {
  const std::int64_t at = this_token(), n = s.n_k, row = at / n;
  if (row >= s.rows() || !is_kept(keep, s, row, n, at % n)) return;
  const std::int64_t l = row * landmarks + segment_of(at % n, n, landmarks);
  for (std::int64_t c = this_lane(); c < s.d; c += kWarp)
    dx[at * s.d + c] = fmaf(shares[l], dmeans[l * s.d + c], dx[at * s.d + c]);
}

// ---- B

// Slopes dB become those of the logits, B * (dB - mean) times the row's scale. A warp a row of B.
static __global__ void __launch_bounds__(kThreads) softmax_back(const std::int64_t rows, const std::int64_t landmarks,
                                                                const float* b, const double* scales, float* slopes) {
  const std::int64_t at = this_token();
  if (at >= rows * landmarks) return;
  const float* const weights = b + at * landmarks;
  float* const own = slopes + at * landmarks;
  float mean = 0;
  for (std::int64_t j = this_lane(); j < landmarks; j += kWarp) mean = fmaf(weights[j], own[j], mean);
  mean = warp_sum(mean);
  for (std::int64_t j = this_lane(); j < landmarks; j += kWarp) {
    const double slope = static_cast<double>(weights[j] * (own[j] - mean)) * scales[at / landmarks];
    own[j] = static_cast<float>(fmin(fmax(slope, -kLargestGradient), kLargestGradient));
  }
}

// dz over a power of two that brings its largest element to (1/2, 1]; scales [rows] keep it. A block a row.
static __global__ void __launch_bounds__(kThreads)
    scale_gradients(const std::int64_t landmarks, float* dz, double* scales) {
  __shared__ float shared[kThreads];
  float* const own = dz + blockIdx.x * landmarks * landmarks;
  float most = 0;
  for (std::int64_t i = threadIdx.x; i < landmarks * landmarks; i += kThreads) most = fmaxf(most, fabsf(own[i]));
  most = join_block(most, shared, [](float x, float y) { return fmaxf(x, y); });
  const double scale = most > 0 ? exp2(ceil(log2(static_cast<double>(most)))) : 1.0;
  for (std::int64_t i = threadIdx.x; i < landmarks * landmarks; i += kThreads)
    own[i] = static_cast<float>(static_cast<double>(own[i]) / scale);
  if (threadIdx.x == 0) scales[blockIdx.x] = scale;
}

// alongs [rows] = sum(dZ_0 * Z_0). A block a row.
static __global__ void __launch_bounds__(kThreads)
    along_guess(const std::int64_t landmarks, const float* dz, const float* z, const double* scales, double* alongs) {
  __shared__ double shared[kThreads];
  const std::int64_t size = landmarks * landmarks, first = blockIdx.x * size;
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < size; i += kThreads)
    sum += static_cast<double>(dz[first + i]) * static_cast<double>(z[first + i]);
  sum = join_block(sum, shared, [](double x, double y) { return x + y; });
  if (threadIdx.x == 0) alongs[blockIdx.x] = sum * scales[blockIdx.x];
}

// The column whose sum the guess divides by has -sum(dZ_0 * Z_0) / its sum more in dB: of each row its own, or of the
// first row that has the largest of all, for all. One block.
static __global__ void __launch_bounds__(kThreads)
    norm_back(const std::int64_t rows, const std::int64_t landmarks, const bool whole, const float* sums,
              const float* norms, const int* places, const double* alongs, const double* scales, float* db) {
  __shared__ std::int64_t chosen;
  __shared__ double all;
  if (threadIdx.x == 0) {
    chosen = -1;
    all = 0;
    for (std::int64_t row = 0; whole && row < rows; ++row) {
      all += alongs[row];
      if (chosen < 0 && sums[row] > 0 && sums[row] == norms[row]) chosen = row;
    }
  }
  __syncthreads();
  for (std::int64_t at = threadIdx.x; at < rows * landmarks; at += kThreads) {
    const std::int64_t row = at / landmarks;
    if (sums[row] <= 0 || (whole && row != chosen)) continue;
    const double more = -(whole ? all : alongs[row]) / static_cast<double>(sums[row]) / scales[row];
    db[at * landmarks + places[row]] += static_cast<float>(fmin(fmax(more, -kLargestGradient), kLargestGradient));
  }
}

// ---- C

// means [rows, L] = dvalues . values. A warp a landmark.
static __global__ void __launch_bounds__(kThreads)
    along_landmarks(const Shape s, const std::int64_t landmarks, const float* values, const float* dvalues,
                    float* means) {
  const std::int64_t at = this_token();
  if (at >= s.rows() * landmarks) return;
  float sum = 0;
  for (std::int64_t c = this_lane(); c < s.d_v; c += kWarp)
    sum = fmaf(values[at * s.d_v + c], dvalues[at * s.d_v + c], sum);
  sum = warp_sum(sum);
  if (this_lane() == 0) means[at] = sum;
}

// Logits x become weights, slopes v_j . dvalues_l become those of the logits. A warp a key.
static __global__ void __launch_bounds__(kThreads)
    key_slopes(const Shape s, const Piece piece, const std::uint8_t* keep, const std::int64_t landmarks,
               const Summarised c, const float* means, float* x, float* slopes) {
  const std::int64_t at = this_token(), place = piece.token(s.n_k) + at, row = place / s.n_k;
  if (at >= piece.tokens()) return;
  const bool kept = is_kept(keep, s, row, s.n_k, place % s.n_k);
  for (std::int64_t l = this_lane(); l < landmarks; l += kWarp) {
    const std::int64_t own = at * landmarks + l, of = row * landmarks + l;
    const float share = kept ? c.shares[of] : 0.0f;
    const float weight = share > 0 ? expf(fminf(x[own] - c.peaks[of], 0.0f)) * share : 0.0f;
    x[own] = weight;
    slopes[own] = weight * (slopes[own] - means[of]);
  }
}

}  // namespace yoso::nystrom::SIMT_NS
