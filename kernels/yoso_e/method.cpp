// YOSO's expectation: the exact collision probability as weight, tiled so that no n x n matrix exists.
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "primitives/convolution.hpp"
#include "primitives/masks.hpp"
#include "primitives/primitives.hpp"
#include "primitives/rows.hpp"
#include "primitives/yoso_family.hpp"

namespace yoso::yoso_e {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);

namespace {

// A tile of weights is [kQueries, kKeys]: 64 KiB, a part of the second-level cache.
constexpr std::int64_t kQueries = 64;
constexpr std::int64_t kKeys = 256;
constexpr std::int64_t kPanel = 64;  // keys that lie transposed together
static_assert(kPanel <= kQueries && kKeys % kPanel == 0);

// Above this cosine a weight is computed again from the difference of the unit rows. The weight has a cusp at 1: a dot
// product that is off by 1e-7 there is off by 4e-4 in the angle, and by tau times that in the weight.
constexpr double kNear = 0.998;

struct Cpu {
  Shape shape;
  Context context;
  int tau;
  double dot_scale;
  Norm norm;
  std::int64_t conv;
  float near_weight;  // the weight at kNear

  Cpu(const Shape& s, const Settings& settings, const Context& c)
      : shape(s),
        context(c),
        tau(static_cast<int>(settings.integer("hash_bits"))),
        dot_scale(settings.real("dot_scale")),
        norm(norm_of(settings)),
        conv(settings.integer("conv")),
        near_weight(dot_scale <= kNear ? std::numeric_limits<float>::infinity()
                                       : static_cast<float>(std::pow(1 - std::acos(kNear) / std::numbers::pi, tau))) {
    require_convolution(s, settings);
  }

  struct Scratch {
    float* keys;     // of each row, panels [d, kPanel] of keys of unit length (the last one narrower)
    float* queries;  // [threads, kQueries, d] of unit length
    float* weights;  // [threads, kQueries, kKeys]
  };

  Scratch layout(Arena& scratch) const {
    return {scratch.take<float>(shape.k_size()), scratch.take<float>(context.threads * kQueries * shape.d),
            scratch.take<float>(context.threads * kQueries * kKeys)};
  }

  Needs needs() const {
    Arena scratch;
    layout(scratch);
    return {0, scratch.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Scratch s = layout(call.scratch);
    call.phase("unit");
    const Primitives& p = primitives(context.isa);
    const std::int64_t panels = (shape.n_k + kPanel - 1) / kPanel;
    parallel_for(context.threads, shape.rows() * panels, [&](std::int64_t piece, int thread) {
      const std::int64_t first = piece % panels * kPanel, count = std::min(kPanel, shape.n_k - first);
      const std::int64_t at = (piece / panels * shape.n_k + first) * shape.d;
      float* const unit = s.queries + thread * kQueries * shape.d;
      for (std::int64_t j = 0; j < count; ++j) unit_row(in.k + at + j * shape.d, unit + j * shape.d, shape.d);
      // here and not in gemm_nt, which would transpose for every block of queries: 9 % of the product
      p.transpose(count, shape.d, unit, shape.d, s.keys + at, count);
    });
    call.phase("attend");
    const std::int64_t blocks = (shape.n_q + kQueries - 1) / kQueries;
    const float* const kernels = conv > 0 ? call.parameters["conv_w"] : nullptr;
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / blocks, first = piece % blocks * kQueries;
      const Block block{row, first, std::min(kQueries, shape.n_q - first), s.queries + thread * kQueries * shape.d,
                        s.weights + thread * kQueries * kKeys};
      attend(in, s.keys + row * shape.n_k * shape.d, block, out);
      if (kernels) convolve(in, kernels + row % shape.heads * conv, block, out);
    });
  }

 private:
  struct Block {  // of queries, and the thread's memory
    std::int64_t row, first, size;
    float* queries;
    float* weights;
  };

