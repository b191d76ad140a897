// Backward over colliding pairs, each visited from its query's side and from its key's side: whoever owns a gradient
// sums it alone, so threads never meet.
//
// Pairs lie anywhere, so from a few thousand tokens on the rows come from beyond the second cache, and time grows
// faster than n. Tried and lost: a cache line's columns of all pairs at a time, which fit (twice as slow: as many short
// loops as pairs); asking for all rows of the next token.
#include <yoso/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "primitives/yoso_gradient.hpp"
#include "yoso_m/cpu.hpp"

namespace yoso::yoso_m {
namespace {

constexpr std::int64_t kBatch = 128;  // pairs that are worked on together: their numbers stay in the first cache

// The derivative of a weight as the reference's second version has it: the exact one at 0.99 times the cosine, its
// three factors interpolated between 32 points, two of them cut off at 10.
class Interpolated {
 public:
  explicit Interpolated(std::int64_t tau) : tau_(static_cast<float>(tau)) {
    for (int i = 0; i < kPoints; ++i) {
      const double x = i / 31.0;
      angle_[i] = static_cast<float>(std::acos(2 * x - 1) / std::numbers::pi);
      power_[i] = static_cast<float>(std::min(10.0, std::pow(x + 1e-6, static_cast<double>(tau - 1))));
      inverse_sine_[i] = static_cast<float>(std::min(10.0, 1 / std::sqrt(x + 1e-6)));
    }
  }
  float operator()(float cosine) const {
    const float x = 0.99f * cosine;
    const float base = 1 - at(angle_, (1 + x) * 15.5f);
    return tau_ * at(power_, base * 31) / std::numbers::pi_v<float> * at(inverse_sine_, (1 - x * x) * 31);
  }

 private:
  static constexpr int kPoints = 32;
  static float at(const float* table, float x) {
    const float inside = std::clamp(x, 0.0f, 31.0f);
    const int i = std::min(30, static_cast<int>(inside));
    return table[i] + (inside - static_cast<float>(i)) * (table[i + 1] - table[i]);
  }
  float tau_, angle_[kPoints], power_[kPoints], inverse_sine_[kPoints];
};

// One side of a row, and the other.
struct Side {
  std::int64_t n;
  const float* value;  // packed rows: v of keys, dx of queries, then the unit row
  const float* shift;  // [n] of queries, null of keys and where it is 0
};

}  // namespace

void Cpu::prepare_pairs(const Inputs& in, const Kept& kept, const BackwardScratch& s, std::int64_t first_row,
                        std::int64_t rows, Call& call) const {
  const std::int64_t m = plan_.hashes;
  call.phase("sort");
  parallel_for(context_.threads, rows * 2 * m, [&](std::int64_t piece, int) {
    const std::int64_t at = piece / (2 * m), hash = piece % m;
    const Codes codes = codes_of(in, kept, first_row + at);
    if (piece / m % 2 == 0)
      collisions_.sort_queries(s.pairs, codes, at, hash);
    else
      collisions_.sort_keys(s.pairs, codes, at, hash);
  });
  const auto pack = [&](std::int64_t n, const float* values, const float* units, float* to) {
    for_rows(context_.threads, rows * n, [&](std::int64_t first, std::int64_t count) {
      for (std::int64_t i = first; i < first + count; ++i) {
        const std::int64_t token = first_row * n + i;
        std::copy_n(values + token * shape_.d_v, shape_.d_v, to + i * packed_.width);
        std::copy_n(units + token * shape_.d, shape_.d, to + i * packed_.width + packed_.unit);
        if (full_buckets_) std::fill_n(to + i * packed_.width + packed_.sum, shape_.d, 0.0f);
      }
    });
  };
  call.phase("pack");
  pack(shape_.n_q, s.dx, s.q, s.packed_q);
  pack(shape_.n_k, in.v, s.k, s.packed_k);
}

void Cpu::sum_pairs(const Inputs& in, const Kept& kept, const BackwardScratch& s, const Gradients& grads,
                    Call& call) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t d = shape_.d, d_v = shape_.d_v, m = plan_.hashes, ld = packed_.width;
  const bool set = gradient_ == Gradient::set;
  const Interpolated slope(plan_.bits);
  const float factor = set ? 1.0f : static_cast<float>(plan_.bits) / static_cast<float>(2 * m);
  const float share = 1 / static_cast<float>(m);

