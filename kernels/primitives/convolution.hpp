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
#include <yoso/tensors.hpp>

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

}  // namespace yoso
