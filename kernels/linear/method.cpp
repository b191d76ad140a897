// Linear attention with the feature map elu + 1 (Katharopoulos et al. 2020).
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/masks.hpp"
#include "primitives/parts.hpp"
#include "primitives/primitives.hpp"

#include <algorithm>
#include <cmath>

namespace yoso::linear {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);

namespace {

constexpr std::int64_t kTokens = 128;  // tokens whose features exist at a time
// Features whose part of the state is one piece of work: a fixed cut, so that one row feeds several threads and yet no
// sum depends on how many there are. A slice over d_v would compute every feature once a slice; this computes it once.
constexpr std::int64_t kFeatures = 16;
constexpr float kEpsilon = 1e-6f;

struct Cpu {
  Shape shape;
  Context context;

  Cpu(const Shape& s, const Settings&, const Context& c) : shape(s), context(c) {
    if (s.causal) throw Unsupported("linear has no causal form here (it needs a prefix sum over states)");
  }

  // What forward leaves and backward needs: where it is kept depends on whether a backward pass comes.
  struct State {
    float* state;  // [rows, d, d_v] phi(K)^T V
    float* mass;   // [rows, d] sum of phi(k)
  };
  State state_in(Arena& arena) const {
    return {arena.take<float>(shape.rows() * shape.d * shape.d_v), arena.take<float>(shape.rows() * shape.d)};
  }
  float* features_in(Arena& scratch) const {  // [threads, kTokens, d]: phi
    return scratch.take<float>(std::max(1, context.threads) * kTokens * shape.d);
  }
  struct Scratch {
    float* features;  // [threads, kTokens, d]
    float* state;
    float* mass;
  };
  Scratch layout(Arena& saved, Arena& scratch) const {
    float* const features = features_in(scratch);
    const State kept = state_in(context.pass == Pass::both ? saved : scratch);
    return {features, kept.state, kept.mass};
  }

  struct BackwardScratch {
    float* features;  // [threads, kTokens, d]: phi
    float* upstream;  // [threads, kTokens, d_v]: dout over the denominator
    float* turned;    // [rows, d_v, d]: the state transposed, then its gradient
    float* parts;  // [rows, parts, d, d_v + 1]: gradients of the state and of the mass, the first part the sum of all
  };
  BackwardScratch backward_layout(Arena& scratch) const {
    const std::int64_t threads = std::max(1, context.threads), rows = shape.rows();
    return {scratch.take<float>(threads * kTokens * shape.d), scratch.take<float>(threads * kTokens * shape.d_v),
            scratch.take<float>(rows * shape.d_v * shape.d),
            scratch.take<float>(rows * query_parts().count() * shape.d * (shape.d_v + 1))};
  }
  Parts query_parts() const { return Parts(shape.rows(), shape.n_q, kTokens); }

  Needs needs() const {
    Arena saved, forward, backward;
    layout(saved, forward);
    if (context.pass == Pass::both) backward_layout(backward);
    return {saved.used(), std::max(forward.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    const Scratch scratch = layout(call.saved, call.scratch);
    call.phase("state");
    const std::int64_t slices = (shape.d + kFeatures - 1) / kFeatures;
    parallel_for(context.threads, shape.rows() * slices, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / slices, feature = piece % slices * kFeatures;
      summarise(p, in, row, feature, std::min(kFeatures, shape.d - feature), features_of(scratch, thread), scratch);
    });
    call.phase("query");
    const std::int64_t blocks = (shape.n_q + kTokens - 1) / kTokens;
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / blocks, first = piece % blocks * kTokens;
      answer(p, in, row, first, std::min(kTokens, shape.n_q - first), features_of(scratch, thread), scratch, out);
    });
  }

