// Values as integers, so that the sum of a bucket does not depend on the order of its tokens (README.md, "On CUDA").
//
// A column of a row's values is scaled so that the fullest slot cannot overflow 32 bits: with B its keys and V the
// largest magnitude, |v| scale <= 2^30 / B. As scales are powers of two, a unit is less than 4 B V / 2^30, a bucket is off
// by at most B / 2 of them, and each value's half is as likely up as down. Host and device get the same bits: products, and nothing that a compiler may fuse.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

#include "simt/simt.hpp"

namespace yoso::yoso_m::SIMT_NS {

constexpr int kColumns = 4;  // of a slice: a table's row is 16 bytes, which a query reads at once

// Scales are powers of two, so that scaling is exact. `largest` = 0 leaves nothing to scale.
__host__ __device__ inline int fixed_exponent(int fullest, float largest) {
  if (!(largest > 0) || fullest < 1) return 0;
  int of_largest = 0, of_fullest = 0;
  frexpf(largest, &of_largest);  // largest < 2^of_largest
  while (of_fullest < 31 && (std::int64_t{1} << of_fullest) < fullest) ++of_fullest;
  const int exponent = 30 - of_fullest - of_largest;
  return exponent > 120 ? 120 : exponent;  // tiny values stay tiny: 2^120 of them is no overflow
}
__host__ __device__ inline float fixed_scale(int fullest, float largest) {
  return ldexpf(1.0f, fixed_exponent(fullest, largest));
}
__host__ __device__ inline float fixed_unit(int fullest, float largest) {
  return ldexpf(1.0f, -fixed_exponent(fullest, largest));
}
__host__ __device__ inline int to_fixed(float value, float scale) { return static_cast<int>(rintf(value * scale)); }

// Sums that are kept in 16 bits. A column of one hash's table, whose largest magnitude is `most`, loses its last bits:
// as few as let the others fit. An entry is then off by at most half a step of 2^shift, and that is at most
// most / 32767, beside what its values were off by; so a mean over hashes is off by at most the mean of each table's
// largest entry / 32767.
__host__ __device__ inline int narrow_half(int shift) { return shift > 0 ? 1 << (shift - 1) : 0; }
__host__ __device__ inline int narrow_shift(int most) {
#if defined(__CUDA_ARCH__)
  const int bits = 32 - __clz(most);
#else
  const int bits = std::bit_width(static_cast<unsigned>(most));
#endif
  const int shift = bits > 15 ? bits - 15 : 0;
  return (most + narrow_half(shift)) >> shift > 32767 ? shift + 1 : shift;
}
__host__ __device__ inline int narrow(int sum, int shift) { return (sum + narrow_half(shift)) >> shift; }

}  // namespace yoso::yoso_m::SIMT_NS
