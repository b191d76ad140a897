// Backward of softmax attention, tile by tile: weights are computed again from what forward kept of every query, so
// that neither they nor their gradients exist beyond one tile (Dao et al. 2022, algorithm 4).
//
//   S = scale Q K^T,  W = softmax(S),  dV = W^T dO,  dW = dO V^T,  dS = W * (dW - D),  D_i = dO_i . O_i
//   dQ = scale dS K,  dK = scale dS^T Q
//
// Queries stand in lanes, as in OnlineSoftmax: weights have the bits that they had there, before the division. The
// division is in dO, once a block of queries, and not in the weights.
#pragma once
#include <algorithm>
#include <optional>

#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/online_softmax.hpp"
#include "primitives/waves.hpp"

namespace yoso {

class SoftmaxBackward {
 public:
  static constexpr std::int64_t kQueries = OnlineSoftmax::kQueries;  // most queries of one block
  static constexpr std::int64_t kKeys = OnlineSoftmax::kKeys;        // keys of one tile
  // Blocks that share a tile of keys, values and their gradients while it is in the second-level cache.
  static constexpr std::int64_t kTogether = 4;

  // Scratch for `threads` threads, each with `blocks` blocks of queries under way; no query will attend to more than
  // n_k keys at once.
  SoftmaxBackward(Arena& scratch, int threads, std::int64_t n_k, std::int64_t d, std::int64_t d_v,
                  std::int64_t blocks = kTogether)
      : d_(d),
        d_v_(d_v),
        blocks_(blocks),
        tile_(std::min(kKeys, n_k)),
        per_block_(kQueries * (d + 2 * d_v + 2)),
        per_thread_(blocks * per_block_ + kQueries * (2 * tile_ + d_v)),
        ranges_(scratch.take<std::int32_t>(std::max(1, threads) * 2 * kQueries)),
        memory_(scratch.take<float>(std::max(1, threads) * per_thread_)) {}

  std::int64_t tile() const { return tile_; }  // keys

  // m <= kQueries queries, their outputs and what is known of them. Rows of dout whose share is 0 are not read.
  struct Queries {
    std::int64_t m = 0;
    const float* q = nullptr;     // [m, d]
    const float* out = nullptr;   // [m, d_v]: of this softmax
    const float* dout = nullptr;  // [m, d_v]
    RowStatistics kept;           // [m], as OnlineSoftmax::Block::finish left them
    float* dq = nullptr;          // [m, d]: added to
  };

  // Gradients of one row's keys [n, d] and values [n, d_v]: added to.
  struct KeyGradients {
    float* k = nullptr;
    float* v = nullptr;
  };

  // One block of queries: made by `begin`, fed by `attend`. It adds to gradients as it goes, and has nothing to close.
  class Block {
   public:
    // Keys [first, last) of the row, of which query r of the block sees those in visible(r). What is seen in all calls
    // together has to be what forward saw.
    template <class Visible>
    void attend(const KeyRow& keys, const KeyGradients& grads, std::int64_t first, std::int64_t last,
                const Visible& visible) {
      const std::int64_t d = tiles_.d_, d_v = tiles_.d_v_, m = from_.m;
      for (std::int64_t at = first; at < last; at += tiles_.tile_) {
        const std::int64_t count = std::min(tiles_.tile_, last - at);
        const float *const k = keys.k + at * d, *const v = keys.v + at * d_v;
        if (!any_kept(keys.keep, at, at + count)) continue;
        p_.gemm_nn(count, width_, d, 1.0f, k, d, q_, width_, false, weights_, width_);
        p_.gemm_nn(count, width_, d_v, 1.0f, v, d_v, dout_, width_, false, slopes_, width_);
        hide_scores(p_, m, width_, keys.keep ? keys.keep + at : nullptr, at, count, visible, ranges_, weights_);
        p_.online_gradients(count, width_, largest_, mean_, weights_, slopes_);
        p_.gemm_nn(count, d_v, m, 1.0f, weights_, width_, dout_rows_, d_v, true, grads.v + at * d_v, d_v);
        p_.gemm_nn(count, d, m, scale_, slopes_, width_, from_.q, d, true, grads.k + at * d, d);
        p_.gemm_tn(m, d, count, scale_, slopes_, width_, k, d, true, from_.dq, d);
      }
    }

