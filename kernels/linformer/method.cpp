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

constexpr std::int64_t kProjected = 64;  // projected rows one piece of work makes: a panel
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
    float* keys;            // [rows, panels, d, panel]: E K, a panel of its rows at a time and transposed
    float* values;          // [rows, k, d_v]: F V
    std::uint8_t* emptied;  // [rows, k]: 1 where padding took away all that a projected row had
    float* projected;       // [threads, panel, d]: a panel before it is transposed
    float* masked;          // [threads, kKeys, max(d, d_v)]
    float* scores;          // [threads, queries(), k]
  };

  std::int64_t queries() const { return std::clamp(kScores / k, std::int64_t{4}, kQueries); }
  std::int64_t panel() const { return std::min(kProjected, k); }
  std::int64_t panels() const { return (k + kProjected - 1) / kProjected; }
  std::int64_t widest() const { return std::max(shape.d, shape.d_v); }

  Layout layout(Arena& scratch) const {
    const std::int64_t rows = shape.rows(), threads = context.threads;
    return {scratch.take<float>(rows * panels() * shape.d * panel()),
            scratch.take<float>(rows * k * shape.d_v),
            scratch.take<std::uint8_t>(rows * k),
            scratch.take<float>(threads * panel() * shape.d),
            scratch.take<float>(threads * kKeys * widest()),
            scratch.take<float>(threads * queries() * k)};
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
    parallel_for(context.threads, shape.rows() * panels(), [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / panels(), first = piece % panels() * kProjected;
      const std::int64_t m = std::min(kProjected, k - first), weights = (row % shape.heads * k + first) * shape.n_k;
      const std::uint8_t* const keep = mask_of_row(in.keep_k, shape, row, shape.n_k);
      float* const masked = at.masked + thread * kKeys * widest();
      float* const keys = at.projected + thread * panel() * shape.d;
      // keys and values in turn: with E = F the same weights serve both while they are near
      for (std::int64_t j = 0; j < shape.n_k; j += kKeys) {
        project(p, e + weights, keep, in.k + row * shape.n_k * shape.d, shape.d, j, m, masked, keys);
        project(p, f + weights, keep, in.v + row * shape.n_k * shape.d_v, shape.d_v, j, m, masked,
                at.values + (row * k + first) * shape.d_v);
      }
      // here and not in gemm_nt, which would transpose for every block of queries: 8 % of the product
      p.transpose(m, shape.d, keys, shape.d, at.keys + piece * shape.d * panel(), panel());
      for (std::int64_t i = 0; i < m; ++i)
        at.emptied[row * k + first + i] = keep && emptied(e + weights + i * shape.n_k, keep);
    });
    call.phase("attend");
    const std::int64_t blocks = (shape.n_q + queries() - 1) / queries();
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / blocks, first = piece % blocks * queries();
      attend(p, in, at, row, first, std::min(queries(), shape.n_q - first), at.scores + thread * queries() * k, out);
    });
  }

 private:
  // y [m, width] += weights [m, n_k] * x [n_k, width] for rows j, j + 1, .., j + kKeys - 1 of x (= for the first),
  // padded ones taken as zeros. Always a dense product: a trained projection has no zeros to skip, so skipping those of
  // `pool` would time something nobody can use.
  void project(const Primitives& p, const float* weights, const std::uint8_t* keep, const float* x, std::int64_t width,
               std::int64_t j, std::int64_t m, float* masked, float* y) const {
    const std::int64_t count = std::min(kKeys, shape.n_k - j);
    const float* source = x + j * width;
    if (any_padded(keep, j, j + count)) {
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

  bool emptied(const float* weights, const std::uint8_t* keep) const {
    bool had = false;
    for (std::int64_t j = 0; j < shape.n_k; ++j) {
      if (weights[j] == 0.0f) continue;
      if (keep[j]) return false;
      had = true;
    }
    return had;
  }

  void attend(const Primitives& p, const Inputs& in, const Layout& at, std::int64_t row, std::int64_t first,
              std::int64_t m, float* scores, float* out) const {
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.d));
    const std::uint8_t* const keep = mask_of_row(in.keep_q, shape, row, shape.n_q, first);
    const std::uint8_t* const gone = at.emptied + row * k;
    const bool all_there = std::find(gone, gone + k, 1) == gone + k;
    for (std::int64_t i = 0; i < panels(); ++i)
      p.gemm_nn(m, std::min(kProjected, k - i * kProjected), shape.d, scale, in.q + (row * shape.n_q + first) * shape.d,
                shape.d, at.keys + (row * panels() + i) * shape.d * panel(), panel(), false, scores + i * kProjected,
                k);
    float totals[kQueries];
    for (std::int64_t i = 0; i < m; ++i) {
      float* const s = scores + i * k;
      if (!all_there)
        for (std::int64_t j = 0; j < k; ++j)
          if (gone[j]) s[j] = -INFINITY;
      const float largest = p.max(s, k);
      totals[i] = largest == -INFINITY ? 0.0f : p.exp_sum(largest, s, k);
      if (totals[i] == 0.0f) std::fill_n(s, k, 0.0f);
    }
    float* const o = out + (row * shape.n_q + first) * shape.d_v;
    p.gemm_nn(m, shape.d_v, k, 1.0f, scores, k, at.values + row * k * shape.d_v, shape.d_v, false, o, shape.d_v);
    for (std::int64_t i = 0; i < m; ++i) {
      if (totals[i] == 0.0f || (keep && !keep[i]))
        std::fill_n(o + i * shape.d_v, shape.d_v, 0.0f);
      else
        p.scale(1.0f / totals[i], o + i * shape.d_v, shape.d_v);
    }
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
  const double weights = projections * static_cast<double>(s.heads) * k * n_k;
  const double read = 4.0 * (weights + static_cast<double>(s.k_size() + s.v_size()));
  const double attended = 4.0 * static_cast<double>(s.q_size() + s.out_size());
  return {rows * k * (2.0 * n_k * widths + n_q * (2.0 * widths + 5.0)),
          4.0 * (tensors + weights + 2.0 * rows * k * widths),
          {{.phase = "project", .fused = rows * k * 2.0 * n_k * widths, .reads = read, .footprint = read},
           {.phase = "attend",
            .fused = rows * k * n_q * 2.0 * widths,
            .exponentials = rows * k * n_q,
            .reads = attended,
            .footprint = attended}}};
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
