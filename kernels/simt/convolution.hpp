// The depthwise convolution over the sequence that YOSO and Nystromformer may add to their output, forward and
// backward. Equations: primitives/convolution.hpp. All work is asked for on `stream`.
//
//   add_convolution(stream, shape, w, kernels, v, keep_k, out)             out_i += sum_t kernel[t] M_j v_j
//   add_convolution_gradient(stream, shape, w, kernels, dout, keep_k, dv)  dv_j += sum_t kernel[t] dout_i, kept keys
//   only convolution_kernel_gradient(stream, shape, w, v, dout, keep_k, scratch, dkernels)   dkernel[t] = sum dout_i .
//   M_j v_j
//
// kernels and dkernels are [heads, w], j = i + t - (w - 1) / 2, n_q = n_k; `scratch` is convolution_scratch(shape, w)
// doubles. Engines call require_convolution() of primitives/convolution.hpp in their constructor.
#pragma once
#include <cstdint>

#include "simt/block.hpp"

namespace yoso::SIMT_NS {

constexpr int kConvThreads = 128;
constexpr int kTaps = 8;  // outputs, or taps of the gradient, that a thread has in registers

// A thread has a column of kTaps neighbouring tokens: a value that it reads meets kTaps taps, which pass through a ring
// of registers. Without kGradient, x is v, and masked; with it, x is dout, the kernel is turned round, and padded
// tokens of y stay as they are.
template <bool kGradient, class E>
__global__ void __launch_bounds__(kConvThreads)
    convolve_kernel(Shape s, std::int64_t w, const float* __restrict__ kernels, const E* __restrict__ x,
                    const std::uint8_t* __restrict__ keep, float* __restrict__ y) {
  const std::int64_t n = s.n_k, blocks = ceil_div(n, kTaps);
  std::int64_t piece = static_cast<std::int64_t>(blockIdx.x) * kConvThreads + threadIdx.x;
  if (piece >= s.rows() * blocks * s.d_v) return;
  const std::int64_t column = piece % s.d_v;
  piece /= s.d_v;
  const std::int64_t row = piece / blocks, first = piece % blocks * kTaps, before = first - (w - 1) / 2;
  const float* const kernel = kernels + row % s.heads * w;
  x += row * n * s.d_v + column;
  y += row * n * s.d_v + column;
  float sum[kTaps] = {}, ring[kTaps] = {};
  for (std::int64_t step = 0; step < w + kTaps - 1; step += kTaps) {
    SIMT_UNROLL
    for (int u = 0; u < kTaps; ++u) {
      const std::int64_t t = step + u, j = before + t;
      ring[u] = t < w ? __ldg(kernel + (kGradient ? w - 1 - t : t)) : 0.0f;
      const bool there = j >= 0 && j < n && (kGradient || is_kept(keep, s, row, n, j));
      const float value = there ? element_of(x + j * s.d_v) : 0.0f;
      SIMT_UNROLL
      for (int r = 0; r < kTaps; ++r) sum[r] += ring[(u - r + kTaps) % kTaps] * value;
    }
  }
  SIMT_UNROLL
  for (int r = 0; r < kTaps; ++r)
    if (first + r < n && (!kGradient || is_kept(keep, s, row, n, first + r))) y[(first + r) * s.d_v] += sum[r];
}

constexpr std::int64_t kConvTokens = 256;  // of a partial sum of the kernel's gradient

// A warp has kTaps taps of one head, over kConvTokens tokens of one row: partial [pieces, heads * w], where a piece is
// a stretch of tokens of a batch item.
template <bool kGradient, class E>
__global__ void __launch_bounds__(kConvThreads)
    kernel_gradient_kernel(Shape s, std::int64_t w, const E* __restrict__ v, const float* __restrict__ dout,
                           const std::uint8_t* __restrict__ keep, double* __restrict__ partial) {
  const std::int64_t n = s.n_k, groups = ceil_div(w, kTaps), pieces = ceil_div(n, kConvTokens);
  std::int64_t warp = (static_cast<std::int64_t>(blockIdx.x) * kConvThreads + threadIdx.x) / kWarp;
  if (warp >= s.rows() * groups * pieces) return;
  const int lane = threadIdx.x % kWarp;
  const std::int64_t t0 = warp % groups * kTaps;
  warp /= groups;
  const std::int64_t piece = warp % pieces, row = warp / pieces;
  const std::int64_t first = piece * kConvTokens, end = first + kConvTokens < n ? first + kConvTokens : n;
  const std::int64_t shift = t0 - (w - 1) / 2;
  double total[kTaps] = {};
  for (std::int64_t column = lane; column < s.d_v; column += kWarp) {
    const E* const values = v + row * n * s.d_v + column;
    const float* const grads = dout + row * n * s.d_v + column;
    const auto value = [&](std::int64_t j) {
      return j >= 0 && j < n && is_kept(keep, s, row, n, j) ? element_of(values + j * s.d_v) : 0.0f;
    };
    float sum[kTaps] = {}, ring[kTaps];
    SIMT_UNROLL
    for (int r = 0; r < kTaps; ++r) ring[r] = value(first + shift + r);
    for (std::int64_t i = first; i < end; i += kTaps) {
      SIMT_UNROLL
      for (int u = 0; u < kTaps; ++u) {
        const float g = i + u < end ? __ldg(grads + (i + u) * s.d_v) : 0.0f;
        SIMT_UNROLL
        for (int r = 0; r < kTaps; ++r) sum[r] += ring[(u + r) % kTaps] * g;
        ring[u] = value(i + u + shift + kTaps);
      }
    }
    SIMT_UNROLL
    for (int r = 0; r < kTaps; ++r) total[r] += static_cast<double>(sum[r]);
  }
  partial += (row / s.heads * pieces + piece) * s.heads * w + row % s.heads * w;
  SIMT_UNROLL
  for (int r = 0; r < kTaps; ++r) {
    const double all = warp_sum(total[r]);
    if (lane == 0 && t0 + r < w) partial[t0 + r] = all;
  }
}

// y[i] = sum over pieces of partial[piece, i], in order.
template <class T>
__global__ void __launch_bounds__(kConvThreads)
    sum_pieces_kernel(std::int64_t pieces, std::int64_t size, const double* __restrict__ partial, T* __restrict__ y) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kConvThreads + threadIdx.x;
  if (i >= size) return;
  double sum = 0;
  for (std::int64_t piece = 0; piece < pieces; ++piece) sum += partial[piece * size + i];
  y[i] = static_cast<T>(sum);
}

