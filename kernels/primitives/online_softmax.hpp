// Softmax attention over keys that arrive tile by tile, so that scores never exist beyond one tile.
//
// For each query it keeps the largest logit so far and the sum of exp(logit - largest) (Milakov and Gimelshein 2018,
// algorithm 3), and the weighted sum of values, rescaled as the largest logit grows (Dao et al. 2022, algorithm 1). One
// division at the end. Queries stand in lanes: their largest logits, sums and rescaling are plain vectors, the keys and
// values are broadcast from where they lie, and no tile of them is ever packed or transposed. Powers are of two, with
// log2 e in the scale of the logits.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include <yoso/arena.hpp>

#include "primitives/masks.hpp"
#include "primitives/primitives.hpp"

namespace yoso {

// Scores [count, width] of keys [at, at + count), a query in each lane, become -infinity where query r does not see the
// key: not in visible(r), or padded (keep: of these keys, or null). False when there are none. `ranges` has room for
// two whole rows of lanes.
template <class Visible>
bool hide_scores(const Primitives& p, std::int64_t m, std::int64_t width, const std::uint8_t* keep, std::int64_t at,
                 std::int64_t count, const Visible& visible, std::int32_t* ranges, float* scores) {
  std::int32_t *const from = ranges, *const to = ranges + width;
  bool hidden = false;
  for (std::int64_t r = 0; r < m; ++r) {
    const KeyRange seen = visible(r);
    from[r] = static_cast<std::int32_t>(std::clamp<std::int64_t>(seen.first - at, 0, count));
    to[r] = static_cast<std::int32_t>(std::clamp<std::int64_t>(seen.last - at, from[r], count));
    hidden |= from[r] > 0 || to[r] < count;
  }
  if (hidden) p.hide(count, width, from, to, scores);
  for (std::int64_t j = 0; keep && j < count; ++j) {
    if (keep[j]) continue;
    hidden = true;
    std::fill_n(scores + j * width, width, -INFINITY);
  }
  return hidden;
}

// What backward needs to know of every query of a block, so that it can compute its weights again: weight = share *
// 2^(score - largest). Both and not their one sum: beside a huge score the logarithm of a total would be rounded away.
// A query without weights has +infinity and 0.
struct RowStatistics {
  float* largest = nullptr;
  float* share = nullptr;

  static RowStatistics take(Arena& arena, std::int64_t queries) {
    float* const largest = arena.take<float>(queries);
    return {largest, arena.take<float>(queries)};
  }
  RowStatistics from(std::int64_t query) const {
    return share ? RowStatistics{largest + query, share + query} : RowStatistics{};
  }
};

class OnlineSoftmax {
 public:
  static constexpr float kLog2E = 1.44269504f;
  static constexpr std::int64_t kQueries = 64;  // most queries of one block
  static constexpr std::int64_t kKeys = 256;    // keys of one tile: its scores take 64 KiB

  // Scratch for `threads` threads, each with `blocks` blocks of queries under way; no query will attend to more than
  // n_k keys at once.
  OnlineSoftmax(Arena& scratch, int threads, std::int64_t n_k, std::int64_t d, std::int64_t d_v,
                std::int64_t blocks = 1)
      : d_(d),
        d_v_(d_v),
        tile_(std::min(kKeys, n_k)),
        per_block_(kQueries * (d + d_v + 3)),
        per_thread_(blocks * per_block_ + kQueries * tile_),
        ranges_(scratch.take<std::int32_t>(std::max(1, threads) * 2 * kQueries)),
        memory_(scratch.take<float>(std::max(1, threads) * per_thread_)) {}

  std::int64_t tile() const { return tile_; }  // keys

  // One block of queries: made by `begin`, fed by `attend`, closed by `finish`.
  class Block {
   public:
    // Takes in keys [first, last), of which query r of the block sees those in visible(r).
    template <class Visible>
    void attend(const KeyRow& keys, std::int64_t first, std::int64_t last, const Visible& visible) {
      const std::int64_t d = tiles_.d_, d_v = tiles_.d_v_;
      for (std::int64_t at = first; at < last; at += tiles_.tile_) {
        const std::int64_t count = std::min(tiles_.tile_, last - at);
        if (!any_kept(keys.keep, at, at + count)) continue;
        p_.gemm_nn(count, width_, d, 1.0f, keys.k + at * d, d, q_, width_, false, scores_, width_);
        const bool hidden =
            hide_scores(p_, m_, width_, keys.keep ? keys.keep + at : nullptr, at, count, visible, ranges_, scores_);
        p_.online_weights(count, width_, hidden, scores_, largest_, total_, decay_);
        p_.scale_columns(d_v, width_, decay_, sums_);
        p_.gemm_tn(d_v, width_, count, 1.0f, keys.v + at * d_v, d_v, scores_, width_, true, sums_, width_);
      }
    }

    // Divides. Zeros for padded queries (keep: [m] or null) and for those that saw no key. `kept` [m]: null, or what
    // backward is to find.
    void finish(const std::uint8_t* keep, const RowStatistics& kept = {}) {
      for (std::int64_t r = 0; r < m_; ++r)
        decay_[r] = largest_[r] > -INFINITY && (!keep || keep[r]) ? 1.0f / total_[r] : 0.0f;
      for (std::int64_t r = 0; kept.share && r < m_; ++r) {
        kept.share[r] = decay_[r];
        kept.largest[r] = decay_[r] > 0 ? largest_[r] : INFINITY;
      }
      p_.from_columns(m_, tiles_.d_v_, sums_, width_, decay_, out_);
    }

   private:
    friend class OnlineSoftmax;
    Block(const OnlineSoftmax& tiles, const Primitives& p, int thread, float scale, std::int64_t m, const float* q,
          float* out, std::int64_t block)
        : tiles_(tiles),
          p_(p),
          m_(m),
          width_((m + p.tokens - 1) / p.tokens * p.tokens),
          out_(out),
          ranges_(tiles.ranges_ + thread * 2 * kQueries),
          scores_(tiles.memory_ + thread * tiles.per_thread_),
          q_(scores_ + kQueries * tiles.tile_ + block * tiles.per_block_),
          sums_(q_ + kQueries * tiles.d_),
          largest_(sums_ + kQueries * tiles.d_v_),
          total_(largest_ + kQueries),
          decay_(total_ + kQueries) {
      p.to_columns(m, tiles.d_, q, scale * kLog2E, q_, width_);
      std::fill_n(sums_, width_ * tiles.d_v_, 0.0f);
      std::fill_n(largest_, width_, -INFINITY);
      std::fill_n(total_, width_, 0.0f);
      std::fill_n(ranges_, 2 * kQueries, 0);
    }

    const OnlineSoftmax& tiles_;
    const Primitives& p_;
    std::int64_t m_, width_;
    float* out_;
    std::int32_t* ranges_;              // [2, width]: what a query sees of the tile
    float* scores_;                     // [tile, width], of the thread: no block keeps any
    float *q_, *sums_;                  // [d, width], [d_v, width]: transposed, so that a lane is a query
    float *largest_, *total_, *decay_;  // [kQueries]
  };

  // m <= kQueries queries q [m, d] begin, as block number `block` of thread `thread`; their logits are scale * q.k, and
  // they write out [m, d_v].
  Block begin(const Primitives& p, int thread, float scale, std::int64_t m, const float* q, float* out,
              std::int64_t block = 0) const {
    return Block(*this, p, thread, scale, m, q, out, block);
  }

 private:
  std::int64_t d_, d_v_, tile_, per_block_, per_thread_;
  std::int32_t* ranges_;
  float* memory_;
};

}  // namespace yoso
