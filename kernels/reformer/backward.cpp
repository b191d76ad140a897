// Backward. The merge over rounds makes one softmax of all that a query sees in any round, so the gradients are those
// of softmax attention, with the peak and the total that forward left of each query:
//   w = exp(logit - peak) / total,   dv_j = sum w dout_i,   dlogit = w (dout_i.v_j - dout_i.out_i)
// none of a token's logit with itself, which is a constant, and none through the hashes. A logit is q_i.key_j, with
// key_j = x_j times a scale that depends on x_j:
//   dx = scale (dkey - key (key.dkey))
// As in SoftmaxBackward queries stand in lanes.
#include <algorithm>
#include <cmath>

#include <yoso/parallel.hpp>

#include "primitives/masks.hpp"
#include "primitives/softmax_backward.hpp"
#include "reformer/cpu.hpp"

namespace yoso::reformer {
namespace {

constexpr std::int64_t kTokens = 64;  // tokens whose keys' gradients become theirs in one piece of work
// Chunks that one piece of work takes one after the other, so that it finds a chunk's tokens near when they come again
// as the one before.
constexpr std::int64_t kGroup = 4;

}  // namespace

struct Cpu::Back {
  const BackwardLayout& at;
  Tile tile;                          // queries [kQueries, d], keys, values; weights in the place of scores
  float *columns, *upstream_columns;  // [d, kQueries], [d_v, kQueries]: of the queries
  float* upstream;                    // [kQueries, d_v]: dout over the total
  float* slopes;                      // [kKeys, kQueries]: gradients of the logits
  float *dq, *dkeys, *dv;             // [kQueries, d], [kKeys, d], [kKeys, d_v]
  float *peaks, *means;               // [kQueries]; means: -dout.out over the total
  std::int64_t width = 0;             // the queries' count in whole vectors
};

std::int64_t Cpu::backward_size() const {
  return kQueries * (3 * shape_.d + 2 * shape_.d_v + 2) + 2 * kKeys * (shape_.d + shape_.d_v) + 2 * kKeys * kQueries;
}

Cpu::BackwardLayout Cpu::backward_layout(Arena& saved, Arena& scratch) const {
  return {sorted(saved), scratch.take<float>(std::max(1, context_.threads) * backward_size())};
}

Cpu::Back Cpu::piece(const BackwardLayout& at, int thread) const {
  const std::int64_t d = shape_.d, d_v = shape_.d_v;
  float* memory = at.memory + thread * backward_size();
  const auto take = [&memory](std::int64_t count) {
    float* const taken = memory;
    memory += count;
    return taken;
  };
  Back back{.at = at,
            .tile = {},
            .columns = take(kQueries * d),
            .upstream_columns = take(kQueries * d_v),
            .upstream = take(kQueries * d_v),
            .slopes = take(kKeys * kQueries),
            .dq = take(kQueries * d),
            .dkeys = take(kKeys * d),
            .dv = take(kKeys * d_v),
            .peaks = take(kQueries),
            .means = take(kQueries)};
  back.tile.scores = take(kKeys * kQueries);
  back.tile.queries = take(kQueries * d);
  back.tile.keys = take(kKeys * d);
  back.tile.values = take(kKeys * d_v);
  return back;
}

// Until finish_back, dk holds the gradients of the keys.
void Cpu::backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
  const Primitives& p = primitives(context_.isa);
  const BackwardLayout at = backward_layout(call.saved, call.scratch);
  const std::int64_t rows = shape_.rows(), entries = rounds_ * n_;
  call.phase("attend");
  zero_gradients(context_.threads, shape_, grads);
  if (full_) {
    for_pairs_in_waves(
        context_.threads, rows, n_, n_, [&](std::int64_t row, KeyRange queries, KeyRange seen, int thread) {
          for (std::int64_t first = queries.first; first < queries.last; first += kQueries)
            queries_back(p, in, up, grads, piece(at, thread), row, first, std::min(first + kQueries, queries.last),
                         [&](const auto& add) { add(seen.first, seen.last); });
        });
  }
  // In one round a token is in the list once. So chunks that see only entries of their own round can run at the same
  // time as long as none of them is next to another: groups of chunks take turns, every other one. The few at the ends
  // of a round, which also see entries of another one, follow one after the other.
  for (std::int64_t round = 0; !full_ && round < rounds_; ++round) {
    const std::int64_t first = round * n_ / chunk_, last = ((round + 1) * n_ - 1) / chunk_ + 1;
    const auto inner = [&](std::int64_t chunk) {
      return (chunk - 1) * chunk_ >= round * n_ && std::min((chunk + 1) * chunk_, entries) <= (round + 1) * n_;
    };
    const std::int64_t groups = (last - first + kGroup - 1) / kGroup;
    for (const std::int64_t turn : {0, 1}) {
      const std::int64_t pieces = (groups + 1 - turn) / 2;
      parallel_for(context_.threads, rows * pieces, [&](std::int64_t i, int thread) {
        const std::int64_t group = first + (2 * (i % pieces) + turn) * kGroup;
        for (std::int64_t chunk = group; chunk < std::min(group + kGroup, last); ++chunk)
          if (inner(chunk)) chunk_back(p, in, up, grads, piece(at, thread), i / pieces, round, chunk);
      });
    }
    parallel_for(context_.threads, rows, [&](std::int64_t row, int thread) {
      for (std::int64_t chunk = first; chunk < last; ++chunk)
        if (!inner(chunk)) chunk_back(p, in, up, grads, piece(at, thread), row, round, chunk);
    });
  }
  call.phase("keys");
  finish_back(p, in, at, grads);
}

