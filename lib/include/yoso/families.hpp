// Synthetic inputs. Only the seed and yoso::Random decide the numbers.
//
//   gaussian       q, k ~ N(0, I)
//   unit           q, k uniform on the unit sphere: logits within +-1/sqrt(d), so that attention is nearly uniform
//   clustered      n_k / 32 centroids (at least one) ~ N(0, I); every query and every key is a random one of them plus
//                  noise, 0.7 N(0, I): the data on which sampled attention has something to find
//   low-rank       q, k ~ W N(0, I_r) / sqrt(r) with one W ~ N(0, 1) of [d, r], r = 8 (at most d)
//   heavy-tailed   random directions with log-normal lengths, sqrt(d) exp(1 N(0, 1)): a few rows dominate
//   duplicates     key j repeats key j mod ceil(n_k / 8), so every key is there about 8 times, with values of their own
//   needle         keys of length sqrt(d) in random directions; query i points along one random key, with logit 16 for
//                  it
//   temperature    gaussian with q and k both times sqrt(s), s = 4: all logits times s
//   angle          key j has cosine 0 with query j mod n_q, and both have length sqrt(d): for kernels of one pair
//
// v ~ N(0, I) everywhere. The number in each line is the family's parameter: NAME:VALUE sets another ("temperature:9").
// All families read the same underlying normals, and each (batch, head) reads its own, so that families, temperatures
// and sequence lengths are compared on paired inputs: q, k and v of gaussian at n are the first n tokens of those at
// 2n.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include <yoso/capture.hpp>

namespace yoso {

struct Family {
  std::string_view name;
  std::string_view help;
  std::string_view parameter = {};  // what the number after the colon is; empty: the family has none
  double usual = 0, lowest = 0, highest = 0;
  bool whole = false;  // the parameter is an integer
  void (*fill)(Capture& out, std::uint64_t seed, double value) = nullptr;
};

std::span<const Family> families();

// A family and the value of its parameter.
struct FamilyChoice {
  const Family* family;
  double value;
};

// "clustered" or "clustered:0.5". Throws BadSetting for an unknown family, naming the nearest, or a value out of range.
FamilyChoice parse_family(std::string_view text);

// No masks. Throws BadSetting as parse_family does, or for a shape that check() refuses.
Capture make_inputs(std::string_view family, const Shape& shape, std::uint64_t seed);

}  // namespace yoso
