#include "reformer/cpu.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include <yoso/parallel.hpp>

#include "primitives/masks.hpp"

namespace yoso::reformer {
namespace {

constexpr std::int64_t kTokens = 64;    // tokens that one piece of work hashes
constexpr std::int64_t kColumns = 256;  // projections of a token at a time
constexpr std::int32_t kNever = std::numeric_limits<std::int32_t>::max();

}  // namespace

Cpu::Cpu(const Shape& shape, const Settings& settings, const Context& context)
    : shape_(shape),
      context_(context),
      n_(shape.n_k),
      hf_(settings.is("form", "hf")),
      full_(is_full(shape, settings)),
      rounds_(full_ ? 1 : settings.integer("rounds")),
      chunk_(full_ ? shape.n_k : settings.integer("bucket")),
      buckets_(settings.integer("buckets")),
      query_scale_(hf_ ? 1.0f : 1.0f / std::sqrt(static_cast<float>(shape.d))),
      self_(hf_ ? -1e5f : -5e4f) {
  if (shape.n_q != shape.n_k) throw Unsupported("reformer shares queries and keys: n_q must equal n_k");
}

Cpu::Sorted Cpu::sorted(Arena& arena) const {
  const std::int64_t tokens = shape_.rows() * n_;
  return {arena.take<float>(tokens), arena.take<std::int32_t>(tokens * rounds_), arena.take<float>(tokens),
          arena.take<float>(tokens)};
}

Cpu::Layout Cpu::layout(Arena& saved, Arena& scratch) const {
  const std::int64_t threads = context_.threads, entries = shape_.rows() * rounds_ * n_;
  return {sorted(context_.pass == Pass::both ? saved : scratch),
          scratch.take<std::int32_t>(full_ ? 0 : entries),
          scratch.take<std::int32_t>(full_ ? 0 : threads * (buckets_ + 1)),
          scratch.take<float>(full_ ? 0 : threads * 2 * kTokens * kColumns),
          scratch.take<float>(threads * kQueries * shape_.d),
          scratch.take<float>(threads * kKeys * shape_.d),
          scratch.take<float>(threads * kKeys * shape_.d_v),
          scratch.take<float>(threads * kQueries * kKeys),
          scratch.take<float>(threads * kQueries * shape_.d_v)};
}

Needs Cpu::needs() const {
  Arena saved, forward, again, backward;
  layout(saved, forward);
  if (context_.pass == Pass::both) backward_layout(again, backward);
  return {saved.used(), std::max(forward.used(), backward.used())};
}

void Cpu::forward(const Inputs& in, float* out, Call& call) {
  const Primitives& p = primitives(context_.isa);
  const Layout at = layout(call.saved, call.scratch);
  call.phase("hash");
  scale_keys(p, in, at);
  if (!full_) {
    hash(p, in, call.draws["rotations"], at);
    if (call.probe) call.probe->see("buckets", {at.buckets, Dtype::i32, {shape_.rows(), rounds_ * n_}});
  }
  call.phase("sort");
  sort(at);
  call.phase("attend");
  std::fill_n(at.peaks, shape_.rows() * n_, -INFINITY);
  std::fill_n(at.totals, shape_.rows() * n_, 0.0f);
  std::fill_n(out, shape_.out_size(), 0.0f);
  // Round after round, so that each query's output accumulates in place: outputs of all rounds side by side, as usually
  // told, need rounds x n x d_v floats. A chunk that straddles two rounds is split between them.
  const std::int64_t blocks = (chunk_ + kQueries - 1) / kQueries;
  for (std::int64_t round = 0; round < rounds_; ++round) {
    const std::int64_t first_chunk = round * n_ / chunk_, chunks = ((round + 1) * n_ - 1) / chunk_ - first_chunk + 1;
    parallel_for(context_.threads, shape_.rows() * chunks * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / (chunks * blocks), chunk = first_chunk + piece / blocks % chunks;
      const std::int64_t block = chunk * chunk_ + piece % blocks * kQueries;
      const std::int64_t first = std::max(block, round * n_);
      const std::int64_t last = std::min({block + kQueries, (chunk + 1) * chunk_, (round + 1) * n_});
      if (first < last) attend(p, in, at, out, row, first, last, thread);
    });
  }
  finish(p, in, at, out);
}

// lucidrains: key = x / max(|x|, 1e-12). hf: key = x / sqrt(mean x^2 + 1e-6) / sqrt(d).
void Cpu::scale_keys(const Primitives& p, const Inputs& in, const Layout& at) const {
  const std::int64_t blocks = (n_ + kTokens - 1) / kTokens;
  const float d = static_cast<float>(shape_.d);
  parallel_for(context_.threads, shape_.rows() * blocks, [&](std::int64_t piece, int) {
    const std::int64_t row = piece / blocks, first = piece % blocks * kTokens;
    for (std::int64_t i = first; i < std::min(first + kTokens, n_); ++i) {
      const float* const x = in.q + (row * n_ + i) * shape_.d;
      const float square = p.dot(x, x, shape_.d);
      at.key_scales[row * n_ + i] =
          hf_ ? 1.0f / (std::sqrt(square / d + 1e-6f) * std::sqrt(d)) : 1.0f / std::max(std::sqrt(square), 1e-12f);
    }
  });
}