// The queries of one chunk and round.
void Cpu::chunk_back(const Primitives& p, const Inputs& in, const Upstream& up, const Gradients& grads,
                     const Back& back, std::int64_t row, std::int64_t round, std::int64_t chunk) const {
  const std::int64_t entries = rounds_ * n_, chunks = (entries + chunk_ - 1) / chunk_;
  const std::int64_t previous = (chunk + chunks - 1) % chunks;
  const std::int64_t last = std::min((chunk + 1) * chunk_, (round + 1) * n_);
  for (std::int64_t first = std::max(chunk * chunk_, round * n_); first < last; first += kQueries)
    queries_back(p, in, up, grads, back, row, first, std::min(first + kQueries, last), [&](const auto& add) {
      add(chunk * chunk_, std::min((chunk + 1) * chunk_, entries));
      if (previous != chunk) add(previous * chunk_, std::min((previous + 1) * chunk_, entries));
    });
}

// List entries [first, last) as queries; each_keys(add) calls add(first, last) for the entries that they attend to.
template <class EachKeys>
void Cpu::queries_back(const Primitives& p, const Inputs& in, const Upstream& up, const Gradients& grads, Back back,
                       std::int64_t row, std::int64_t first, std::int64_t last, const EachKeys& each_keys) const {
  const std::int64_t d = shape_.d, d_v = shape_.d_v, m = last - first;
  Tile& tile = back.tile;
  tile.row = row;
  tile.first = first;
  tile.count = m;
  tile.positions = back.at.list + row * rounds_ * n_ + first;
  back.width = (m + p.tokens - 1) / p.tokens * p.tokens;
  std::fill_n(back.peaks, back.width, INFINITY);
  std::fill_n(back.means, back.width, 0.0f);
  bool any = false;
  for (std::int64_t i = 0; i < m; ++i) {
    const std::int64_t token = row * n_ + tile.positions[i];
    const float share = back.at.totals[token];
    float* const upstream = back.upstream + i * d_v;
    std::copy_n(in.q + token * d, d, tile.queries + i * d);
    std::fill_n(upstream, d_v, 0.0f);
    back.peaks[i] = back.at.peaks[token];
    if (share == 0.0f) continue;
    any = true;
    p.axpy(share, up.dout + token * d_v, upstream, d_v);
    back.means[i] = -p.dot(upstream, up.out + token * d_v, d_v);
  }
  if (!any) return;
  p.to_columns(m, d, tile.queries, 1.0f, back.columns, back.width);
  p.to_columns(m, d_v, back.upstream, 1.0f, back.upstream_columns, back.width);
  std::fill_n(back.dq, m * d, 0.0f);
  Keys keys;
  each_keys([&](std::int64_t from, std::int64_t to) {
    while (from < to) {
      const std::int64_t size = std::min(kKeys - keys.count, to - from);
      gather(in, back.at, tile, from, from + size, keys);
      from += size;
      if (keys.count < kKeys) continue;
      keys_back(p, grads, back, keys);
      keys = {};
    }
  });
  if (keys.count > 0) keys_back(p, grads, back, keys);
  for (std::int64_t i = 0; i < m; ++i) p.add(back.dq + i * d, grads.dq + (row * n_ + tile.positions[i]) * d, d);
}

