// The draws of lib/src/random.cpp on a device, bit for bit: value i of a stream depends on (seed, stream, i) alone. Of
// the laws, those whose arithmetic is whole numbers: the logarithm and cosine of a normal are another library's there.
#pragma once
#include <yoso/random.hpp>
#include <yoso/tensors.hpp>

// Random123 warns under -Wpedantic; it is included as a system header.
#include <Random123/philox.h>

#include "simt/block.hpp"

namespace yoso::SIMT_NS {

constexpr int kDrawWarps = 8;
constexpr int kBlockSigns = 128;  // bits of a Philox block

// A warp makes the signs of one Philox block, in words of a sign a lane.
template <class Real>
__global__ void __launch_bounds__(kDrawWarps* kWarp)
    sign_kernel(std::uint64_t seed, std::uint64_t name, std::int64_t size, float plus, Real* __restrict__ out) {
  const Place block = place_of_block(size, kDrawWarps * kBlockSigns);
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t first = block.first + warp * kBlockSigns;
  const std::uint64_t stream = stream_of(name, static_cast<std::uint64_t>(block.row));
  const auto at = static_cast<std::uint64_t>(first / kBlockSigns);
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  const r123::Philox4x32::ctr_type counter{{low(at), high(at), low(stream), high(stream)}};
  const r123::Philox4x32::key_type key{{low(seed), high(seed)}};
  const r123::Philox4x32::ctr_type words = r123::Philox4x32{}(counter, key);
  SIMT_UNROLL
  for (int word = 0; word < kBlockSigns / kWarp; ++word)
    if (const std::int64_t i = first + word * kWarp + lane; i < size)
      out[block.row * size + i] = (words.v[word] >> lane) & 1 ? plus : -plus;
}

// Device::fill.
inline bool draw(void* stream, const TensorSpec& spec, const Shape& shape, std::uint64_t seed, float* out) {
  if (spec.law != Law::sign) return false;
  const std::int64_t copies = spec.copies(shape), size = spec.copy_size();
  if (size == 0) return true;
  simt::launch({.grid = grid_of(copies, size, kDrawWarps * kBlockSigns),
                .block = dim3(kDrawWarps * kWarp),
                .shared_bytes = 0,
                .stream = stream},
               sign_kernel<float>, seed, hash_of(spec.name), size, static_cast<float>(spec.scale), out);
  return true;
}

}  // namespace yoso::SIMT_NS
