// Softmax attention of all queries to a few keys that each row has of its own (projected ones, drawn ones):
//
//   out_i = sum_j P_ij v_j,  P_ij = exp(scale q_i . k_j) / sum over the row's keys,  j < count
//
// Forward keeps no scores. A block has 64 queries and passes over the keys 64 at a time; a thread has 8 queries and 4
// keys of the scores, 8 queries and kColumns / 16 columns of the output in registers. Queries, keys and values lie in
// shared memory a slice at a time, so any d fits; values take the place of queries and keys, 32 KiB in all.
#pragma once
#include <cmath>
#include <cstdint>

#include <yoso/errors.hpp>
#include <yoso/shape.hpp>

#include "simt/block.hpp"
#include "simt/simt.hpp"

namespace yoso::SIMT_NS {

struct FewKeys {
  Shape shape;
  std::int64_t count = 0;  // keys of a row, shape.n_k not being asked
  float scale = 1;
  const float* q = nullptr;              // [rows, n_q, d]
  const std::uint8_t* keep_q = nullptr;  // [batch, n_q], or null
  const float* k = nullptr;              // [rows, count, d]
  const float* v = nullptr;              // [rows, count, d_v]
  const std::uint8_t* gone = nullptr;    // [rows, count]: 1 where there is no key; or null
  float* out = nullptr;                  // [rows, n_q, d_v]

  static void require(std::int64_t d_v) {
    if (d_v > 256) throw Unsupported("values wider than 256 on cuda: a thread's registers hold its part of an output");
  }
  void attend(void* stream) const;
};

namespace few_keys {

constexpr int kTile = 64;                   // queries of a block, keys of a step
constexpr int kThreads = 128;               // (threadIdx.x / 16, threadIdx.x % 16): which 8 queries, which 4 keys
constexpr int kDepth = 32;                  // of q and k, what is in shared memory at a time
constexpr int kStage = 2 * kDepth * kTile;  // floats of a slice of queries and of keys, or of values

// Elements [0, 4) of x that are below `left`, zeros for the others.
__device__ inline float4 some(const float* x, int left, bool aligned) {
  if (aligned) return left > 0 ? *reinterpret_cast<const float4*>(x) : make_float4(0, 0, 0, 0);
  return make_float4(left > 0 ? x[0] : 0.0f, left > 1 ? x[1] : 0.0f, left > 2 ? x[2] : 0.0f, left > 3 ? x[3] : 0.0f);
}

// to [kDepth, kTile] = the transpose of x [count, d], columns [first, first + kDepth), zeros outside. In a row of `to`
// quadruples change places with the depth (quadruple g stands at g ^ depth / 4), so that no two lanes meet in a bank.
__device__ inline void stage(const float* x, int count, int d, int first, float* to) {
  constexpr int kLoads = kDepth * kTile / 4 / kThreads, kApart = kTile / kLoads;
  const int row = static_cast<int>(threadIdx.x) / (kDepth / 4), c = static_cast<int>(threadIdx.x) % (kDepth / 4);
  const int column = first + 4 * c;
  const float* const from = x + static_cast<std::int64_t>(row) * d + column;
  float4 e[kLoads];
  SIMT_UNROLL
  for (int i = 0; i < kLoads; ++i)
    e[i] = some(from + i * kApart * d, row + i * kApart < count ? d - column : 0, d % 4 == 0);
  SIMT_UNROLL
  for (int i = 0; i < kLoads; ++i) {
    float* const at = to + 4 * c * kTile + ((((row + i * kApart) / 4) ^ c) * 4 + row % 4);
    at[0] = e[i].x;
    at[kTile] = e[i].y;
    at[2 * kTile] = e[i].z;
    at[3 * kTile] = e[i].w;
  }
}

__device__ inline float4 quadruple(const float* row, int g, int depth) {
  return *reinterpret_cast<const float4*>(row + (g ^ (depth / 4)) * 4);
}

// to [count, kColumns] = rows of v [.., d_v], zeros outside.
template <int kColumns>
__device__ void stage_values(const float* v, int count, int d_v, float* to) {
  constexpr int kAcross = kColumns / 4, kApart = kThreads / kAcross, kRows = kStage / kColumns;
  const int row = static_cast<int>(threadIdx.x) / kAcross, column = static_cast<int>(threadIdx.x) % kAcross * 4;
  const float* const from = v + static_cast<std::int64_t>(row) * d_v + column;
  SIMT_ROLLED
  for (int i = 0; i < kRows; i += 4 * kApart) {
    float4 e[4];
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j)
      e[j] = some(from + (i + j * kApart) * d_v, row + i + j * kApart < count ? d_v - column : 0, d_v % 4 == 0);
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) *reinterpret_cast<float4*>(to + (row + i + j * kApart) * kColumns + column) = e[j];
  }
}

