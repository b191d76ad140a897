// Sliding-window attention with global tokens (Beltagy et al. 2020).
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/softmax_backward.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace yoso::longformer {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);

namespace {

constexpr std::array kKnobs{
    Knob{.name = "window",
         .help = "a token sees window/2 tokens on either side",
         .lowest = 2,
         .highest = 1048576,
         .fits = [](std::int64_t window) { return window % 2 == 0; },
         .adjective = "even",
         .usual = "128"},
    Knob{.name = "global",
         .help = "the first so many tokens see all and are seen by all",
         .lowest = 0,
         .highest = 65536,
         .usual = "1"},
};

struct Cpu {
  Shape shape;
  Context context;
  std::int64_t reach;    // to either side
  std::int64_t globals;  // tokens [0, globals)

  Cpu(const Shape& s, const Settings& settings, const Context& c)
      : shape(s),
        context(c),
        reach(settings.integer("window") / 2),
        globals(std::min(settings.integer("global"), s.n_q)) {
    if (s.causal) throw Unsupported("longformer has no causal form: its global tokens see the future");
    if (s.n_q != s.n_k) throw Unsupported("longformer is self-attention: its window needs n_q = n_k");
  }

  OnlineSoftmax layout(Arena& scratch) const { return {scratch, context.threads, shape.n_k, shape.d, shape.d_v}; }

  SoftmaxBackward backward_layout(Arena& scratch) const {
    return {scratch, context.threads, shape.n_k, shape.d, shape.d_v};
  }

  Needs needs() const {
    Arena saved, scratch, backward;
    layout(scratch);
    if (context.pass == Pass::both) {
      RowStatistics::take(saved, shape.rows() * shape.n_q);
      backward_layout(backward);
    }
    return {saved.used(), std::max(scratch.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    const OnlineSoftmax tiles = layout(call.scratch);
    const RowStatistics kept =
        context.pass == Pass::both ? RowStatistics::take(call.saved, shape.rows() * shape.n_q) : RowStatistics{};
    constexpr std::int64_t kBlock = OnlineSoftmax::kQueries;
    // blocks of global queries come first, because they are the long ones; no block mixes the two kinds
    const std::int64_t global_blocks = (globals + kBlock - 1) / kBlock;
    const std::int64_t blocks = global_blocks + (shape.n_q - globals + kBlock - 1) / kBlock;
    call.phase("attend");
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t block = piece / shape.rows(), row = piece % shape.rows();
      if (block < global_blocks) {
        const std::int64_t first = block * kBlock;
        attend(p, tiles, thread, in, out, kept, row, first, std::min(kBlock, globals - first));
      } else {
        const std::int64_t first = globals + (block - global_blocks) * kBlock;
        attend(p, tiles, thread, in, out, kept, row, first, std::min(kBlock, shape.n_q - first));
      }
    });
  }

  // The pairs that are connected are cut into blocks of queries and ranges of keys as those of softmax are, and come in
  // the same waves; most pieces of a wave have nothing in them.
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const Primitives& p = primitives(context.isa);
    const SoftmaxBackward tiles = backward_layout(call.scratch);
    const RowStatistics kept = RowStatistics::take(call.saved, shape.rows() * shape.n_q);
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    const std::int64_t n = shape.n_q, d = shape.d, d_v = shape.d_v;
    call.phase("attend");
    zero_gradients(context.threads, shape, grads);
    for_pairs_in_waves(
        context.threads, shape.rows(), n, n, [&](std::int64_t row, KeyRange queries, KeyRange keys, int thread) {
          const std::int64_t token = row * n;
          const SoftmaxBackward::Row all{.q = in.q + token * d,
                                         .out = up.out + token * d_v,
                                         .dout = up.dout + token * d_v,
                                         .kept = kept.from(token),
                                         .keys = key_row(in, shape, row),
                                         .dq = grads.dq + token * d,
                                         .grads = {grads.dk + token * d, grads.dv + token * d_v}};
          const KeyRange global_queries{queries.first, std::min(queries.last, globals)};
          const KeyRange others{std::max(queries.first, globals), queries.last};
          const KeyRange global_keys{keys.first, std::min(keys.last, globals)};
          const KeyRange near{std::max({keys.first, globals, others.first - reach}),
                              std::min(keys.last, others.last + reach)};
          tiles.attend(p, thread, scale, all, global_queries, keys, [&](std::int64_t) { return KeyRange{0, n}; });
          tiles.attend(p, thread, scale, all, others, global_keys, [&](std::int64_t) { return KeyRange{0, globals}; });
          tiles.attend(p, thread, scale, all, others, near, [&](std::int64_t i) { return band(i); });
        });
  }

 private:
  KeyRange band(std::int64_t i) const { return {i - reach, i + reach + 1}; }

  // The block of queries [first, first + m): all global, or none.
  void attend(const Primitives& p, const OnlineSoftmax& tiles, int thread, const Inputs& in, float* out,
              const RowStatistics& kept, std::int64_t row, std::int64_t first, std::int64_t m) const {
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    const std::int64_t at = row * shape.n_q + first, n = shape.n_k;
    const KeyRow keys = key_row(in, shape, row);
    const std::uint8_t* const keep_q = mask_of_row(in.keep_q, shape, row, shape.n_q, first);
    OnlineSoftmax::Block block = tiles.begin(p, thread, scale, m, in.q + at * shape.d, out + at * shape.d_v);
    if (first < globals) {
      block.attend(keys, 0, n, [&](std::int64_t) { return KeyRange{0, n}; });
    } else if (any_kept(keep_q, 0, m)) {
      block.attend(keys, 0, globals, [&](std::int64_t) { return KeyRange{0, globals}; });
      // the band of the whole block, without the global keys: they have been seen
      block.attend(keys, std::max(globals, first - reach), std::min(n, first + m + reach),
                   [&](std::int64_t r) { return band(first + r); });
    }
    block.finish(keep_q, kept.from(at));
  }
};

// Connected pairs of a query and a key, in all rows.
double pairs(const Shape& s, const Settings& settings) {
  const double n = static_cast<double>(s.n_q), rows = static_cast<double>(s.rows());
  const double globals = std::min(static_cast<double>(settings.integer("global")), n);
  const double others = n - globals, reach = std::min(static_cast<double>(settings.integer("window")) / 2, others - 1);
  // global tokens see all; the others see them, and a band among themselves that lacks two corners
  const double band = others > 0 ? others * (2.0 * reach + 1.0) - reach * (reach + 1.0) : 0;
  return rows * (globals * n + others * globals + band);
}

double tensors(const Shape& s) { return static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size()); }

Work work(const Shape& s, const Settings& settings) {
  return {pairs(s, settings) * (2.0 * static_cast<double>(s.d + s.d_v) + 5.0), 4.0 * tensors(s)};
}

Work backward_work(const Shape& s, const Settings& settings) {
  return {pairs(s, settings) * (2.0 * static_cast<double>(3 * s.d + 2 * s.d_v) + 5.0), 8.0 * tensors(s)};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "longformer",
    .title = "sliding window and global tokens",
    .paper = "Beltagy et al. 2020, section 3.1",
    .equation = "out_i = softmax over |i-j| <= window/2, and j or i < global",
    .knobs = kKnobs,
    .main_knob = "window",
    .target = [](const Settings&) -> std::string_view { return "softmax"; },
    .work = work,
    .backward_work = backward_work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::longformer
