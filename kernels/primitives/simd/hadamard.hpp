// Walsh-Hadamard transform: stage `half` replaces each pair (a, b) that lies `half` apart by (a + b, a - b); stages
// with ascending `half`. The order of the stages alone fixes every bit, so vectors, blocks and radix are free choices.
#pragma once
#include "primitives/simd/vector.hpp"

namespace yoso {
namespace {

// The stages within one vector. b + a * 1 and a + b * -1 are exact products: fusing them changes no bit.
template <int kStep = 1>
YOSO_INLINE Vec lane_stages(Vec v, I size) {
  if constexpr (kStep < kLanes) {
    if (kStep >= size) return v;
    return lane_stages<2 * kStep>(exchange<kStep>(v, kEveryLane) + v * signs<kStep>(kEveryLane), size);
  } else {
    return v;
  }
}

// One block of kCount vectors: all stages below kCount * kLanes, in registers.
template <int kCount>
YOSO_INLINE void hadamard_block(float* x) {
  Vec v[kCount];
  for (int i = 0; i < kCount; ++i) v[i] = lane_stages(load(x + i * kLanes), kLanes);
  for (int half = 1; half < kCount; half *= 2)
    for (int i = 0; i < kCount; ++i)
      if (!(i & half)) {
        const Vec a = v[i], b = v[i + half];
        v[i] = a + b;
        v[i + half] = a - b;
      }
  for (int i = 0; i < kCount; ++i) store(x + i * kLanes, v[i]);
}

constexpr int kBlock = 8;  // vectors: half of the registers of AVX2

void hadamard_row(float* x, I size) {
  if (size < kLanes) return store(x, lane_stages(load(x, size), size), size);
  if (size == kLanes) return hadamard_block<1>(x);
  if (size == 2 * kLanes) return hadamard_block<2>(x);
  if (size == 4 * kLanes) return hadamard_block<4>(x);
  for (I i = 0; i < size; i += kBlock * kLanes) hadamard_block<kBlock>(x + i);
  for (I half = kBlock * kLanes; half < size; half *= 2)
    for (I first = 0; first < size; first += 2 * half)
      for (I i = first; i < first + half; i += kLanes) {
        const Vec a = load(x + i), b = load(x + i + half);
        store(x + i, a + b);
        store(x + i + half, a - b);
      }
}

void hadamard(float* x, I rows, I size, I ld) {
  for (I r = 0; r < rows; ++r) hadamard_row(x + r * ld, size);
}

}  // namespace
}  // namespace yoso
