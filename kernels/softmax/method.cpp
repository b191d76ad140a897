// Exact attention, tiled: the strong baseline. It never holds more than a tile of scores.
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/online_softmax.hpp"

#include <algorithm>
#include <cmath>

namespace yoso::softmax {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);

namespace {

struct Cpu {
  Shape shape;
  Context context;

  Cpu(const Shape& s, const Settings&, const Context& c) : shape(s), context(c) {}

  OnlineSoftmax layout(Arena& scratch) const { return {scratch, context.threads, shape.n_k, shape.d, shape.d_v}; }

  Needs needs() const {
    Arena scratch;
    layout(scratch);
    return {0, scratch.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    const OnlineSoftmax tiles = layout(call.scratch);
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    constexpr std::int64_t kBlock = OnlineSoftmax::kQueries;
    const std::int64_t blocks = (shape.n_q + kBlock - 1) / kBlock;
    call.phase("attend");
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / blocks, first = piece % blocks * kBlock, m = std::min(kBlock, shape.n_q - first);
      const std::uint8_t* const keep_q = mask_of_row(in.keep_q, shape, row, shape.n_q, first);
      const std::int64_t at = row * shape.n_q + first;
      OnlineSoftmax::Block block = tiles.begin(p, thread, scale, m, in.q + at * shape.d, out + at * shape.d_v);
      // the last query of the block sees the most keys: tiles above the diagonal are never computed
      if (any_kept(keep_q, 0, m))
        block.attend(key_row(in, shape, row), 0, shape.visible(first + m - 1), [&](std::int64_t r) {
          return KeyRange{0, shape.visible(first + r)};
        });
      block.finish(keep_q);
    });
  }
};

Work work(const Shape& s, const Settings&) {
  double visible = static_cast<double>(s.n_q) * static_cast<double>(s.n_k);
  if (s.causal) {  // a trapezium: the seeing queries see from `visible(first)` to n_k keys, one more each
    const double seeing = static_cast<double>(std::min(s.n_q, s.n_k));
    visible = seeing * (static_cast<double>(s.n_k) - (seeing - 1) / 2);
  }
  // two products, an exponential, and about five other operations a score; tiles stay in the second-level cache
  const double scores = static_cast<double>(s.rows()) * visible;
  const double products = scores * 2.0 * static_cast<double>(s.d + s.d_v);
  return {products + 5.0 * scores,
          4.0 * static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size()),
          {{.phase = "attend", .fused = products, .exponentials = scores}}};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "softmax",
    .title = "exact attention, tiled with online softmax, O(n d) memory",
    .paper = "Vaswani et al. 2017, eq. 1; tiling: Dao et al. 2022",
    .equation = "out = softmax(Q K^T / sqrt(d)) V",
    .work = work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::softmax
