// Softmax attention between pairs of tokens that a method names, tile by tile, forward and backward.
//
// A block takes 64 queries (or, for their gradients, 64 keys) and walks over what they meet, 64 at a time. Forward
// keeps of each query the largest logit and the sum of exp(logit - largest) (Milakov and Gimelshein 2018, algorithm 3);
// with them backward computes the weights again (Dao et al. 2022, algorithm 4):
//   w = exp(logit - largest) / total,   dv_j = sum_i w dout_i,   dlogit = w (dout_i.v_j - dout_i.out_i)
//   dq_i = sum_j dlogit key_j,   dkey_j = sum_i dlogit q_i
// Queries and keys are walked from both sides, so that no sum has two writers: 7 products of tiles instead of 5, but
// neither atomics nor partial sums. Powers are of two, with log2 e in the scale of the queries.
//
// A method's Pairs is copied to the kernel and has
//   struct Own: derives from OwnTokens, and knows what else it has to
//   bool own(block, Own&): the tokens of a block; false: none
//   Entry query(own, r), Entry key(own, r): token r < own.count of a block on that side; int key_token(own, r): also of
//   a key that nobody may see
//   int keys(own), Entry key_met(own, at): what the queries of a block meet; int queries(own), Entry query_met(own, at)
//   float logit(query, key, product): of a pair of tokens; -infinity if they do not see each other
//   bool constant(query, key): whether the logit of a pair that see each other has no derivative
#pragma once
#include <cstdint>

#include "simt/tiles.hpp"

namespace yoso::SIMT_NS {

constexpr float kLog2E = 1.44269504f, kLn2 = 0.693147181f;

// A token as one side of a pair: its position, or -1 for none, and what the method wants to know of it.
struct Entry {
  int token = -1;
  int a = 0, b = 0;
};

struct OwnTokens {
  std::int64_t row = 0;
  int count = 0;
  // -1, or the row of `Attention::partial` at which what was found about these tokens is left, for a kernel that joins
  // it
  std::int64_t partial = -1;
};

struct Attention {
  const float *q = nullptr, *k = nullptr, *v = nullptr;
  const float* key_scales = nullptr;  // [rows, n_k] or null: what turns a row of k into a key
  const std::uint8_t* keep_q = nullptr;
  std::int64_t heads = 1;
  int n_q = 0, n_k = 0, d = 0, d_v = 0;
  float query_scale = 1;  // with log2 e
  // Of each query: the largest logit and the sum of weights relative to it; once finished, if asked for at all, the
  // inverse of the sum instead, and infinity and 0 for a query without weights.
  float *largest = nullptr, *totals = nullptr;
  float* out = nullptr;
  bool resumes = false;  // out and the two hold what earlier launches found
  bool finishes = true;
  float *partial = nullptr, *partial_largest = nullptr, *partial_totals = nullptr;  // [.., d_v], [..], [..]
};

struct Backward {
  const float* dout = nullptr;
  const float* means = nullptr;  // [rows, n_q]: dout.out
  float *dq = nullptr, *dk = nullptr, *dv = nullptr;
  bool adds = false;  // to what is there
  float *partial_q = nullptr, *partial_k = nullptr, *partial_v = nullptr;
};

// 64 entries in shared memory.
struct Entries {
  int *tokens, *a, *b;
  __device__ explicit Entries(simt::Carver& carver)
      : tokens(carver.take<int>(kTile)), a(carver.take<int>(kTile)), b(carver.take<int>(kTile)) {}
  __device__ void put(int r, const Entry& e) const { tokens[r] = e.token, a[r] = e.a, b[r] = e.b; }
  __device__ Entry get(int r) const { return {tokens[r], a[r], b[r]}; }
};

constexpr std::size_t pairs_shared_bytes() {
  return 3 * simt::Carver::bytes<float>(kTileFloats) + 10 * simt::Carver::bytes<int>(kTile);
}
static_assert(pairs_shared_bytes() <= 64 << 10, "what every architecture gives a block: no engine asks the device");

template <class Pairs>
__device__ float logit_of(const Pairs& pairs, const Entry& query, const Entry& key, float product) {
  return query.token < 0 || key.token < 0 ? -INFINITY : pairs.logit(query, key, product);
}

// Products of queries 4y + i and keys x + 16j become logits. Entries are read again for every tile: in registers they
// would cost a block's place on the multiprocessor.
template <class Pairs>
__device__ void find_logits(const Pairs& pairs, const Entries& queries, const Entries& keys, float (&s)[4][4]) {
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    const Entry query = queries.get(4 * seat_y() + i);
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) s[i][j] = logit_of(pairs, query, keys.get(seat_x() + kSeats * j), s[i][j]);
  }
}

