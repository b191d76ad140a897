// Sums of values by hash tables on CUDA:
//
//   X_i = sum_h T_h[code_h(q_i)],   T_h[c] = sum of the v_j with code_h(k_j) = c
//
// fixed    integers in shared memory, whose atomic additions are native, and whose sums have no order: the same bits on
//          every device, and equal to what fixed.hpp says in plain loops. A block has kColumns columns of some hashes.
// fixed16  the same, one hash after the other, each sum then kept in 16 bits: so many hashes of a slice fit a block
// that a
//          query adds them up in registers. A block's hashes go on from the sums of those before, in the hashes' order,
//          so that the bits do not depend on how many fit.
// sorted   f32 in global memory, a bucket's values in the order of the tokens: the CPU's bits.
// atomics  f32 atomic additions to tables in global memory, as the reference does: another result in every run.
#pragma once
#include "simt/block.hpp"
#include "yoso_m/fixed.hpp"

namespace yoso::yoso_m::SIMT_NS {

using namespace yoso::SIMT_NS;

// What all kernels here are told: the problem, and rows [first_row, first_row + rows) of it.
struct TableArgs {
  Shape shape;
  unsigned hashes;
  int slots;
  std::int64_t first_row, rows;
  const std::uint16_t *q_codes, *k_codes;  // [all rows, hashes, n]
  const std::uint8_t *keep_q, *keep_k;     // [batch, n] or null
};

// ------------------------------------------------------------------------------------------------------------- counts

constexpr int kCountThreads = 256;

// A block counts the keys in each slot of one hash: largest [rows] becomes at least the fullest slot's count, and
// collisions [rows, n_q], if it is there, grows by what a query finds. Integers, so their order does not matter.
template <class Count>
__global__ void __launch_bounds__(kCountThreads)
    count_kernel(TableArgs a, int* __restrict__ largest, Count* __restrict__ collisions) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  int* const counts = carver.take<int>(static_cast<std::size_t>(a.slots));
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t row = blockIdx.x / a.hashes, hash = blockIdx.x % a.hashes;
  const Shape& s = a.shape;
  for (int slot = thread; slot < a.slots; slot += kCountThreads) counts[slot] = 0;
  __syncthreads();
  const std::uint16_t* const k = a.k_codes + (row * a.hashes + hash) * s.n_k;
  for (std::int64_t j = thread; j < s.n_k; j += kCountThreads)
    if (is_kept(a.keep_k, s, row, s.n_k, j)) atomicAdd(counts + k[j], 1);
  __syncthreads();
  int most = 0;
  for (int slot = thread; slot < a.slots; slot += kCountThreads) most = max(most, counts[slot]);
  for (int step = kWarp / 2; step > 0; step /= 2) most = max(most, __shfl_xor_sync(kWholeWarp, most, step));
  if (thread % kWarp == 0) atomicMax(largest + row, most);
  if (!collisions) return;
  const std::uint16_t* const q = a.q_codes + (row * a.hashes + hash) * s.n_q;
  for (std::int64_t i = thread; i < s.n_q; i += kCountThreads)
    if (is_kept(a.keep_q, s, row, s.n_q, i)) atomicAdd(collisions + row * s.n_q + i, static_cast<Count>(counts[q[i]]));
}

// The same from sorted keys, a thread a query.
template <class Count>
__global__ void __launch_bounds__(kCountThreads)
    count_sorted_kernel(TableArgs a, const std::int32_t* __restrict__ starts, Count* __restrict__ collisions) {
  const Shape& s = a.shape;
  const Place block = place_of_block(s.n_q, kCountThreads);
  const std::int64_t row = a.first_row + block.row, i = block.first + threadIdx.x;
  if (i >= s.n_q) return;
  Count sum = 0;
  if (is_kept(a.keep_q, s, row, s.n_q, i))
    for (std::int64_t hash = 0; hash < a.hashes; ++hash) {
      const std::int32_t* const its = starts + (block.row * a.hashes + hash) * (a.slots + 1);
      const int code = a.q_codes[(row * a.hashes + hash) * s.n_q + i];
      sum += static_cast<Count>(its[code + 1] - its[code]);
    }
  collisions[row * s.n_q + i] = sum;
}

// -------------------------------------------------------------------------------------------------------------- fixed

constexpr int kFixedThreads = 256;
constexpr int kMaxTokens = 1024;  // of a block that looks for the largest values

