// The control "any keys would do": softmax over a few keys drawn at random.
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/softmax_backward.hpp"
#include "subsample/rule.hpp"

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

struct Cpu {
  Shape shape;
  Context context;
  std::int64_t keys;

  Cpu(const Shape& s, const Settings& settings, const Context& c)
      : shape(s), context(c), keys(std::min(settings.integer("keys"), s.n_k)) {
    require_order(s);
  }

  // In scratch, or in the saved arena where a backward pass follows.
  struct Drawn {
    float* k;              // [rows, keys, d], the drawn keys
    float* v;              // [rows, keys, d_v]
    std::int64_t* counts;  // [rows] how many there are
    KeyRow row(std::int64_t at, std::int64_t most, const Shape& s) const {
      return {k + at * most * s.d, v + at * most * s.d_v, nullptr};
    }
  };
  Drawn drawn(Arena& arena) const {
    return {arena.take<float>(shape.rows() * keys * shape.d), arena.take<float>(shape.rows() * keys * shape.d_v),
            arena.take<std::int64_t>(shape.rows())};
  }
  OnlineSoftmax layout(Arena& scratch) const { return {scratch, context.threads, keys, shape.d, shape.d_v}; }
  RowStatistics kept(Arena& saved) const {
    return context.pass == Pass::both ? RowStatistics::take(saved, shape.rows() * shape.n_q) : RowStatistics{};
  }

  struct Backward {
    KeyParts sums;  // gradients of the drawn keys
    SoftmaxBackward tiles;
  };
  Backward backward_layout(Arena& scratch) const {
    return {{scratch, shape.rows(), shape.n_q, keys, shape.d, shape.d_v},
            {scratch, context.threads, keys, shape.d, shape.d_v}};
  }

  Needs needs() const {
    Arena saved, scratch, backward;
    drawn(context.pass == Pass::both ? saved : scratch);
    kept(saved);
    layout(scratch);
    if (context.pass == Pass::both) backward_layout(backward);
    return {saved.used(), std::max(scratch.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    const float* const order = call.draws["order"];
    const Drawn few = drawn(context.pass == Pass::both ? call.saved : call.scratch);
    const RowStatistics statistics = kept(call.saved);
    const OnlineSoftmax tiles = layout(call.scratch);
    call.phase("gather");
    parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int) {
      const KeyRow all = key_row(in, shape, row);
      float* const k = few.k + row * keys * shape.d;
      float* const v = few.v + row * keys * shape.d_v;
      few.counts[row] = each_drawn(order + row * shape.n_k, all.keep, [&](std::int64_t t, std::int64_t j) {
        std::copy_n(all.k + j * shape.d, shape.d, k + t * shape.d);
        std::copy_n(all.v + j * shape.d_v, shape.d_v, v + t * shape.d_v);
      });
    });
    call.phase("attend");
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    constexpr std::int64_t kBlock = OnlineSoftmax::kQueries;
    const std::int64_t blocks = (shape.n_q + kBlock - 1) / kBlock;
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / blocks, first = piece % blocks * kBlock, m = std::min(kBlock, shape.n_q - first);
      const std::uint8_t* const keep_q = mask_of_row(in.keep_q, shape, row, shape.n_q, first);
      const std::int64_t at = row * shape.n_q + first, count = few.counts[row];
      OnlineSoftmax::Block block = tiles.begin(p, thread, scale, m, in.q + at * shape.d, out + at * shape.d_v);
      if (any_kept(keep_q, 0, m))
        block.attend(few.row(row, keys, shape), 0, count, [&](std::int64_t) { return KeyRange{0, count}; });
      block.finish(keep_q, statistics.from(at));
    });
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const Primitives& p = primitives(context.isa);
    const float* const order = call.draws["order"];
    const Drawn few = drawn(call.saved);
    const RowStatistics statistics = kept(call.saved);
    const auto [sums, tiles] = backward_layout(call.scratch);
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    const std::int64_t d = shape.d, d_v = shape.d_v;
    call.phase("attend");
    zero_gradients(context.threads, shape, grads);
    sums.fill(p, context.threads,
              [&, &tiles = tiles](std::int64_t row, KeyRange queries, SoftmaxBackward::KeyGradients part, int thread) {
                const std::int64_t at = row * shape.n_q, count = few.counts[row];
                tiles.attend(p, thread, scale,
                             {.q = in.q + at * d,
                              .out = up.out + at * d_v,
                              .dout = up.dout + at * d_v,
                              .kept = statistics.from(at),
                              .keys = few.row(row, keys, shape),
                              .dq = grads.dq + at * d,
                              .grads = part},
                             queries, {0, count}, [&](std::int64_t) {
                               return KeyRange{0, count};
                             });
              });
    call.phase("scatter");
    parallel_for(context.threads, shape.rows(), [&, &sums = sums](std::int64_t row, int) {
      const SoftmaxBackward::KeyGradients all = sums.of(row);
      each_drawn(order + row * shape.n_k, key_row(in, shape, row).keep, [&](std::int64_t t, std::int64_t j) {
        std::copy_n(all.k + t * d, d, grads.dk + (row * shape.n_k + j) * d);
        std::copy_n(all.v + t * d_v, d_v, grads.dv + (row * shape.n_k + j) * d_v);
      });
    });
  }

 private:
  // Calls use(t, j) for the t-th drawn key, which is key j: the first kept ones of the order. Returns how many.
  template <class Use>
  std::int64_t each_drawn(const float* order, const std::uint8_t* keep, const Use& use) const {
    std::int64_t count = 0;
    for (std::int64_t t = 0; t < shape.n_k && count < keys; ++t) {
      const auto j = static_cast<std::int64_t>(order[t]);
      if (!keep || keep[j]) use(count++, j);
    }
    return count;
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

Work backward_work(const Shape& s, const Settings& settings) {
  const auto keys = static_cast<double>(std::min(settings.integer("keys"), s.n_k));
  const double rows = static_cast<double>(s.rows()), width = static_cast<double>(s.d + s.d_v);
  const double pairs = rows * static_cast<double>(s.n_q) * keys;
  return {pairs * (2.0 * static_cast<double>(3 * s.d + 2 * s.d_v) + 5.0),
          4.0 * (2.0 * static_cast<double>(s.q_size() + s.out_size()) + static_cast<double>(s.k_size() + s.v_size()) +
                 2.0 * rows * keys * width)};
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
    .backward_work = backward_work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::subsample
