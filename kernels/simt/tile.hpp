// Products of tiles in shared memory, f32 on CUDA cores: what kernels/simt/attend*.hpp are made of.
//
// A block of 128 threads works on a tall tile (kTall rows, which stay) and a wide one (kWide rows, which are streamed).
// Both lie row by row, kStride floats apart: four more than a row, so that 16-byte reads of 8 neighbouring rows touch
// all banks once. Of the kTall x kWide products a thread has kRows x kColumns: those of its rows (see row()) with
// columns x + 16 c. The 16 threads of a half-warp share rows, so that sums along a row are shuffles, and what a
// thread leaves of its rows in shared memory is read by its own warp only.
#pragma once
#include "simt/block.hpp"

namespace yoso::SIMT_NS {

constexpr int kAttendThreads = 128;

// Four aligned elements of an input.
__device__ inline float4 four_of(const float* x) { return __ldg(reinterpret_cast<const float4*>(x)); }
__device__ inline float4 four_of(const simt::bf16* x) {
  const uint2 e = __ldg(reinterpret_cast<const uint2*>(x));
  return make_float4(simt::bf16::low(e.x).to_float(), simt::bf16::high(e.x).to_float(), simt::bf16::low(e.y).to_float(),
                     simt::bf16::high(e.y).to_float());
}

template <int kD_, int kWide_>
struct Tile {
  static constexpr int kD = kD_;                  // widest row
  static constexpr int kRows = kD > 128 ? 4 : 8;  // of a thread
  static constexpr int kTall = kRows * kAttendThreads / 16;
  static constexpr int kWide = kWide_;
  static constexpr int kColumns = kWide / 16;
  static constexpr int kStride = kD + 4;
  static constexpr int kPairs = kWide + 4;               // floats from a row of a tile of pairs to the next
  static constexpr int kOuts = kD / 16;                  // elements of an output row that a thread has
  static constexpr int kVector = kOuts < 4 ? kOuts : 4;  // neighbours among them
  static constexpr int kTallSize = kTall * kStride, kWideSize = kWide * kStride, kPairsSize = kTall * kPairs;

  // Row i of this thread. The half-warps are four rows apart, which is half of the banks.
  static __device__ int row(int i) {
    const int warp = threadIdx.x / 32, half = threadIdx.x / 16 % 2;
    return warp * 2 * kRows + half * 4 + (i & 3) + 2 * (i & 4);
  }
  static __device__ int x() { return threadIdx.x % 16; }
  // Element o of an output row.
  static __device__ int out(int o) { return o / kVector * 16 * kVector + x() * kVector + o % kVector; }

  // s += a b^T over the first `depth` elements of rows, a multiple of 4. The order is the same whichever of the two is
  // tall, so that a pair has the same bits wherever it is computed.
  static __device__ void product(const float* a, const float* b, int depth, float (&s)[kRows][kColumns]) {
    a += row(0) * kStride;
    b += x() * kStride;
    for (int c = 0; c < depth; c += 4) {
      float4 y[kColumns];
      SIMT_UNROLL
      for (int j = 0; j < kColumns; ++j) y[j] = *reinterpret_cast<const float4*>(b + 16 * j * kStride + c);
      SIMT_UNROLL
      for (int i = 0; i < kRows; ++i) {
        const float4 e = *reinterpret_cast<const float4*>(a + ((i & 3) + 2 * (i & 4)) * kStride + c);
        SIMT_UNROLL
        for (int j = 0; j < kColumns; ++j) {
          s[i][j] += e.x * y[j].x;
          s[i][j] += e.y * y[j].y;
          s[i][j] += e.z * y[j].z;
          s[i][j] += e.w * y[j].w;
        }
      }
    }
  }

  // pairs [kTall, kWide]: each thread its own. After a __syncwarp() the rows of a warp are whole.
  static __device__ void put(const float (&s)[kRows][kColumns], float* pairs) {
    SIMT_UNROLL
    for (int i = 0; i < kRows; ++i) {
      SIMT_UNROLL
      for (int j = 0; j < kColumns; ++j) pairs[row(i) * kPairs + x() + 16 * j] = s[i][j];
    }
  }