inline simt::Launch by_threads(void* stream, std::int64_t threads) {
  return {grid_of(ceil_div(threads, kConvThreads)), dim3(kConvThreads), 0, stream};
}

template <class E>
void add_convolution(void* stream, const Shape& shape, std::int64_t w, const float* kernels, const E* v,
                     const std::uint8_t* keep_k, float* out) {
  simt::launch(by_threads(stream, shape.rows() * ceil_div(shape.n_k, kTaps) * shape.d_v), convolve_kernel<false, E>,
               shape, w, kernels, v, keep_k, out);
}

inline void add_convolution_gradient(void* stream, const Shape& shape, std::int64_t w, const float* kernels,
                                     const float* dout, const std::uint8_t* keep_k, float* dv) {
  simt::launch(by_threads(stream, shape.rows() * ceil_div(shape.n_k, kTaps) * shape.d_v), convolve_kernel<true, float>,
               shape, w, kernels, dout, keep_k, dv);
}

inline std::int64_t convolution_scratch(const Shape& shape, std::int64_t w) {
  return shape.batch * ceil_div(shape.n_k, kConvTokens) * shape.heads * w;
}

template <class E>
void convolution_kernel_gradient(void* stream, const Shape& shape, std::int64_t w, const E* v, const float* dout,
                                 const std::uint8_t* keep_k, double* scratch, float* dkernels) {
  const std::int64_t pieces = ceil_div(shape.n_k, kConvTokens), size = shape.heads * w;
  simt::launch(by_threads(stream, shape.rows() * pieces * ceil_div(w, kTaps) * kWarp), kernel_gradient_kernel<true, E>,
               shape, w, v, dout, keep_k, scratch);
  simt::launch(by_threads(stream, size), sum_pieces_kernel<float>, shape.batch * pieces, size,
               static_cast<const double*>(scratch), dkernels);
}

}  // namespace yoso::SIMT_NS