// id = argmax([x R_r; -x R_r]) + r x stride, the lowest index winning a tie. Raw rows and `project`, so that ids are
// the same on every instruction set.
void Cpu::hash(const Primitives& p, const Inputs& in, const float* rotations, const Layout& at) const {
  const std::int64_t half = buckets_ / 2, blocks = (n_ + kTokens - 1) / kTokens;
  // hf: padding goes to a bucket of its own, and then all samples of the batch count one bucket more
  const std::int64_t tokens = shape_.batch * n_;
  const bool any_padding = in.keep_k && std::find(in.keep_k, in.keep_k + tokens, 0) != in.keep_k + tokens;
  const std::int64_t stride = buckets_ + (hf_ && any_padding ? 1 : 0);
  parallel_for(context_.threads, shape_.rows() * rounds_ * blocks, [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / (rounds_ * blocks), round = piece / blocks % rounds_;
    const std::int64_t first = piece % blocks * kTokens, count = std::min(kTokens, n_ - first);
    float* const y = at.projections + thread * 2 * kTokens * kColumns;
    float* const turned = y + kTokens * kColumns;
    float high[kTokens], low[kTokens];
    std::int32_t high_at[kTokens] = {}, low_at[kTokens] = {};
    std::fill_n(high, count, -INFINITY);
    std::fill_n(low, count, INFINITY);
    for (std::int64_t column = 0; column < half; column += kColumns) {
      const std::int64_t width = std::min(kColumns, half - column);
      p.project(count, width, shape_.d, in.q + (row * n_ + first) * shape_.d, shape_.d,
                rotations + (row * shape_.d * rounds_ + round) * half + column, rounds_ * half, y, width);
      // the projections of a token below each other, so that a vector compares many tokens
      p.transpose(count, width, y, width, turned, kTokens);
      p.extremes(width, count, turned, kTokens, static_cast<std::int32_t>(column), high, high_at, low, low_at);
    }
    const std::uint8_t* const keep = mask_of_row(hf_ ? in.keep_k : nullptr, shape_, row, n_, first);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t hashed = -low[i] > high[i] ? half + low_at[i] : high_at[i];
      const std::int64_t bucket = keep && !keep[i] ? buckets_ : hashed;
      at.buckets[(row * rounds_ + round) * n_ + first + i] = static_cast<std::int32_t>(bucket + round * stride);
    }
  });
}

// By (id, position): ids of a round are all below those of the next, so that each round sorts on its own; a counting
// sort is stable and needs no memory but its counts.
void Cpu::sort(const Layout& at) const {
  parallel_for(context_.threads, shape_.rows() * rounds_, [&](std::int64_t piece, int thread) {
    std::int32_t* const list = at.list + piece * n_;
    if (full_) {
      for (std::int64_t i = 0; i < n_; ++i) list[i] = static_cast<std::int32_t>(i);
      return;
    }
    const std::int32_t* const ids = at.buckets + piece * n_;
    const std::int32_t lowest = *std::min_element(ids, ids + n_);
    std::int32_t* const counts = at.counts + thread * (buckets_ + 1);
    std::fill_n(counts, buckets_ + 1, 0);
    for (std::int64_t i = 0; i < n_; ++i) ++counts[ids[i] - lowest];
    std::int32_t before = 0;
    for (std::int64_t b = 0; b <= buckets_; ++b) before += std::exchange(counts[b], before);
    for (std::int64_t i = 0; i < n_; ++i) list[counts[ids[i] - lowest]++] = static_cast<std::int32_t>(i);
  });
}

// List entries [first, last) attend to their own chunk and the one before it; before the first comes the last.
void Cpu::attend(const Primitives& p, const Inputs& in, const Layout& at, float* out, std::int64_t row,
                 std::int64_t first, std::int64_t last, int thread) const {
  const std::int64_t entries = rounds_ * n_, chunks = (entries + chunk_ - 1) / chunk_;
  const Tile tile{row,
                  first,
                  last - first,
                  at.list + row * entries + first,
                  at.queries + thread * kQueries * shape_.d,
                  at.keys + thread * kKeys * shape_.d,
                  at.values + thread * kKeys * shape_.d_v,
                  at.scores + thread * kQueries * kKeys,
                  at.outputs + thread * kQueries * shape_.d_v};
  for (std::int64_t i = 0; i < tile.count; ++i) {
    const std::int64_t token = row * n_ + tile.positions[i];
    std::copy_n(in.q + token * shape_.d, shape_.d, tile.queries + i * shape_.d);
    std::copy_n(out + token * shape_.d_v, shape_.d_v, tile.outputs + i * shape_.d_v);
  }
  const std::int64_t own = first / chunk_, previous = (own + chunks - 1) % chunks;
  Keys keys;  // of both chunks together: with the usual 64 tokens a chunk, all that the queries see in this round
  const auto add_chunk = [&](std::int64_t chunk) {
    const std::int64_t end = std::min((chunk + 1) * chunk_, entries);
    for (std::int64_t e = chunk * chunk_; e < end;) {
      const std::int64_t size = std::min(kKeys - keys.count, end - e);
      gather(in, at, tile, e, e + size, keys);
      e += size;
      if (keys.count == kKeys) {
        add_keys(p, at, tile, keys);
        keys = {};
      }
    }
  };
  add_chunk(own);
  if (previous != own) add_chunk(previous);
  if (keys.count > 0) add_keys(p, at, tile, keys);
  for (std::int64_t i = 0; i < tile.count; ++i)
    std::copy_n(tile.outputs + i * shape_.d_v, shape_.d_v, out + (row * n_ + tile.positions[i]) * shape_.d_v);
}