   private:
    friend class SoftmaxBackward;
    Block(const SoftmaxBackward& tiles, const Primitives& p, int thread, float scale, const Queries& from,
          std::int64_t block)
        : tiles_(tiles),
          p_(p),
          scale_(scale),
          from_(from),
          width_((from.m + p.tokens - 1) / p.tokens * p.tokens),
          ranges_(tiles.ranges_ + thread * 2 * kQueries),
          weights_(tiles.memory_ + thread * tiles.per_thread_),
          slopes_(weights_ + kQueries * tiles.tile_),
          q_(slopes_ + kQueries * (tiles.tile_ + tiles.d_v_) + block * tiles.per_block_),
          dout_(q_ + kQueries * tiles.d_),
          dout_rows_(dout_ + kQueries * tiles.d_v_),
          largest_(dout_rows_ + kQueries * tiles.d_v_),
          mean_(largest_ + kQueries) {
      const std::int64_t m = from.m, d_v = tiles.d_v_;
      std::fill_n(largest_, width_, INFINITY);
      std::fill_n(mean_, width_, 0.0f);
      std::fill_n(ranges_, 2 * kQueries, 0);
      std::copy_n(from.kept.largest, m, largest_);
      for (std::int64_t r = 0; r < m; ++r) {
        float* const row = dout_rows_ + r * d_v;
        std::fill_n(row, d_v, 0.0f);
        if (from.kept.share[r] > 0) p.axpy(from.kept.share[r], from.dout + r * d_v, row, d_v);
      }
      p.to_columns(m, tiles.d_, from.q, scale * OnlineSoftmax::kLog2E, q_, width_);
      p.to_columns(m, d_v, dout_rows_, 1.0f, dout_, width_);
      // as the product with the values is summed: a query that sees one key has gradients of exactly zero
      float* const out = slopes_ + kQueries * tiles.tile_;  // [d_v, width]
      p.to_columns(m, d_v, from.out, 1.0f, out, width_);
      p.column_dots(d_v, width_, out, dout_, mean_);
    }

    const SoftmaxBackward& tiles_;
    const Primitives& p_;
    float scale_;
    Queries from_;
    std::int64_t width_;
    std::int32_t* ranges_;      // [2, width]
    float *weights_, *slopes_;  // [tile, width], of the thread: before the division, and dS
    float *q_, *dout_;          // [d, width], [d_v, width]: transposed, so that a lane is a query
    float* dout_rows_;          // [m, d_v]: dout times share
    float *largest_, *mean_;    // [kQueries]; mean: D times share
  };

  // The block begins, as block number `block` of thread `thread`; logits are scale * q.k.
  Block begin(const Primitives& p, int thread, float scale, const Queries& from, std::int64_t block = 0) const {
    return Block(*this, p, thread, scale, from, block);
  }

  // One row of a problem whose queries all attend to the same keys. dq and `grads` are added to.
  struct Row {
    const float *q = nullptr, *out = nullptr, *dout = nullptr;  // [n_q, ..]
    RowStatistics kept;                                         // [n_q]
    KeyRow keys;
    float* dq = nullptr;
    KeyGradients grads;
  };