template <int kColumns>
__global__ void __launch_bounds__(kThreads, kColumns == 64 ? 3 : 2) attend(const FewKeys a) {
  constexpr int kQuads = kColumns / 64;       // quadruples of columns of a thread, 64 columns apart
  constexpr int kValues = kStage / kColumns;  // values that are staged at a time: all 64, or fewer wide ones
  SIMT_DYNAMIC_SHARED(shared);
  simt::Carver carver(shared);
  float* const staged = carver.take<float>(kStage);
  float* const weights = carver.take<float>(kTile * kTile);  // [key, query]
  const int tx = static_cast<int>(threadIdx.x % 16), ty = static_cast<int>(threadIdx.x / 16);
  const auto [row, first] = place_of_block(a.shape.n_q, kTile);
  const int d = static_cast<int>(a.shape.d), d_v = static_cast<int>(a.shape.d_v), keys = static_cast<int>(a.count);
  const int queries = static_cast<int>(min(std::int64_t{kTile}, a.shape.n_q - first));
  const float* const q = a.q + (row * a.shape.n_q + first) * d;
  const float* const k = a.k + row * keys * d;
  const float* const v = a.v + row * keys * d_v;
  const std::uint8_t* const gone = a.gone ? a.gone + row * keys : nullptr;

  float out[8][4 * kQuads] = {}, peak[8], total[8] = {};
  SIMT_UNROLL
  for (int i = 0; i < 8; ++i) peak[i] = -INFINITY;
  for (int key = 0; key < keys; key += kTile) {
    float score[8][4] = {};
    SIMT_ROLLED
    for (int depth = 0; depth < d; depth += kDepth) {
      __syncthreads();
      stage(q, queries, d, depth, staged);
      stage(k + static_cast<std::int64_t>(key) * d, keys - key, d, depth, staged + kDepth * kTile);
      __syncthreads();
      SIMT_ROLLED
      for (int four = 0; four < kDepth; four += 4) {
        SIMT_UNROLL
        for (int c = four; c < four + 4; ++c) {
          const float4 x = quadruple(staged + c * kTile, 2 * ty, four);
          const float4 y = quadruple(staged + c * kTile, 2 * ty + 1, four);
          const float4 z = quadruple(staged + (kDepth + c) * kTile, tx, four);
          const float of_q[8] = {x.x, x.y, x.z, x.w, y.x, y.y, y.z, y.w}, of_k[4] = {z.x, z.y, z.z, z.w};
          SIMT_UNROLL
          for (int i = 0; i < 8; ++i) {
            SIMT_UNROLL
            for (int j = 0; j < 4; ++j) score[i][j] = fmaf(of_q[i], of_k[j], score[i][j]);
          }
        }
      }
    }
    bool there[4];
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) {
      const int at = key + 4 * tx + j;
      there[j] = at < keys && !(gone && gone[at]);
    }
    SIMT_UNROLL
    for (int i = 0; i < 8; ++i) {
      float largest = peak[i];
      SIMT_UNROLL
      for (int j = 0; j < 4; ++j) {
        score[i][j] = there[j] ? score[i][j] * a.scale : -INFINITY;
        largest = fmaxf(largest, score[i][j]);
      }
      largest = half_warp_max(largest);
      const float from = largest == -INFINITY ? 0.0f : largest;  // nothing to attend to yet
      const float factor = expf(peak[i] - from);
      total[i] *= factor;
      peak[i] = largest;
      SIMT_UNROLL
      for (int j = 0; j < 4; ++j) {
        score[i][j] = expf(score[i][j] - from);
        total[i] += score[i][j];
      }
      SIMT_UNROLL
      for (int c = 0; c < 4 * kQuads; ++c) out[i][c] *= factor;
    }
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) {
      float* const at = weights + (4 * tx + j) * kTile;
      *reinterpret_cast<float4*>(at + ((2 * ty) ^ tx) * 4) =
          make_float4(score[0][j], score[1][j], score[2][j], score[3][j]);
      *reinterpret_cast<float4*>(at + ((2 * ty + 1) ^ tx) * 4) =
          make_float4(score[4][j], score[5][j], score[6][j], score[7][j]);
    }
    SIMT_ROLLED
    for (int step = 0; step < kTile / kValues; ++step) {
      const int from = key + step * kValues;
      __syncthreads();
      stage_values<kColumns>(v + static_cast<std::int64_t>(from) * d_v, keys - from, d_v, staged);
      __syncthreads();
      SIMT_ROLLED
      for (int j = 0; j < kValues; ++j) {
        const int at = step * kValues + j;
        const float4 x = quadruple(weights + at * kTile, 2 * ty, at);
        const float4 y = quadruple(weights + at * kTile, 2 * ty + 1, at);
        const float of_p[8] = {x.x, x.y, x.z, x.w, y.x, y.y, y.z, y.w};
        SIMT_UNROLL
        for (int c = 0; c < kQuads; ++c) {
          const float4 z = *reinterpret_cast<const float4*>(staged + j * kColumns + (tx + 16 * c) * 4);
          SIMT_UNROLL
          for (int i = 0; i < 8; ++i) {
            out[i][4 * c] = fmaf(of_p[i], z.x, out[i][4 * c]);
            out[i][4 * c + 1] = fmaf(of_p[i], z.y, out[i][4 * c + 1]);
            out[i][4 * c + 2] = fmaf(of_p[i], z.z, out[i][4 * c + 2]);
            out[i][4 * c + 3] = fmaf(of_p[i], z.w, out[i][4 * c + 3]);
          }
        }
      }
    }
  }
  SIMT_UNROLL
  for (int i = 0; i < 8; ++i) {
    const float sum = half_warp_sum(total[i]);
    const std::int64_t query = first + 8 * ty + i;
    if (query >= a.shape.n_q) continue;
    const bool answers = sum > 0 && is_kept(a.keep_q, a.shape, row, a.shape.n_q, query);
    const float share = answers ? 1.0f / sum : 0.0f;
    float* const to = a.out + (row * a.shape.n_q + query) * d_v;
    SIMT_UNROLL
    for (int c = 0; c < kQuads; ++c) {
      const int column = (tx + 16 * c) * 4;
      const float* const o = &out[i][4 * c];
      if (d_v % 4 == 0) {
        if (column < d_v)
          *reinterpret_cast<float4*>(to + column) = make_float4(o[0] * share, o[1] * share, o[2] * share, o[3] * share);
      } else {
        SIMT_UNROLL
        for (int e = 0; e < 4; ++e)
          if (column + e < d_v) to[column + e] = o[e] * share;
      }
    }
  }
}

}  // namespace few_keys

inline void FewKeys::attend(void* stream) const {
  const simt::Launch launch{.grid = grid_of(shape.rows(), shape.n_q, few_keys::kTile),
                            .block = dim3(few_keys::kThreads),
                            .shared_bytes = simt::Carver::bytes<float>(few_keys::kStage) +
                                            simt::Carver::bytes<float>(few_keys::kTile * few_keys::kTile),
                            .stream = stream};
  if (shape.d_v <= 64)
    simt::launch(launch, &few_keys::attend<64>, *this);
  else if (shape.d_v <= 128)
    simt::launch(launch, &few_keys::attend<128>, *this);
  else
    simt::launch(launch, &few_keys::attend<256>, *this);
}

}  // namespace yoso::SIMT_NS
