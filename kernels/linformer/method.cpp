// Linformer: keys and values are projected along the sequence to k rows, and queries attend to those.
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/masks.hpp"
#include "primitives/primitives.hpp"

#include <algorithm>
#include <cmath>

namespace yoso::linformer {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);

namespace {

constexpr std::int64_t kProjected = 64;  // projected rows one piece of work makes
constexpr std::int64_t kKeys = 256;      // keys masked and multiplied at a time
constexpr std::int64_t kQueries = 64;    // queries of one piece of work ...
constexpr std::int64_t kScores = 65536;  // ... fewer when their scores would be more than this

constexpr std::string_view kProjections[] = {"pool", "random"};
constexpr std::string_view kShares[] = {"yes", "no"};
constexpr Knob kKnobs[] = {
    {.name = "k",
     .help = "rows that keys and values are projected to",
     .lowest = 1,
     .highest = 65536,
     .usual = "256",
     .paper = "256"},
    {.name = "projection",
     .kind = Knob::Kind::choice,
     .help = "pool: means of n/k neighbours (k is clamped to n); random: N(0, 0.02^2), as before training",
     .choices = kProjections,
     .usual = "pool"},
    {.name = "share",
     .kind = Knob::Kind::choice,
     .help = "yes: one projection for keys and values (E = F)",
     .choices = kShares,
     .usual = "yes"},
};

std::int64_t projected_rows(const Shape& shape, const Settings& settings) {
  const std::int64_t k = settings.integer("k");
  return settings.is("projection", "pool") ? std::min(k, shape.n_k) : k;
}

struct Cpu {
  Shape shape;
  Context context;
  std::int64_t k;
  bool share;

  Cpu(const Shape& s, const Settings& settings, const Context& c)
      : shape(s), context(c), k(projected_rows(s, settings)), share(settings.is("share", "yes")) {
    if (s.causal) throw Unsupported("linformer mixes all positions into every projected row: it has no causal form");
  }

  struct Layout {
    float* keys;            // [rows, k, d]: E K
    float* values;          // [rows, k, d_v]: F V
    std::uint8_t* emptied;  // [rows, k]: 1 where padding took away all that a projected row had
    float* masked;          // [threads, kKeys, max(d, d_v)]
    float* scores;          // [threads, queries(), k]
  };

  std::int64_t queries() const { return std::clamp(kScores / k, std::int64_t{4}, kQueries); }
  std::int64_t widest() const { return std::max(shape.d, shape.d_v); }

  Layout layout(Arena& scratch) const {
    return {scratch.take<float>(shape.rows() * k * shape.d), scratch.take<float>(shape.rows() * k * shape.d_v),
            scratch.take<std::uint8_t>(shape.rows() * k), scratch.take<float>(context.threads * kKeys * widest()),
            scratch.take<float>(context.threads * queries() * k)};
  }

