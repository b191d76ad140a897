// A warp has 16 or 32 queries, in fragments of m16n8k16 (see simt/bf16.hpp for which lane holds what). Scores become
// the left operand of the second product where they are. The elements of d are dealt to the four lanes of a column in
// runs of four instead of pairs, on both sides, so that a fragment is one 8-byte read.
#include "softmax/bf16.hpp"

#include <cmath>

#include "simt/attend.hpp"

namespace yoso::softmax::SIMT_NS {

using namespace yoso::SIMT_NS;

namespace {

template <int kD_>
struct Bf16Tile {
  static constexpr int kD = kD_;
  static constexpr int kParts = kD <= 128 ? 2 : 1;  // 16 queries each, of a warp: they share what is read of the keys
  static constexpr int kTall = kAttendThreads / 2 * kParts;
  static constexpr int kWide = kD <= 64 ? 64 : 32;
  // Words (two elements) from a row to the next, and from two rows of values to the next two. 8 modulo 32: no
  // conflicts.
  static constexpr int kWords = kD / 2 + 8, kValueWords = kD + 8;
  static constexpr int kTallSize = kTall * kWords, kWideSize = kWide * kWords, kValuesSize = kWide / 2 * kValueWords;
  static constexpr std::size_t kShared = sizeof(unsigned) * (kTallSize + kWideSize + kValuesSize);
};

__device__ unsigned to_bf16(float first, float second) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  unsigned pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
#else
  return simt::bf16::pack(simt::bf16::from_float(first), simt::bf16::from_float(second));
#endif
}

// Eight elements of a row from column c on, zeros beyond its end. Rows of a multiple of eight are aligned to 16 bytes.
__device__ uint4 eight_of(const simt::bf16* row, int c, int width, bool there) {
  if (!there || c >= width) return make_uint4(0, 0, 0, 0);
  if (width % 8 == 0) return __ldg(reinterpret_cast<const uint4*>(row + c));
  const auto pair = [&](int at) {
    const unsigned low = at < width ? row[at].bits : 0u, high = at + 1 < width ? row[at + 1].bits : 0u;
    return low | high << 16;
  };
  return make_uint4(pair(c), pair(c + 2), pair(c + 4), pair(c + 6));
}

// tile [kHeight][kWords] := rows [count, width] of x
template <class T, int kHeight>
__device__ void load_rows(const simt::bf16* x, int width, int count, unsigned* tile) {
  SIMT_UNROLL
  for (int at = threadIdx.x; at < kHeight * (T::kD / 8); at += kAttendThreads) {
    const int r = at / (T::kD / 8), c = at % (T::kD / 8) * 8;
    *reinterpret_cast<uint4*>(tile + r * T::kWords + c / 2) =
        eight_of(x + static_cast<std::int64_t>(r) * width, c, width, r < count);
  }
}

// tile [kWide / 2][kValueWords]: a word holds a column's elements of two neighbouring rows, as the right operand wants.
template <class T>
__device__ void load_values(const simt::bf16* x, int width, int count, unsigned* tile) {
  SIMT_UNROLL
  for (int at = threadIdx.x; at < T::kWide / 2 * (T::kD / 8); at += kAttendThreads) {
    const int r = at / (T::kD / 8), c = at % (T::kD / 8) * 8;
    const simt::bf16* const row = x + static_cast<std::int64_t>(2 * r) * width;
    const uint4 a = eight_of(row, c, width, 2 * r < count), b = eight_of(row + width, c, width, 2 * r + 1 < count);
    const auto low = [](unsigned e, unsigned f) { return (e & 0xffffu) | f << 16; };
    const auto high = [](unsigned e, unsigned f) { return e >> 16 | (f & 0xffff0000u); };
    uint4* const to = reinterpret_cast<uint4*>(tile + r * T::kValueWords + c);
    to[0] = make_uint4(low(a.x, b.x), high(a.x, b.x), low(a.y, b.y), high(a.y, b.y));
    to[1] = make_uint4(low(a.z, b.z), high(a.z, b.z), low(a.w, b.w), high(a.w, b.w));
  }
}

template <int kD>
__global__ void __launch_bounds__(kAttendThreads, 2)
    attend_bf16_kernel(Shape s, InputsOf<simt::bf16> in, float scale, float* __restrict__ largest,
                       float* __restrict__ shares, float* __restrict__ out) {
  using T = Bf16Tile<kD>;
  constexpr int kParts = T::kParts, kColumns = T::kWide / 8, kOuts = kD / 8;  // in fragments
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  unsigned* const q = carver.take<unsigned>(T::kTallSize);
  unsigned* const k = carver.take<unsigned>(T::kWideSize);
  unsigned* const v = carver.take<unsigned>(T::kValuesSize);

  const auto [row, first] = last_place_first(s.n_q, T::kTall);
  const int count = static_cast<int>(s.n_q - first < T::kTall ? s.n_q - first : T::kTall), thread = threadIdx.x;
  const std::uint8_t* const keep_q = row_of_mask(in.keep_q, s, row, s.n_q, first);
  const std::uint8_t* const keep_k = row_of_mask(in.keep_k, s, row, s.n_k);
  const bool asked = thread < count && is_kept(keep_q, thread);
  const std::int64_t end = __syncthreads_or(asked) ? s.visible(first + count - 1) : 0;
  const int d = static_cast<int>(s.d), d_v = static_cast<int>(s.d_v), steps = (d + 15) / 16;
  load_rows<T, T::kTall>(in.q + (row * s.n_q + first) * d, d, count, q);

  const int g = thread % 32 / 4, t = thread % 4;   // of a fragment: row and column
  const int mine = thread / 32 * 16 * kParts + g;  // row of the first of this lane's 2 * kParts queries, 8 apart
  float sum[kParts][kOuts][4] = {}, top[kParts][2], total[kParts][2] = {};
  SIMT_UNROLL
  for (int m = 0; m < kParts; ++m) top[m][0] = top[m][1] = -INFINITY;

  for (std::int64_t at = 0; at < end; at += T::kWide) {
    const int keys = static_cast<int>(s.n_k - at < T::kWide ? s.n_k - at : T::kWide);
    if (!__syncthreads_or(thread < keys && is_kept(keep_k, at + thread))) continue;
    load_rows<T, T::kWide>(in.k + (row * s.n_k + at) * d, d, keys, k);
    load_values<T>(in.v + (row * s.n_k + at) * d_v, d_v, keys, v);
    const int open = open_keys(s, first, at);
    __syncthreads();
    float w[kParts][kColumns][4] = {};
    for (int step = 0; step < steps; ++step) {
      unsigned a[kParts][4];
      SIMT_UNROLL
      for (int m = 0; m < kParts; ++m) {
        const unsigned* const from = q + (mine + 16 * m) * T::kWords + 8 * step + 2 * t;
        const uint2 upper = *reinterpret_cast<const uint2*>(from);
        const uint2 lower = *reinterpret_cast<const uint2*>(from + 8 * T::kWords);
        a[m][0] = upper.x, a[m][1] = lower.x, a[m][2] = upper.y, a[m][3] = lower.y;
      }
      SIMT_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        const uint2 e = *reinterpret_cast<const uint2*>(k + (8 * c + g) * T::kWords + 8 * step + 2 * t);
        const unsigned b[2] = {e.x, e.y};
        SIMT_UNROLL
        for (int m = 0; m < kParts; ++m) simt::mma_bf16_16x8x16(w[m][c], a[m], b);
      }
    }
    const bool all_seen = !keep_k && keys == T::kWide && open >= T::kWide;
    SIMT_UNROLL
    for (int m = 0; m < kParts; ++m) {
      SIMT_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int r = mine + 16 * m + 8 * half;
        float most = top[m][half];
        SIMT_UNROLL
        for (int c = 0; c < kColumns; ++c) {
          SIMT_UNROLL
          for (int e = 0; e < 2; ++e) {
            float& x = w[m][c][2 * half + e];
            const int column = 8 * c + 2 * t + e;
            const bool sees = all_seen || (column < keys && column < open + r && is_kept(keep_k, at + column));
            x = sees ? x * scale : -INFINITY;
            most = fmaxf(most, x);
          }
        }
        most = fmaxf(most, __shfl_xor_sync(kWholeWarp, most, 1));
        most = fmaxf(most, __shfl_xor_sync(kWholeWarp, most, 2));
        const float base = most == -INFINITY ? 0.0f : most, decay = exp2f(top[m][half] - base);
        top[m][half] = most;
        total[m][half] *= decay;
        SIMT_UNROLL
        for (int c = 0; c < kColumns; ++c) {
          SIMT_UNROLL
          for (int e = 0; e < 2; ++e) {
            float& x = w[m][c][2 * half + e];
            x = exp2f(x - base);
            total[m][half] += x;
          }
        }
        SIMT_UNROLL
        for (int o = 0; o < kOuts; ++o) sum[m][o][2 * half] *= decay, sum[m][o][2 * half + 1] *= decay;
      }
    }
    SIMT_UNROLL
    for (int c = 0; c < kColumns; c += 2) {  // 16 keys: what this lane has of two fragments is its part of one
      unsigned a[kParts][4];
      SIMT_UNROLL
      for (int m = 0; m < kParts; ++m) {
        SIMT_UNROLL
        for (int e = 0; e < 4; ++e) a[m][e] = to_bf16(w[m][c + e / 2][e % 2 * 2], w[m][c + e / 2][e % 2 * 2 + 1]);
      }
      const unsigned* const from = v + (4 * c + t) * T::kValueWords + g;
      SIMT_UNROLL
      for (int o = 0; o < kOuts; ++o) {
        const unsigned b[2] = {from[8 * o], from[4 * T::kValueWords + 8 * o]};
        SIMT_UNROLL
        for (int m = 0; m < kParts; ++m) simt::mma_bf16_16x8x16(sum[m][o], a[m], b);
      }
    }
  }
  SIMT_UNROLL
  for (int m = 0; m < kParts; ++m) {
    SIMT_UNROLL
    for (int half = 0; half < 2; ++half) {
      float all = total[m][half];
      all += __shfl_xor_sync(kWholeWarp, all, 1);
      all += __shfl_xor_sync(kWholeWarp, all, 2);
      const int r = mine + 16 * m + 8 * half;
      if (r >= count) continue;
      const float share = all > 0 && is_kept(keep_q, r) ? 1 / all : 0.0f;
      const std::int64_t token = row * s.n_q + first + r;
      if (shares && t == 0) {
        shares[token] = share;
        largest[token] = share > 0 ? top[m][half] : INFINITY;
      }
      float* const to = out + token * d_v;
      SIMT_UNROLL
      for (int o = 0; o < kOuts; ++o) {
        const int column = 8 * o + 2 * t;
        if (column < d_v) to[column] = sum[m][o][2 * half] * share;
        if (column + 1 < d_v) to[column + 1] = sum[m][o][2 * half + 1] * share;
      }
    }
  }
}

}  // namespace

void require_bf16(const Device& device, const Shape& s) {
  require_width(s);
  with_width(s, [&](auto width) { require_shared(device, s, Bf16Tile<width>::kShared); });
}

void forward_bf16(void* stream, const Shape& s, const InputsOf<simt::bf16>& in, float* largest, float* share,
                  float* out) {
  const float scale = 1.44269504f / std::sqrt(static_cast<float>(s.d));
  with_width(s, [&](auto width) {
    using T = Bf16Tile<width>;
    simt::launch({grid_of(s.rows(), s.n_q, T::kTall), dim3(kAttendThreads), T::kShared, stream},
                 attend_bf16_kernel<width>, s, in, scale, largest, share, out);
  });
}

}  // namespace yoso::softmax::SIMT_NS