  // g [n, d] += of pairs of one token; dv [n, d_v] (of keys, else null) += dx of the queries.
  const auto add = [&](const Side& own, const Side& other, std::int64_t token, std::int64_t count,
                       const std::uint32_t* tokens, const std::uint16_t* counts, float* g, float* dv) {
    float changes[kBatch], more[kBatch];
    const auto self = static_cast<std::uint32_t>(token);
    p.products_at(1, &self, count, tokens, d_v, own.value, ld, other.value, ld, changes);
    for (std::int64_t t = 0; own.shift && t < count; ++t) changes[t] -= own.shift[token];
    for (std::int64_t t = 0; other.shift && t < count; ++t) changes[t] -= other.shift[tokens[t]];
    if (set) {
      p.products_at(1, &self, count, tokens, d, own.value + packed_.unit, ld, other.value + packed_.unit, ld, more);
      for (std::int64_t t = 0; t < count; ++t) changes[t] *= slope(more[t]);
    } else if (counts) {
      for (std::int64_t t = 0; t < count; ++t) changes[t] *= static_cast<float>(counts[tokens[t]]);
    }
    p.add_rows_at(1, &self, count, tokens, changes, 0, 1, d, other.value + packed_.unit, ld, g, d);
    if (!dv) return;
    for (std::int64_t t = 0; t < count; ++t) more[t] = counts ? static_cast<float>(counts[tokens[t]]) : 1.0f;
    p.add_rows_at(1, &self, count, tokens, more, 0, 1, d_v, other.value, ld, dv, d_v);
  };

  // the more tokens in a piece, the more of their collisions are found in the cache
  const auto tokens_of = [&](std::int64_t n) {
    const std::int64_t each = (n / (4 * context_.threads) + 63) / 64 * 64;
    return std::clamp<std::int64_t>(each, 64, Collisions::kTokens);
  };
  const std::int64_t q_tokens = tokens_of(shape_.n_q), k_tokens = tokens_of(shape_.n_k);
  const std::int64_t q_blocks = (shape_.n_q + q_tokens - 1) / q_tokens;
  const std::int64_t k_blocks = (shape_.n_k + k_tokens - 1) / k_tokens;
  for (std::int64_t first_row = 0; first_row < shape_.rows(); first_row += collisions_.wave()) {
    const std::int64_t rows = std::min(collisions_.wave(), shape_.rows() - first_row);
    prepare_pairs(in, kept, s, first_row, rows, call);
    call.phase("pairs");
    parallel_for(context_.threads, rows * (q_blocks + k_blocks), [&](std::int64_t piece, int thread) {
      const std::int64_t at = piece / (q_blocks + k_blocks), row = first_row + at;
      const std::int64_t block = piece % (q_blocks + k_blocks);
      const Codes codes = codes_of(in, kept, row);
      const bool divides = norm_ == Norm::rowsum;
      const Side queries{shape_.n_q, s.packed_q + at * shape_.n_q * ld, divides ? s.shift + row * shape_.n_q : nullptr};
      const Side keys{shape_.n_k, s.packed_k + at * shape_.n_k * ld, nullptr};
      const bool of_queries = block < q_blocks;
      const Side& own = of_queries ? queries : keys;
      const Side& other = of_queries ? keys : queries;
      const std::int64_t first = of_queries ? block * q_tokens : (block - q_blocks) * k_tokens;
      const std::int64_t last = std::min(own.n, first + (of_queries ? q_tokens : k_tokens));
      const Collisions::Side side{
          of_queries ? codes.q : codes.k, stride(own.n), of_queries ? codes.keep_q : codes.keep_k,
          of_queries ? collisions_.keys(s.pairs, at) : collisions_.queries(s.pairs, at), other.n};
      float* const g = (of_queries ? grads.dq : grads.dk) + row * own.n * d;
      float* const dv = of_queries ? nullptr : grads.dv + row * own.n * d_v;
      std::fill_n(g + first * d, (last - first) * d, 0.0f);
      if (dv) std::fill_n(dv + first * d_v, (last - first) * d_v, 0.0f);
      const auto visible = [&](std::int64_t i, std::uint32_t token) {
        return of_queries ? token < shape_.visible(i) : i < shape_.visible(token);
      };
      collisions_.for_each(s.pairs, thread, side, first, last, set,
                           [&](std::int64_t i, std::int64_t count, std::uint32_t* tokens, const std::uint16_t* counts) {
                             if (shape_.causal)
                               count = std::remove_if(tokens, tokens + count,
                                                      [&](std::uint32_t token) { return !visible(i, token); }) -
                                       tokens;
                             for (std::int64_t t = 0; t < count; t += kBatch)
                               add(own, other, i, std::min(kBatch, count - t), tokens + t, counts, g, dv);
                             p.scale(factor, g + i * d, d);
                             if (dv) p.scale(share, dv + i * d_v, d_v);
                           });
    });
  }
}

}  // namespace yoso::yoso_m
