// CUDA's built-in functions and vector types for the emulator. Included by emulator.hpp.
#pragma once
#include <math.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#define SIMT_VECTORS(T, name)                                \
  struct alignas(2 * sizeof(T)) name##2 {                    \
    T x, y;                                                  \
  };                                                         \
  struct alignas(4 * sizeof(T)) name##4 {                    \
    T x, y, z, w;                                            \
  };                                                         \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; } \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
SIMT_VECTORS(float, float)
SIMT_VECTORS(int, int)
SIMT_VECTORS(unsigned, uint)
#undef SIMT_VECTORS

// ---- barriers, and what a warp does together

namespace simt::detail {

template <class T>
concept Word = std::is_arithmetic_v<T> &&(sizeof(T) == 4 || sizeof(T) == 8);

template <Word T>
std::uint64_t bits_of(T value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

template <Word T>
T shuffle(Op op, unsigned mask, T value, unsigned source, Site site) {
  const std::uint64_t bits = warp_op(op, mask, bits_of(value), source, site);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// The lanes that a shuffle of this width keeps among themselves begin here.
inline unsigned segment(int width, Site site) {
  if (width < 1 || width > 32 || (width & (width - 1)) != 0) refuse_width(width, site);
  return current_lane & ~(static_cast<unsigned>(width) - 1);
}

}  // namespace simt::detail

inline void __syncthreads(SIMT_SITE) { simt::detail::block_op(simt::detail::Op::sync, false, SIMT_HERE); }
inline int __syncthreads_count(int predicate, SIMT_SITE) {
  return simt::detail::block_op(simt::detail::Op::sync_count, predicate != 0, SIMT_HERE);
}
inline int __syncthreads_and(int predicate, SIMT_SITE) {
  return simt::detail::block_op(simt::detail::Op::sync_and, predicate != 0, SIMT_HERE);
}
inline int __syncthreads_or(int predicate, SIMT_SITE) {
  return simt::detail::block_op(simt::detail::Op::sync_or, predicate != 0, SIMT_HERE);
}
inline void __syncwarp(unsigned mask = 0xffffffffu, SIMT_SITE) {
  simt::detail::warp_op(simt::detail::Op::sync_warp, mask, 0, 0, SIMT_HERE);
}

template <simt::detail::Word T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, SIMT_SITE) {
  const unsigned first = simt::detail::segment(width, SIMT_HERE);
  const unsigned from = first | (static_cast<unsigned>(source) & (static_cast<unsigned>(width) - 1));
  return simt::detail::shuffle(simt::detail::Op::shuffle, mask, value, from, SIMT_HERE);
}
// A source beyond the segment is the caller itself; for xor, only one above it.
template <simt::detail::Word T>
T __shfl_xor_sync(unsigned mask, T value, int with, int width = 32, SIMT_SITE) {
  const unsigned lane = simt::detail::current_lane, from = lane ^ static_cast<unsigned>(with);
  const unsigned end = simt::detail::segment(width, SIMT_HERE) + static_cast<unsigned>(width);
  return simt::detail::shuffle(simt::detail::Op::shuffle_xor, mask, value, from < end ? from : lane, SIMT_HERE);
}
template <simt::detail::Word T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32, SIMT_SITE) {
  const unsigned lane = simt::detail::current_lane, inside = lane - simt::detail::segment(width, SIMT_HERE);
  return simt::detail::shuffle(simt::detail::Op::shuffle_up, mask, value, by <= inside ? lane - by : lane, SIMT_HERE);
}
template <simt::detail::Word T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32, SIMT_SITE) {
  const unsigned lane = simt::detail::current_lane, inside = lane - simt::detail::segment(width, SIMT_HERE);
  const bool there = by < static_cast<unsigned>(width) - inside;
  return simt::detail::shuffle(simt::detail::Op::shuffle_down, mask, value, there ? lane + by : lane, SIMT_HERE);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, SIMT_SITE) {
  return static_cast<unsigned>(simt::detail::warp_op(simt::detail::Op::ballot, mask, predicate != 0, 0, SIMT_HERE));
}
inline int __any_sync(unsigned mask, int predicate, SIMT_SITE) {
  return static_cast<int>(simt::detail::warp_op(simt::detail::Op::any, mask, predicate != 0, 0, SIMT_HERE));
}
inline int __all_sync(unsigned mask, int predicate, SIMT_SITE) {
  return static_cast<int>(simt::detail::warp_op(simt::detail::Op::all, mask, predicate != 0, 0, SIMT_HERE));
}
template <simt::detail::Word T>
unsigned __match_any_sync(unsigned mask, T value, SIMT_SITE) {
  const std::uint64_t bits = simt::detail::bits_of(value);
  return static_cast<unsigned>(simt::detail::warp_op(simt::detail::Op::match_any, mask, bits, 0, SIMT_HERE));
}
inline unsigned __reduce_add_sync(unsigned mask, unsigned value, SIMT_SITE) {
  return static_cast<unsigned>(simt::detail::warp_op(simt::detail::Op::reduce_add, mask, value, 0, SIMT_HERE));
}
inline int __reduce_add_sync(unsigned mask, int value, SIMT_SITE) {
  return static_cast<int>(__reduce_add_sync(mask, static_cast<unsigned>(value), simt_file, simt_line));
}