// What the tile's queries add to the gradients of these keys and of their values, and get from them.
void Cpu::keys_back(const Primitives& p, const Gradients& grads, const Back& back, const Keys& keys) const {
  const std::int64_t d = shape_.d, d_v = shape_.d_v, count = keys.count, width = back.width, m = back.tile.count;
  const Tile& tile = back.tile;
  p.gemm_nn(count, width, d, query_scale_, tile.keys, d, back.columns, width, false, tile.scores, width);
  p.gemm_nn(count, width, d_v, 1.0f, tile.values, d_v, back.upstream_columns, width, false, back.slopes, width);
  mask(back, keys);
  p.exp_tile(count, width, nullptr, back.peaks, tile.scores, width);
  p.chain(count, width, tile.scores, width, nullptr, back.means, back.slopes, width, nullptr);
  for (std::int64_t j = 0; j < count; ++j) {  // a token's logit with itself is a constant
    float* const slopes = back.slopes + j * width;
    if (const std::int64_t i = j - keys.own_first; keys.plain) {
      if (j < keys.own_last && i >= 0 && i < m) slopes[i] = 0.0f;
    } else {
      for (std::int64_t at = 0; at < m; ++at) slopes[at] = tile.positions[at] == keys.self[j] ? 0.0f : slopes[at];
    }
  }
  p.gemm_nn(count, d_v, m, 1.0f, tile.scores, width, back.upstream, d_v, false, back.dv, d_v);
  p.gemm_nn(count, d, m, query_scale_, back.slopes, width, tile.queries, d, false, back.dkeys, d);
  p.gemm_tn(m, d, count, query_scale_, back.slopes, width, tile.keys, d, true, back.dq, d);
  for (std::int64_t j = 0; j < count; ++j) {
    const std::int64_t token = tile.row * n_ + keys.at[j];
    p.add(back.dkeys + j * d, grads.dk + token * d, d);
    p.add(back.dv + j * d_v, grads.dv + token * d_v, d_v);
  }
}

// Logits of pairs that do not see each other, and of tokens with themselves.
void Cpu::mask(const Back& back, const Keys& keys) const {
  const Tile& tile = back.tile;
  for (std::int64_t j = 0; j < keys.count; ++j) {
    float* const s = tile.scores + j * back.width;
    if (const std::int64_t i = j - keys.own_first; keys.plain) {
      if (j < keys.own_last && i >= 0 && i < tile.count) s[i] = self_;
      continue;
    }
    for (std::int64_t i = 0; i < tile.count; ++i) {
      const std::int32_t position = tile.positions[i];
      const float masked = position >= keys.from[j] ? s[i] : -INFINITY;
      s[i] = position == keys.self[j] ? self_ : masked;
    }
  }
}

// A token's gradient as a key joins that as a query, and dk becomes zero: k is not read. With lucidrains' unit length a
// zero vector, which has no direction, gets none.
void Cpu::finish_back(const Primitives& p, const Inputs& in, const BackwardLayout& at, const Gradients& grads) const {
  const std::int64_t blocks = (n_ + kTokens - 1) / kTokens, d = shape_.d;
  parallel_for(context_.threads, shape_.rows() * blocks, [&](std::int64_t i, int) {
    const std::int64_t row = i / blocks, first = i % blocks * kTokens;
    for (std::int64_t token = row * n_ + first; token < row * n_ + std::min(first + kTokens, n_); ++token) {
      const float* const x = in.q + token * d;
      float* const dkey = grads.dk + token * d;
      const float scale = at.key_scales[token];
      if (hf_ || scale < 1e12f) {
        const float along = scale * p.dot(x, dkey, d);
        p.axpy(scale, dkey, grads.dq + token * d, d);
        std::copy_n(x, d, dkey);
        p.scale(scale, dkey, d);  // first, for the square of a tiny vector's scale may be more than a float holds
        p.axpy(-scale * along, dkey, grads.dq + token * d, d);
      }
      std::fill_n(dkey, d, 0.0f);
    }
  });
}

}  // namespace yoso::reformer
