// Hash codes of vectors: code_h(x) = sum_t [plane_{h,t} . x > 0] 2^t.
#pragma once
#include <cstdint>

#include <yoso/tensors.hpp>

#include "primitives/primitives.hpp"
#include "yoso_m/plan.hpp"

namespace yoso::yoso_m {

inline constexpr std::int64_t kTokens = 64;  // most tokens of one call, a multiple of any instruction set's batch

// The random tensors of one (batch, head) row.
struct Draw {
  const float* planes = nullptr;        // gaussian: [d, hashes * bits]
  const float* signs = nullptr;         // [rounds, rotations, d']: 3 rounds, or 1 after the shared ones
  const float* shared_signs = nullptr;  // shared: [2, d']

  Draw(const Plan& plan, const Tensors& draws, std::int64_t row);
};

// Working memory of one thread.
struct HashSize {
  std::int64_t floats, bits;  // elements
  HashSize(const Plan& plan, const Primitives& p);
};
struct HashWork {
  float* floats;
  std::uint16_t* bits;
};

// codes[h * stride + i] for x [tokens, d], tokens <= kTokens; tokens that are not kept, and zero vectors, get code 0.
void hash(const Primitives& p, const Plan& plan, const Draw& draw, const float* x, const std::uint8_t* keep,
          std::int64_t tokens, const HashWork& work, std::uint16_t* codes, std::int64_t stride);

}  // namespace yoso::yoso_m