// Adds list entries [first, last), which fit, to the keys.
void Cpu::gather(const Inputs& in, const Sorted& at, const Tile& tile, std::int64_t first, std::int64_t last,
                 Keys& keys) const {
  const std::int64_t row = tile.row, round = tile.first / n_;
  const std::int32_t* const list = at.list + row * rounds_ * n_;
  const std::uint8_t* const keep = mask_of_row(in.keep_k, shape_, row, n_);
  // in one round every token is in the list once
  if (keep || shape_.causal || first / n_ != round || (last - 1) / n_ != round) keys.plain = false;
  if (first / chunk_ == tile.first / chunk_) {
    keys.own_first = keys.count + tile.first - first;
    keys.own_last = keys.count + last - first;
  }
  for (std::int64_t e = first, j = keys.count; e < last; ++e, ++j) {
    const std::int32_t position = list[e];
    const bool kept = !keep || keep[position];
    // hf lets a padded token see itself; in lucidrains' form padding is masked for good
    keys.self[j] = kept || hf_ ? position : -1;
    keys.at[j] = position;
    keys.from[j] = !kept ? kNever : shape_.causal ? position : 0;
    const float* const x = in.q + (row * n_ + position) * shape_.d;
    const float scale = at.key_scales[row * n_ + position];
    for (std::int64_t c = 0; c < shape_.d; ++c) tile.keys[j * shape_.d + c] = scale * x[c];
    std::copy_n(in.v + (row * n_ + position) * shape_.d_v, shape_.d_v, tile.values + j * shape_.d_v);
  }
  keys.count += last - first;
}

// Joins keys into the running softmax of the tile's queries. Carrying (peak, total) over chunks and rounds alike is the
// logsumexp merge sum_r softmax_r(z_r) o_r, z_r = peak + log(total), without ever adding the two: in float, a row that
// has only itself has z = -5e4 + log(count), and rounding that by 2e-3 moves the rounds' weights.
void Cpu::add_keys(const Primitives& p, const Layout& at, const Tile& tile, const Keys& keys) const {
  const std::int64_t count = keys.count, row = tile.row;
  p.gemm_nt(tile.count, count, shape_.d, query_scale_, tile.queries, shape_.d, tile.keys, shape_.d, false, tile.scores,
            count);
  for (std::int64_t i = 0; i < tile.count; ++i) {
    float* const s = tile.scores + i * count;
    const std::int32_t position = tile.positions[i];
    if (const std::int64_t own = keys.own_first + i; keys.plain) {
      if (own >= 0 && own < keys.own_last) s[own] = self_;
    } else {
      for (std::int64_t j = 0; j < count; ++j) {
        const float masked = position >= keys.from[j] ? s[j] : -INFINITY;
        s[j] = position == keys.self[j] ? self_ : masked;
      }
    }
    float& peak = at.peaks[row * n_ + position];
    float& total = at.totals[row * n_ + position];
    const float largest = std::max(peak, p.max(s, count));
    if (largest == -INFINITY) {  // still nothing visible
      std::fill_n(s, count, 0.0f);
      continue;
    }
    if (largest != peak) {
      const float factor = std::exp(peak - largest);
      total *= factor;
      p.scale(factor, tile.outputs + i * shape_.d_v, shape_.d_v);
      peak = largest;
    }
    total += p.exp_sum(largest, s, count);
  }
  p.gemm_nn(tile.count, shape_.d_v, count, 1.0f, tile.scores, count, tile.values, shape_.d_v, true, tile.outputs,
            shape_.d_v);
}

void Cpu::finish(const Primitives& p, const Inputs& in, const Layout& at, float* out) const {
  parallel_for(context_.threads, shape_.rows(), [&](std::int64_t row, int) {
    const std::uint8_t* const keep = mask_of_row(in.keep_q, shape_, row, n_);
    for (std::int64_t i = 0; i < n_; ++i) {
      const float total = at.totals[row * n_ + i];
      const bool answered = (!keep || keep[i]) && total != 0.0f;
      float* const o = out + (row * n_ + i) * shape_.d_v;
      if (answered)
        p.scale(1.0f / total, o, shape_.d_v);
      else
        std::fill_n(o, shape_.d_v, 0.0f);
      if (context_.pass == Pass::forward) continue;
      at.totals[row * n_ + i] = answered ? 1.0f / total : 0.0f;
      if (!answered) at.peaks[row * n_ + i] = INFINITY;
    }
  });
}

}  // namespace yoso::reformer