  // With a_i = dout_i / D_i and b_i = -dout_i.out_i / D_i, D_i the denominator:
  //   dphi(q_i) = S a_i + b_i z,   dS = sum_i phi(q_i) a_i^T,   dz = sum_i b_i phi(q_i),
  //   dphi(k_j) = dS v_j + dz,     dv_j = dS^T phi(k_j),        phi'(x) = min(phi(x), 1).
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const Primitives& p = primitives(context.isa);
    const State state = state_in(call.saved);
    const BackwardScratch scratch = backward_layout(call.scratch);
    const Parts parts = query_parts();
    call.phase("query");
    turn(p, state.state, shape.d * shape.d_v, scratch.turned);
    parallel_for(context.threads, shape.rows() * parts.count(), [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / parts.count(), part = piece % parts.count();
      float* const sum = scratch.parts + piece * part_size();
      std::fill_n(sum, part_size(), 0.0f);
      for (std::int64_t first = parts.begin(part); first < parts.end(part); first += kTokens)
        unanswer(p, in, up, row, first, std::min(kTokens, parts.end(part) - first), state, scratch, thread, sum,
                 grads.dq);
    });
    call.phase("keys");
    parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int) {
      float* const sum = scratch.parts + row * parts.count() * part_size();
      for (std::int64_t part = 1; part < parts.count(); ++part) p.add(sum + part * part_size(), sum, part_size());
    });
    turn(p, scratch.parts, parts.count() * part_size(), scratch.turned);
    const std::int64_t blocks = (shape.n_k + kTokens - 1) / kTokens;
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / blocks, first = piece % blocks * kTokens;
      unsummarise(p, in, row, first, std::min(kTokens, shape.n_k - first), scratch, thread,
                  scratch.parts + row * parts.count() * part_size(), grads);
    });
  }

 private:
  float* features_of(const Scratch& scratch, int thread) const { return scratch.features + thread * kTokens * shape.d; }

  // Rows [feature, feature + width) of the state and of the mass.
  void summarise(const Primitives& p, const Inputs& in, std::int64_t row, std::int64_t feature, std::int64_t width,
                 float* phi, const Scratch& scratch) const {
    const KeyRow keys = key_row(in, shape, row);
    float* const state = scratch.state + (row * shape.d + feature) * shape.d_v;
    float* const mass = scratch.mass + row * shape.d + feature;
    std::fill_n(state, width * shape.d_v, 0.0f);
    std::fill_n(mass, width, 0.0f);
    for (std::int64_t first = 0; first < shape.n_k; first += kTokens) {
      const std::int64_t m = std::min(kTokens, shape.n_k - first);
      if (!any_kept(keys.keep, first, first + m)) continue;
      p.elu_plus_one(m, width, keys.k + first * shape.d + feature, shape.d, phi, width);
      if (keys.keep)
        for (std::int64_t t = 0; t < m; ++t)
          if (!keys.keep[first + t]) std::fill_n(phi + t * width, width, 0.0f);
      p.gemm_tn(width, shape.d_v, m, 1.0f, phi, width, keys.v + first * shape.d_v, shape.d_v, true, state, shape.d_v);
      p.add_rows(m, width, phi, width, mass);
    }
  }

  void answer(const Primitives& p, const Inputs& in, std::int64_t row, std::int64_t first, std::int64_t m, float* phi,
              const Scratch& scratch, float* out) const {
    const std::uint8_t* const keep = mask_of_row(in.keep_q, shape, row, shape.n_q, first);
    float* const o = out + (row * shape.n_q + first) * shape.d_v;
    p.elu_plus_one(m, shape.d, in.q + (row * shape.n_q + first) * shape.d, shape.d, phi, shape.d);
    p.gemm_nn(m, shape.d_v, shape.d, 1.0f, phi, shape.d, scratch.state + row * shape.d * shape.d_v, shape.d_v, false, o,
              shape.d_v);
    float weights[kTokens];
    p.dots(m, shape.d, phi, shape.d, scratch.mass + row * shape.d, 0, weights);
    for (std::int64_t t = 0; t < m; ++t) {
      const bool kept = !keep || keep[t];
      if (kept)
        p.scale(1.0f / (weights[t] + kEpsilon), o + t * shape.d_v, shape.d_v);
      else
        std::fill_n(o + t * shape.d_v, shape.d_v, 0.0f);
    }
  }

  std::int64_t part_size() const { return shape.d * (shape.d_v + 1); }

  // [rows, d_v, d] from [rows, d, d_v], rows of the latter `apart` floats apart
  void turn(const Primitives& p, const float* from, std::int64_t apart, float* to) const {
    parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int) {
      p.transpose(shape.d, shape.d_v, from + row * apart, shape.d_v, to + row * shape.d_v * shape.d, shape.d);
    });
  }

  // Queries [first, first + m): their gradients, and their part of those of the state and of the mass.
  void unanswer(const Primitives& p, const Inputs& in, const Upstream& up, std::int64_t row, std::int64_t first,
                std::int64_t m, const State& state, const BackwardScratch& scratch, int thread, float* sum,
                float* all_dq) const {
    const std::int64_t d = shape.d, d_v = shape.d_v, at = row * shape.n_q + first;
    float* const phi = scratch.features + thread * kTokens * d;
    float* const a = scratch.upstream + thread * kTokens * d_v;
    float* const dq = all_dq + at * d;
    const std::uint8_t* const keep = mask_of_row(in.keep_q, shape, row, shape.n_q, first);
    if (!any_kept(keep, 0, m)) {
      std::fill_n(dq, m * d, 0.0f);
      return;
    }
    float total[kTokens], b[kTokens];
    p.elu_plus_one(m, d, in.q + at * d, d, phi, d);
    p.dots(m, d, phi, d, state.mass + row * d, 0, total);
    p.dots(m, d_v, up.dout + at * d_v, d_v, up.out + at * d_v, d_v, b);
    std::copy_n(up.dout + at * d_v, m * d_v, a);
    for (std::int64_t t = 0; t < m; ++t) {
      if (!keep || keep[t]) {
        const float share = 1.0f / (total[t] + kEpsilon);
        p.scale(share, a + t * d_v, d_v);
        b[t] *= -share;
      } else {
        std::fill_n(a + t * d_v, d_v, 0.0f);
        b[t] = 0;
      }
    }
    p.gemm_nn(m, d, d_v, 1.0f, a, d_v, scratch.turned + row * d_v * d, d, false, dq, d);
    p.elu_chain(m, d, phi, d, b, state.mass + row * d, dq, d);
    p.gemm_tn(d, d_v, m, 1.0f, phi, d, a, d_v, true, sum, d_v);
    p.gemm_nn(1, d, m, 1.0f, b, m, phi, d, true, sum + d * d_v, d);
  }

  // Keys [first, first + m), from the gradients of the state and of the mass.
  void unsummarise(const Primitives& p, const Inputs& in, std::int64_t row, std::int64_t first, std::int64_t m,
                   const BackwardScratch& scratch, int thread, const float* sum, const Gradients& grads) const {
    const std::int64_t d = shape.d, d_v = shape.d_v, at = row * shape.n_k + first;
    float* const phi = scratch.features + thread * kTokens * d;
    float* const dk = grads.dk + at * d;
    float* const dv = grads.dv + at * d_v;
    const std::uint8_t* const keep = mask_of_row(in.keep_k, shape, row, shape.n_k, first);
    p.elu_plus_one(m, d, in.k + at * d, d, phi, d);
    if (keep)
      for (std::int64_t t = 0; t < m; ++t)
        if (!keep[t]) std::fill_n(phi + t * d, d, 0.0f);
    p.gemm_nn(m, d_v, d, 1.0f, phi, d, sum, d_v, false, dv, d_v);
    p.gemm_nn(m, d, d_v, 1.0f, in.v + at * d_v, d_v, scratch.turned + row * d_v * d, d, false, dk, d);
    p.elu_chain(m, d, phi, d, nullptr, sum + d * d_v, dk, d);
  }
};

