// The depthwise convolution over the sequence that YOSO and Nystromformer may add to their output: one kernel of odd
// length w for each head, zero padding, no bias, over the values with padded ones zeroed.
//
//   out_i += sum_t kernel[head, t] M_j v_j,   j = i + t - (w - 1) / 2
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include <yoso/errors.hpp>
#include <yoso/knobs.hpp>
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/masks.hpp"
#include "primitives/primitives.hpp"

namespace yoso {

inline constexpr Knob kConvolutionKnob{
    .name = "conv",
    .help = "odd length of a depthwise convolution of V added to the output; 0: none",
    .lowest = 0,
    .highest = 4095,
    .fits = [](std::int64_t length) { return length == 0 || length % 2 == 1; },
    .adjective = "odd (or 0)",
    .usual = "0",
    .paper = "0 or 33",
};

// Untrained, it has the variance of the reference's initialisation, U(-1/sqrt(w), 1/sqrt(w)).
inline std::vector<TensorSpec> convolution_parameters(const Shape&, const Settings& settings) {
  const std::int64_t w = settings.integer("conv");
  if (w == 0) return {};
  return {{"conv_w", Axis::head, {w}, Law::normal, 1 / std::sqrt(3.0 * static_cast<double>(w))}};
}

// Engines call it in their constructor.
inline void require_convolution(const Shape& shape, const Settings& settings) {
  const std::int64_t w = settings.integer("conv");
  if (w == 0) return;
  if (shape.n_q != shape.n_k) throw Unsupported("the convolution needs as many queries as keys");
  if (shape.causal) throw Unsupported("the convolution is centred, so it would look at later tokens");
}

// Adds the convolution at token i to out [d_v]. `kernel` [w] is the head's, `v` [n, d_v] and `keep` [n] the row's.
inline void add_convolution(const Primitives& p, const float* kernel, std::int64_t w, const float* v,
                            const std::uint8_t* keep, std::int64_t n, std::int64_t d_v, std::int64_t i, float* out) {
  for (std::int64_t t = 0; t < w; ++t) {
    const std::int64_t j = i + t - (w - 1) / 2;
    if (j >= 0 && j < n && (!keep || keep[j])) p.axpy(kernel[t], v + j * d_v, out, d_v);
  }
}

// Backward: what the convolution adds to the gradient of v_j, in dv [d_v], for a key that is kept. `dout` [n, d_v] is
// the row's, with its padded queries, which the convolution writes too.
//
//   dv_j += sum_t kernel[t] dout_i,   i = j - t + (w - 1) / 2
inline void add_convolution_gradient(const Primitives& p, const float* kernel, std::int64_t w, const float* dout,
                                     std::int64_t n, std::int64_t d_v, std::int64_t j, float* dv) {
  for (std::int64_t t = 0; t < w; ++t) {
    const std::int64_t i = j - t + (w - 1) / 2;
    if (i >= 0 && i < n) p.axpy(kernel[t], dout + i * d_v, dv, d_v);
  }
}

// dkernel[head, t] = sum over batch and i of dout_i . M_j v_j,   j = i + t - (w - 1) / 2: sums of 64 products in single
// precision, those in double, in a fixed order.
inline void convolution_kernel_gradient(const Primitives& p, int threads, const Shape& s, std::int64_t w,
                                        const Inputs& in, const float* dout, float* dkernel) {
  parallel_for(threads, s.heads * w, [&](std::int64_t piece, int) {
    constexpr std::int64_t kBlock = 64;
    const std::int64_t shift = piece % w - (w - 1) / 2;
    const std::int64_t begin = std::max<std::int64_t>(0, -shift), end = std::min(s.n_q, s.n_k - shift);
    double sum = 0;
    for (std::int64_t row = piece / w; row < s.rows(); row += s.heads) {
      const std::uint8_t* const keep = mask_of_row(in.keep_k, s, row, s.n_k);
      for (std::int64_t i = begin; i < end; i += kBlock) {
        const std::int64_t count = std::min(kBlock, end - i);
        float products[kBlock];
        p.dots(count, s.d_v, dout + (row * s.n_q + i) * s.d_v, s.d_v, in.v + (row * s.n_k + i + shift) * s.d_v, s.d_v,
               products);
        for (std::int64_t at = 0; keep && at < count; ++at)
          if (!keep[i + at + shift]) products[at] = 0;
        sum += static_cast<double>(p.sum(products, count));
      }
    }
    dkernel[piece] = static_cast<float>(sum);
  });
}

}  // namespace yoso
