// The judge of gradients must find wrong ones.
#include <yoso/gradients.hpp>

#include <cmath>
#include <numeric>

#include <yoso/random.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

// out_i = (sum_c q_ic w_c) * sum_j tanh(k_j . q_i) v_j: every kind of variable, and nothing linear.
void toy_oracle(const Problem& p, std::span<const std::int64_t> queries, double* out) {
  const Shape& s = p.shape;
  const float* const w = p.parameters["w"];
  for (std::int64_t row = 0; row < s.rows(); ++row)
    for (const std::int64_t i : queries) {
      const float* const q = p.in.q + (row * s.n_q + i) * s.d;
      double gate = 0;
      for (std::int64_t c = 0; c < s.d; ++c) gate += static_cast<double>(q[c]) * w[c];
      std::fill_n(out, s.d_v, 0.0);
      for (std::int64_t j = 0; j < s.n_k; ++j) {
        double dot = 0;
        for (std::int64_t c = 0; c < s.d; ++c) dot += static_cast<double>(q[c]) * p.in.k[(row * s.n_k + j) * s.d + c];
        for (std::int64_t c = 0; c < s.d_v; ++c)
          out[c] += gate * std::tanh(dot) * p.in.v[(row * s.n_k + j) * s.d_v + c];
      }
      out += s.d_v;
    }
}

std::vector<TensorSpec> toy_parameters(const Shape& s, const Settings&) { return {{"w", Axis::all, {s.d}}}; }

struct Toy {
  Shape shape{.batch = 2, .heads = 1, .n_q = 6, .n_k = 5, .d = 3, .d_v = 4};
  Method method{.name = "toy", .title = "", .parameters = toy_parameters, .oracle = toy_oracle};
  Settings settings{{}, shape};
  std::vector<float> q, k, v, w, dout;
  std::vector<std::int64_t> queries;
  GradientBuffers g;

  Toy()
      : q(static_cast<std::size_t>(shape.q_size())),
        k(static_cast<std::size_t>(shape.k_size())),
        v(static_cast<std::size_t>(shape.v_size())),
        w(3),
        dout(upstream_gradient(shape, 4)),
        queries(static_cast<std::size_t>(shape.n_q)),
        g(shape, toy_parameters(shape, settings)) {
    Random(1, 1).normal(q);
    Random(1, 2).normal(k);
    Random(1, 3).normal(v);
    Random(1, 4).normal(w);
    std::iota(queries.begin(), queries.end(), 0);
    differentiate();
  }

  // By hand.
  void differentiate() {
    const Shape& s = shape;
    for (std::int64_t row = 0; row < s.rows(); ++row)
      for (std::int64_t i = 0; i < s.n_q; ++i) {
        const auto qi = static_cast<std::size_t>((row * s.n_q + i) * s.d);
        double gate = 0;
        for (std::size_t c = 0; c < 3; ++c) gate += static_cast<double>(q[qi + c]) * w[c];
        for (std::int64_t j = 0; j < s.n_k; ++j) {
          const auto kj = static_cast<std::size_t>((row * s.n_k + j) * s.d);
          const auto vj = static_cast<std::size_t>((row * s.n_k + j) * s.d_v);
          double dot = 0, along = 0;
          for (std::size_t c = 0; c < 3; ++c) dot += static_cast<double>(q[qi + c]) * k[kj + c];
          const double t = std::tanh(dot);
          for (std::size_t c = 0; c < 4; ++c) {
            const double up = dout[static_cast<std::size_t>((row * s.n_q + i) * s.d_v) + c];
            along += up * v[vj + c];
            g.dv[vj + c] += static_cast<float>(up * gate * t);
          }
          for (std::size_t c = 0; c < 3; ++c) {
            g.dq[qi + c] += static_cast<float>(along * (w[c] * t + gate * (1 - t * t) * k[kj + c]));
            g.dk[kj + c] += static_cast<float>(along * gate * (1 - t * t) * q[qi + c]);
            g.parameters[0][c] += static_cast<float>(along * t * q[qi + c]);
          }
        }
      }
  }

  double worst() {
    Tensors parameters;
    parameters.set("w", w);
    const Inputs in{q.data(), k.data(), v.data()};
    const Problem problem{shape, settings, in, {}, parameters};
    double most = 0;
    for (const GradientError& e : gradient_errors(method, problem, queries, dout.data(), g.view(), 4))
      most = std::max(most, e.relative);
    return most;
  }
};

}  // namespace

TEST_CASE("finite differences of the oracle agree with a derivative by hand, in f32", "[gradients]") {
  CHECK(Toy().worst() < 3e-6);
}

TEST_CASE("a gradient that is wrong in one element, one sign or by a factor is found", "[gradients]") {
  for (const int tensor : {0, 1, 2, 3}) {
    CAPTURE(tensor);
    const auto values = [&](Toy& toy) -> std::vector<float>& {
      return tensor == 0 ? toy.g.dq : tensor == 1 ? toy.g.dk : tensor == 2 ? toy.g.dv : toy.g.parameters[0];
    };
    Toy scaled;
    for (float& e : values(scaled)) e *= 1.01f;
    CHECK(scaled.worst() > 5e-4);
    Toy turned;
    values(turned)[1] = -values(turned)[1];
    CHECK(turned.worst() > 1e-3);
    Toy missing;
    values(missing)[2] = 0;
    CHECK(missing.worst() > 1e-3);
    Toy nothing;
    std::ranges::fill(values(nothing), 0.0f);
    CHECK(nothing.worst() > 0.1);
    Toy broken;
    values(broken)[0] = NAN;
    CHECK_FALSE(broken.worst() < 1e-3);
  }
}

TEST_CASE("a gradient oracle is compared element by element", "[gradients]") {
  Toy toy;
  static GradientBuffers want;
  want = toy.g;
  toy.method.gradient_oracle = [](const Problem&, std::span<const std::int64_t>, const double*,
                                  const ExactGradients& exact) {
    std::ranges::copy(want.dq, exact.dq);
    std::ranges::copy(want.dk, exact.dk);
    std::ranges::copy(want.dv, exact.dv);
    std::ranges::copy(want.parameters[0], exact.parameters[0]);
  };
  CHECK(toy.worst() == 0);
  toy.g.dk[7] *= 1.001f;
  CHECK(toy.worst() > 1e-5);
  toy.g.dk[7] = NAN;
  CHECK_FALSE(toy.worst() < 1);
}
