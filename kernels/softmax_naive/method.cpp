// Exact attention that materialises all n_q x n_k scores: the baseline of the paper's timings.
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/primitives.hpp"

#include <algorithm>
#include <cmath>

namespace yoso::softmax_naive {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);

namespace {

constexpr std::int64_t kQueries = 64;  // queries whose scores one thread computes at a time

struct Cpu {
  Shape shape;
  Context context;

  Cpu(const Shape& s, const Settings&, const Context& c) : shape(s), context(c) {}

  // [rows, n_q, n_k]: the whole point of this method. Backward reads the weights of forward and has another such
  // tensor for their gradients, as a framework does.
  float* pairs(Arena& arena) const { return arena.take<float>(shape.rows() * shape.n_q * shape.n_k); }

  Needs needs() const {
    Arena arena;
    pairs(arena);
    return {context.pass == Pass::both ? arena.used() : 0, arena.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    float* const all_scores = pairs(context.pass == Pass::both ? call.saved : call.scratch);
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    const std::int64_t blocks = (shape.n_q + kQueries - 1) / kQueries;
    // scores = Q K^T / sqrt(d)
    call.phase("scores");
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int) {
      const std::int64_t row = piece / blocks, i = piece % blocks * kQueries, m = std::min(kQueries, shape.n_q - i);
      p.gemm_nt(m, shape.n_k, shape.d, scale, in.q + (row * shape.n_q + i) * shape.d, shape.d,
                in.k + row * shape.n_k * shape.d, shape.d, false, all_scores + (row * shape.n_q + i) * shape.n_k,
                shape.n_k);
    });
    // weights = softmax of every row over the keys it may see; zero elsewhere
    call.phase("softmax");
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int) {
      const std::int64_t row = piece / blocks, first = piece % blocks * kQueries;
      const std::int64_t batch = row / shape.heads;
      for (std::int64_t i = first; i < std::min(first + kQueries, shape.n_q); ++i)
        normalise(p, in, batch, i, all_scores + (row * shape.n_q + i) * shape.n_k);
    });
    // out = weights V
    call.phase("values");
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int) {
      const std::int64_t row = piece / blocks, i = piece % blocks * kQueries, m = std::min(kQueries, shape.n_q - i);
      p.gemm_nn(m, shape.d_v, shape.n_k, 1.0f, all_scores + (row * shape.n_q + i) * shape.n_k, shape.n_k,
                in.v + row * shape.n_k * shape.d_v, shape.d_v, false, out + (row * shape.n_q + i) * shape.d_v,
                shape.d_v);
    });
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const Primitives& p = primitives(context.isa);
    const float* const weights = pairs(call.saved);
    float* const slopes = pairs(call.scratch);  // gradients of the weights, then of the scores
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    const std::int64_t n_q = shape.n_q, n_k = shape.n_k, d = shape.d, d_v = shape.d_v;
    // y [n_k, width] = factor * x [n_q, n_k]^T z [n_q, width] in every row, a block of keys at a time
    const auto to_keys = [&](float factor, const float* x, const float* z, std::int64_t width, float* y) {
      const std::int64_t blocks = (n_k + kQueries - 1) / kQueries;
      parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int) {
        const std::int64_t row = piece / blocks, j = piece % blocks * kQueries, m = std::min(kQueries, n_k - j);
        p.gemm_tn(m, width, n_q, factor, x + row * n_q * n_k + j, n_k, z + row * n_q * width, width, false,
                  y + (row * n_k + j) * width, width);
      });
    };
    const auto each_block = [&](const auto& body) {
      const std::int64_t blocks = (n_q + kQueries - 1) / kQueries;
      parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int) {
        const std::int64_t row = piece / blocks, i = piece % blocks * kQueries;
        body(row, row * n_q + i, std::min(kQueries, n_q - i));
      });
    };
    call.phase("values");
    to_keys(1.0f, weights, up.dout, d_v, grads.dv);
    each_block([&](std::int64_t row, std::int64_t i, std::int64_t m) {
      p.gemm_nt(m, n_k, d_v, 1.0f, up.dout + i * d_v, d_v, in.v + row * n_k * d_v, d_v, false, slopes + i * n_k, n_k);
    });
    call.phase("softmax");
    each_block([&](std::int64_t, std::int64_t i, std::int64_t m) {
      for (std::int64_t at = i * n_k; at < (i + m) * n_k; at += n_k) {
        // not dout . out: of a query that sees one key nothing is to remain
        const float mean = p.dot(weights + at, slopes + at, n_k);
        p.score_gradients(1, n_k, weights + at, n_k, &mean, slopes + at, n_k);
      }
    });
    call.phase("scores");
    each_block([&](std::int64_t row, std::int64_t i, std::int64_t m) {
      p.gemm_nn(m, d, n_k, scale, slopes + i * n_k, n_k, in.k + row * n_k * d, d, false, grads.dq + i * d, d);
    });
    to_keys(scale, slopes, in.q, d, grads.dk);
  }

 private:
  void normalise(const Primitives& p, const Inputs& in, std::int64_t batch, std::int64_t i, float* s) const {
    const std::int64_t visible = in.keep_q && !in.keep_q[batch * shape.n_q + i] ? 0 : shape.visible(i);
    if (in.keep_k)
      for (std::int64_t j = 0; j < visible; ++j)
        if (!in.keep_k[batch * shape.n_k + j]) s[j] = -INFINITY;
    const float largest = p.max(s, visible);
    if (largest == -INFINITY) {  // nothing to attend to
      std::fill_n(s, shape.n_k, 0.0f);
      return;
    }
    const float total = p.exp_sum(largest, s, visible);
    p.scale(1.0f / total, s, visible);
    std::fill(s + visible, s + shape.n_k, 0.0f);
  }
};

