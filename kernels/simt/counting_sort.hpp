// Tokens sorted by small codes (hash buckets): where each bucket begins, and the tokens of all buckets in a row.
//
// Stable, so that tokens of a bucket keep their order and every sum over a bucket has one order of its own: the result
// is that of std::stable_sort, whatever order warps run in. A block sorts a sequence, 8 bits of the code at a time. A
// warp takes a run of neighbours and has counts of its own, so that equal codes are told apart within a warp alone.
#pragma once
#include <bit>
#include <cstdint>

#include "simt/block.hpp"

namespace yoso::SIMT_NS {

template <class Code>  // std::uint16_t, std::int32_t
struct CountingSort {
  std::int64_t sequences = 0;   // one for each (row, hash)
  std::int64_t n = 0;           // tokens of a sequence
  std::int64_t slots = 1;       // codes lie in [0, slots)
  const Code* codes = nullptr;  // sequence s has codes[s * stride + i], i < n
  std::int64_t stride = 0;
  const std::uint8_t* keep = nullptr;   // null, or masks [.., n]: tokens that are not kept are left out, codes unread
  std::int64_t sequences_per_mask = 1;  // of a mask [batch, n]: heads * hashes
  std::int32_t* starts =
      nullptr;  // [sequences, slots + 1]: slot b holds order [starts[b], starts[b + 1]); null: not asked
  std::int32_t* order = nullptr;  // [sequences, n]: kept tokens by (code, token); what lies behind them is not written
  std::int32_t* spare = nullptr;  // [sequences, n], if sort_passes(slots) > 1
};

constexpr int kSortBits = 8;  // of a code, in one pass
constexpr int kSortThreads = 512;

constexpr int code_bits(std::int64_t slots) {
  return slots <= 2 ? 1 : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(slots - 1)));
}
constexpr int sort_passes(std::int64_t slots) { return (code_bits(slots) + kSortBits - 1) / kSortBits; }

// counts [warps, digits], of runs of neighbours: from how many there are of a digit to where the first of them goes.
// totals [digits + 1] becomes where a digit begins.
__device__ inline void counts_to_places(int* counts, int* totals, int warps, int digits) {
  for (int digit = static_cast<int>(threadIdx.x); digit < digits; digit += static_cast<int>(blockDim.x)) {
    int sum = 0;
    for (int w = 0; w < warps; ++w) {
      const int count = counts[w * digits + digit];
      counts[w * digits + digit] = sum;
      sum += count;
    }
    totals[digit] = sum;
  }
  __syncthreads();
  if (threadIdx.x < kWarp) {
    const int lane = static_cast<int>(threadIdx.x);
    int before = 0;
    for (int first = 0; first < digits; first += kWarp) {
      const int own = first + lane < digits ? totals[first + lane] : 0;
      int sum = own;
      for (unsigned step = 1; step < kWarp; step *= 2) {
        const int left = __shfl_up_sync(kWholeWarp, sum, step);
        if (lane >= static_cast<int>(step)) sum += left;
      }
      if (first + lane < digits) totals[first + lane] = before + sum - own;
      before += __shfl_sync(kWholeWarp, sum, kWarp - 1);
    }
    if (lane == 0) totals[digits] = before;
  }
  __syncthreads();
  for (int digit = static_cast<int>(threadIdx.x); digit < digits; digit += static_cast<int>(blockDim.x))
    for (int w = 0; w < warps; ++w) counts[w * digits + digit] += totals[digit];
  __syncthreads();
}

