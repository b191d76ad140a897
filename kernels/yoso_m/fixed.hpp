// Values as integers, so that the sum of a bucket does not depend on the order of its tokens (README.md, "On CUDA").
//
// A column of a row's values is scaled so that the fullest slot cannot overflow 32 bits: with B its keys and V the
// largest magnitude, |v| scale <= 2^30 / B. As scales are powers of two, a unit is less than 4 B V / 2^30, a bucket is
// off by at most B / 2 of them, and each value's half is as likely up as down. Host and device get the same bits:
// products, and nothing that a compiler may fuse.
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

// A sum in 16 bits and an exponent of 4: it loses as few of its last bits as let the others fit, but two in any case,
// so that exponents are those of 2^2 .. 2^17. It is then off by at most half a step of 2^shift, which is 1 / 32767 of
// it or two units, whichever is more.
constexpr int kLeastShift = 2;
__host__ __device__ inline int narrow_half(int shift) { return 1 << (shift - 1); }
__host__ __device__ inline int narrow_shift(int sum) {
  const int most = sum < 0 ? -sum : sum;
#if defined(__CUDA_ARCH__)
  const int bits = 32 - __clz(most);
#else
  const int bits = std::bit_width(static_cast<unsigned>(most));
#endif
  const int shift = bits - 15 > kLeastShift ? bits - 15 : kLeastShift;
  return (most + narrow_half(shift)) >> shift > 32767 ? shift + 1 : shift;
}
__host__ __device__ inline int narrow(int sum, int shift) { return (sum + narrow_half(shift)) >> shift; }

}  // namespace yoso::yoso_m::SIMT_NS
