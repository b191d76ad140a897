// bfloat16 as an element of tensors, and the one tensor-core word. Included by simt.hpp.
#pragma once
#include <cstdint>

#include <yoso/bf16.hpp>

namespace simt {

// Storage only: the upper half of a float.
struct alignas(2) bf16 {
  std::uint16_t bits;

  __host__ __device__ float to_float() const { return yoso::from_bf16(bits); }
  static __host__ __device__ bf16 from_float(float x) { return {yoso::to_bf16(x)}; }

  // Two neighbours as a register of the tensor core holds them: the first in the low half.
  static __host__ __device__ unsigned pack(bf16 first, bf16 second) {
    return static_cast<unsigned>(first.bits) | static_cast<unsigned>(second.bits) << 16;
  }
  static __host__ __device__ bf16 low(unsigned pair) { return {static_cast<std::uint16_t>(pair & 0xffffu)}; }
  static __host__ __device__ bf16 high(unsigned pair) { return {static_cast<std::uint16_t>(pair >> 16)}; }
};

namespace detail {

// What the tensor core computes, by shuffles: for GPUs before sm_80, and as a check of the emulator's own.
inline __device__ void mma_by_shuffles(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  const unsigned all = 0xffffffffu;
  const int lane = static_cast<int>((threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) & 31u);
  const int row = lane / 4, column = lane % 4 * 2;
  SIMT_UNROLL
  for (int half = 0; half < 2; ++half) {  // of the 16 products of a sum
    SIMT_UNROLL
    for (int quad = 0; quad < 4; ++quad) {
      const unsigned upper = __shfl_sync(all, a[2 * half], row * 4 + quad);
      const unsigned lower = __shfl_sync(all, a[2 * half + 1], row * 4 + quad);
      const unsigned left = __shfl_sync(all, b[half], column * 4 + quad);
      const unsigned right = __shfl_sync(all, b[half], column * 4 + 4 + quad);
      const float rows[2][2] = {{bf16::low(upper).to_float(), bf16::high(upper).to_float()},
                                {bf16::low(lower).to_float(), bf16::high(lower).to_float()}};
      const float columns[2][2] = {{bf16::low(left).to_float(), bf16::high(left).to_float()},
                                   {bf16::low(right).to_float(), bf16::high(right).to_float()}};
      SIMT_UNROLL
      for (int i = 0; i < 4; ++i) {
        d[i] += rows[i / 2][0] * columns[i % 2][0];
        d[i] += rows[i / 2][1] * columns[i % 2][1];
      }
    }
  }
}

}  // namespace detail

// d += a b, by a whole warp: a is 16 x 16 by rows, b 16 x 8 by columns, in bfloat16, d is 16 x 8. With g = lane / 4 and
// t = lane % 4, a lane holds
//   a[0]: row g, columns 2t and 2t+1;  a[1]: row g+8;  a[2], a[3]: the same rows, columns 2t+8 and 2t+9
//   b[0]: column g, rows 2t and 2t+1;  b[1]: rows 2t+8 and 2t+9
//   d[0], d[1]: row g, columns 2t and 2t+1;  d[2], d[3]: row g+8
// Products are exact; in which order and precision they are added is the machine's affair.
#if !defined(__CUDACC__)
inline void mma_bf16_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], SIMT_SITE) {
  detail::mma(d, a, b, SIMT_HERE);
}
#else
__device__ __forceinline__ void mma_bf16_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  detail::mma_by_shuffles(d, a, b);
#endif
}
#endif

}  // namespace simt
