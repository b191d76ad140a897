// Products of 64 x 64 tiles in shared memory, in f32, by blocks of 16 x 16 threads.
//
// Thread (x, y) holds 4 x 4 numbers of a tile: rows 4y + i. Every sum is one chain of fused multiply-adds over
// ascending features or rows, so that a logit has the same bits in backward as it had in forward, whichever side is
// `a`.
#pragma once
#include <cstdint>

#include "simt/block.hpp"

namespace yoso::SIMT_NS {

constexpr int kTile = 64;  // rows of a tile, and columns
constexpr int kTileThreads = 256;
constexpr int kSeats = 16;  // threads along either side
// Floats from row to row: 16-byte words of eight neighbouring rows lie in all 32 banks.
constexpr int kLine = kTile + 4;
constexpr int kTileFloats = kTile * kLine;

__device__ inline int seat_x() { return static_cast<int>(threadIdx.x) % kSeats; }
__device__ inline int seat_y() { return static_cast<int>(threadIdx.x) / kSeats; }

__device__ inline float4 load4(const float* at) { return *reinterpret_cast<const float4*>(at); }

// Columns [column, column + 4) of a row [width], zeros beyond its end.
__device__ inline float4 fetch4(const float* row, int width, int column) {
  if (width % 4 == 0 && column < width) return load4(row + column);
  float4 values = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  if (column < width) values.x = row[column];
  if (column + 1 < width) values.y = row[column + 1];
  if (column + 2 < width) values.z = row[column + 2];
  if (column + 3 < width) values.w = row[column + 3];
  return values;
}

// Columns [first, first + 64) of the rows that tokens [64] name of x [.., width], times a scale each; -1 names a row of
// zeros. Columns from `width` on are zeros up to the next multiple of 4, and not written beyond.
__device__ inline void load_rows(float* tile, const int* tokens, const float* x, int width, int first,
                                 const float* scales, float scale) {
  const int column = 4 * seat_x();
  if (first + column >= width) return;
  SIMT_UNROLL
  for (int pass = 0; pass < kTile / kSeats; ++pass) {
    const int r = pass * kSeats + seat_y(), token = tokens[r];
    float4 values = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    if (token >= 0) {
      values = fetch4(x + static_cast<std::int64_t>(token) * width, width, first + column);
      const float factor = scales ? scales[token] : scale;
      values = make_float4(factor * values.x, factor * values.y, factor * values.z, factor * values.w);
    }
    *reinterpret_cast<float4*>(tile + r * kLine + column) = values;
  }
}

// How many of the columns from `first` on lie in a tile, in whole float4.
__device__ inline int tile_width(int width, int first) {
  const int left = width - first;
  return left >= kTile ? kTile : (left + 3) / 4 * 4;
}

namespace tiles {
template <bool kAll>
__device__ inline void add_products(const float* a, const float* b, int width, int count, float (&sum)[4][4]) {
  a += 4 * seat_y() * kLine;
  b += seat_x() * kLine;
  SIMT_ROLLED
  for (int c = 0; c < width; c += 4) {
    float4 left[4];
    SIMT_UNROLL
    for (int i = 0; i < 4; ++i) left[i] = load4(a + i * kLine + c);
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) {
      if (!kAll && kSeats * j >= count) continue;
      const float4 right = load4(b + j * kSeats * kLine + c);
      SIMT_UNROLL
      for (int i = 0; i < 4; ++i) {
        float& to = sum[i][j];
        to = fmaf(left[i].w, right.w, fmaf(left[i].z, right.z, fmaf(left[i].y, right.y, fmaf(left[i].x, right.x, to))));
      }
    }
  }
}
}  // namespace tiles

// sum[i][j] += row 4y + i of a times row x + 16j of b, of which there are `count`, over `width` columns.
__device__ inline void add_products(const float* a, const float* b, int width, int count, float (&sum)[4][4]) {
  if (count > 3 * kSeats)
    tiles::add_products<true>(a, b, width, count, sum);
  else
    tiles::add_products<false>(a, b, width, count, sum);
}

// sum[i][j] += weights[4y + i][k] rows[k][x kColumns + j] over k < count; rows lie `line` apart. What is beyond `count`
// up to a multiple of 4 has to be numbers whose products are zero.
template <int kColumns>
__device__ inline void add_weighted(const float* weights, const float* rows, int line, int count,
                                    float (&sum)[4][kColumns]) {
  weights += 4 * seat_y() * kLine;
  rows += kColumns * seat_x();
  SIMT_ROLLED
  for (int k = 0; k < count; k += 4) {
    float w[4][4], values[4][kColumns];
    SIMT_UNROLL
    for (int i = 0; i < 4; ++i) {
      const float4 four = load4(weights + i * kLine + k);
      w[i][0] = four.x, w[i][1] = four.y, w[i][2] = four.z, w[i][3] = four.w;
    }
    SIMT_UNROLL
    for (int l = 0; l < 4; ++l) {
      const float* const from = rows + (k + l) * line;
      if constexpr (kColumns == 4) {
        const float4 four = load4(from);
        values[l][0] = four.x, values[l][1] = four.y, values[l][2] = four.z, values[l][3] = four.w;
      } else {
        SIMT_UNROLL
        for (int j = 0; j < kColumns; ++j) values[l][j] = from[j];
      }
    }
    SIMT_UNROLL
    for (int l = 0; l < 4; ++l) {
      SIMT_UNROLL
      for (int i = 0; i < 4; ++i) {
        SIMT_UNROLL
        for (int j = 0; j < kColumns; ++j) sum[i][j] = fmaf(w[i][l], values[l][j], sum[i][j]);
      }
    }
  }
}

// Four neighbours of a row `to` [width], from `column` on, as far as the row goes; added to what is there, or not.
__device__ inline void store4(float* to, int width, int column, float a, float b, float c, float d, bool adds) {
  if (adds) {
    const float4 old = fetch4(to, width, column);
    a += old.x, b += old.y, c += old.z, d += old.w;
  }
  if (width % 4 == 0 && column < width) {
    *reinterpret_cast<float4*>(to + column) = make_float4(a, b, c, d);
    return;
  }
  if (column < width) to[column] = a;
  if (column + 1 < width) to[column + 1] = b;
  if (column + 2 < width) to[column + 2] = c;
  if (column + 3 < width) to[column + 3] = d;
}

}  // namespace yoso::SIMT_NS