// largest [rows, d_v] becomes the bits of the largest magnitude of each column of kept values. Bits of floats that are
// not negative are in the order of the floats.
template <class Bits, class E>
__global__ void __launch_bounds__(kFixedThreads)
    largest_kernel(Shape s, const E* __restrict__ v, const std::uint8_t* __restrict__ keep_k,
                   Bits* __restrict__ largest) {
  const auto [row, first] = place_of_block(s.n_k, kMaxTokens);
  const std::int64_t end = first + kMaxTokens < s.n_k ? first + kMaxTokens : s.n_k;
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  for (std::int64_t c = lane; c < s.d_v; c += kWarp) {
    float most = 0;
    for (std::int64_t j = first + warp; j < end; j += kFixedThreads / kWarp)
      if (is_kept(keep_k, s, row, s.n_k, j)) most = fmaxf(most, fabsf(element_of(v + (row * s.n_k + j) * s.d_v + c)));
    atomicMax(largest + row * s.d_v + c, static_cast<Bits>(__float_as_int(most)));
  }
}

// integers [rows, n_k, width] of values, where width is d_v rounded up to whole slices; zeros for padded keys, which
// add nothing then.
template <class Integer, class E>
__global__ void __launch_bounds__(kFixedThreads)
    round_kernel(Shape s, std::int64_t width, const E* __restrict__ v, const std::uint8_t* __restrict__ keep_k,
                 const int* __restrict__ fullest, const int* __restrict__ largest, Integer* __restrict__ integers) {
  const Place block = place_of_block(s.n_k * width, kFixedThreads);
  const std::int64_t row = block.row, at = block.first + threadIdx.x;
  if (at >= s.n_k * width) return;
  const std::int64_t j = at / width, c = at % width;
  int whole = 0;
  if (c < s.d_v && is_kept(keep_k, s, row, s.n_k, j))
    whole = to_fixed(element_of(v + (row * s.n_k + j) * s.d_v + c),
                     fixed_scale(fullest[row], __int_as_float(largest[row * s.d_v + c])));
  integers[row * s.n_k * width + at] = whole;
}

// A block fills the tables of one slice of columns for hashes [part * group, ...), and reads them once for each query:
// partial [parts, rows, n_q, width]. Lanes that add a key's columns lie side by side, so a row of a table is one
// transaction; lanes of other keys meet only where they meet the same bank.
template <class Integer>
__global__ void __launch_bounds__(kFixedThreads)
    fixed_kernel(TableArgs a, std::int64_t width, int group, const Integer* __restrict__ integers,
                 const int* __restrict__ fullest, const int* __restrict__ largest, float* __restrict__ partial) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  Integer* const tables = carver.take<Integer>(static_cast<std::size_t>(group) * a.slots * kColumns);
  const int thread = static_cast<int>(threadIdx.x);
  const Shape& s = a.shape;
  const auto slices = static_cast<unsigned>(width) / kColumns, rows = static_cast<unsigned>(s.rows());
  const std::int64_t slice = blockIdx.x % slices, row = blockIdx.x / slices % rows, part = blockIdx.x / slices / rows;
  const int first = static_cast<int>(part) * group, hashes = min(group, static_cast<int>(a.hashes) - first);
  for (int at = thread; at < hashes * a.slots * kColumns; at += kFixedThreads) tables[at] = 0;
  __syncthreads();

  const std::uint16_t* const k = a.k_codes + (row * a.hashes + first) * s.n_k;
  const int column = thread % kColumns;
  for (std::int64_t j = thread / kColumns; j < s.n_k; j += kFixedThreads / kColumns) {
    const Integer value = integers[(row * s.n_k + j) * width + slice * kColumns + column];
    if (value == 0) continue;
    for (int h = 0; h < hashes; ++h) atomicAdd(tables + (h * a.slots + k[h * s.n_k + j]) * kColumns + column, value);
  }
  __syncthreads();

  float unit[kColumns];
  SIMT_UNROLL
  for (int c = 0; c < kColumns; ++c) {
    const std::int64_t its = slice * kColumns + c;
    unit[c] = its < s.d_v ? fixed_unit(fullest[row], __int_as_float(largest[row * s.d_v + its])) : 0.0f;
  }
  const std::uint16_t* const q = a.q_codes + (row * a.hashes + first) * s.n_q;
  for (std::int64_t i = thread; i < s.n_q; i += kFixedThreads) {
    std::int64_t sum[kColumns] = {};
    for (int h = 0; h < hashes; ++h) {
      const int4 found = reinterpret_cast<const int4*>(tables)[h * a.slots + q[h * s.n_q + i]];
      sum[0] += found.x;
      sum[1] += found.y;
      sum[2] += found.z;
      sum[3] += found.w;
    }
    static_assert(kColumns == 4);
    float4* const to = reinterpret_cast<float4*>(partial + ((part * s.rows() + row) * s.n_q + i) * width) + slice;
    *to = make_float4(static_cast<float>(sum[0]) * unit[0], static_cast<float>(sum[1]) * unit[1],
                      static_cast<float>(sum[2]) * unit[2], static_cast<float>(sum[3]) * unit[3]);
  }
}

