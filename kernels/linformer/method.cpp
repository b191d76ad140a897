// Linformer: keys and values are projected along the sequence to k rows, and queries attend to those.
#include <yoso/method.hpp>

#include "linformer/cpu.hpp"

#include <algorithm>

namespace yoso::linformer {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);
void gradient_oracle(const Problem& problem, std::span<const std::int64_t> queries, const double* dout,
                     const ExactGradients& grads);

namespace {

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

Work backward_work(const Shape& s, const Settings& settings) {
  const double k = static_cast<double>(projected_rows(s, settings)), rows = static_cast<double>(s.rows());
  const double n_q = static_cast<double>(s.n_q), n_k = static_cast<double>(s.n_k);
  const double d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v), tokens = d + d_v;
  const double projections = settings.is("share", "yes") ? 1 : 2;
  const double tensors = static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  // weights are read for gradients of keys and values, and have gradients of their own
  const double weights = projections * static_cast<double>(s.heads) * k * n_k;
  const double attended = rows * k * n_q * 2.0 * (3.0 * d + 2.0 * d_v), projected = rows * k * n_k * 4.0 * tokens;
  const double read = 8.0 * (weights + static_cast<double>(s.k_size() + s.v_size()));
  return {attended + projected + 5.0 * rows * k * n_q,
          4.0 * (2.0 * tensors + 2.0 * weights + 4.0 * rows * k * tokens),
          {{.phase = "attend",
            .fused = attended,
            .adds = 2.0 * rows * k * n_q,
            .exponentials = rows * k * n_q,
            .reads = 8.0 * static_cast<double>(s.q_size() + s.out_size()),
            .footprint = 8.0 * static_cast<double>(s.q_size() + s.out_size())},
           {.phase = "project", .fused = projected, .reads = read, .footprint = read}}};
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
    .backward_work = backward_work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
    .gradient_oracle = gradient_oracle,
    // The zeros of a pooling matrix decide which projected rows padding empties, so the output jumps where one of them
    // changes; its gradient takes those rows as given.
    .surrogate = [](const Settings& settings) { return settings.is("projection", "pool"); },
};

}  // namespace yoso::linformer
