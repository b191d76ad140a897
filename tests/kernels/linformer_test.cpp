#include <numeric>

#include <yoso/gradients.hpp>

#include "against_oracle.hpp"
#include "catch.hpp"

using namespace yoso;
using namespace against_oracle;

TEST_CASE("linformer agrees with its definition", "[linformer]") {
  for (const char* projection : {"pool", "random"})
    for (const char* share : {"yes", "no"})
      for (const char* k : {"1", "7", "70", "400"})
        for (const bool masked : {false, true}) {
          CAPTURE(projection, share, k, masked);
          RandomProblem problem({.batch = 2, .heads = 3, .n_q = 67, .n_k = 301, .d = 13, .d_v = 6});
          if (masked) problem.mask();
          CHECK(error("linformer", problem, {{"projection", projection}, {"share", share}, {"k", k}}) < 1e-5);
        }
}

TEST_CASE("linformer does not depend on the thread count", "[linformer]") {
  RandomProblem problem({.batch = 1, .heads = 1, .n_q = 130, .n_k = 515, .d = 24, .d_v = 24});
  problem.mask();
  const Choices choices{{"k", "150"}, {"projection", "random"}};
  const std::vector<float> one = run("linformer", problem, choices);
  CHECK(run("linformer", problem, choices, 2) == one);
  CHECK(run("linformer", problem, choices, 5) == one);
}

TEST_CASE("gradients of linformer agree with their definition over several parts of the queries", "[linformer]") {
  for (const char* projection : {"pool", "random"})
    for (const char* share : {"yes", "no"})
      for (const char* k : {"7", "70", "300"}) {
        CAPTURE(projection, share, k);
        RandomProblem problem({.batch = 2, .heads = 1, .n_q = 700, .n_k = 301, .d = 13, .d_v = 6});
        problem.mask();
        const Choices choices{{"projection", projection}, {"share", share}, {"k", k}};
        const Method& method = find(catalogue(), "linformer");
        const Settings set = settings("linformer", problem.shape, choices);
        Instance trains(method, problem.shape, set, {.threads = 2, .isa = default_isa(), .pass = Pass::both}, 7);
        std::vector<float> out(std::size_t(problem.shape.out_size())), dout = upstream_gradient(problem.shape, 5);
        trains.forward(problem.view(), out.data());
        GradientBuffers got(problem.shape, trains.parameters().specs());
        trains.backward(problem.view(), {out.data(), dout.data()}, got.view());
        std::vector<std::int64_t> queries(700);
        std::iota(queries.begin(), queries.end(), 0);
        const Tensors draws, parameters = trains.parameters().tensors();
        const Inputs in = problem.view();
        for (const GradientError& e : gradient_errors(method, {problem.shape, set, in, draws, parameters}, queries,
                                                      dout.data(), got.view(), 0)) {
          CAPTURE(e.tensor);
          CHECK(e.relative < 2e-4);
        }
      }
}

TEST_CASE("a pooling linformer with k >= n is exact attention, masks included", "[linformer]") {
  for (const bool masked : {false, true}) {
    RandomProblem problem({.batch = 2, .heads = 2, .n_q = 33, .n_k = 33, .d = 8, .d_v = 8});
    if (masked) problem.mask();
    const Instance softmax = instance("softmax-naive", problem.shape, {});
    CHECK(distance(run("linformer", problem, {{"k", "256"}}), wanted(softmax, problem)) < 1e-5);
  }
}

TEST_CASE("k is clamped to n for pooling only", "[linformer]") {
  const Shape shape{.batch = 1, .heads = 2, .n_q = 5, .n_k = 5, .d = 4, .d_v = 4};
  CHECK(instance("linformer", shape, {{"k", "9"}}).parameters().specs()[0].shape == std::vector<std::int64_t>{5, 5});
  CHECK(instance("linformer", shape, {{"k", "9"}, {"projection", "random"}}).parameters().specs()[0].shape ==
        std::vector<std::int64_t>{9, 5});
  CHECK(instance("linformer", shape, {}).parameters().specs().size() == 1);
  CHECK(instance("linformer", shape, {{"share", "no"}}).parameters().specs().size() == 2);
}

TEST_CASE("linformer takes nothing from padding", "[linformer]") {
  RandomProblem problem({.batch = 2, .heads = 2, .n_q = 40, .n_k = 40, .d = 8, .d_v = 8});
  problem.mask();
  std::fill_n(problem.keep_k.begin(), 40, std::uint8_t{0});  // the first sample has no key at all
  const Choices choices{{"k", "12"}, {"projection", "random"}};
  const std::vector<float> out = run("linformer", problem, choices);
  CHECK(std::all_of(out.begin(), out.begin() + 2 * 40 * 8, [](float x) { return x == 0; }));
  for (std::size_t i = 0; i < 4 * 40; ++i)
    if (!problem.keep_k[i / 80 * 40 + i % 40]) {
      std::fill_n(problem.k.begin() + std::ptrdiff_t(i * 8), 8, 1e9f);
      std::fill_n(problem.v.begin() + std::ptrdiff_t(i * 8), 8, -1e9f);
    }
  CHECK(run("linformer", problem, choices) == out);
}

TEST_CASE("linformer is finite for huge, zero and equal rows", "[linformer]") {
  for (const double size : {0.0, 1e4, 2e8}) {
    CAPTURE(size);
    const RandomProblem problem({.batch = 1, .heads = 2, .n_q = 65, .n_k = 65, .d = 16, .d_v = 16}, size);
    const std::vector<float> out = run("linformer", problem, {{"k", "20"}, {"projection", "random"}});
    CHECK(std::all_of(out.begin(), out.end(), [](float x) { return std::isfinite(x); }));
  }
  RandomProblem problem({.batch = 1, .heads = 2, .n_q = 65, .n_k = 65, .d = 16, .d_v = 16});
  for (std::size_t i = 0; i < problem.k.size(); ++i) problem.k[i] = problem.k[i % 16];
  CHECK(error("linformer", problem, {{"k", "20"}, {"projection", "random"}}) < 1e-5);
}

TEST_CASE("linformer refuses a causal shape", "[linformer]") {
  CHECK_THROWS_AS(instance("linformer", {.n_q = 8, .n_k = 8, .d = 4, .d_v = 4, .causal = true}, {}), Unsupported);
}