// ------------------------------------------------------------------------------------------------------------ fixed16

constexpr int kNarrowThreads = 512;  // a block fills a multiprocessor's memory, so it is alone there

constexpr std::int64_t kNarrowSlotBytes = 10;  // four sums and their exponents
inline std::int64_t narrow_bytes(std::int64_t slots, std::int64_t hashes) {
  return 16 * slots + 8 * hashes * slots + (2 * hashes * slots + 15) / 16 * 16;
}

// A block has one slice of columns of a row, and hashes [first, first + hashes). sums [rows, n_q, width] are written by
// the block of the first hashes, and grow by the others.
template <class Integer>
__global__ void __launch_bounds__(kNarrowThreads)
    narrow_kernel(TableArgs a, std::int64_t width, int first, int hashes, const Integer* __restrict__ integers,
                  const int* __restrict__ fullest, const int* __restrict__ largest, float* __restrict__ sums) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  const auto slots = static_cast<std::size_t>(a.slots), narrowed = static_cast<std::size_t>(hashes) * slots;
  Integer* const table = carver.take<Integer>(slots * kColumns);
  int2* const mantissas = carver.take<int2>(narrowed);
  std::uint16_t* const exponents = carver.take<std::uint16_t>(narrowed);
  const int thread = static_cast<int>(threadIdx.x), column = thread % kColumns;
  const Shape& s = a.shape;
  const auto slices = static_cast<unsigned>(width) / kColumns;
  const std::int64_t slice = blockIdx.x % slices, row = blockIdx.x / slices;
  const Integer* const values = integers + row * s.n_k * width + slice * kColumns + column;
  int4* const table_rows = reinterpret_cast<int4*>(table);
  for (int slot = thread; slot < a.slots; slot += kNarrowThreads) table_rows[slot] = int4{0, 0, 0, 0};
  __syncthreads();

  const std::uint16_t* k = a.k_codes + (row * a.hashes + first) * s.n_k;
  for (int h = 0; h < hashes; ++h, k += s.n_k) {
    for (std::int64_t j = thread / kColumns; j < s.n_k; j += kNarrowThreads / kColumns)
      if (const Integer value = values[j * width]; value != 0) atomicAdd(table + k[j] * kColumns + column, value);
    __syncthreads();
    for (int slot = thread; slot < a.slots; slot += kNarrowThreads) {
      const int4 x = table_rows[slot];
      const int4 shift{narrow_shift(x.x), narrow_shift(x.y), narrow_shift(x.z), narrow_shift(x.w)};
      mantissas[h * a.slots + slot] = int2{(narrow(x.x, shift.x) & 0xffff) | narrow(x.y, shift.y) << 16,
                                           (narrow(x.z, shift.z) & 0xffff) | narrow(x.w, shift.w) << 16};
      exponents[h * a.slots + slot] =
          static_cast<std::uint16_t>((shift.x - kLeastShift) | (shift.y - kLeastShift) << 4 |
                                     (shift.z - kLeastShift) << 8 | (shift.w - kLeastShift) << 12);
      table_rows[slot] = int4{0, 0, 0, 0};
    }
    __syncthreads();
  }

  float unit[kColumns];
  SIMT_UNROLL
  for (int c = 0; c < kColumns; ++c) {
    const std::int64_t its = slice * kColumns + c;
    unit[c] = its < s.d_v ? fixed_unit(fullest[row], __int_as_float(largest[row * s.d_v + its])) : 1.0f;
  }
  const std::uint16_t* const q = a.q_codes + (row * a.hashes + first) * s.n_q;
  const auto low = [](int pair) { return static_cast<float>(static_cast<std::int16_t>(pair)); };
  const auto high = [](int pair) { return static_cast<float>(pair >> 16); };
  const auto step = [](int exponent, int c) {
    return __int_as_float(((exponent >> 4 * c & 15) + kLeastShift + 127) << 23);
  };
  for (std::int64_t i = thread; i < s.n_q; i += kNarrowThreads) {
    float4* const to = reinterpret_cast<float4*>(sums + (row * s.n_q + i) * width) + slice;
    float4 sum = make_float4(0, 0, 0, 0);
    // products and quotients with powers of two are exact, so it does not matter what is fused
    if (first > 0) sum = make_float4(to->x / unit[0], to->y / unit[1], to->z / unit[2], to->w / unit[3]);
    for (int h = 0; h < hashes; ++h) {
      const int at = h * a.slots + q[h * s.n_q + i];
      const int2 found = mantissas[at];
      const int exponent = exponents[at];
      sum.x += low(found.x) * step(exponent, 0);
      sum.y += high(found.x) * step(exponent, 1);
      sum.z += low(found.y) * step(exponent, 2);
      sum.w += high(found.y) * step(exponent, 3);
    }
    *to = make_float4(sum.x * unit[0], sum.y * unit[1], sum.z * unit[2], sum.w * unit[3]);
  }
}