template <class Code>
__global__ void __launch_bounds__(kSortThreads, 2) sort_by_counting(CountingSort<Code> s, int bits, int passes) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  const int warps = static_cast<int>(blockDim.x) / kWarp, digits = 1 << bits;
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  int* const all_counts = carver.take<int>(static_cast<std::size_t>(warps) * digits);
  int* const totals = carver.take<int>(static_cast<std::size_t>(digits) + 1);
  int* const counts = all_counts + warp * digits;

  const std::int64_t sequence = blockIdx.x;
  const Code* const codes = s.codes + sequence * s.stride;
  const std::uint8_t* const keep = s.keep ? s.keep + sequence / s.sequences_per_mask * s.n : nullptr;
  std::int32_t* const order = s.order + sequence * s.n;
  std::int32_t* const spare = passes > 1 ? s.spare + sequence * s.n : nullptr;
  std::int32_t* const starts = s.starts ? s.starts + sequence * (s.slots + 1) : nullptr;

  int count = static_cast<int>(s.n);  // tokens still there
  for (int pass = 0; pass < passes; ++pass) {
    std::int32_t* const to = (passes - pass) % 2 == 1 ? order : spare;
    const std::int32_t* const from = pass == 0 ? nullptr : to == order ? spare : order;
    const int shift = pass * bits, run = static_cast<int>(ceil_div(count, warps * kWarp)) * kWarp;
    const int first = min(warp * run, count), last = min(first + run, count);
    // -1: no token of this run, or not kept
    const auto digit_of = [&](int at, std::int32_t& token) {
      token = 0;
      if (at >= last) return -1;
      token = from ? from[at] : at;
      if (pass == 0 && keep && !keep[token]) return -1;
      return static_cast<int>(static_cast<std::uint32_t>(codes[token]) >> shift) & (digits - 1);
    };
    for (int digit = lane; digit < digits; digit += kWarp) counts[digit] = 0;
    __syncwarp();
    std::int32_t token;
    for (int at = first + lane; at < last; at += kWarp)
      if (const int digit = digit_of(at, token); digit >= 0) atomicAdd(counts + digit, 1);
    __syncthreads();
    counts_to_places(all_counts, totals, warps, digits);
    count = totals[digits];
    for (int at = first; at < last; at += kWarp) {
      const int digit = digit_of(at + lane, token);
      const unsigned equal = __match_any_sync(kWholeWarp, digit);
      const int before = __popc(equal & ((1u << lane) - 1u));
      const int place = digit >= 0 ? counts[digit] : 0;
      __syncwarp();
      if (digit >= 0) {
        if (before == 0) counts[digit] = place + __popc(equal);
        to[place + before] = token;
      }
      __syncwarp();
    }
    if (starts && passes == 1)
      for (std::int64_t slot = threadIdx.x; slot <= s.slots; slot += blockDim.x)
        starts[slot] = slot < s.slots ? totals[slot] : count;
    __syncthreads();  // `to` is read by all in the next pass, and totals are written
  }
  if (!starts || passes == 1) return;
  for (std::int64_t slot = threadIdx.x; slot <= s.slots; slot += blockDim.x) {
    int low = 0, high = count;
    while (low < high) {
      const int middle = low + (high - low) / 2;
      if (static_cast<std::int64_t>(codes[order[middle]]) < slot)
        low = middle + 1;
      else
        high = middle;
    }
    starts[slot] = low;
  }
}

template <class Code>
void sort_codes(void* stream, const CountingSort<Code>& sort) {
  const int passes = sort_passes(sort.slots), bits = (code_bits(sort.slots) + passes - 1) / passes;
  // short sequences: four steps a warp before another warp comes
  const std::int64_t wanted = ceil_div(sort.n, 4 * kWarp), most = kSortThreads / kWarp;
  const std::int64_t warps = wanted < most ? wanted : most;
  const std::size_t digits = std::size_t{1} << bits;
  const std::size_t shared =
      simt::Carver::bytes<int>(static_cast<std::size_t>(warps) * digits) + simt::Carver::bytes<int>(digits + 1);
  simt::launch({.grid = grid_of(sort.sequences),
                .block = dim3(static_cast<unsigned>(warps * kWarp)),
                .shared_bytes = shared,
                .stream = stream},
               sort_by_counting<Code>, sort, bits, passes);
}

}  // namespace yoso::SIMT_NS
