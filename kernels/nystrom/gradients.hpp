// What lies between the products of nystrom's backward pass. Gradients of Z are kept near 1 by a power of two on their
// way back through the steps, which may grow them by 13/4 each, and go no further than kLargestGradient.
#pragma once
#include <cmath>

#include "nystrom/landmarks.hpp"

namespace yoso::nystrom::SIMT_NS {
namespace {

constexpr double kLargestGradient = 1e22;

__device__ inline float bounded(double x) {
  return static_cast<float>(fmin(fmax(x, -kLargestGradient), kLargestGradient));
}

// What the 256 threads bring, in one order, for all; `eight` is shared.
__device__ inline double block_sum(double own, double* eight) {
  const double sum = warp_sum(own);
  if (threadIdx.x % kWarp == 0) eight[threadIdx.x / kWarp] = sum;
  __syncthreads();
  double all = 0;
  for (int w = 0; w < kTileThreads / kWarp; ++w) all += eight[w];
  return all;
}

// A row's dZ over a power of two that is at least its largest element. A block takes a row.
static __global__ void __launch_bounds__(kTileThreads) scale_gradients(Sizes s, float* d_inverse, double* scales) {
  SIMT_DYNAMIC_SHARED(memory);
  double* const eight = simt::Carver(memory).take<double>(kTileThreads / kWarp);
  const std::int64_t size = static_cast<std::int64_t>(s.landmarks) * s.landmarks;
  d_inverse += blockIdx.x * size;
  float most = 0;
  for (std::int64_t at = threadIdx.x; at < size; at += kTileThreads) most = fmaxf(most, fabsf(d_inverse[at]));
  most = warp_max(most);
  if (threadIdx.x % kWarp == 0) eight[threadIdx.x / kWarp] = static_cast<double>(most);
  __syncthreads();
  double largest = 0;
  for (int w = 0; w < kTileThreads / kWarp; ++w) largest = fmax(largest, eight[w]);
  const double scale = largest > 0 ? exp2(ceil(log2(largest))) : 1.0;
  for (std::int64_t at = threadIdx.x; at < size; at += kTileThreads)
    d_inverse[at] = static_cast<float>(static_cast<double>(d_inverse[at]) / scale);
  if (threadIdx.x == 0) scales[blockIdx.x] = scale;
}

// Of a row's first guess.
struct Guess {
  double along;  // sum(dZ_0 * Z_0)
  float top;     // the largest column sum of B
  int column;    // whose it is: of equal ones the first
  float share;   // what the norms' gradient gives to that column
};

// Z_0 = B^T / (c r): dB += dZ_0^T / (c r). A block takes a row.
static __global__ void __launch_bounds__(kTileThreads)
    guess_gradients(Sizes s, const float* kernel, const float* norms, const float* first_inverse,
                    const float* d_inverse, const double* scales, float* d_kernel, Guess* guesses) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  double* const eight = carver.take<double>(kTileThreads / kWarp);
  float* const tops = carver.take<float>(kTileThreads);
  int* const columns = carver.take<int>(kTileThreads);
  const std::int64_t row = blockIdx.x, size = static_cast<std::int64_t>(s.landmarks) * s.landmarks, from = row * size;
  const int thread = static_cast<int>(threadIdx.x);
  const float guess = first_guess(norms + 2 * row);
  double along = 0;
  for (std::int64_t at = thread; at < size; at += kTileThreads) {
    along += static_cast<double>(d_inverse[from + at]) * static_cast<double>(first_inverse[from + at]);
    d_kernel[from + at] += guess * d_inverse[from + at % s.landmarks * s.landmarks + at / s.landmarks];
  }
  along = block_sum(along, eight);
  float top = 0;
  int column = 0;
  for (int j = thread; j < s.landmarks; j += kTileThreads) {
    float sum = 0;  // in the order in which the norm was found
    for (int i = 0; i < s.landmarks; ++i) sum += kernel[from + static_cast<std::int64_t>(i) * s.landmarks + j];
    if (sum > top) top = sum, column = j;
  }
  tops[thread] = top;
  columns[thread] = column;
  __syncthreads();
  if (thread != 0) return;
  for (int i = 1; i < kTileThreads; ++i)
    if (tops[i] > top || (tops[i] == top && columns[i] < column)) top = tops[i], column = columns[i];
  guesses[row] = {along * scales[row], top, column, 0.0f};
}

// -sum(dZ_0 * Z_0) / c in the column of B that c is the sum of. A row's sum is 1 whatever the logits are, so r has no
// gradient. Where the norms are those of all rows, so are their gradients, which go to the first row that holds c.
static __global__ void __launch_bounds__(kTileThreads)
    share_guesses(Sizes s, bool whole, const float* norms, const double* scales, Guess* guesses) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kTileThreads + threadIdx.x;
  if (first >= (whole ? 1 : s.rows)) return;
  double all = whole ? 0.0 : guesses[first].along;
  for (std::int64_t row = 0; whole && row < s.rows; ++row) all += guesses[row].along;
  for (std::int64_t row = first; row < (whole ? s.rows : first + 1); ++row) {
    Guess& guess = guesses[row];
    if (guess.top == 0.0f || guess.top != norms[2 * row]) continue;
    guess.share = bounded(-all / static_cast<double>(guess.top) / scales[row]);
    return;
  }
}

// Through the softmax B: dB becomes the gradient of the logits. A warp takes a row of a matrix.
static __global__ void __launch_bounds__(kTileThreads)
    logit_gradients(Sizes s, const float* kernel, const double* scales, const Guess* guesses, float* d_kernel) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * (kTileThreads / kWarp) + threadIdx.x / kWarp;
  if (at >= s.rows * s.landmarks) return;
  const std::int64_t row = at / s.landmarks;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, column = guesses[row].column;
  const float share = guesses[row].share;
  const float* const b = kernel + at * s.landmarks;
  float* const d = d_kernel + at * s.landmarks;
  const auto slope = [&](int j) { return d[j] + (j == column ? share : 0.0f); };
  float mean = 0;
  for (int j = lane; j < s.landmarks; j += kWarp) mean = fmaf(b[j], slope(j), mean);
  mean = warp_sum(mean);
  for (int j = lane; j < s.landmarks; j += kWarp)
    d[j] = bounded(static_cast<double>(b[j] * (slope(j) - mean)) * scales[row]);
}

// Every kept token of a segment gets its share of the gradient of their mean. A warp takes a token.
static __global__ void __launch_bounds__(kTileThreads)
    share_means(Sizes s, const std::uint8_t* keep, const float* shares, const float* d_means, float* dx) {
  const std::int64_t token = static_cast<std::int64_t>(blockIdx.x) * (kTileThreads / kWarp) + threadIdx.x / kWarp;
  if (token >= s.rows * s.n) return;
  const std::int64_t row = token / s.n, i = token % s.n;
  if (keep && !keep[row / s.heads * s.n + i]) return;
  const std::int64_t segment = row * s.landmarks + ((i + 1) * s.landmarks - 1) / s.n;
  for (int c = static_cast<int>(threadIdx.x) % kWarp; c < s.d; c += kWarp)
    dx[token * s.d + c] = fmaf(shares[segment], d_means[segment * s.d + c], dx[token * s.d + c]);
}

}  // namespace
}  // namespace yoso::nystrom::SIMT_NS
