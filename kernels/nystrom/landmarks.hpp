// The landmarks of a row, their kernel B and its pseudo-inverse.
//
// Segments without a kept token are no landmarks; their rows and columns of B are zeros, which the iteration leaves
// zeros, so that every row of the problem has matrices of one size. Up to 64 landmarks they fit shared memory, and a
// block does the whole iteration of a row: products of 64 x 64 by a library would be launches and little else.
#pragma once
#include <cmath>
#include <cstdint>

#include "simt/blas.hpp"
#include "simt/parts.hpp"

namespace yoso::nystrom::SIMT_NS {
namespace {

using namespace yoso::SIMT_NS;

struct Sizes {
  std::int64_t rows, heads, n;
  int landmarks, d, d_v;
};

// Means of the kept tokens of each segment [l n / L, (l + 1) n / L), whether there are any, and the share of each. A
// warp takes a segment.
static __global__ void __launch_bounds__(kTileThreads)
    average_segments(Sizes s, const float* x, const std::uint8_t* keep, float* means, std::uint8_t* there,
                     float* shares) {
  const Place block = place_of_block(s.landmarks, kTileThreads / kWarp);
  const std::int64_t row = block.row, segment = block.first + threadIdx.x / kWarp, at = row * s.landmarks + segment;
  if (segment >= s.landmarks) return;
  const std::int64_t begin = segment * s.n / s.landmarks, end = (segment + 1) * s.n / s.landmarks;
  const std::uint8_t* const mask = keep ? keep + row / s.heads * s.n : nullptr;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  x += row * s.n * s.d;
  int kept = 0;
  for (std::int64_t i = begin; i < end; ++i) kept += !mask || mask[i];
  const float share = kept > 0 ? 1.0f / static_cast<float>(kept) : 0.0f;
  for (int c = lane; c < s.d; c += kWarp) {
    float sum = 0;
    for (std::int64_t i = begin; i < end; ++i)
      if (!mask || mask[i]) sum += x[i * s.d + c];
    means[at * s.d + c] = share * sum;
  }
  if (lane != 0) return;
  there[at] = kept > 0;
  shares[at] = share;
}

// The thread's 4 x 4 of a product into a tile, as diagonal * I + factor * sum.
__device__ inline void put_product(float* tile, float diagonal, float factor, const float (&sum)[4][4]) {
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    float* const to = tile + (4 * seat_y() + i) * kLine + 4 * seat_x();
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) to[j] = fmaf(factor, sum[i][j], 4 * seat_y() + i == 4 * seat_x() + j ? diagonal : 0.0f);
  }
}

// The largest of what the 64 first threads bring, in shared memory for all.
__device__ inline float largest_of(float own, float* two) {
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < 2 * kWarp) {
    const float most = warp_max(own);
    if (thread % kWarp == 0) two[thread / kWarp] = most;
  }
  __syncthreads();
  return fmaxf(two[0], two[1]);
}

// B = softmax(q~ k~^T / sqrt(d)) of a row, [rows, L, L], and its largest column and row sums: norms [rows, 2].
static __global__ void __launch_bounds__(kTileThreads, 2)
    weigh_landmarks(Sizes s, float scale, const float* q, const float* k, const std::uint8_t* q_there,
                    const std::uint8_t* k_there, float* kernel, float* norms) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const mine = carver.take<float>(kTileFloats);
  float* const theirs = carver.take<float>(kTileFloats);
  int* const queries = carver.take<int>(kTile);
  int* const keys = carver.take<int>(kTile);
  float* const two = carver.take<float>(4);
  const std::int64_t row = blockIdx.x, first = row * s.landmarks;
  const int thread = static_cast<int>(threadIdx.x), x = seat_x(), y = seat_y();
  if (thread < kTile) {
    queries[thread] = thread < s.landmarks && q_there[first + thread] ? thread : -1;
    keys[thread] = thread < s.landmarks && k_there[first + thread] ? thread : -1;
  }
  float b[4][4] = {};
  SIMT_ROLLED
  for (int c = 0; c < s.d; c += kTile) {
    __syncthreads();
    load_rows(mine, queries, q + first * s.d, s.d, c, nullptr, scale);
    load_rows(theirs, keys, k + first * s.d, s.d, c, nullptr, 1.0f);
    __syncthreads();
    add_products(mine, theirs, tile_width(s.d, c), kTile, b);
  }
  __syncthreads();
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int r = 4 * y + i;
    float most = -INFINITY, total = 0;
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) {
      if (queries[r] < 0 || keys[x + kSeats * j] < 0) b[i][j] = -INFINITY;
      most = fmaxf(most, b[i][j]);
    }
    most = half_warp_max(most);
    const float base = most > -INFINITY ? most : 0.0f;
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) total += b[i][j] = exp2f(b[i][j] - base);
    total = half_warp_sum(total);
    const float share = total > 0.0f ? 1.0f / total : 0.0f;
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) {
      const int column = x + kSeats * j;
      mine[r * kLine + column] = share * b[i][j];
      if (r < s.landmarks && column < s.landmarks) kernel[(first + r) * s.landmarks + column] = share * b[i][j];
    }
  }
  __syncthreads();
  float column = 0, sum = 0;
  for (int i = 0; thread < kTile && i < kTile; ++i) {
    column += mine[i * kLine + thread];
    sum += mine[thread * kLine + i];
  }
  const float columns = largest_of(column, two), rows = largest_of(sum, two + 2);
  if (thread != 0) return;
  norms[2 * row] = columns;
  norms[2 * row + 1] = rows;
}