  // The part of a row's gradients that comes from pairs of `queries` and `keys`; query i sees those in visible(i).
  template <class Visible>
  void attend(const Primitives& p, int thread, float scale, const Row& row, KeyRange queries, KeyRange keys,
              const Visible& visible) const {
    for (std::int64_t group = queries.first; group < queries.last; group += blocks_ * kQueries) {
      std::optional<Block> blocks[kTogether];
      KeyRange seen[kTogether];  // by any query of a block
      for (std::int64_t b = 0, at = group; b < blocks_ && at < queries.last; ++b, at += kQueries) {
        const std::int64_t m = std::min(kQueries, queries.last - at);
        KeyRange& all = seen[b] = {keys.last, keys.first};
        for (std::int64_t i = at; i < at + m; ++i) {
          if (row.kept.share[i] == 0.0f) continue;
          all.first = std::min(all.first, visible(i).first);
          all.last = std::max(all.last, visible(i).last);
        }
        all = {std::max(all.first, keys.first), std::min(all.last, keys.last)};
        if (all.first < all.last)
          blocks[b].emplace(begin(p, thread, scale,
                                  {m,
                                   row.q + at * d_,
                                   row.out + at * d_v_,
                                   row.dout + at * d_v_,
                                   {row.kept.largest + at, row.kept.share + at},
                                   row.dq + at * d_},
                                  b));
      }
      for (std::int64_t tile = keys.first; tile < keys.last; tile += tile_)
        for (std::int64_t b = 0; b < blocks_; ++b) {
          if (!blocks[b]) continue;
          const std::int64_t at = group + b * kQueries;
          blocks[b]->attend(row.keys, row.grads, std::max(tile, seen[b].first), std::min(tile + tile_, seen[b].last),
                            [&](std::int64_t r) { return visible(at + r); });
        }
    }
  }

 private:
  std::int64_t d_, d_v_, blocks_, tile_, per_block_, per_thread_;
  std::int32_t* ranges_;
  float* memory_;
};

// Gradients of the inputs become zero, for passes that add to them.
inline void zero_gradients(int threads, const Shape& shape, const Gradients& grads) {
  parallel_for(threads, 3 * shape.rows(), [&](std::int64_t piece, int) {
    const std::int64_t row = piece / 3;
    const auto zero = [row](float* x, std::int64_t size) { std::fill_n(x + row * size, size, 0.0f); };
    if (piece % 3 == 0) zero(grads.dq, shape.n_q * shape.d);
    if (piece % 3 == 1) zero(grads.dk, shape.n_k * shape.d);
    if (piece % 3 == 2) zero(grads.dv, shape.n_k * shape.d_v);
  });
}

// Gradients of few keys that many queries share, summed in parts: each belongs to a stretch of queries that the shape
// alone decides, so that one row can keep many threads busy where waves would have too few ranges of keys. Parts are
// joined in their order.
class KeyParts {
 public:
  KeyParts(Arena& scratch, std::int64_t rows, std::int64_t n_q, std::int64_t n_k, std::int64_t d, std::int64_t d_v)
      : rows_(rows),
        n_q_(n_q),
        k_size_(n_k * d),
        v_size_(n_k * d_v),
        parts_(std::clamp((kPieces + rows - 1) / rows, std::int64_t{1}, (n_q + kQueries - 1) / kQueries)),
        each_((n_q + parts_ - 1) / parts_),
        memory_(scratch.take<float>(rows * parts_ * (k_size_ + v_size_))) {}

  // Calls body(row, queries, sums, thread) for every part, whose sums [n_k, d] and [n_k, d_v] begin as zeros; then
  // joins them.
  template <class Body>
  void fill(const Primitives& p, int threads, const Body& body) const {
    parallel_for(threads, rows_ * parts_, [&](std::int64_t piece, int thread) {
      const std::int64_t first = piece % parts_ * each_;
      const SoftmaxBackward::KeyGradients sums = part(piece);
      std::fill_n(sums.k, k_size_ + v_size_, 0.0f);
      body(piece / parts_, KeyRange{std::min(n_q_, first), std::min(n_q_, first + each_)}, sums, thread);
    });
    parallel_for(threads, rows_, [&](std::int64_t row, int) {
      for (std::int64_t i = 1; i < parts_; ++i)
        p.add(part(row * parts_ + i).k, part(row * parts_).k, k_size_ + v_size_);
    });
  }

  SoftmaxBackward::KeyGradients of(std::int64_t row) const { return part(row * parts_); }  // once filled

 private:
  static constexpr std::int64_t kPieces = 16;    // of all rows that are enough
  static constexpr std::int64_t kQueries = 256;  // least of a part
  SoftmaxBackward::KeyGradients part(std::int64_t i) const {
    float* const at = memory_ + i * (k_size_ + v_size_);
    return {at, at + k_size_};
  }

  std::int64_t rows_, n_q_, k_size_, v_size_, parts_, each_;
  float* memory_;
};

}  // namespace yoso
