// bfloat16, the upper half of a float, as bits: by integer operations, so that every compiler and machine rounds alike.
#pragma once
#include <bit>
#include <cstdint>

namespace yoso {

constexpr float from_bf16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

// To nearest, ties to even. A NaN stays one, and becomes quiet.
constexpr std::uint16_t to_bf16(float x) {
  const auto u = std::bit_cast<std::uint32_t>(x);
  if ((u & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(u >> 16 | 0x40u);
  return static_cast<std::uint16_t>((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

}  // namespace yoso
