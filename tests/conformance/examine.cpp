#include "examine.hpp"

#include <algorithm>
#include <cmath>

#include "catch.hpp"

namespace conformance {
namespace {

// Engines compute in f32, oracles in double. Over n <= 257 values of a few units, sums round to a few 1e-6 and the
// weights (an exponential or a power of an angle) to about as much; ten times that is allowed, relative to the largest
// output of the problem because unnormalised outputs are sums of values.
constexpr double kOutputTolerance = 3e-5;

double largest(const std::vector<double>& x) {
  double most = 0;
  for (const double e : x) most = std::max(most, std::abs(e));
  return most;
}

// f32 gradients are products of two or three sums; a gradient's error is relative to its own root mean square. Finite
// differences of the double-precision oracle are good to 1e-8.
constexpr double kGradientTolerance = 2e-4;

// Padded tokens have no gradient: no query looked at a padded key, and nobody asked a padded query. (But for q as the
// key too, which is hashed whether it is padded or not, and for a convolution, which reads values only.)
void check_padding(const Shape& s, const Problem& problem, const yoso::GradientBuffers& g) {
  const auto zero = [](const std::vector<float>& x, std::int64_t token, std::int64_t width) {
    const auto first = x.begin() + token * width;
    return std::all_of(first, first + width, [](float e) { return e == 0; });
  };
  for (std::int64_t row = 0; row < s.rows(); ++row) {
    for (std::int64_t i = 0; i < s.n_q; ++i)
      if (!problem.keeps_query(s, row, i)) REQUIRE(zero(g.dq, row * s.n_q + i, s.d));
    for (std::int64_t j = 0; j < s.n_k; ++j) {
      if (problem.keep_k.empty() || problem.keep_k[static_cast<std::size_t>(row / s.heads * s.n_k + j)]) continue;
      REQUIRE(zero(g.dk, row * s.n_k + j, s.d));
      REQUIRE(zero(g.dv, row * s.n_k + j, s.d_v));
    }
  }
}

}  // namespace

std::vector<float> upstream(const Shape& shape) { return yoso::upstream_gradient(shape, 3); }

bool examine(const Method& method, const Shape& shape, const Knobs& knobs, Values values, Masks masks) {
  CAPTURE(method.name, text(knobs), text(shape), name(values), name(masks));
  std::optional<Bench> bench = Bench::build(method, shape, knobs, plain());
  if (!bench) return false;
  const Problem problem(shape, values, masks);
  const std::vector<float> out = bench->forward(problem.inputs());
  if (!method.oracle) return true;

  const std::vector<std::int64_t> queries = some_queries(shape.n_q);
  const std::vector<double> want = bench->oracle(problem.inputs(), queries);
  const double allowed = kOutputTolerance * (1 + largest(want));
  std::size_t at = 0;
  double worst = 0;
  std::int64_t outside = 0;
  for (std::int64_t row = 0; row < shape.rows(); ++row)
    for (const std::int64_t i : queries)
      for (std::int64_t c = 0; c < shape.d_v; ++c, ++at) {
        const double error = std::abs(
            static_cast<double>(out[static_cast<std::size_t>((row * shape.n_q + i) * shape.d_v + c)]) - want[at]);
        worst = std::max(worst, error);
        outside += !(error <= allowed);  // NaN is outside
      }
  CAPTURE(allowed, worst);
  CHECK(outside == 0);

  if (bench->convolves()) return true;
  for (std::int64_t row = 0; row < shape.rows(); ++row)
    for (std::int64_t i = 0; i < shape.n_q; ++i) {
      if (problem.keeps_query(shape, row, i)) continue;
      const float* const o = out.data() + (row * shape.n_q + i) * shape.d_v;
      REQUIRE(std::all_of(o, o + shape.d_v, [](float x) { return x == 0; }));
    }
  return true;
}

bool examine_gradients(const Method& method, const Shape& shape, const Knobs& knobs, Values values, Masks masks,
                       bool defined) {
  CAPTURE(method.name, text(knobs), text(shape), name(values), name(masks));
  std::optional<Bench> bench = Bench::build(method, shape, knobs, training());
  if (!bench) return false;
  const Problem problem(shape, values, masks);
  // only some queries have an upstream gradient, because oracles take their time
  const std::vector<std::int64_t> queries = some_queries(shape.n_q);
  std::vector<float> dout = upstream(shape);
  for (std::int64_t row = 0; row < shape.rows(); ++row)
    for (std::int64_t i = 0; i < shape.n_q; ++i)
      if (std::ranges::find(queries, i) == queries.end())
        std::fill_n(dout.begin() + (row * shape.n_q + i) * shape.d_v, shape.d_v, 0.0f);
  yoso::GradientBuffers got = bench->backward(problem.inputs(), dout);
  if (!method.shares_qk) check_padding(shape, problem, got);
  if (method.shares_qk) REQUIRE(std::ranges::all_of(got.dk, [](float x) { return x == 0; }));

  const auto check = [&](bool differences) {
    for (const yoso::GradientError& e : bench->gradient_errors(problem.inputs(), queries, dout, got, differences)) {
      CAPTURE(differences, e.tensor, e.relative);
      CHECK(e.relative <= kGradientTolerance);
    }
  };
  if (method.gradient_oracle) check(false);
  const bool surrogate = method.surrogate && method.surrogate(bench->settings());
  if (defined && method.oracle && !surrogate) check(true);
  return true;
}

}  // namespace conformance