  // out_i = sum_j p(q_i, k_j) v_j, normalised
  void attend(const Inputs& in, const float* keys, const Block& b, float* out) const {
    const Primitives& p = primitives(context.isa);
    const float* const v = in.v + b.row * shape.n_k * shape.d_v;
    const std::uint8_t* const keep_q = mask_of_row(in.keep_q, shape, b.row, shape.n_q);
    const std::uint8_t* const keep_k = mask_of_row(in.keep_k, shape, b.row, shape.n_k);
    float* const o = out + (b.row * shape.n_q + b.first) * shape.d_v;
    for (std::int64_t i = 0; i < b.size; ++i)
      unit_row(in.q + (b.row * shape.n_q + b.first + i) * shape.d, b.queries + i * shape.d, shape.d);
    std::fill_n(o, b.size * shape.d_v, 0.0f);
    double totals[kQueries] = {};
    const std::int64_t visible = shape.visible(b.first + b.size - 1);  // the last query of the block sees most
    for (std::int64_t j = 0; j < visible; j += kKeys) {
      const std::int64_t size = std::min(kKeys, visible - j);
      for (std::int64_t at = j; at < j + size; at += kPanel) {
        const std::int64_t width = std::min(kPanel, shape.n_k - at);
        p.gemm_nn(b.size, std::min(kPanel, j + size - at), shape.d, static_cast<float>(dot_scale), b.queries, shape.d,
                  keys + at * shape.d, width, false, b.weights + at - j, kKeys);
      }
      for (std::int64_t i = 0; i < b.size; ++i) {
        float* const w = b.weights + i * kKeys;
        if (p.collision(tau, w, size) > near_weight) refine(b.queries + i * shape.d, keys, j, size, w);
        hide(keep_k ? keep_k + j : nullptr, shape.visible(b.first + i) - j, w, size);
        if (norm == Norm::rowsum) totals[i] += p.sum(w, size);
      }
      p.gemm_nn(b.size, shape.d_v, size, 1.0f, b.weights, kKeys, v + j * shape.d_v, shape.d_v, true, o, shape.d_v);
    }
    for (std::int64_t i = 0; i < b.size; ++i) {
      float* const row = o + i * shape.d_v;
      if ((keep_q && !keep_q[b.first + i]) || (norm == Norm::rowsum && !(totals[i] > 0)))
        std::fill_n(row, shape.d_v, 0.0f);
      else if (norm == Norm::rowsum)
        divide_row(totals[i], row, shape.d_v);
      else if (norm == Norm::l2)
        unit_row(row, row, shape.d_v);
    }
  }

  // Weights above near_weight again, from |q - k| = 2 sin(angle / 2): accurate to 1e-7 in the angle, and exactly 1 for
  // equal rows. With x = s cos(angle), (1 - x) / 2 = (1 - s) / 2 + s |q - k|^2 / 4.
  void refine(const float* q, const float* keys, std::int64_t first, std::int64_t size, float* w) const {
    for (std::int64_t j = 0; j < size; ++j) {
      if (!(w[j] > near_weight)) continue;
      const std::int64_t panel = (first + j) / kPanel * kPanel, width = std::min(kPanel, shape.n_k - panel);
      const float* const k = keys + panel * shape.d + (first + j - panel);
      double square = 0;
      for (std::int64_t c = 0; c < shape.d; ++c) {
        const double difference = static_cast<double>(q[c]) - k[c * width];
        square += difference * difference;
      }
      const double half = std::min(1.0, (1 - dot_scale) / 2 + dot_scale * square / 4);
      w[j] = static_cast<float>(std::pow(1 - 2 * std::asin(std::sqrt(half)) / std::numbers::pi, tau));
    }
  }

  // Zero weight for keys that are padding or, from `visible` on, in the future.
  static void hide(const std::uint8_t* keep, std::int64_t visible, float* w, std::int64_t size) {
    for (std::int64_t j = std::max<std::int64_t>(visible, 0); j < size; ++j) w[j] = 0;
    if (!keep) return;
    for (std::int64_t j = 0; j < size; ++j)
      if (!keep[j]) w[j] = 0;
  }

  void convolve(const Inputs& in, const float* kernel, const Block& b, float* out) const {
    const Primitives& p = primitives(context.isa);
    const std::uint8_t* const keep_k = mask_of_row(in.keep_k, shape, b.row, shape.n_k);
    for (std::int64_t i = b.first; i < b.first + b.size; ++i)
      add_convolution(p, kernel, conv, in.v + b.row * shape.n_k * shape.d_v, keep_k, shape.n_k, shape.d_v, i,
                      out + (b.row * shape.n_q + i) * shape.d_v);
  }
};

constexpr Knob kKnobs[] = {
    kHashBitsKnob,
    kNormKnob,
    {.name = "dot_scale",
     .kind = Knob::Kind::real,
     .help = "factor on cosines, which bounds the derivative at 1",
     .lowest = 0.001,
     .highest = 1,
     .usual = "1",
     .paper = "1; 0.98 in the reference's second version"},
    kConvolutionKnob,
};

Work work(const Shape& s, const Settings& settings) {
  const double pairs = static_cast<double>(s.rows()) * static_cast<double>(s.n_q) * static_cast<double>(s.n_k);
  const double convolved = static_cast<double>(settings.integer("conv")) * static_cast<double>(s.out_size());
  const double products = pairs * 2.0 * static_cast<double>(s.d + s.d_v) + 2.0 * convolved;
  const double bytes = 4.0 * static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  // two products, and some ten operations for an arc cosine and a power, which cost more than an exponential
  return {products + 10.0 * pairs,
          bytes,
          {{.phase = "attend", .fused = products, .exponentials = pairs, .reads = bytes, .footprint = bytes}}};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "yoso-e",
    .title = "YOSO's expectation: exact collision probabilities as weights",
    .paper = "Zeng et al. 2021",
    .equation = "out_i = norm(sum_j (1 - acos(q_i.k_j / |q_i||k_j|) / pi)^tau v_j)",
    .knobs = kKnobs,
    .averages = averages_values,
    .parameters = convolution_parameters,
    .work = work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::yoso_e