Work work(const Shape& s, const Settings&) {
  const double rows = static_cast<double>(s.rows()), d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v);
  const double tokens = static_cast<double>(s.n_q + s.n_k);
  // a token: its outer product into (or product with) the state, the mass, and about three operations a feature
  const auto stage = [&](std::string_view phase, std::int64_t n, std::int64_t in_and_out) {
    const double features = rows * static_cast<double>(n) * d, bytes = 4.0 * static_cast<double>(in_and_out);
    return Stage{.phase = phase,
                 .fused = features * 2.0 * (d_v + 1.0),
                 .exponentials = features,
                 .reads = bytes,
                 .footprint = bytes};
  };
  return {rows * tokens * d * (2.0 * d_v + 2.0 + 3.0),
          4.0 * static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size()) + 8.0 * rows * d * (d_v + 1.0),
          {stage("state", s.n_k, s.k_size() + s.v_size()), stage("query", s.n_q, s.q_size() + s.out_size())}};
}

// A query: its share of the output's gradient, and its outer product into the state's; a key: its products with that.
Work backward_work(const Shape& s, const Settings&) {
  const double rows = static_cast<double>(s.rows()), d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v);
  const auto stage = [&](std::string_view phase, std::int64_t n, std::int64_t in_and_out) {
    const double features = rows * static_cast<double>(n) * d, bytes = 4.0 * static_cast<double>(in_and_out);
    return Stage{.phase = phase,
                 .fused = features * 2.0 * (2.0 * d_v + 2.0),
                 .exponentials = features,
                 .reads = bytes,
                 .footprint = bytes};
  };
  const std::int64_t queries = 2 * s.q_size() + 2 * s.out_size(), keys = 2 * s.k_size() + 2 * s.v_size();
  return {rows * static_cast<double>(s.n_q + s.n_k) * d * (4.0 * d_v + 4.0 + 4.0),
          4.0 * static_cast<double>(queries + keys) + 16.0 * rows * d * (d_v + 1.0),
          {stage("query", s.n_q, queries), stage("keys", s.n_k, keys)}};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "linear",
    .title = "linear attention, feature map elu + 1",
    .paper = "Katharopoulos et al. 2020, eq. 4-7",
    .equation = "out_i = phi(q_i)^T sum_j phi(k_j) v_j^T / (phi(q_i)^T sum_j phi(k_j) + 1e-6), phi = elu + 1",
    // up to the 1e-6, which weighs where every feature is tiny
    .work = work,
    .backward_work = backward_work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::linear
