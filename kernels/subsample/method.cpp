// The control "any keys would do": softmax over a few keys drawn at random.
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/online_softmax.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace yoso::subsample {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);

namespace {

constexpr std::array kKnobs{
    Knob{.name = "keys",
         .help = "random keys attended to; all of them when there are no more",
         .lowest = 1,
         .highest = 1048576,
         .usual = "256"},
};

constexpr std::int64_t kLongestOrder = std::int64_t{1} << 24;  // the largest whole number before f32 has gaps

struct Cpu {
  Shape shape;
  Context context;
  std::int64_t keys;

  Cpu(const Shape& s, const Settings& settings, const Context& c)
      : shape(s), context(c), keys(std::min(settings.integer("keys"), s.n_k)) {
    if (s.causal) throw Unsupported("subsample has no causal form: a random key may lie in the future");
    if (s.n_k > kLongestOrder) throw Unsupported("subsample draws its order of keys in f32, exact up to 2^24 keys");
  }

  struct Scratch {
    float* k;             // [rows, keys, d], the drawn keys
    float* v;             // [rows, keys, d_v]
    std::int64_t* drawn;  // [rows] how many there are
    OnlineSoftmax tiles;
  };
  Scratch layout(Arena& scratch) const {
    return {scratch.take<float>(shape.rows() * keys * shape.d),
            scratch.take<float>(shape.rows() * keys * shape.d_v),
            scratch.take<std::int64_t>(shape.rows()),
            {scratch, context.threads, keys, shape.d, shape.d_v}};
  }

  Needs needs() const {
    Arena scratch;
    layout(scratch);
    return {0, scratch.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    const float* const order = call.draws["order"];
    const Scratch scratch = layout(call.scratch);
    call.phase("gather");
    parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int) {
      const KeyRow all = key_row(in, shape, row);
      float* const k = scratch.k + row * keys * shape.d;
      float* const v = scratch.v + row * keys * shape.d_v;
      std::int64_t drawn = 0;
      for (std::int64_t t = 0; t < shape.n_k && drawn < keys; ++t) {
        const auto j = static_cast<std::int64_t>(order[row * shape.n_k + t]);
        if (all.keep && !all.keep[j]) continue;
        std::copy_n(all.k + j * shape.d, shape.d, k + drawn * shape.d);
        std::copy_n(all.v + j * shape.d_v, shape.d_v, v + drawn * shape.d_v);
        ++drawn;
      }
      scratch.drawn[row] = drawn;
    });
    call.phase("attend");
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    constexpr std::int64_t kBlock = OnlineSoftmax::kQueries;
    const std::int64_t blocks = (shape.n_q + kBlock - 1) / kBlock;
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / blocks, first = piece % blocks * kBlock, m = std::min(kBlock, shape.n_q - first);
      const std::uint8_t* const keep_q = mask_of_row(in.keep_q, shape, row, shape.n_q, first);
      const std::int64_t at = row * shape.n_q + first, drawn = scratch.drawn[row];
      OnlineSoftmax::Block block = scratch.tiles.begin(p, thread, scale, m, in.q + at * shape.d, out + at * shape.d_v);
      const KeyRow few{scratch.k + row * keys * shape.d, scratch.v + row * keys * shape.d_v, nullptr};
      if (any_kept(keep_q, 0, m)) block.attend(few, 0, drawn, [&](std::int64_t) { return KeyRange{0, drawn}; });
      block.finish(keep_q);
    });
  }
};

std::vector<TensorSpec> draws(const Shape& s, const Settings&) {
  return {{.name = "order", .axis = Axis::row, .shape = {s.n_k}, .law = Law::permutation}};
}

Work work(const Shape& s, const Settings& settings) {
  const auto keys = static_cast<double>(std::min(settings.integer("keys"), s.n_k));
  const double rows = static_cast<double>(s.rows()), width = static_cast<double>(s.d + s.d_v);
  const double pairs = rows * static_cast<double>(s.n_q) * keys;
  return {pairs * (2.0 * width + 5.0), 4.0 * (static_cast<double>(s.q_size() + s.out_size()) + rows * keys * width)};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "subsample",
    .title = "control: softmax over random keys",
    .paper = "control",
    .equation = "out = softmax(Q K_S^T / sqrt(d)) V_S, S random",
    .knobs = kKnobs,
    .main_knob = "keys",
    .control = true,
    .target = [](const Settings&) -> std::string_view { return "softmax"; },
    .redraws = true,
    .draws = draws,
    .work = work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::subsample
