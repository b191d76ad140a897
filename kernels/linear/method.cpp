// Linear attention with the feature map elu + 1 (Katharopoulos et al. 2020).
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/masks.hpp"
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

  struct Scratch {
    float* features;  // [threads, kTokens, d]: phi
    float* state;     // [rows, d, d_v] phi(K)^T V
    float* mass;      // [rows, d] sum of phi(k)
  };
  Scratch layout(Arena& scratch) const {
    return {scratch.take<float>(std::max(1, context.threads) * kTokens * shape.d),
            scratch.take<float>(shape.rows() * shape.d * shape.d_v), scratch.take<float>(shape.rows() * shape.d)};
  }

  Needs needs() const {
    Arena scratch;
    layout(scratch);
    return {0, scratch.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    const Scratch scratch = layout(call.scratch);
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

}  // namespace

extern const Method method;
const Method method{
    .name = "linear",
    .title = "linear attention, feature map elu + 1",
    .paper = "Katharopoulos et al. 2020, eq. 4-7",
    .equation = "out_i = phi(q_i)^T sum_j phi(k_j) v_j^T / (phi(q_i)^T sum_j phi(k_j) + 1e-6), phi = elu + 1",
    // up to the 1e-6, which weighs where every feature is tiny
    .work = work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::linear