// The rows of a tile: rows of x [.., width] that 64 tokens name, times a scale each, or all times one.
struct TileRows {
  const int* tokens;
  const float* x;
  int width;
  const float* scales = nullptr;
  float scale = 1.0f;
  __device__ void load(float* tile, int first) const { load_rows(tile, tokens, x, width, first, scales, scale); }
};
__device__ inline TileRows queries_of(const Attention& a, const Entries& e, std::int64_t first) {
  return {e.tokens, a.q + first * a.d, a.d, nullptr, a.query_scale};
}
__device__ inline TileRows keys_of(const Attention& a, const Entries& e, std::int64_t first) {
  return {e.tokens, a.k + first * a.d, a.d, a.key_scales ? a.key_scales + first : nullptr};
}
__device__ inline TileRows values_of(const Attention& a, const Entries& e, std::int64_t first) {
  return {e.tokens, a.v + first * a.d_v, a.d_v};
}

// products[i][j] += row 4y + i of a . row x + 16 j of b, of which there are `count`; 64 columns at a time, and the last
// of them are left in the tiles. `loaded`: if a's only columns are in its tile already.
__device__ inline void multiply_rows(const TileRows& a, const TileRows& b, int count, float* mine, float* theirs,
                                     float (&products)[4][4], bool loaded = false) {
  SIMT_ROLLED
  for (int c = 0; c < a.width; c += kTile) {
    __syncthreads();
    if (!loaded) a.load(mine, c);
    b.load(theirs, c);
    __syncthreads();
    add_products(mine, theirs, tile_width(a.width, c), count, products);
  }
}

// Forward for d_v <= 64 kGroups.
template <class Pairs, int kGroups>
__global__ void __launch_bounds__(kTileThreads, kGroups == 4 ? 1 : 2) attend_pairs(Pairs pairs, Attention a) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const mine = carver.take<float>(kTileFloats);
  float* const theirs = carver.take<float>(kTileFloats);
  float* const weights = carver.take<float>(kTileFloats);
  const Entries queries(carver), keys(carver);
  typename Pairs::Own own;
  if (!pairs.own(blockIdx.x, own)) return;
  const int thread = static_cast<int>(threadIdx.x), x = seat_x(), y = seat_y();
  const std::uint8_t* const keep = a.keep_q ? a.keep_q + own.row / a.heads * a.n_q : nullptr;
  const std::int64_t first_query = own.row * a.n_q, first_key = own.row * a.n_k;
  bool asked = false;
  if (thread < kTile) {
    const Entry e = thread < own.count ? pairs.query(own, thread) : Entry{};
    queries.put(thread, e);
    asked = e.token >= 0 && (!keep || keep[e.token]);
  }
  const int total_keys = __syncthreads_or(asked) ? pairs.keys(own) : 0;

  float largest[4], total[4], sums[kGroups][4][4];
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int token = queries.tokens[4 * y + i];
    const bool there = a.resumes && token >= 0;
    largest[i] = there ? a.largest[first_query + token] : -INFINITY;
    total[i] = there && x == 0 ? a.totals[first_query + token] : 0.0f;
    SIMT_UNROLL
    for (int g = 0; g < kGroups; ++g) {
      const float4 found = there ? fetch4(a.out + (first_query + token) * a.d_v, a.d_v, g * kTile + 4 * x)
                                 : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
      sums[g][i][0] = found.x, sums[g][i][1] = found.y, sums[g][i][2] = found.z, sums[g][i][3] = found.w;
    }
  }

  SIMT_ROLLED
  for (int at = 0; at < total_keys; at += kTile) {
    const int count = min(kTile, total_keys - at);
    if (thread < kTile) keys.put(thread, thread < count ? pairs.key_met(own, at + thread) : Entry{});
    float s[4][4] = {};
    multiply_rows(queries_of(a, queries, first_query), keys_of(a, keys, first_key), count, mine, theirs, s,
                  at > 0 && a.d <= kTile);
    find_logits(pairs, queries, keys, s);
    SIMT_UNROLL
    for (int i = 0; i < 4; ++i) {
      const float most = half_warp_max(fmaxf(fmaxf(fmaxf(s[i][0], s[i][1]), fmaxf(s[i][2], s[i][3])), largest[i]));
      const float base = most > -INFINITY ? most : 0.0f;  // still nothing visible: weights of zero
      const float decay = exp2f(largest[i] - base);
      largest[i] = most;
      total[i] *= decay;
      SIMT_UNROLL
      for (int j = 0; j < 4; ++j) {
        const float w = exp2f(s[i][j] - base);
        total[i] += w;
        weights[(4 * y + i) * kLine + x + kSeats * j] = w;
      }
      SIMT_UNROLL
      for (int g = 0; g < kGroups; ++g) {
        SIMT_UNROLL
        for (int e = 0; e < 4; ++e) sums[g][i][e] *= decay;
      }
    }
    SIMT_UNROLL
    for (int g = 0; g < kGroups; ++g) {
      if (g * kTile >= a.d_v) continue;
      __syncthreads();
      values_of(a, keys, first_key).load(theirs, g * kTile);
      __syncthreads();
      add_weighted<4>(weights, theirs, kLine, count, sums[g]);
    }
    __syncthreads();
  }

  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    const float sum = half_warp_sum(total[i]);
    const int token = queries.tokens[4 * y + i];
    if (token < 0) continue;
    const bool answered = sum > 0.0f && (!keep || keep[token]);
    const bool whole = own.partial < 0, finishes = a.finishes && whole, silent = finishes && !answered;
    const float factor = !finishes ? 1.0f : answered ? 1.0f / sum : 0.0f;
    const std::int64_t row = whole ? first_query + token : own.partial + 4 * y + i;
    SIMT_UNROLL
    for (int g = 0; g < kGroups; ++g) {
      float o[4];  // zeros are no products with 0: what nobody asked for may be anything
      SIMT_UNROLL
      for (int e = 0; e < 4; ++e) o[e] = silent ? 0.0f : factor * sums[g][i][e];
      store4((whole ? a.out : a.partial) + row * a.d_v, a.d_v, g * kTile + 4 * x, o[0], o[1], o[2], o[3], false);
    }
    float* const most = whole ? a.largest : a.partial_largest;
    if (x != 0 || !most) continue;
    most[row] = silent ? INFINITY : largest[i];
    (whole ? a.totals : a.partial_totals)[row] = finishes ? factor : sum;
  }
}

