// What yoso-e and yoso-m have in common beside the convolution: the knobs that mean the same in both, so that a method
// and its expectation can be set alike, and the normalisation of output rows.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include <yoso/knobs.hpp>

namespace yoso {

enum class Norm : std::uint8_t { l2, rowsum, none };  // in the order of kNormNames

inline constexpr std::string_view kNormNames[] = {"l2", "rowsum", "none"};

inline Norm norm_of(const Settings& settings) { return static_cast<Norm>(settings.real("norm")); }

// Only sums of weights that are divided by their total are averages of values.
inline bool averages_values(const Settings& settings) {
  return norm_of(settings) == Norm::rowsum && settings.integer("conv") == 0;
}

// The rule of the paper's timings: as many table slots as tokens.
inline std::int64_t log2_of_keys(const Shape& shape, const Settings&) {
  const int bits = std::bit_width(static_cast<std::uint64_t>(shape.n_k - 1));  // ceil(log2 n)
  return std::clamp<std::int64_t>(bits, 1, 16);
}

// Why so many bits are refused: the table that yoso-m would need for a hash of them.
inline std::string table_size(double bits) {
  if (bits < 0) return {};
  const std::string power = "2^" + std::to_string(static_cast<std::int64_t>(bits));
  if (bits > 40) return "its tables would have " + power + " rows of 4 d_v bytes a hash";
  const std::int64_t rows = std::int64_t{1} << static_cast<int>(bits);
  return "its tables would have " + power + " = " + std::to_string(rows) + " rows of 4 d_v bytes a hash, " +
         std::to_string(rows * 4 * 64) + " bytes at d_v = 64" + (rows == 1 ? ", and all keys in that one row" : "");
}

inline constexpr Knob kHashBitsKnob{
    .name = "hash_bits",
    .help = "tau, sign hyperplanes a hash: sharpens the weights; auto: log2 of the number of keys",
    .lowest = 1,
    .highest = 16,
    .usual = "9",
    .automatic = log2_of_keys,
    .paper = "9; log2 n in its timings",
    .out_of_range = table_size,
};

inline constexpr Knob kNormKnob{
    .name = "norm",
    .kind = Knob::Kind::choice,
    .help = "output rows: unit length, divided by the sum of their weights, or left as sums",
    .choices = kNormNames,
    .usual = "l2",
    .in_error = "rowsum",
    .paper = "l2",
};

}  // namespace yoso
