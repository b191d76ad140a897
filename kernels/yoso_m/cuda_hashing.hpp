// What all ways to hash on CUDA share: the problem, the scale of a token, and codes from signs.
#pragma once
#include <yoso/device.hpp>
#include <yoso/errors.hpp>

#include <string>

#include "simt/block.hpp"
#include "yoso_m/plan.hpp"

namespace yoso::yoso_m::SIMT_NS {

using namespace yoso::SIMT_NS;

// A Plan as kernels need it, and the tokens that are hashed.
struct Hashing {
  int d, hashes, bits, rotations, per_part;  // per_part: packed only, else 0
  bool shared;                               // two rounds are common to all rotations
  std::int64_t heads, n;
  const std::uint8_t* keep;   // [batch, n] or null: padded tokens are hashed as zeros
  const float* signs;         // [rows, rounds, rotations, width]
  const float* shared_signs;  // [rows, 2, width]
  const float* planes;        // gaussian: [rows, d, hashes * bits]
  std::uint16_t* codes;
};

// Two powers of two that bring a vector's largest magnitude into [1/2, 1) if it is far from there: sums of huge values
// do not overflow then, nor do products of tiny ones underflow. Two, because their product may be no float.
struct Factors {
  float first = 1, second = 1;
};
__device__ inline Factors to_one(float largest) {
  if (largest >= 0x1p-64f && largest <= 0x1p64f) return {};
  Factors f;
  f.first = largest < 0x1p-100f ? 0x1p100f : largest >= 0x1p126f ? 0x1p-64f : 1.0f;
  f.second = __uint_as_float((253u << 23) - (__float_as_uint(largest * f.first) & 0xff800000u));
  return f;
}

__device__ inline bool is_real(const Hashing& h, std::int64_t row, std::int64_t token) {
  return token < h.n && (!h.keep || h.keep[row / h.heads * h.n + token]);
}

// Codes from the signs of all rotations: word w of them is words[w * step], 32 rows each, `per_rotation` words a
// rotation. Calls put(hash, code) for hashes first, first + stride, ...
template <class Put>
__device__ inline void pack_codes(const Hashing& h, const unsigned* words, int step, int per_rotation, int first,
                                  int stride, const Put& put) {
  for (int hash = first; hash < h.hashes; hash += stride) {
    // plane hash * bits + t is row `row` of rotation `rotation` (plan.hpp)
    int rotation = h.per_part ? hash / h.per_part : hash * h.bits % h.rotations;
    int row = h.per_part ? hash % h.per_part * h.bits : hash * h.bits / h.rotations;
    unsigned code = 0;
    for (int t = 0; t < h.bits; ++t) {
      code |= (words[(rotation * per_rotation + row / 32) * step] >> (row % 32) & 1u) << t;
      if (h.per_part || ++rotation == h.rotations) {
        ++row;
        if (!h.per_part) rotation = 0;
      }
    }
    put(hash, static_cast<std::uint16_t>(code));
  }
}

}  // namespace yoso::yoso_m::SIMT_NS
