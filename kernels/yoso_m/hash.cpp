#include "yoso_m/hash.hpp"

namespace yoso::yoso_m {
namespace {

// Hyperplanes projected on at a time: their products stay in the cache whatever the number of hashes.
constexpr std::int64_t kPlanes = 512;

void hash_gaussian(const Primitives& p, const Plan& plan, const Draw& draw, const float* x, const std::uint8_t* keep,
                   std::int64_t tokens, const HashWork& work, std::uint16_t* codes, std::int64_t stride) {
  float* const batch = work.floats;
  float* const products = batch + plan.d * kTokens;
  p.gather(tokens, plan.d, x, keep, plan.d, batch, kTokens);
  const std::int64_t columns = (tokens + p.tokens - 1) / p.tokens * p.tokens;
  const std::int64_t step = kPlanes / plan.bits;  // whole hashes
  for (std::int64_t first = 0; first < plan.hashes; first += step) {
    const std::int64_t count = std::min(step, plan.hashes - first);
    p.project_tn(count * plan.bits, columns, plan.d, draw.planes + first * plan.bits, plan.planes(), batch, kTokens,
                 products, columns);
    p.signs_to_bits(products, count * plan.bits * columns, work.bits);
    p.pack_codes(tokens, count, plan.bits, work.bits, columns, codes + first * stride, stride);
  }
}

void hash_rotated(const Primitives& p, const Plan& plan, const Draw& draw, const float* x, const std::uint8_t* keep,
                  std::int64_t tokens, const HashWork& work, std::uint16_t* codes, std::int64_t stride) {
  const std::int64_t width = plan.padded;
  const bool shared = plan.projection == Projection::shared;
  float* const batch = work.floats;
  float* const rotated = batch + width * p.tokens;
  p.gather(tokens, plan.d, x, keep, width, batch, p.tokens);
  if (shared) p.rotate(batch, draw.shared_signs, draw.shared_signs + width, width, batch);
  for (std::int64_t rotation = 0; rotation < plan.rotations; ++rotation) {
    const auto signs = [&](int round) { return draw.signs + (round * plan.rotations + rotation) * width; };
    std::uint16_t* const bits = work.bits + plan.first_plane(rotation) * p.tokens;
    if (shared)
      p.finish_to_bits(batch, signs(0), width, rotated, plan.plane_step(), bits);
    else
      p.rotate_to_bits(batch, signs(0), signs(1), signs(2), width, rotated, plan.plane_step(), bits);
  }
  p.pack_codes(tokens, plan.hashes, plan.bits, work.bits, p.tokens, codes, stride);
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

HashSize::HashSize(const Plan& plan, const Primitives& p) {
  if (plan.projection == Projection::gaussian) {
    floats = (plan.d + kPlanes) * kTokens;
    bits = kPlanes * kTokens;
  } else {
    floats = 2 * plan.padded * p.tokens;
    bits = plan.plane_rows() * p.tokens;
  }
}

void hash(const Primitives& p, const Plan& plan, const Draw& draw, const float* x, const std::uint8_t* keep,
          std::int64_t tokens, const HashWork& work, std::uint16_t* codes, std::int64_t stride) {
  if (plan.projection == Projection::gaussian)
    return hash_gaussian(p, plan, draw, x, keep, tokens, work, codes, stride);
  for (std::int64_t first = 0; first < tokens; first += p.tokens)
    hash_rotated(p, plan, draw, x + first * plan.d, keep ? keep + first : nullptr, std::min(p.tokens, tokens - first),
                 work, codes + first, stride);
}

}  // namespace yoso::yoso_m
