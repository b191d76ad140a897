// Exact attention, tiled: the strong baseline. It never holds more than a tile of scores.
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/softmax_backward.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace yoso::softmax {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);

namespace {

struct Cpu {
  Shape shape;
  Context context;
  std::int64_t together;  // blocks of queries, 1 to kTogether, but no fewer pieces of work than threads for it

  Cpu(const Shape& s, const Settings&, const Context& c)
      : shape(s),
        context(c),
        together(std::clamp<std::int64_t>(s.rows() * ((s.n_q + kBlock - 1) / kBlock) / c.threads, 1, kTogether)) {}

  OnlineSoftmax layout(Arena& scratch) const {
    return {scratch, context.threads, shape.n_k, shape.d, shape.d_v, together};
  }

  SoftmaxBackward backward_layout(Arena& scratch) const {
    return {scratch, context.threads, shape.n_k, shape.d, shape.d_v};
  }

  // [rows, n_q] each; nothing if there will be no backward pass
  RowStatistics kept(Arena& saved) const {
    return context.pass == Pass::both ? RowStatistics::take(saved, shape.rows() * shape.n_q) : RowStatistics{};
  }

  Needs needs() const {
    Arena saved, scratch, backward;
    kept(saved);
    layout(scratch);
    if (context.pass == Pass::both) backward_layout(backward);
    return {saved.used(), std::max(scratch.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    const OnlineSoftmax tiles = layout(call.scratch);
    const RowStatistics statistics = kept(call.saved);
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    const std::int64_t queries = together * kBlock, groups = (shape.n_q + queries - 1) / queries;
    call.phase("attend");
    parallel_for(context.threads, shape.rows() * groups, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / groups, first = piece % groups * queries;
      const KeyRow keys = key_row(in, shape, row);
      std::optional<OnlineSoftmax::Block> blocks[kTogether];
      const auto each = [&](const auto& use) {
        for (std::int64_t b = 0, at = first; b < together && at < shape.n_q; ++b, at += kBlock)
          use(blocks[b], b, at, std::min(kBlock, shape.n_q - at), mask_of_row(in.keep_q, shape, row, shape.n_q, at));
      };
      each([&](auto& block, std::int64_t b, std::int64_t at, std::int64_t m, const std::uint8_t*) {
        const std::int64_t query = row * shape.n_q + at;
        block.emplace(tiles.begin(p, thread, scale, m, in.q + query * shape.d, out + query * shape.d_v, b));
      });
      for (std::int64_t tile = 0; tile < shape.n_k; tile += tiles.tile())
        each([&](auto& block, std::int64_t, std::int64_t at, std::int64_t m, const std::uint8_t* keep) {
          // the last query of the block sees the most keys: tiles above the diagonal are never computed
          const std::int64_t last = std::min(tile + tiles.tile(), shape.visible(at + m - 1));
          if (any_kept(keep, 0, m))
            block->attend(keys, tile, last, [&](std::int64_t r) { return KeyRange{0, shape.visible(at + r)}; });
        });
      each([&](auto& block, std::int64_t, std::int64_t at, std::int64_t, const std::uint8_t* keep) {
        block->finish(keep, statistics.from(row * shape.n_q + at));
      });
    });
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const Primitives& p = primitives(context.isa);
    const SoftmaxBackward tiles = backward_layout(call.scratch);
    const RowStatistics statistics = kept(call.saved);
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    call.phase("attend");
    zero_gradients(context.threads, shape, grads);
    for_pairs_in_waves(context.threads, shape.rows(), shape.n_q, shape.n_k,
                       [&](std::int64_t row, KeyRange queries, KeyRange keys, int thread) {
                         const std::int64_t q = row * shape.n_q, k = row * shape.n_k;
                         tiles.attend(p, thread, scale,
                                      {.q = in.q + q * shape.d,
                                       .out = up.out + q * shape.d_v,
                                       .dout = up.dout + q * shape.d_v,
                                       .kept = statistics.from(q),
                                       .keys = key_row(in, shape, row),
                                       .dq = grads.dq + q * shape.d,
                                       .grads = {grads.dk + k * shape.d, grads.dv + k * shape.d_v}},
                                      queries, keys, [&](std::int64_t i) {
                                        return KeyRange{0, shape.visible(i)};
                                      });
                       });
  }

 private:
  static constexpr std::int64_t kBlock = OnlineSoftmax::kQueries;
  // Blocks that share a tile of keys and values while it is in the second-level cache: with one, every 64 queries read
  // all keys from farther away, and n = 16384 ran a fifth slower.
  static constexpr std::int64_t kTogether = 4;
};

// Pairs of a query and a key it sees, in all rows.
double pairs(const Shape& s) {
  double visible = static_cast<double>(s.n_q) * static_cast<double>(s.n_k);
  if (s.causal) {  // a trapezium: the seeing queries see from `visible(first)` to n_k keys, one more each
    const double seeing = static_cast<double>(std::min(s.n_q, s.n_k));
    visible = seeing * (static_cast<double>(s.n_k) - (seeing - 1) / 2);
  }
  return static_cast<double>(s.rows()) * visible;
}

Work work(const Shape& s, const Settings&) {
  // two products, an exponential, and about five other operations a score; tiles stay in the second-level cache
  const double scores = pairs(s);
  const double products = scores * 2.0 * static_cast<double>(s.d + s.d_v);
  return {products + 5.0 * scores,
          4.0 * static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size()),
          {{.phase = "attend", .fused = products, .exponentials = scores}}};
}

// Five products (scores and the gradients of q and k are d wide, those of weights and values d_v), an exponential, and
// about five other operations a score.
Work backward_work(const Shape& s, const Settings&) {
  const double scores = pairs(s), products = scores * 2.0 * static_cast<double>(3 * s.d + 2 * s.d_v);
  return {products + 5.0 * scores,
          8.0 * static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size()),
          {{.phase = "attend", .fused = products, .adds = 2.0 * scores, .exponentials = scores}}};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "softmax",
    .title = "exact attention, tiled with online softmax, O(n d) memory",
    .paper = "Vaswani et al. 2017, eq. 1; tiling: Dao et al. 2022",
    .equation = "out = softmax(Q K^T / sqrt(d)) V",
    .work = work,
    .backward_work = backward_work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::softmax
