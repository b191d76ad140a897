#include <yoso/random.hpp>

#include <cmath>
#include <numbers>

// Random123 warns under -Wpedantic; it is included as a system header.
#include <Random123/philox.h>

namespace yoso {
namespace {

using Philox = r123::Philox4x32;

// Block `at` of a stream: four words of 32 random bits.
Philox::ctr_type block(std::uint64_t seed, std::uint64_t stream, std::uint64_t at) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  const Philox::ctr_type counter{{low(at), high(at), low(stream), high(stream)}};
  const Philox::key_type key{{low(seed), high(seed)}};
  return Philox{}(counter, key);
}

}  // namespace

// One block makes four normals: two Box-Muller pairs, each from two 32-bit uniforms in (0, 1). std::normal_distribution
// differs between standard libraries, so it is not used.
void Random::normal(std::span<float> out, double scale) const {
  constexpr double kUnit = 1.0 / 4294967296.0;
  for (std::size_t i = 0; i < out.size(); i += 4) {
    const auto words = block(seed_, stream_, i / 4);
    float four[4];
    for (std::size_t pair = 0; pair < 2; ++pair) {
      const double radius = scale * std::sqrt(-2.0 * std::log((words[2 * pair] + 0.5) * kUnit));
      const double angle = 2.0 * std::numbers::pi * ((words[2 * pair + 1] + 0.5) * kUnit);
      four[2 * pair] = static_cast<float>(radius * std::cos(angle));
      four[2 * pair + 1] = static_cast<float>(radius * std::sin(angle));
    }
    for (std::size_t j = 0; j < 4 && i + j < out.size(); ++j) out[i + j] = four[j];
  }
}

void Random::sign(std::span<float> out, double scale) const {
  const float plus = static_cast<float>(scale);
  for (std::size_t i = 0; i < out.size(); i += 128) {
    const auto words = block(seed_, stream_, i / 128);
    for (std::size_t j = 0; j < 128 && i + j < out.size(); ++j)
      out[i + j] = (words[j / 32] >> (j % 32)) & 1 ? plus : -plus;
  }
}

void Random::uniform(std::span<double> out) const {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(bits(i) >> 11) * 0x1p-53;
}

std::uint64_t Random::bits(std::uint64_t index) const {
  const auto words = block(seed_, stream_, index / 2);
  const std::size_t at = 2 * (index % 2);
  return words[at] | static_cast<std::uint64_t>(words[at + 1]) << 32;
}

// Multiply-shift: biased by less than limit / 2^64.
std::uint64_t Random::below(std::uint64_t index, std::uint64_t limit) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits(index)) * limit) >> 64);
}

}  // namespace yoso
