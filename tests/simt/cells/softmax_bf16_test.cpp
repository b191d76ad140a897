// bfloat16 attention against the definition in double precision, on the rounded inputs.
#include <algorithm>
#include <cmath>
#include <vector>

#include <yoso/random.hpp>

#include "catch.hpp"
#include "simt/testing.hpp"
#include "softmax/bf16.hpp"

using yoso::Shape;

namespace {

struct Tensor {
  std::vector<simt::bf16> rounded;
  std::vector<double> exact;  // of those

  Tensor(std::int64_t size, std::uint64_t stream, float scale) {
    std::vector<float> x(static_cast<std::size_t>(size));
    yoso::Random(7, stream).normal(x, scale);
    for (const float e : x) {
      rounded.push_back(simt::bf16::from_float(e));
      exact.push_back(static_cast<double>(rounded.back().to_float()));
    }
  }
};

struct Problem {
  Shape s;
  Tensor q, k, v;
  std::vector<std::uint8_t> keep_q, keep_k;

  Problem(const Shape& shape, bool masked, float scale = 1)
      : s(shape), q(s.q_size(), 1, scale), k(s.k_size(), 2, scale), v(s.v_size(), 3, 1) {
    if (!masked) return;
    for (std::int64_t i = 0; i < s.batch * s.n_q; ++i) keep_q.push_back(i % 5 != 3);
    for (std::int64_t j = 0; j < s.batch * s.n_k; ++j) keep_k.push_back(j % 7 != 0 && j % 7 != 4);
  }

  std::vector<float> run() const {
    std::vector<float> out(static_cast<std::size_t>(s.out_size()), NAN);
    yoso::softmax::SIMT_NS::forward_bf16(
        nullptr, s,
        {q.rounded.data(), k.rounded.data(), v.rounded.data(), keep_q.empty() ? nullptr : keep_q.data(),
         keep_k.empty() ? nullptr : keep_k.data()},
        nullptr, nullptr, out.data());
    return out;
  }

  bool sees(std::int64_t row, std::int64_t i, std::int64_t j) const {
    const auto kept = [&](const std::vector<std::uint8_t>& mask, std::int64_t n, std::int64_t at) {
      return mask.empty() || mask[static_cast<std::size_t>(row / s.heads * n + at)] != 0;
    };
    return j < s.visible(i) && kept(keep_q, s.n_q, i) && kept(keep_k, s.n_k, j);
  }

  // Largest error of an output row, relative to the largest |v| that it may have seen.
  double error(const std::vector<float>& out) const {
    double worst = 0, most = 0;
    for (const double e : v.exact) most = std::max(most, std::abs(e));
    for (std::int64_t row = 0; row < s.rows(); ++row)
      for (std::int64_t i = 0; i < s.n_q; ++i) {
        std::vector<double> weights(static_cast<std::size_t>(s.n_k)), sum(static_cast<std::size_t>(s.d_v));
        double largest = -INFINITY, total = 0;
        for (std::int64_t j = 0; j < s.n_k; ++j) {
          double& w = weights[static_cast<std::size_t>(j)];
          for (std::int64_t c = 0; c < s.d; ++c)
            w += q.exact[static_cast<std::size_t>((row * s.n_q + i) * s.d + c)] *
                 k.exact[static_cast<std::size_t>((row * s.n_k + j) * s.d + c)];
          w = sees(row, i, j) ? w / std::sqrt(static_cast<double>(s.d)) : -INFINITY;
          largest = std::max(largest, w);
        }
        for (std::int64_t j = 0; largest > -INFINITY && j < s.n_k; ++j) {
          const double w = std::exp(weights[static_cast<std::size_t>(j)] - largest);
          total += w;
          for (std::int64_t c = 0; c < s.d_v; ++c)
            sum[static_cast<std::size_t>(c)] += w * v.exact[static_cast<std::size_t>((row * s.n_k + j) * s.d_v + c)];
        }
        for (std::int64_t c = 0; c < s.d_v; ++c) {
          const double want = total > 0 ? sum[static_cast<std::size_t>(c)] / total : 0;
          const double got = static_cast<double>(out[static_cast<std::size_t>((row * s.n_q + i) * s.d_v + c)]);
          const double difference = std::abs(got - want);
          worst = std::isnan(got) ? INFINITY : std::max(worst, difference);
        }
      }
    return worst / most;
  }
};

}  // namespace

TEST_CASE("bfloat16 softmax agrees with its definition", "[slice]") {
  const Shape shapes[] = {{.batch = 2, .heads = 2, .n_q = 33, .n_k = 33, .d = 20, .d_v = 20},
                          {.batch = 1, .heads = 1, .n_q = 1, .n_k = 1, .d = 1, .d_v = 1},
                          {.batch = 1, .heads = 1, .n_q = 150, .n_k = 150, .d = 64, .d_v = 64},
                          {.batch = 1, .heads = 2, .n_q = 70, .n_k = 40, .d = 128, .d_v = 40},
                          {.batch = 1, .heads = 1, .n_q = 40, .n_k = 70, .d = 17, .d_v = 200}};
  for (Shape s : shapes)
    for (const bool causal : {false, true})
      for (const bool masked : {false, true}) {
        s.causal = causal;
        CAPTURE(s.n_q, s.n_k, s.d, s.d_v, causal, masked);
        const Problem problem(s, masked);
        // a weight is off by 2^-9 of itself, so that an average of values is off by 2^-9 of the largest at most
        CHECK(problem.error(problem.run()) < 1.0 / 256);
      }
}

TEST_CASE("bfloat16 softmax has the same bits whatever the order of threads") {
  Shape s{.batch = 1, .heads = 1, .n_q = 70, .n_k = 70, .d = 64, .d_v = 64};
  s.causal = true;
  const Problem problem(s, true);
  const std::vector<float> once = problem.run();
  for (const simt::Options& options : simt::testing::schedules(2)) {
    const simt::WithOptions now(options);
    REQUIRE(problem.run() == once);
  }
}

TEST_CASE("bfloat16 softmax of huge inputs is finite") {
  const Problem problem({.batch = 1, .heads = 1, .n_q = 20, .n_k = 20, .d = 64, .d_v = 64}, true, 1e9f);
  for (const float x : problem.run()) REQUIRE(std::isfinite(x));
}