// --------------------------------------------------------------------------------------------------- sorted, atomics

constexpr int kBucketWarps = 8;

// The row (or sequence) of this block, and the thing of it that this warp works on.
struct OfWarp {
  std::int64_t row, i;
};
__device__ inline OfWarp this_warp(std::int64_t n) {
  const Place block = place_of_block(n, kBucketWarps);
  return {block.row, block.first + threadIdx.x / kWarp};
}

// tables [rows, hashes, slots, d_v], a warp a slot: the sum of values [all rows, n, d_v] of its tokens, in their order.
template <class Real, class E>
__global__ void __launch_bounds__(kBucketWarps* kWarp, 4)
    bucket_kernel(TableArgs a, const std::int32_t* __restrict__ starts, const std::int32_t* __restrict__ order,
                  std::int64_t n, std::int64_t d_v, const E* __restrict__ values, Real* __restrict__ tables) {
  const auto [sequence, slot] = this_warp(a.slots);
  if (slot >= a.slots) return;
  const std::int32_t* const its = starts + sequence * (a.slots + 1) + slot;
  const std::int32_t first = its[0], end = its[1];
  const E* const from = values + (a.first_row + static_cast<unsigned>(sequence) / a.hashes) * n * d_v;
  order += sequence * n;
  for (std::int64_t c = threadIdx.x % kWarp; c < d_v; c += kWarp) {
    Real sum = 0;
    for (std::int32_t at = first; at < end; ++at) sum += element_of(from + order[at] * d_v + c);
    tables[(sequence * a.slots + slot) * d_v + c] = sum;
  }
}

// The reference's: a warp adds a key's value to the table of one hash.
template <class Real, class E>
__global__ void __launch_bounds__(kBucketWarps* kWarp)
    scatter_kernel(TableArgs a, std::int64_t n, std::int64_t d_v, const E* __restrict__ values,
                   Real* __restrict__ tables) {
  const auto [sequence, j] = this_warp(n);
  if (j >= n) return;
  const unsigned hash = static_cast<unsigned>(sequence) % a.hashes;
  const std::int64_t row = a.first_row + static_cast<unsigned>(sequence) / a.hashes;
  if (!is_kept(a.keep_k, a.shape, row, n, j)) return;
  const std::int64_t slot = a.k_codes[(row * a.hashes + hash) * n + j];
  for (std::int64_t c = threadIdx.x % kWarp; c < d_v; c += kWarp)
    atomicAdd(tables + (sequence * a.slots + slot) * d_v + c, element_of(values + (row * n + j) * d_v + c));
}

// out [all rows, n, d_v] = factor * the sum over hashes, in their order, of what the tables hold for a token's codes;
// zeros for padded tokens. A warp a token.
template <class Real>
__global__ void __launch_bounds__(kBucketWarps* kWarp)
    gather_kernel(TableArgs a, const std::uint16_t* __restrict__ codes, const std::uint8_t* __restrict__ keep,
                  std::int64_t n, std::int64_t d_v, Real factor, const Real* __restrict__ tables,
                  Real* __restrict__ out) {
  const auto [at, i] = this_warp(n);
  if (i >= n) return;
  const std::int64_t row = a.first_row + at;
  const bool kept = is_kept(keep, a.shape, row, n, i);
  for (std::int64_t c = threadIdx.x % kWarp; c < d_v; c += kWarp) {
    Real sum = 0;
    for (std::int64_t h = 0; kept && h < a.hashes; ++h)
      sum += tables[((at * a.hashes + h) * a.slots + codes[(row * a.hashes + h) * n + i]) * d_v + c];
    out[(row * n + i) * d_v + c] = sum * factor;
  }
}

}  // namespace yoso::yoso_m::SIMT_NS
