// Sliding-window attention with global tokens (Beltagy et al. 2020).
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/online_softmax.hpp"

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

  Needs needs() const {
    Arena scratch;
    layout(scratch);
    return {0, scratch.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    const OnlineSoftmax tiles = layout(call.scratch);
    constexpr std::int64_t kBlock = OnlineSoftmax::kQueries;
    // blocks of global queries come first, because they are the long ones; no block mixes the two kinds
    const std::int64_t global_blocks = (globals + kBlock - 1) / kBlock;
    const std::int64_t blocks = global_blocks + (shape.n_q - globals + kBlock - 1) / kBlock;
    call.phase("attend");
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t block = piece / shape.rows(), row = piece % shape.rows();
      if (block < global_blocks) {
        const std::int64_t first = block * kBlock;
        attend(p, tiles, thread, in, out, row, first, std::min(kBlock, globals - first));
      } else {
        const std::int64_t first = globals + (block - global_blocks) * kBlock;
        attend(p, tiles, thread, in, out, row, first, std::min(kBlock, shape.n_q - first));
      }
    });
  }

 private:
  // The block of queries [first, first + m): all global, or none.
  void attend(const Primitives& p, const OnlineSoftmax& tiles, int thread, const Inputs& in, float* out,
              std::int64_t row, std::int64_t first, std::int64_t m) const {
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
      block.attend(keys, std::max(globals, first - reach), std::min(n, first + m + reach), [&](std::int64_t r) {
        return KeyRange{first + r - reach, first + r + reach + 1};
      });
    }
    block.finish(keep_q);
  }
};

Work work(const Shape& s, const Settings& settings) {
  const double n = static_cast<double>(s.n_q), rows = static_cast<double>(s.rows());
  const double globals = std::min(static_cast<double>(settings.integer("global")), n);
  const double others = n - globals, reach = std::min(static_cast<double>(settings.integer("window")) / 2, others - 1);
  // global tokens see all; the others see them, and a band among themselves that lacks two corners
  const double band = others > 0 ? others * (2.0 * reach + 1.0) - reach * (reach + 1.0) : 0;
  const double pairs = globals * n + others * globals + band;
  return {rows * pairs * (2.0 * static_cast<double>(s.d + s.d_v) + 5.0),
          4.0 * static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size())};
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
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::longformer