// ---- atomics: relaxed, as CUDA's

namespace simt::detail {

template <class T>
std::atomic_ref<T> atomic(T* p) {
  on_atomic();
  return std::atomic_ref<T>(*p);
}

template <class T, class F>
T exchange_by(T* p, F next) {
  const std::atomic_ref<T> ref = atomic(p);
  T old = ref.load(std::memory_order_relaxed);
  while (!ref.compare_exchange_weak(old, next(old), std::memory_order_relaxed)) {
  }
  return old;
}

}  // namespace simt::detail

#define SIMT_ATOMIC_FLOAT(T)                                                 \
  inline T atomicAdd(T* p, T value) {                                        \
    return simt::detail::exchange_by(p, [=](T old) { return old + value; }); \
  }
SIMT_ATOMIC_FLOAT(float)
SIMT_ATOMIC_FLOAT(double)
#undef SIMT_ATOMIC_FLOAT

#define SIMT_ATOMIC(T)                                                                                              \
  inline T atomicAdd(T* p, T value) { return simt::detail::atomic(p).fetch_add(value, std::memory_order_relaxed); } \
  inline T atomicAnd(T* p, T value) { return simt::detail::atomic(p).fetch_and(value, std::memory_order_relaxed); } \
  inline T atomicOr(T* p, T value) { return simt::detail::atomic(p).fetch_or(value, std::memory_order_relaxed); }   \
  inline T atomicXor(T* p, T value) { return simt::detail::atomic(p).fetch_xor(value, std::memory_order_relaxed); } \
  inline T atomicExch(T* p, T value) { return simt::detail::atomic(p).exchange(value, std::memory_order_relaxed); } \
  inline T atomicMax(T* p, T value) {                                                                               \
    return simt::detail::exchange_by(p, [=](T old) { return std::max(old, value); });                               \
  }                                                                                                                 \
  inline T atomicMin(T* p, T value) {                                                                               \
    return simt::detail::exchange_by(p, [=](T old) { return std::min(old, value); });                               \
  }                                                                                                                 \
  inline T atomicCAS(T* p, T expected, T desired) {                                                                 \
    simt::detail::atomic(p).compare_exchange_strong(expected, desired, std::memory_order_relaxed);                  \
    return expected;                                                                                                \
  }
SIMT_ATOMIC(int)
SIMT_ATOMIC(unsigned)
SIMT_ATOMIC(unsigned long long)
#undef SIMT_ATOMIC
inline int atomicSub(int* p, int value) { return simt::detail::atomic(p).fetch_sub(value, std::memory_order_relaxed); }
inline unsigned atomicSub(unsigned* p, unsigned value) {
  return simt::detail::atomic(p).fetch_sub(value, std::memory_order_relaxed);
}
inline float atomicExch(float* p, float value) {
  return simt::detail::exchange_by(p, [=](float) { return value; });
}

inline void __threadfence() {}  // order that the emulator keeps anyway; it is no meeting, so races stay visible
inline void __threadfence_block() {}

template <class T>
T __ldg(const T* p) {
  return *p;
}

// ---- arithmetic

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __ffs(int x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1; }
inline int __ffsll(long long x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned long long>(x)) + 1; }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
inline unsigned __brev(unsigned x) {
  unsigned y = 0;
  for (int bit = 0; bit < 32; ++bit) y |= (x >> bit & 1u) << (31 - bit);
  return y;
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<std::uint64_t>(a) * b >> 32);
}

inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }

namespace simt::detail {

// CUDA's conversions saturate, and take NaN to 0.
inline int to_int(float whole) {
  if (!(whole == whole)) return 0;
  if (whole >= 2147483648.0f) return std::numeric_limits<int>::max();
  if (whole < -2147483648.0f) return std::numeric_limits<int>::min();
  return static_cast<int>(whole);
}

inline float exp(float x) { return std::exp(x); }
inline float log(float x) { return std::log(x); }
inline float rsqrt(float x) { return 1.0f / std::sqrt(x); }

}  // namespace simt::detail

inline int __float2int_rn(float x) { return simt::detail::to_int(nearbyintf(x)); }
inline int __float2int_rz(float x) { return simt::detail::to_int(truncf(x)); }
inline int __float2int_rd(float x) { return simt::detail::to_int(floorf(x)); }
inline int __float2int_ru(float x) { return simt::detail::to_int(ceilf(x)); }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1.0f) : 0.0f; }  // NaN to 0

// Macros, because the C library has, or will have, functions of these names.
#define __expf(x) (::simt::detail::exp(x))
#define __logf(x) (::simt::detail::log(x))
#define rsqrtf(x) (::simt::detail::rsqrt(x))

#define SIMT_MIN_MAX(T)                            \
  inline T min(T a, T b) { return b < a ? b : a; } \
  inline T max(T a, T b) { return a < b ? b : a; }
SIMT_MIN_MAX(int)
SIMT_MIN_MAX(unsigned)
SIMT_MIN_MAX(long)
SIMT_MIN_MAX(unsigned long)
SIMT_MIN_MAX(long long)
SIMT_MIN_MAX(unsigned long long)
#undef SIMT_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