// A block takes 64 columns of dq: block = tile * slices + slice.
template <class Pairs>
__global__ void __launch_bounds__(kTileThreads, 2) query_gradients(Pairs pairs, Attention a, Backward b, int slices) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const mine = carver.take<float>(kTileFloats);
  float* const theirs = carver.take<float>(kTileFloats);
  float* const weights = carver.take<float>(kTileFloats);
  const Entries queries(carver), keys(carver);
  typename Pairs::Own own;
  if (!pairs.own(blockIdx.x / static_cast<unsigned>(slices), own)) return;
  const int slice = static_cast<int>(blockIdx.x % static_cast<unsigned>(slices)) * kTile;
  const int thread = static_cast<int>(threadIdx.x), x = seat_x(), y = seat_y();
  const std::int64_t first_query = own.row * a.n_q, first_key = own.row * a.n_k;
  bool any = false;
  if (thread < kTile) {
    Entry e = thread < own.count ? pairs.query(own, thread) : Entry{};
    if (e.token >= 0 && a.totals[first_query + e.token] == 0.0f) e.token = -1;  // nothing of it is read
    any = e.token >= 0;
    queries.put(thread, e);
  }
  const int total_keys = __syncthreads_or(any) ? pairs.keys(own) : 0;

  float largest[4], share[4], mean[4], sums[4][4] = {};
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int token = queries.tokens[4 * y + i];
    const bool there = token >= 0;
    const std::int64_t at = first_query + token;
    largest[i] = there ? a.largest[at] : INFINITY;
    share[i] = there ? a.totals[at] : 0.0f;
    mean[i] = there ? b.means[at] : 0.0f;
  }

  SIMT_ROLLED
  for (int at = 0; at < total_keys; at += kTile) {
    const int count = min(kTile, total_keys - at);
    if (thread < kTile) keys.put(thread, thread < count ? pairs.key_met(own, at + thread) : Entry{});
    float s[4][4] = {}, slopes[4][4] = {};
    const TileRows dout{queries.tokens, b.dout + first_query * a.d_v, a.d_v};
    multiply_rows(dout, values_of(a, keys, first_key), count, mine, theirs, slopes);
    multiply_rows(queries_of(a, queries, first_query), keys_of(a, keys, first_key), count, mine, theirs, s);
    SIMT_UNROLL
    for (int i = 0; i < 4; ++i) {
      const Entry query = queries.get(4 * y + i);
      SIMT_UNROLL
      for (int j = 0; j < 4; ++j) {
        const Entry key = keys.get(x + kSeats * j);
        const float w = exp2f(logit_of(pairs, query, key, s[i][j]) - largest[i]) * share[i];
        weights[(4 * y + i) * kLine + x + kSeats * j] =
            w > 0.0f && !pairs.constant(query, key) ? w * (slopes[i][j] - mean[i]) : 0.0f;
      }
    }
    if (a.d > kTile) {  // otherwise the keys' only columns lie there
      __syncthreads();
      keys_of(a, keys, first_key).load(theirs, slice);
      __syncthreads();
    }
    __syncwarp();
    add_weighted<4>(weights, theirs, kLine, count, sums);
    __syncthreads();
  }

  const float scale = a.query_scale * kLn2;
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int r = 4 * y + i;
    if (r >= own.count) continue;
    const int token = pairs.query(own, r).token;  // of `queries` only those with weights
    if (token < 0) continue;
    float* const to = own.partial < 0 ? b.dq + (first_query + token) * a.d : b.partial_q + (own.partial + r) * a.d;
    store4(to, a.d, slice + 4 * x, scale * sums[i][0], scale * sums[i][1], scale * sums[i][2], scale * sums[i][3],
           b.adds && own.partial < 0);
  }
}