// What turns B^T into the first Z; without landmarks there is nothing to turn.
__device__ inline float first_guess(const float* norms) {
  const float norm = norms[0] * norms[1];
  return norm > 0.0f ? 1.0f / norm : 0.0f;
}

// Every row gets the largest norms of all.
static __global__ void __launch_bounds__(kTile) widen_norms(std::int64_t rows, float* norms) {
  SIMT_DYNAMIC_SHARED(memory);
  float* const two = simt::Carver(memory).take<float>(4);
  float columns = 0, sums = 0;
  for (std::int64_t row = threadIdx.x; row < rows; row += kTile) {
    columns = fmaxf(columns, norms[2 * row]);
    sums = fmaxf(sums, norms[2 * row + 1]);
  }
  columns = largest_of(columns, two);
  sums = largest_of(sums, two + 2);
  for (std::int64_t row = threadIdx.x; row < rows; row += kTile) {
    norms[2 * row] = columns;
    norms[2 * row + 1] = sums;
  }
}

// Z = pinv(B) by `iterations` steps Z <- Z (13 I - P (15 I - P (7 I - P))) / 4, P = B Z, from B^T over its two norms;
// then values = Z summary. A block takes a row.
static __global__ void __launch_bounds__(kTileThreads, 2)
    invert(Sizes s, int iterations, const float* kernel, const float* norms, const float* summary, float* values,
           float* iterates) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const b = carver.take<float>(kTileFloats);
  float* const z = carver.take<float>(kTileFloats);
  float* const p = carver.take<float>(kTileFloats);
  float* const t = carver.take<float>(kTileFloats);
  int* const tokens = carver.take<int>(kTile);
  const std::int64_t row = blockIdx.x, first = row * s.landmarks;
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < kTile) tokens[thread] = thread < s.landmarks ? thread : -1;
  const float guess = first_guess(norms + 2 * row);
  for (int at = thread; at < kTile * kTile; at += kTileThreads) {
    const int i = at / kTile, j = at % kTile;
    const float e = i < s.landmarks && j < s.landmarks ? kernel[(first + i) * s.landmarks + j] : 0.0f;
    b[i * kLine + j] = e;
    z[j * kLine + i] = guess * e;
  }
  __syncthreads();
  const int count = s.landmarks;
  const auto keep = [&](int step) {
    if (!iterates) return;
    float* const to = iterates + (step * s.rows + row) * count * count;
    for (int at = thread; at < count * count; at += kTileThreads) to[at] = z[at / count * kLine + at % count];
  };
  keep(0);
  SIMT_ROLLED
  for (int step = 0; step < iterations; ++step) {
    {
      float sum[4][4] = {};
      add_weighted<4>(b, z, kLine, count, sum);
      put_product(p, 0.0f, 1.0f, sum);
      put_product(t, 7.0f, -1.0f, sum);
    }
    SIMT_ROLLED
    for (int turn = 0; turn < 2; ++turn) {  // U = 15 I - P T, W = 13 I - P U, where T was
      float sum[4][4] = {};
      __syncthreads();
      add_weighted<4>(p, t, kLine, count, sum);
      __syncthreads();
      put_product(t, turn == 0 ? 15.0f : 13.0f, -1.0f, sum);
    }
    float sum[4][4] = {};
    __syncthreads();
    add_weighted<4>(z, t, kLine, count, sum);
    __syncthreads();
    put_product(z, 0.0f, 0.25f, sum);
    __syncthreads();
    keep(step + 1);
  }
  SIMT_ROLLED
  for (int c = 0; c < s.d_v; c += kTile) {
    float sum[4][4] = {};
    __syncthreads();
    load_rows(p, tokens, summary + first * s.d_v, s.d_v, c, nullptr, 1.0f);
    __syncthreads();
    add_weighted<4>(z, p, kLine, count, sum);
    SIMT_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int r = 4 * seat_y() + i;
      if (r < s.landmarks)
        store4(values + (first + r) * s.d_v, s.d_v, c + 4 * seat_x(), sum[i][0], sum[i][1], sum[i][2], sum[i][3],
               false);
    }
  }
}