Work work(const Shape& s, const Settings&) {
  const double pairs = static_cast<double>(s.rows()) * static_cast<double>(s.n_q) * static_cast<double>(s.n_k);
  const double tensors = static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  // two products and, a score, about five operations of the softmax; scores are written and read three times
  const double d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v), scores = 4.0 * pairs;
  return {pairs * (2.0 * (d + d_v) + 5.0),
          4.0 * (tensors + 6.0 * pairs),
          {{.phase = "scores", .fused = 2.0 * pairs * d, .reads = scores, .footprint = scores},
           {.phase = "softmax", .adds = pairs, .exponentials = pairs, .updates = 2.0 * scores, .footprint = scores},
           {.phase = "values", .fused = 2.0 * pairs * d_v, .reads = scores, .footprint = scores}}};
}

Work backward_work(const Shape& s, const Settings&) {
  const double pairs = static_cast<double>(s.rows()) * static_cast<double>(s.n_q) * static_cast<double>(s.n_k);
  const double tensors = static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  // four products; weights are read twice, slopes written, changed, and read twice
  const double d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v), scores = 4.0 * pairs;
  return {pairs * (4.0 * (d + d_v) + 4.0),
          8.0 * tensors + 7.0 * scores,
          {{.phase = "values", .fused = 4.0 * pairs * d_v, .reads = 2.0 * scores, .footprint = 2.0 * scores},
           {.phase = "softmax",
            .fused = 2.0 * pairs,
            .adds = 2.0 * pairs,
            .reads = scores,
            .updates = 2.0 * scores,
            .footprint = 2.0 * scores},
           {.phase = "scores", .fused = 4.0 * pairs * d, .reads = 2.0 * scores, .footprint = scores}}};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "softmax-naive",
    .title = "exact attention, n x n scores materialised",
    .paper = "Vaswani et al. 2017, eq. 1",
    .equation = "out = softmax(Q K^T / sqrt(d)) V",
    .target = [](const Settings&) -> std::string_view { return "softmax"; },
    .work = work,
    .backward_work = backward_work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::softmax_naive
