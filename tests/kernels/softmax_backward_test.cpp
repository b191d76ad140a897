// Gradients of softmax over chosen keys, at sizes of several tiles and several waves, where the walk over all methods
// has one; against the plain definition in double.
#include <functional>
#include <map>
#include <mutex>

#include <yoso/gradients.hpp>

#include "against_oracle.hpp"
#include "catch.hpp"
#include "primitives/waves.hpp"

using namespace yoso;
using namespace against_oracle;

namespace {

using Sees = std::function<bool(std::int64_t row, std::int64_t i, std::int64_t j)>;

struct Exact {
  std::vector<double> dq, dk, dv;
};

double dot(const float* x, const float* y, std::int64_t n) {
  double sum = 0;
  for (std::int64_t c = 0; c < n; ++c) sum += double(x[c]) * double(y[c]);
  return sum;
}

Exact definition(const RandomProblem& problem, const std::vector<float>& dout, const Sees& sees) {
  const Shape& s = problem.shape;
  Exact g{std::vector<double>(std::size_t(s.q_size())), std::vector<double>(std::size_t(s.k_size())),
          std::vector<double>(std::size_t(s.v_size()))};
  const double scale = 1 / std::sqrt(double(s.d));
  for (std::int64_t row = 0; row < s.rows(); ++row)
    for (std::int64_t i = 0; i < s.n_q; ++i) {
      const std::int64_t batch = row / s.heads, query = row * s.n_q + i;
      if (!problem.keep_q.empty() && !problem.keep_q[std::size_t(batch * s.n_q + i)]) continue;
      std::vector<std::int64_t> seen;
      for (std::int64_t j = 0; j < s.n_k; ++j)
        if ((problem.keep_k.empty() || problem.keep_k[std::size_t(batch * s.n_k + j)]) && sees(row, i, j))
          seen.push_back(row * s.n_k + j);
      std::vector<double> weight, slope;
      double largest = -INFINITY, total = 0, mean = 0;
      for (const std::int64_t j : seen) {
        weight.push_back(dot(&problem.q[std::size_t(query * s.d)], &problem.k[std::size_t(j * s.d)], s.d) * scale);
        slope.push_back(dot(&dout[std::size_t(query * s.d_v)], &problem.v[std::size_t(j * s.d_v)], s.d_v));
        largest = std::max(largest, weight.back());
      }
      for (double& w : weight) total += w = std::exp(w - largest);
      for (double& w : weight) w /= total;
      for (std::size_t t = 0; t < seen.size(); ++t) mean += weight[t] * slope[t];
      for (std::size_t t = 0; t < seen.size(); ++t) {
        const double ds = weight[t] * (slope[t] - mean) * scale;
        const std::int64_t j = seen[t];
        for (std::int64_t c = 0; c < s.d; ++c) {
          g.dq[std::size_t(query * s.d + c)] += ds * double(problem.k[std::size_t(j * s.d + c)]);
          g.dk[std::size_t(j * s.d + c)] += ds * double(problem.q[std::size_t(query * s.d + c)]);
        }
        for (std::int64_t c = 0; c < s.d_v; ++c)
          g.dv[std::size_t(j * s.d_v + c)] += weight[t] * double(dout[std::size_t(query * s.d_v + c)]);
      }
    }
  return g;
}

// The largest error over all elements of the three gradients, as a share of the tensor's largest element.
double gradient_error(const char* method, const RandomProblem& problem, const Choices& choices, const Sees& sees) {
  const Shape& s = problem.shape;
  Instance trains(find(catalogue(), method), s, settings(method, s, choices),
                  {.threads = 3, .isa = default_isa(), .pass = Pass::both}, 7);
  std::vector<float> out(std::size_t(s.out_size()), NAN);
  const std::vector<float> dout = upstream_gradient(s, 5);
  trains.forward(problem.view(), out.data());
  GradientBuffers got(s, {});
  trains.backward(problem.view(), {out.data(), dout.data()}, got.view());
  const Exact want = definition(problem, dout, sees);
  double worst = 0;
  const auto compare = [&](const std::vector<float>& g, const std::vector<double>& w) {
    double size = 1e-3, off = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      size = std::max(size, std::abs(w[i]));
      off = std::max(off, std::abs(double(g[i]) - w[i]));
      if (std::isnan(g[i])) off = INFINITY;
    }
    worst = std::max(worst, off / size);
  };
  compare(got.dq, want.dq);
  compare(got.dk, want.dk);
  compare(got.dv, want.dv);
  return worst;
}

}  // namespace

TEST_CASE("waves visit every pair once, and add in one order whatever the threads", "[softmax_backward]") {
  for (const auto& [n_q, n_k] : {std::pair{1, 1}, {1, 700}, {700, 1}, {129, 4100}, {4100, 300}, {2048, 2048}})
    for (const std::int64_t rows : {1, 3, 17}) {
      CAPTURE(n_q, n_k, rows);
      // the order in which the keys of a part meet blocks of queries, and the other way round
      using Orders = std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::int64_t>>;
      Orders of_keys[2], of_queries[2];
      for (const int threads : {1, 3}) {
        const std::size_t run = threads == 1 ? 0 : 1;
        std::int64_t pairs = 0;
        std::mutex mutex;
        for_pairs_in_waves(threads, rows, n_q, n_k, [&](std::int64_t row, KeyRange queries, KeyRange keys, int thread) {
          const std::lock_guard lock(mutex);
          if (thread < 0 || thread >= threads) pairs = -1000000;
          pairs += (queries.last - queries.first) * (keys.last - keys.first);
          of_keys[run][{row, keys.first}].push_back(queries.first);
          of_queries[run][{row, queries.first}].push_back(keys.first);
        });
        CHECK(pairs == rows * n_q * n_k);
      }
      CHECK(of_keys[0] == of_keys[1]);
      CHECK(of_queries[0] == of_queries[1]);
      for (const Orders* orders : {&of_keys[0], &of_queries[0]})
        for (const auto& [part, met] : *orders) {
          std::vector<std::int64_t> once = met;
          std::ranges::sort(once);
          REQUIRE(std::ranges::adjacent_find(once) == once.end());
        }
    }
}

