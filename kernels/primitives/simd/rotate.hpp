// Random rotations of a batch of tokens, and the bits of hash codes that their signs are.
//
// A batch holds one token in each lane: element c of all of them is vector c. Every step is then the same for all
// lanes, and no value ever crosses them, except when a batch is gathered. Tried and lost: a
// token in a row, with its first stages inside one vector.
#pragma once
#include "primitives/simd/rows.hpp"

namespace yoso {
namespace {

typedef std::uint16_t Half __attribute__((vector_size(kLanes * sizeof(std::uint16_t))));  // a code, or a bit, a lane

YOSO_INLINE Half load(const std::uint16_t* p) {
  Half v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
YOSO_INLINE void store(std::uint16_t* p, Half v, I count = kLanes) {
  __builtin_memcpy(p, &v, static_cast<std::size_t>(count) * sizeof(std::uint16_t));
}

// All ones where x > 0. (GCC 12 needs a table lookup to narrow a comparison by itself: 40 % slower last passes.)
YOSO_INLINE Half positive(Vec x) {
#if defined(__AVX512F__)
  return (Half)_mm256_movm_epi16(_mm512_cmp_ps_mask((__m512)x, _mm512_setzero_ps(), _CMP_GT_OQ));
#elif defined(__AVX2__)
  const __m256i found = (__m256i)(x > 0.0f);
  return (Half)_mm_packs_epi32(_mm256_castsi256_si128(found), _mm256_extracti128_si256(found, 1));
#else
  typedef std::int32_t Wide __attribute__((vector_size(kLanes * sizeof(std::int32_t))));
  typedef std::int16_t Narrow __attribute__((vector_size(kLanes * sizeof(std::int16_t))));
  return (Half) __builtin_convertvector((Wide)(x > 0.0f), Narrow);
#endif
}

// Lanes whose largest magnitude is in here are taken as they are. The others are multiplied with two powers of two that
// bring it into [1/2, 1), so that sums of huge values do not overflow, nor products of tiny ones underflow. Two,
// because their product may be no float; a multiplication by the first is exact wherever the second leaves anything.
struct Factors {
  Vec first, second;
  bool needed;
};
YOSO_INLINE Factors to_one(Vec largest) {
  const Vec one = broadcast(1.0f);
  const auto outside = (Bits)(largest < 0x1p-64f) | (Bits)(largest > 0x1p64f);
  Vec first = largest < 0x1p-100f ? broadcast(0x1p100f) : one;
  first = largest >= 0x1p126f ? broadcast(0x1p-64f) : first;
  const Vec second = (Vec)((253u << 23) - ((Bits)(largest * first) & 0xff800000u));
  const Vec marks = outside != 0 ? one : Vec{};
  return {outside != 0 ? first : one, outside != 0 ? second : one, across(marks, plus) > 0.0f};
}

// kLanes rows, `d` apart, as columns, `ld` apart: of the first `width` coordinates, of which `there` exist. Returns the
// largest magnitude of each row. Not inlined: GCC would keep an address for every row and column, and spill them all.
__attribute__((noinline)) Vec turn_whole(const float* x, I d, float* columns, I ld) {
  Vec square[kLanes];
  unrolled<kLanes>([&](auto i) YOSO_INLINE_LAMBDA {
    square[i] = load(x);
    __builtin_prefetch(x + 2 * kLanes * d);  // the hardware does not follow so many rows at once
    x += d;
  });
  transpose(square);
  Vec largest = {};
  unrolled<kLanes>([&](auto i) YOSO_INLINE_LAMBDA {
    largest = larger(largest, (Vec)((Bits)square[i] & 0x7fffffffu));
    store(columns, square[i]);
    columns += ld;
  });
  return largest;
}
Vec turn_part(I rows, const std::uint8_t* keep, I there, const float* x, I d, I width, float* columns, I ld) {
  Vec square[kLanes], largest = {};
  for (I i = 0; i < kLanes; ++i)
    square[i] = i < rows && there > 0 && (!keep || keep[i]) ? load(x + i * d, smaller(kLanes, there)) : Vec{};
  transpose(square);
  for (I i = 0; i < smaller(kLanes, width); ++i) {
    largest = larger(largest, (Vec)((Bits)square[i] & 0x7fffffffu));
    store(columns + i * ld, square[i]);
  }
  return largest;
}

void gather(I count, I d, const float* x, const std::uint8_t* keep, I width, float* batch, I ld) {
  for (I first = 0; first < count; first += kLanes, x += kLanes * d, batch += kLanes) {
    Vec largest = {};
    for (I c = 0; c < width; c += kLanes) {
      const bool whole = !keep && first + kLanes <= count && c + kLanes <= d;
      largest = larger(largest, whole ? turn_whole(x + c, d, batch + c * ld, ld)
                                      : turn_part(count - first, keep ? keep + first : nullptr, d - c, x + c, d,
                                                  width - c, batch + c * ld, ld));
    }
    const Factors factors = to_one(largest);
    if (!factors.needed) continue;
    for (I c = 0; c < width; ++c) store(batch + c * ld, load(batch + c * ld) * factors.first * factors.second);
  }
}

// (a, b) becomes (a + b, a - b). Processors with adders beside their multiply-add units can do both at once, if the
// difference is a multiply-add (which is exact as well). A sixth of them stay with the adders, because the sign flips
// are products: a twentieth faster on Zen 4.
template <bool kAdder>
YOSO_INLINE void butterfly(Vec& a, Vec& b, Vec minus_one) {
  const Vec sum = a + b;
#if defined(__x86_64__) && YOSO_SIMD_LANES > 4
  if constexpr (kAdder)
    b = a - b;
  else
    b = fused_multiply_add(minus_one, b, a);
#else
  (void)minus_one;
  b = a - b;
#endif
  a = sum;
}

// The stages of kCount vectors, ascending (1, 2, ..., kCount / 2) or descending.
template <bool kDown, int kCount, int kHalf = kDown ? kCount / 2 : 1>
YOSO_INLINE void stages(Vec (&v)[kCount], Vec minus_one) {
  unrolled<kCount>([&](auto i) YOSO_INLINE_LAMBDA {
    if constexpr (!(i & kHalf)) butterfly<kHalf == 2 && (i < 4)>(v[i], v[i + kHalf], minus_one);
  });
  if constexpr (kDown && kHalf > 1) stages<kDown, kCount, kHalf / 2>(v, minus_one);
  if constexpr (!kDown && 2 * kHalf < kCount) stages<kDown, kCount, 2 * kHalf>(v, minus_one);
}

// Where a pass writes: vectors again, or bits.
struct ToBatch {
  float* out;
  YOSO_INLINE void put(I row, Vec v) const { store(out + row * kLanes, v); }
};
struct ToBits {
  std::uint16_t* out;
  I step;
  YOSO_INLINE void put(I row, Vec v) const { store(out + row * step * kLanes, positive(v)); }
};

// What a pass does to kCount vectors that lie `half` apart while they are in registers: all stages from `half` on, of
// one round, or the last of one round and the first of the next, which therefore runs the other way.
enum class Turn : std::uint8_t { up, down, up_down, down_up };

// `before`, `between`: the signs of a round that begins before the first stages, or between the two; or null.
template <int kCount, Turn kTurn, class To>
YOSO_INLINE void pass(const float* in, const float* before, const float* between, I size, I half, const To& to) {
  constexpr bool kDownFirst = kTurn == Turn::down || kTurn == Turn::down_up;
  Vec minus_one = broadcast(-1.0f);
  in_register(minus_one);
  for (I block = 0; block < size; block += kCount * half)
    for (I row = block; row < block + half; ++row) {
      Vec v[kCount];
      unrolled<kCount>([&](auto i) YOSO_INLINE_LAMBDA {
        v[i] = load(in + (row + i * half) * kLanes);
        if (before) v[i] *= before[row + i * half];
      });
      stages<kDownFirst>(v, minus_one);
      if constexpr (kTurn == Turn::up_down || kTurn == Turn::down_up) {
        unrolled<kCount>([&](auto i) YOSO_INLINE_LAMBDA { v[i] *= between[row + i * half]; });
        stages<!kDownFirst>(v, minus_one);
      }
      unrolled<kCount>([&](auto i) YOSO_INLINE_LAMBDA { to.put(row + i * half, v[i]); });
    }
}

// Three stages a pass, so that eight vectors stay in registers; the last pass has the one, two or three left over.
YOSO_INLINE I last_half(I size) {
  I half = 8;
  while (8 * half < size) half *= 8;
  return half;
}
template <Turn kTurn, class To>
YOSO_INLINE void last_pass(const float* in, const float* before, const float* between, I size, const To& to) {
  const I half = last_half(size), count = size / half;
  if (count == 8) return pass<8, kTurn>(in, before, between, size, half, to);
  if (count == 4) return pass<4, kTurn>(in, before, between, size, half, to);
  pass<2, kTurn>(in, before, between, size, half, to);
}
template <class To>
YOSO_INLINE void last_round(float* work, I size, const To& to) {
  for (I half = 8; half < last_half(size); half *= 8)
    pass<8, Turn::up>(work, nullptr, nullptr, size, half, ToBatch{work});
  last_pass<Turn::up>(work, nullptr, nullptr, size, to);
}
// H D1 H D0 without its last pass of eight.
YOSO_INLINE void two_rounds(const float* in, const float* d0, const float* d1, I size, float* work) {
  pass<8, Turn::up>(in, d0, nullptr, size, 1, ToBatch{work});
  for (I half = 8; half < last_half(size); half *= 8)
    pass<8, Turn::up>(work, nullptr, nullptr, size, half, ToBatch{work});
  last_pass<Turn::up_down>(work, nullptr, d1, size, ToBatch{work});
  for (I half = last_half(size) / 8; half > 1; half /= 8)
    pass<8, Turn::down>(work, nullptr, nullptr, size, half, ToBatch{work});
}

void rotate(const float* in, const float* d0, const float* d1, I size, float* out) {
  two_rounds(in, d0, d1, size, out);
  pass<8, Turn::down>(out, nullptr, nullptr, size, 1, ToBatch{out});
}
void rotate_to_bits(const float* in, const float* d0, const float* d1, const float* d2, I size, float* work, I step,
                    std::uint16_t* bits) {
  two_rounds(in, d0, d1, size, work);
  pass<8, Turn::down_up>(work, nullptr, d2, size, 1, ToBatch{work});
  last_round(work, size, ToBits{bits, step});
}
void finish_to_bits(const float* in, const float* d2, I size, float* work, I step, std::uint16_t* bits) {
  pass<8, Turn::up>(in, d2, nullptr, size, 1, ToBatch{work});
  last_round(work, size, ToBits{bits, step});
}

void signs_to_bits(const float* x, I count, std::uint16_t* bits) {
  for (I i = 0; i < count; i += kLanes) store(bits + i, positive(load(x + i)));
}

// codes[h * stride + i] = sum_t [bit t of hash h of token i] 2^t, from bits [hashes * tau, ld].
void pack_codes(I count, I hashes, I tau, const std::uint16_t* bits, I ld, std::uint16_t* codes, I stride) {
  for (I first = 0; first < count; first += kLanes)
    for (I h = 0; h < hashes; ++h) {
      const std::uint16_t* from = bits + h * tau * ld + first;
      Half code = {}, bit = Half{} + std::uint16_t{1};
      for (I t = 0; t < tau; ++t, from += ld, bit += bit) code |= load(from) & bit;
      if (count - first >= kLanes)
        store(codes + h * stride + first, code);
      else
        store(codes + h * stride + first, code, count - first);
    }
}

}  // namespace
}  // namespace yoso