// A block takes 64 columns of dk and of dv.
template <class Pairs>
__global__ void __launch_bounds__(kTileThreads, 2) key_gradients(Pairs pairs, Attention a, Backward b, int slices) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const mine = carver.take<float>(kTileFloats);
  float* const theirs = carver.take<float>(kTileFloats);
  float* const weights = carver.take<float>(kTileFloats);
  const Entries keys(carver), queries(carver);
  float* const largest = carver.take<float>(kTile);
  float* const shares = carver.take<float>(kTile);
  float* const means = carver.take<float>(kTile);
  typename Pairs::Own own;
  if (!pairs.own(blockIdx.x / static_cast<unsigned>(slices), own)) return;
  const int slice = static_cast<int>(blockIdx.x % static_cast<unsigned>(slices)) * kTile;
  const int thread = static_cast<int>(threadIdx.x), x = seat_x(), y = seat_y();
  const std::int64_t first_query = own.row * a.n_q, first_key = own.row * a.n_k;
  if (thread < kTile) keys.put(thread, thread < own.count ? pairs.key(own, thread) : Entry{});
  const int total_queries =
      __syncthreads_or(thread < kTile && keys.tokens[thread % kTile] >= 0) ? pairs.queries(own) : 0;
  float dv[4][4] = {}, dk[4][4] = {};
  SIMT_ROLLED
  for (int at = 0; at < total_queries; at += kTile) {
    const int count = min(kTile, total_queries - at);
    if (thread < kTile) {
      Entry e = thread < count ? pairs.query_met(own, at + thread) : Entry{};
      const float share = e.token >= 0 ? a.totals[first_query + e.token] : 0.0f;
      if (share == 0.0f) e.token = -1;
      queries.put(thread, e);
      shares[thread] = share;
      largest[thread] = share != 0.0f ? a.largest[first_query + e.token] : INFINITY;
      means[thread] = share != 0.0f ? b.means[first_query + e.token] : 0.0f;
    }
    float slopes[4][4] = {};
    multiply_rows(keys_of(a, keys, first_key), queries_of(a, queries, first_query), count, mine, theirs, slopes);
    SIMT_UNROLL
    for (int i = 0; i < 4; ++i) {  // weights wait in shared memory: registers are needed for the next product
      const Entry key = keys.get(4 * y + i);
      SIMT_UNROLL
      for (int j = 0; j < 4; ++j) {
        const int column = x + kSeats * j;
        const float s = logit_of(pairs, queries.get(column), key, slopes[i][j]);
        weights[(4 * y + i) * kLine + column] = exp2f(s - largest[column]) * shares[column];
        slopes[i][j] = 0.0f;
      }
    }
    const TileRows dout{queries.tokens, b.dout + first_query * a.d_v, a.d_v};
    multiply_rows(values_of(a, keys, first_key), dout, count, mine, theirs, slopes);
    SIMT_UNROLL
    for (int i = 0; i < 4; ++i) {
      const Entry key = keys.get(4 * y + i);
      SIMT_UNROLL
      for (int j = 0; j < 4; ++j) {
        const int column = x + kSeats * j;
        const float w = weights[(4 * y + i) * kLine + column];
        const bool moves = w > 0.0f && !pairs.constant(queries.get(column), key);
        slopes[i][j] = moves ? w * (slopes[i][j] - means[column]) : 0.0f;
      }
    }
    if (slice < a.d_v) {
      if (a.d_v > kTile) {
        __syncthreads();
        dout.load(theirs, slice);
        __syncthreads();
      }
      __syncwarp();
      add_weighted<4>(weights, theirs, kLine, count, dv);
    }
    __syncthreads();
    if (slice < a.d) {
      SIMT_UNROLL
      for (int i = 0; i < 4; ++i) {
        SIMT_UNROLL
        for (int j = 0; j < 4; ++j) weights[(4 * y + i) * kLine + x + kSeats * j] = slopes[i][j];
      }
      queries_of(a, queries, first_query).load(theirs, slice);
      __syncthreads();
      add_weighted<4>(weights, theirs, kLine, count, dk);
    }
    __syncthreads();
  }

  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int r = 4 * y + i;
    if (r >= own.count) continue;
    const int token = pairs.key_token(own, r);  // also of a padded one
    const bool whole = own.partial < 0;
    if (slice < a.d)
      store4(whole ? b.dk + (first_key + token) * a.d : b.partial_k + (own.partial + r) * a.d, a.d, slice + 4 * x,
             kLn2 * dk[i][0], kLn2 * dk[i][1], kLn2 * dk[i][2], kLn2 * dk[i][3], b.adds && whole);
    if (slice < a.d_v)
      store4(whole ? b.dv + (first_key + token) * a.d_v : b.partial_v + (own.partial + r) * a.d_v, a.d_v, slice + 4 * x,
             dv[i][0], dv[i][1], dv[i][2], dv[i][3], b.adds && whole);
  }
}