TEST_CASE("gradients of softmax over several tiles and waves", "[softmax_backward]") {
  for (const bool causal : {false, true})
    for (const auto& [n_q, n_k] : {std::pair{65, 300}, {300, 257}, {1, 1100}, {1100, 1}, {700, 700}, {300, 900}})
      for (const bool masked : {false, true}) {
        CAPTURE(causal, n_q, n_k, masked);
        RandomProblem problem({.batch = 2, .heads = 1, .n_q = n_q, .n_k = n_k, .d = 7, .d_v = 19, .causal = causal});
        if (masked) problem.mask();
        const auto sees = [&](std::int64_t, std::int64_t i, std::int64_t j) { return j < problem.shape.visible(i); };
        CHECK(gradient_error("softmax", problem, {}, sees) < 1e-5);
      }
}

TEST_CASE("gradients of softmax take nothing from the upstream of padded queries", "[softmax_backward]") {
  RandomProblem problem({.batch = 2, .heads = 1, .n_q = 90, .n_k = 90, .d = 8, .d_v = 8});
  problem.mask();
  const Shape& s = problem.shape;
  Instance trains(find(catalogue(), "softmax"), s, settings("softmax", s, {}),
                  {.threads = 1, .isa = default_isa(), .pass = Pass::both}, 7);
  std::vector<float> out(std::size_t(s.out_size())), dout = upstream_gradient(s, 5);
  trains.forward(problem.view(), out.data());
  GradientBuffers clean(s, {}), spoilt(s, {});
  trains.backward(problem.view(), {out.data(), dout.data()}, clean.view());
  for (std::size_t i = 0; i < dout.size(); ++i)
    if (!problem.keep_q[i / 8]) dout[i] = NAN;
  trains.backward(problem.view(), {out.data(), dout.data()}, spoilt.view());
  CHECK(clean.dq == spoilt.dq);
  CHECK(clean.dk == spoilt.dk);
  CHECK(clean.dv == spoilt.dv);
}

TEST_CASE("a query that sees one key has gradients of exactly zero", "[softmax_backward]") {
  for (const char* method : {"softmax", "softmax-naive", "linformer", "subsample"})
    for (const std::int64_t d_v : {7, 64, 300})
      for (const Isa isa : isas_here()) {
        CAPTURE(method, d_v, name(isa));
        const RandomProblem problem({.batch = 2, .heads = 1, .n_q = 70, .n_k = 1, .d = 9, .d_v = d_v});
        const Shape& s = problem.shape;
        Instance trains(find(catalogue(), method), s, settings(method, s, {}), {.isa = isa, .pass = Pass::both}, 7);
        std::vector<float> out(std::size_t(s.out_size())), dout = upstream_gradient(s, 5);
        trains.forward(problem.view(), out.data());
        GradientBuffers got(s, trains.parameters().specs());
        trains.backward(problem.view(), {out.data(), dout.data()}, got.view());
        const auto zero = [](float x) { return x == 0; };
        CHECK(std::ranges::all_of(got.dq, zero));
        CHECK(std::ranges::all_of(got.dk, zero));
      }
}

TEST_CASE("gradients of longformer over several blocks, bands and global tokens", "[softmax_backward]") {
  for (const std::int64_t window : {2, 70, 300, 2000})
    for (const std::int64_t globals : {0, 1, 70})
      for (const bool masked : {false, true}) {
        CAPTURE(window, globals, masked);
        RandomProblem problem({.batch = 1, .heads = 2, .n_q = 500, .n_k = 500, .d = 7, .d_v = 19});
        if (masked) problem.mask();
        const auto sees = [&](std::int64_t, std::int64_t i, std::int64_t j) {
          return std::abs(i - j) <= window / 2 || i < globals || j < globals;
        };
        const Choices choices{{"window", std::to_string(window)}, {"global", std::to_string(globals)}};
        CHECK(gradient_error("longformer", problem, choices, sees) < 1e-5);
      }
}

TEST_CASE("gradients of subsample over several parts of the queries", "[softmax_backward]") {
  for (const std::int64_t keys : {5, 70, 600})
    for (const bool masked : {false, true}) {
      CAPTURE(keys, masked);
      RandomProblem problem({.batch = 2, .heads = 1, .n_q = 700, .n_k = 400, .d = 7, .d_v = 19});
      if (masked) problem.mask();
      const Choices choices{{"keys", std::to_string(keys)}};
      Instance draws = instance("subsample", problem.shape, choices);
      const float* const order = draws.draws().tensors()["order"];
      std::vector<bool> drawn(800);
      for (std::int64_t row = 0; row < 2; ++row)
        for (std::int64_t t = 0, left = keys; t < 400 && left > 0; ++t) {
          const auto j = static_cast<std::int64_t>(order[row * 400 + t]);
          if (!problem.keep_k.empty() && !problem.keep_k[std::size_t(row * 400 + j)]) continue;
          drawn[std::size_t(row * 400 + j)] = true;
          --left;
        }
      const auto sees = [&](std::int64_t row, std::int64_t, std::int64_t j) {
        return drawn[std::size_t(row * 400 + j)];
      };
      CHECK(gradient_error("subsample", problem, choices, sees) < 1e-5);
    }
}
