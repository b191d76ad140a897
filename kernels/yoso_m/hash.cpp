#include "yoso_m/hash.hpp"

#include <cmath>

namespace yoso::yoso_m {
namespace {

// Hyperplanes projected on at a time: their products stay in the cache whatever the number of hashes.
constexpr std::int64_t kPlanes = 512;

// y [width] = x [d] * 2^e with the largest magnitude in [1/2, 1), then zeros. A power of two changes no sign of any
// projection, and keeps sums of huge values from overflowing and products of tiny ones from underflowing. In double,
// because 2^e need not be a float.
void scale_to_one(const float* x, std::int64_t d, float* y, std::int64_t width) {
  float largest = 0;
  for (std::int64_t c = 0; c < d; ++c) largest = std::max(largest, std::abs(x[c]));
  int exponent = 0;
  std::frexp(largest, &exponent);
  const double factor = std::ldexp(1.0, -exponent);
  for (std::int64_t c = 0; c < d; ++c) y[c] = static_cast<float>(x[c] * factor);
  std::fill(y + d, y + width, 0.0f);
}

// y = x * diagonal for every token. y may be x.
void flip(const float* x, const float* diagonal, std::int64_t tokens, std::int64_t width, float* y) {
  for (std::int64_t i = 0; i < tokens; ++i)
    for (std::int64_t c = 0; c < width; ++c) y[i * width + c] = x[i * width + c] * diagonal[c];
}

void hash_gaussian(const Primitives& p, const Plan& plan, const Draw& draw, const float* x, std::int64_t tokens,
                   float* products, std::uint16_t* codes, std::int64_t stride) {
  const std::int64_t step = kPlanes / plan.bits;  // whole hashes
  for (std::int64_t first = 0; first < plan.hashes; first += step) {
    const std::int64_t count = std::min(step, plan.hashes - first), width = count * plan.bits;
    p.project(tokens, width, plan.d, x, plan.d, draw.planes + first * plan.bits, plan.planes(), products, width);
    for (std::int64_t h = 0; h < count; ++h)
      for (std::int64_t i = 0; i < tokens; ++i) {
        const float* const product = products + i * width + h * plan.bits;
        unsigned code = 0;
        for (std::int64_t t = 0; t < plan.bits; ++t) code |= static_cast<unsigned>(product[t] > 0) << t;
        codes[(first + h) * stride + i] = static_cast<std::uint16_t>(code);
      }
  }
}

void hash_rotated(const Primitives& p, const Plan& plan, const Draw& draw, float* x, std::int64_t tokens, float* y,
                  std::uint16_t* codes, std::int64_t stride) {
  const std::int64_t width = plan.padded;
  const bool shared = plan.projection == Projection::shared;
  if (shared)
    for (int round = 0; round < 2; ++round) {
      flip(x, draw.shared_signs + round * width, tokens, width, x);
      p.hadamard(x, tokens, width, width);
    }
  for (std::int64_t h = 0; h < plan.hashes; ++h) std::fill_n(codes + h * stride, tokens, std::uint16_t{0});
  for (std::int64_t rotation = 0; rotation < plan.rotations; ++rotation) {
    for (int round = 0; round < (shared ? 1 : 3); ++round) {
      flip(round == 0 ? x : y, draw.signs + (round * plan.rotations + rotation) * width, tokens, width, y);
      p.hadamard(y, tokens, width, width);
    }
    plan.for_each_plane(rotation, [&](std::int64_t row, std::int64_t h, std::int64_t bit) {
      std::uint16_t* const code = codes + h * stride;
      for (std::int64_t i = 0; i < tokens; ++i)
        code[i] = static_cast<std::uint16_t>(code[i] | static_cast<unsigned>(y[i * width + row] > 0) << bit);
    });
  }
}

}  // namespace

Draw::Draw(const Plan& plan, const Tensors& draws, std::int64_t row) {
  if (plan.projection == Projection::gaussian) {
    planes = draws["hyperplanes"] + row * plan.d * plan.planes();
    return;
  }
  const bool shared = plan.projection == Projection::shared;
  signs = draws["signs"] + row * (shared ? 1 : 3) * plan.rotations * plan.padded;
  if (shared) shared_signs = draws["shared_signs"] + row * 2 * plan.padded;
}

std::int64_t hash_floats(const Plan& plan) {
  return kTokens * (plan.projection == Projection::gaussian ? plan.d + kPlanes : 2 * plan.padded);
}

void hash(const Primitives& p, const Plan& plan, const Draw& draw, const float* x, const std::uint8_t* keep,
          std::int64_t tokens, float* work, std::uint16_t* codes, std::int64_t stride) {
  const bool gaussian = plan.projection == Projection::gaussian;
  const std::int64_t width = gaussian ? plan.d : plan.padded;
  float* const products = work + kTokens * width;
  for (std::int64_t i = 0; i < tokens; ++i) {
    if (!keep || keep[i])
      scale_to_one(x + i * plan.d, plan.d, work + i * width, width);
    else
      std::fill_n(work + i * width, width, 0.0f);
  }
  if (gaussian)
    hash_gaussian(p, plan, draw, work, tokens, products, codes, stride);
  else
    hash_rotated(p, plan, draw, work, tokens, products, codes, stride);
}

}  // namespace yoso::yoso_m