  // sum += pairs b: of each row of pairs with the columns of the wide tile b.
  static __device__ void accumulate(const float* pairs, const float* b, float (&sum)[kRows][kOuts]) {
    pairs += row(0) * kPairs;
    b += x() * kVector;
    for (int j = 0; j < kWide; j += 4) {
      float p[kRows][4];
      SIMT_UNROLL
      for (int i = 0; i < kRows; ++i) {
        const float4 e = *reinterpret_cast<const float4*>(pairs + ((i & 3) + 2 * (i & 4)) * kPairs + j);
        p[i][0] = e.x, p[i][1] = e.y, p[i][2] = e.z, p[i][3] = e.w;
      }
      SIMT_UNROLL
      for (int u = 0; u < 4; ++u) {
        float y[kOuts];
        SIMT_UNROLL
        for (int o = 0; o < kOuts; o += kVector) get(b + (j + u) * kStride + o * 16, y + o);
        SIMT_UNROLL
        for (int i = 0; i < kRows; ++i) {
          SIMT_UNROLL
          for (int o = 0; o < kOuts; ++o) sum[i][o] += p[i][u] * y[o];
        }
      }
    }
  }

  // tile := rows [count, width] of x, each times `scale` and its own factor (may be null); zeros beyond. Tensors are
  // aligned to 16 bytes, and become f32.
  template <int kHeight, class E>
  static __device__ void load(const E* __restrict__ x, std::int64_t width, int count, float scale, const float* factors,
                              float* tile) {
    const int n = static_cast<int>(width);
    const auto factor = [&](int r) { return factors ? scale * __ldg(factors + r) : scale; };
    // not 0 * x: rows of factor 0 are not to be looked at
    const auto times = [](float f, float e) { return f == 0.0f ? 0.0f : f * e; };
    if (n % 4 == 0) {
      SIMT_UNROLL_4
      for (int at = threadIdx.x; at < kHeight * (kD / 4); at += kAttendThreads) {
        const int r = at / (kD / 4), c = at % (kD / 4) * 4;
        float4 e = make_float4(0, 0, 0, 0);
        if (r < count && c < n) {
          const float f = factor(r);
          e = four_of(x + r * n + c);
          e = make_float4(times(f, e.x), times(f, e.y), times(f, e.z), times(f, e.w));
        }
        *reinterpret_cast<float4*>(tile + r * kStride + c) = e;
      }
    } else {
      for (int at = threadIdx.x; at < kHeight * kD; at += kAttendThreads) {
        const int r = at / kD, c = at % kD;
        float e = 0;
        if (r < count && c < n) e = times(factor(r), element_of(x + r * n + c));
        tile[r * kStride + c] = e;
      }
    }
  }

  // Row of this thread, times factor, to y [width].
  static __device__ void store(const float (&row)[kOuts], float factor, float* y, std::int64_t width) {
    const int n = static_cast<int>(width);
    SIMT_UNROLL
    for (int o = 0; o < kOuts; o += kVector) {
      const int c = out(o);
      if (n % 4 == 0) {
        if (c >= n) continue;
        if constexpr (kVector == 4)
          *reinterpret_cast<float4*>(y + c) =
              make_float4(row[o] * factor, row[o + 1] * factor, row[o + 2] * factor, row[o + 3] * factor);
        else
          *reinterpret_cast<float2*>(y + c) = make_float2(row[o] * factor, row[o + 1] * factor);
      } else {
        SIMT_UNROLL
        for (int e = 0; e < kVector; ++e)
          if (c + e < n) y[c + e] = row[o + e] * factor;
      }
    }
  }

 private:
  static __device__ void get(const float* from, float* to) {
    if constexpr (kVector == 4) {
      const float4 e = *reinterpret_cast<const float4*>(from);
      to[0] = e.x, to[1] = e.y, to[2] = e.z, to[3] = e.w;
    } else {
      const float2 e = *reinterpret_cast<const float2*>(from);
      to[0] = e.x, to[1] = e.y;
    }
  }
};

// Rows as they are read by product(): 4 floats at a time.
__host__ __device__ constexpr int depth_of(std::int64_t width) { return static_cast<int>((width + 3) / 4 * 4); }

}  // namespace yoso::SIMT_NS
