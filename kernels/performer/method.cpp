// Performer (FAVOR+): attention through positive random features, linear in the sequence length.
#include <yoso/method.hpp>

#include "performer/cpu.hpp"

namespace yoso::performer {
namespace {

constexpr std::string_view kKernels[] = {"softmax", "relu", "hyperbolic"};
constexpr std::string_view kOrthogonal[] = {"yes", "no"};
constexpr Knob kKnobs[] = {
    {.name = "features",
     .help = "random features (hyperbolic: an even count, from half as many draws)",
     .lowest = 1,
     .highest = 65536,
     .usual = "256",
     .paper = "256"},
    {.name = "kernel",
     .kind = Knob::Kind::choice,
     .help = "softmax: exp features; hyperbolic: pairs of exp features; relu: a kernel of its own, not softmax",
     .choices = kKernels,
     .usual = "softmax"},
    {.name = "orthogonal",
     .kind = Knob::Kind::choice,
     .help = "draw the projections in orthogonal blocks of d",
     .choices = kOrthogonal,
     .usual = "yes",
     .paper = "yes"},
};

std::vector<TensorSpec> draws(const Shape& shape, const Settings& settings) {
  return {{.name = "projection",
           .axis = Axis::all,
           .shape = {draws_of(settings), shape.d},
           .law = settings.is("orthogonal", "yes") ? Law::orthogonal : Law::normal}};
}

Work work(const Shape& s, const Settings& settings) {
  const double m = static_cast<double>(settings.integer("features")), drawn = static_cast<double>(draws_of(settings));
  const double tokens = static_cast<double>(s.rows()) * static_cast<double>(s.n_q + s.n_k);
  const double d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v), rows = static_cast<double>(s.rows());
  const double tensors = static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  // of each token: its projections, about five operations a feature, and one product with (or into) the m x d_v sums
  const double exponentials = kernel_of(settings) == Kernel::relu ? 0 : m;
  const auto stage = [&](std::string_view phase, std::int64_t n, std::int64_t in_and_out) {
    const double count = rows * static_cast<double>(n), bytes = 4.0 * static_cast<double>(in_and_out);
    return Stage{.phase = phase,
                 .fused = count * 2.0 * (drawn * d + m * (d_v + 1.0)),
                 .exponentials = count * exponentials,
                 .reads = bytes,
                 .footprint = bytes};
  };
  return {tokens * (2.0 * drawn * d + 5.0 * m + 2.0 * m * (d_v + 1.0)),
          4.0 * (tensors + drawn * d + 2.0 * rows * m * (d_v + 1.0)),
          {stage("keys", s.n_k, s.k_size() + s.v_size()), stage("queries", s.n_q, s.q_size() + s.out_size())}};
}

// Twice the products of forward: every token's features again, their gradients, and through them to the token; and one
// product with (or into) the gradients of the sums.
Work backward_work(const Shape& s, const Settings& settings) {
  const double m = static_cast<double>(settings.integer("features")), drawn = static_cast<double>(draws_of(settings));
  const double d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v), rows = static_cast<double>(s.rows());
  const double tokens = rows * static_cast<double>(s.n_q + s.n_k);
  const double exponentials = kernel_of(settings) == Kernel::relu ? 0 : m;
  const auto stage = [&](std::string_view phase, std::int64_t n, std::int64_t in_and_out) {
    const double count = rows * static_cast<double>(n), bytes = 4.0 * static_cast<double>(in_and_out);
    return Stage{.phase = phase,
                 .fused = count * 2.0 * (2.0 * drawn * d + m * (2.0 * d_v + 2.0)),
                 .exponentials = count * exponentials,
                 .reads = bytes,
                 .footprint = bytes};
  };
  const std::int64_t queries = 2 * s.q_size() + 2 * s.out_size(), keys = 2 * s.k_size() + 2 * s.v_size();
  return {tokens * (4.0 * drawn * d + m * (4.0 * d_v + 4.0 + 7.0)),
          4.0 * (static_cast<double>(queries + keys) + drawn * d + 4.0 * rows * m * (d_v + 1.0)),
          {stage("queries", s.n_q, queries), stage("keys", s.n_k, keys)}};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "performer",
    .title = "attention through positive random features (FAVOR+)",
    .paper = "Choromanski et al. 2021, section 2",
    .equation = "out = phi(Q) (phi(K)^T V) / (phi(Q) . sum phi(K)), phi(x) = exp(P x - |x|^2/2)",
    .knobs = kKnobs,
    .main_knob = "features",
    .target = [](const Settings& settings) -> std::string_view {
      return kernel_of(settings) == Kernel::relu ? "relu kernel" : "softmax";
    },
    // the hyperbolic denominator has 1e-6 added
    .draws = draws,
    .work = work,
    .backward_work = backward_work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
    .expectation = expectation,
    .gradient_oracle = gradient_oracle,
    .surrogate = [](const Settings& settings) { return kernel_of(settings) == Kernel::softmax; },
};

}  // namespace yoso::performer