constexpr std::size_t kInvertShared =
    4 * simt::Carver::bytes<float>(kTileFloats) + simt::Carver::bytes<int>(kTile) + simt::Carver::bytes<float>(4);
constexpr std::size_t kWeighShared =
    2 * simt::Carver::bytes<float>(kTileFloats) + 2 * simt::Carver::bytes<int>(kTile) + simt::Carver::bytes<float>(4);

// ------------------------------------------------------------------------------------ more landmarks, by products

// Logits of the landmarks become B, in place. A warp takes a row of a matrix.
static __global__ void __launch_bounds__(kTileThreads)
    weigh_logits(Sizes s, const std::uint8_t* q_there, const std::uint8_t* k_there, float* kernel) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * (kTileThreads / kWarp) + threadIdx.x / kWarp;
  if (at >= s.rows * s.landmarks) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::uint8_t* const there = k_there + at / s.landmarks * s.landmarks;
  float* const b = kernel + at * s.landmarks;
  float most = -INFINITY, total = 0;
  for (int j = lane; j < s.landmarks; j += kWarp)
    if (there[j]) most = fmaxf(most, b[j]);
  most = warp_max(most);
  const bool any = q_there[at] && most > -INFINITY;
  for (int j = lane; j < s.landmarks; j += kWarp) {
    b[j] = any && there[j] ? exp2f(b[j] - most) : 0.0f;
    total += b[j];
  }
  total = warp_sum(total);
  for (int j = lane; any && j < s.landmarks; j += kWarp) b[j] *= 1.0f / total;
}

// A block takes a row of the problem.
static __global__ void __launch_bounds__(kTile) find_norms(Sizes s, const float* kernel, float* norms) {
  SIMT_DYNAMIC_SHARED(memory);
  float* const two = simt::Carver(memory).take<float>(4);
  const std::int64_t row = blockIdx.x;
  const int thread = static_cast<int>(threadIdx.x);
  kernel += row * s.landmarks * s.landmarks;
  float columns = 0, sums = 0;
  for (int j = thread; j < s.landmarks; j += kTile) {
    float sum = 0;
    for (int i = 0; i < s.landmarks; ++i) sum += kernel[static_cast<std::int64_t>(i) * s.landmarks + j];
    columns = fmaxf(columns, sum);
  }
  for (int i = thread / kWarp; i < s.landmarks; i += kTile / kWarp) {
    float sum = 0;
    for (int j = thread % kWarp; j < s.landmarks; j += kWarp)
      sum += kernel[static_cast<std::int64_t>(i) * s.landmarks + j];
    sums = fmaxf(sums, warp_sum(sum));
  }
  columns = largest_of(columns, two);
  sums = largest_of(sums, two + 2);
  if (thread != 0) return;
  norms[2 * row] = columns;
  norms[2 * row + 1] = sums;
}

static __global__ void __launch_bounds__(kTileThreads)
    guess_inverse(Sizes s, const float* kernel, const float* norms, float* inverse) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kTileThreads + threadIdx.x;
  const std::int64_t size = static_cast<std::int64_t>(s.landmarks) * s.landmarks;
  if (at >= s.rows * size) return;
  const std::int64_t row = at / size, i = at % size / s.landmarks, j = at % s.landmarks;
  inverse[at] = first_guess(norms + 2 * row) * kernel[row * size + j * s.landmarks + i];
}

// T = 7 I - P, and what the products with it are taken from: U = 15 I, W = 13 I.
static __global__ void __launch_bounds__(kTileThreads)
    begin_step(Sizes s, const float* product, float* t, float* u, float* w) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kTileThreads + threadIdx.x;
  const std::int64_t size = static_cast<std::int64_t>(s.landmarks) * s.landmarks;
  if (at >= s.rows * size) return;
  const bool diagonal = at % size / s.landmarks == at % s.landmarks;
  t[at] = (diagonal ? 7.0f : 0.0f) - product[at];
  u[at] = diagonal ? 15.0f : 0.0f;
  w[at] = diagonal ? 13.0f : 0.0f;
}

}  // namespace
}  // namespace yoso::nystrom::SIMT_NS
