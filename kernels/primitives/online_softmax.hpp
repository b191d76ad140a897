// Softmax attention over keys that arrive tile by tile, so that scores never exist beyond one tile.
//
// For each query it keeps the largest logit so far and the sum of exp(logit - largest) (Milakov and Gimelshein 2018,
// algorithm 3), and the weighted sum of values in `out` itself, rescaled whenever the largest logit grows (Dao et al.
// 2022, algorithm 1). One division at the end.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include <yoso/arena.hpp>

#include "primitives/masks.hpp"
#include "primitives/primitives.hpp"

namespace yoso {

// Positions [first, last).
struct KeyRange {
  std::int64_t first = 0, last = 0;
};

class OnlineSoftmax {
 public:
  static constexpr std::int64_t kQueries = 64;  // most queries of one block
  // Keys of one tile: with 64 queries the scores take 64 KiB, and stay in the second-level cache with the tile's K and
  // V.
  static constexpr std::int64_t kKeys = 256;

  // Scratch for `threads` threads; no query will attend to more than n_k keys at once.
  OnlineSoftmax(Arena& scratch, int threads, std::int64_t n_k, std::int64_t d, std::int64_t d_v)
      : d_(d),
        d_v_(d_v),
        tile_(std::min(kKeys, n_k)),
        per_thread_(kQueries * (tile_ + 2)),
        memory_(scratch.take<float>(std::max(1, threads) * per_thread_)) {}

  // One block of queries: made by `begin`, fed by `attend`, closed by `finish`.
  class Block {
   public:
    // Takes in keys [first, last), of which query r of the block sees those in visible(r).
    template <class Visible>
    void attend(const KeyRow& keys, std::int64_t first, std::int64_t last, const Visible& visible) {
      for (std::int64_t at = first; at < last; at += tiles_.tile_) {
        const std::int64_t count = std::min(tiles_.tile_, last - at);
        if (!any_kept(keys.keep, at, at + count)) continue;
        const std::uint8_t* const keep = any_padded(keys.keep, at, at + count) ? keys.keep + at : nullptr;
        p_.gemm_nt(m_, count, tiles_.d_, scale_, q_, tiles_.d_, keys.k + at * tiles_.d_, tiles_.d_, false, scores_,
                   tiles_.tile_);
        for (std::int64_t r = 0; r < m_; ++r) {
          const KeyRange seen = visible(r);
          const std::int64_t from = std::clamp<std::int64_t>(seen.first - at, 0, count);
          weigh(r, from, std::clamp(seen.last - at, from, count), count, keep);
        }
        p_.gemm_nn(m_, tiles_.d_v_, count, 1.0f, scores_, tiles_.tile_, keys.v + at * tiles_.d_v_, tiles_.d_v_, true,
                   out_, tiles_.d_v_);
      }
    }

    // Divides. Zeros for padded queries (keep: [m] or null) and for those that saw no key.
    void finish(const std::uint8_t* keep) {
      for (std::int64_t r = 0; r < m_; ++r) {
        float* const o = out_ + r * tiles_.d_v_;
        if (total_[r] > 0 && (!keep || keep[r]))
          p_.scale(1.0f / total_[r], o, tiles_.d_v_);
        else
          std::fill_n(o, tiles_.d_v_, 0.0f);
      }
    }

   private:
    friend class OnlineSoftmax;
    Block(const OnlineSoftmax& tiles, const Primitives& p, int thread, float scale, std::int64_t m, const float* q,
          float* out)
        : tiles_(tiles),
          p_(p),
          scale_(scale),
          m_(m),
          q_(q),
          out_(out),
          scores_(tiles.memory_ + thread * tiles.per_thread_),
          largest_(scores_ + kQueries * tiles.tile_),
          total_(largest_ + kQueries) {
      std::fill_n(out_, m_ * tiles_.d_v_, 0.0f);
      std::fill_n(largest_, m_, -INFINITY);
      std::fill_n(total_, m_, 0.0f);
    }

    // Turns the logits of query r into weights relative to its largest logit so far; zero outside [from, to).
    void weigh(std::int64_t r, std::int64_t from, std::int64_t to, std::int64_t count, const std::uint8_t* keep) {
      float* const s = scores_ + r * tiles_.tile_;
      if (keep)
        for (std::int64_t j = from; j < to; ++j) s[j] = keep[j] ? s[j] : -INFINITY;
      const float largest = p_.max(s + from, to - from);
      if (largest == -INFINITY) {
        std::fill_n(s, count, 0.0f);
        return;
      }
      if (largest > largest_[r]) {
        if (largest_[r] != -INFINITY) {
          const float decay = std::exp(largest_[r] - largest);
          total_[r] *= decay;
          p_.scale(decay, out_ + r * tiles_.d_v_, tiles_.d_v_);
        }
        largest_[r] = largest;
      }
      total_[r] += p_.exp_sum(largest_[r], s + from, to - from);
      std::fill_n(s, from, 0.0f);
      std::fill(s + to, s + count, 0.0f);
    }

    const OnlineSoftmax& tiles_;
    const Primitives& p_;
    float scale_;
    std::int64_t m_;
    const float* q_;
    float* out_;
    float *scores_, *largest_, *total_;
  };

  // m <= kQueries queries q [m, d] begin, for thread `thread`; their logits are scale * q.k, and they write out [m,
  // d_v].
  Block begin(const Primitives& p, int thread, float scale, std::int64_t m, const float* q, float* out) const {
    return Block(*this, p, thread, scale, m, q, out);
  }

 private:
  std::int64_t d_, d_v_, tile_, per_thread_;
  float* memory_;
};

}  // namespace yoso