// means [rows * n_q] = dout.out, 0 for queries without weights. A thread has a query and goes through its columns as
// products of tiles do, so that where one key has all the weight, the mean and its slope are the same bits and cancel.
static __global__ void __launch_bounds__(kTileThreads)
    upstream_means(std::int64_t queries, int d_v, const float* out, const float* dout, const float* totals,
                   float* means) {
  const std::int64_t i = blockIdx.x * std::int64_t{kTileThreads} + threadIdx.x;
  if (i >= queries) return;
  float sum = 0;
  if (totals[i] != 0.0f)
    for (int c = 0; c < d_v; ++c) sum = fmaf(out[i * d_v + c], dout[i * d_v + c], sum);
  means[i] = sum;
}

// ---------------------------------------------------------------------------------------------------------- launches

template <class Pairs>
simt::Launch over_pairs(void* stream, std::int64_t blocks) {
  return {.grid = grid_of(blocks), .block = dim3(kTileThreads), .shared_bytes = pairs_shared_bytes(), .stream = stream};
}

constexpr int kWidestValue = 4 * kTile;  // more does not fit the registers of attend_pairs

template <class Pairs>
void attend(void* stream, std::int64_t blocks, const Pairs& pairs, const Attention& a) {
  const simt::Launch launch = over_pairs<Pairs>(stream, blocks);
  if (a.d_v <= kTile)
    simt::launch(launch, attend_pairs<Pairs, 1>, pairs, a);
  else if (a.d_v <= 2 * kTile)
    simt::launch(launch, attend_pairs<Pairs, 2>, pairs, a);
  else
    simt::launch(launch, attend_pairs<Pairs, 4>, pairs, a);
}

inline void find_means(void* stream, std::int64_t queries, const Attention& a, const float* dout, float* means) {
  simt::launch({.grid = grid_of(ceil_div(queries, kTileThreads)), .block = dim3(kTileThreads), .stream = stream},
               upstream_means, queries, a.d_v, a.out, dout, a.totals, means);
}

template <class Pairs>
void find_query_gradients(void* stream, std::int64_t blocks, const Pairs& pairs, const Attention& a,
                          const Backward& b) {
  const int slices = static_cast<int>(ceil_div(a.d, kTile));
  simt::launch(over_pairs<Pairs>(stream, blocks * slices), query_gradients<Pairs>, pairs, a, b, slices);
}

template <class Pairs>
void find_key_gradients(void* stream, std::int64_t blocks, const Pairs& pairs, const Attention& a, const Backward& b) {
  const int slices = static_cast<int>(ceil_div(max(a.d, a.d_v), kTile));
  simt::launch(over_pairs<Pairs>(stream, blocks * slices), key_gradients<Pairs>, pairs, a, b, slices);
}

}  // namespace yoso::SIMT_NS