  Needs needs() const {
    Arena scratch;
    layout(scratch);
    return {0, scratch.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    const Layout at = layout(call.scratch);
    const float* const e = call.parameters["E"];
    const float* const f = share ? e : call.parameters["F"];
    call.phase("project");
    const std::int64_t blocks = (k + kProjected - 1) / kProjected;
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / blocks, first = piece % blocks * kProjected, m = std::min(kProjected, k - first);
      const std::int64_t weights = (row % shape.heads * k + first) * shape.n_k;
      const std::uint8_t* const keep = mask_of_row(in.keep_k, shape, row, shape.n_k);
      float* const masked = at.masked + thread * kKeys * widest();
      project(p, e + weights, keep, in.k + row * shape.n_k * shape.d, shape.d, m, masked,
              at.keys + (row * k + first) * shape.d);
      project(p, f + weights, keep, in.v + row * shape.n_k * shape.d_v, shape.d_v, m, masked,
              at.values + (row * k + first) * shape.d_v);
      for (std::int64_t i = 0; i < m; ++i)
        at.emptied[row * k + first + i] = keep && emptied(e + weights + i * shape.n_k, keep);
    });
    call.phase("attend");
    const std::int64_t block = queries(), query_blocks = (shape.n_q + block - 1) / block;
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    parallel_for(context.threads, shape.rows() * query_blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / query_blocks, first = piece % query_blocks * block;
      const std::int64_t m = std::min(block, shape.n_q - first);
      const std::uint8_t* const keep = mask_of_row(in.keep_q, shape, row, shape.n_q, first);
      float* const scores = at.scores + thread * block * k;
      p.gemm_nt(m, k, shape.d, scale, in.q + (row * shape.n_q + first) * shape.d, shape.d, at.keys + row * k * shape.d,
                shape.d, false, scores, k);
      for (std::int64_t i = 0; i < m; ++i) normalise(p, keep && !keep[i], at.emptied + row * k, scores + i * k);
      p.gemm_nn(m, shape.d_v, k, 1.0f, scores, k, at.values + row * k * shape.d_v, shape.d_v, false,
                out + (row * shape.n_q + first) * shape.d_v, shape.d_v);
    });
  }

 private:
  // y [m, width] = weights [m, n_k] * x [n_k, width], padded rows of x taken as zeros. Always a dense product: a
  // trained projection has no zeros to skip, so skipping those of `pool` would time something nobody can use.
  void project(const Primitives& p, const float* weights, const std::uint8_t* keep, const float* x, std::int64_t width,
               std::int64_t m, float* masked, float* y) const {
    for (std::int64_t j = 0; j < shape.n_k; j += kKeys) {
      const std::int64_t count = std::min(kKeys, shape.n_k - j);
      const float* source = x + j * width;
      if (keep && std::find(keep + j, keep + j + count, 0) != keep + j + count) {
        for (std::int64_t i = 0; i < count; ++i) {
          if (keep[j + i])
            std::copy_n(source + i * width, width, masked + i * width);
          else
            std::fill_n(masked + i * width, width, 0.0f);
        }
        source = masked;
      }
      p.gemm_nn(m, width, count, 1.0f, weights + j, shape.n_k, source, width, j > 0, y, width);
    }
  }

  bool emptied(const float* weights, const std::uint8_t* keep) const {
    bool had = false;
    for (std::int64_t j = 0; j < shape.n_k; ++j) {
      if (weights[j] == 0.0f) continue;
      if (keep[j]) return false;
      had = true;
    }
    return had;
  }

  void normalise(const Primitives& p, bool padded, const std::uint8_t* gone, float* s) const {
    for (std::int64_t i = 0; i < k; ++i)
      if (gone[i]) s[i] = -INFINITY;
    const float largest = p.max(s, k);
    if (padded || largest == -INFINITY) {
      std::fill_n(s, k, 0.0f);
      return;
    }
    p.scale(1.0f / p.exp_sum(largest, s, k), s, k);
  }
};

std::vector<TensorSpec> parameters(const Shape& shape, const Settings& settings) {
  const bool pool = settings.is("projection", "pool");
  TensorSpec spec{.name = "E",
                  .axis = Axis::head,
                  .shape = {projected_rows(shape, settings), shape.n_k},
                  .law = pool ? Law::pool : Law::normal,
                  .scale = pool ? 1.0 : 0.02};
  std::vector<TensorSpec> specs{spec};
  if (settings.is("share", "no")) {
    spec.name = "F";
    specs.push_back(spec);
  }
  return specs;
}

Work work(const Shape& s, const Settings& settings) {
  const double k = static_cast<double>(projected_rows(s, settings)), rows = static_cast<double>(s.rows());
  const double n_q = static_cast<double>(s.n_q), n_k = static_cast<double>(s.n_k);
  const double widths = static_cast<double>(s.d + s.d_v), projections = settings.is("share", "yes") ? 1 : 2;
  const double tensors = static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  // both projections, both products with the projected rows, and about five operations of the softmax for each score
  return {rows * k * (2.0 * n_k * widths + n_q * (2.0 * widths + 5.0)),
          4.0 * (tensors + projections * static_cast<double>(s.heads) * k * n_k + 2.0 * rows * k * widths)};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "linformer",
    .title = "keys and values projected to k rows",
    .paper = "Wang et al. 2020, eq. 7",
    .equation = "out = softmax(Q (E K)^T / sqrt(d)) F V",
    .knobs = kKnobs,
    .main_knob = "k",
    .target = [](const Settings&) -> std::string_view { return "softmax"; },
    // rows of a pooling matrix sum to one (unless padding dilutes them), those of a random one do not
    .parameters = parameters,
    .work = work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::linformer
