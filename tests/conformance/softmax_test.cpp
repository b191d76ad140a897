#include "catch.hpp"
#include "conformance/problem.hpp"

using namespace yoso;
using testing::RandomProblem;
using testing::worst_difference;

// Sizes around the tile of 64 queries x 256 keys, where the generic walk has only one tile of keys.
TEST_CASE("tiles, diagonals and masks of softmax agree with the plain definition", "[softmax]") {
  for (const bool causal : {false, true})
    for (const auto& [n_q, n_k] : {std::pair{65, 300}, {300, 257}, {1, 513}, {130, 1}, {600, 600}})
      for (const bool masked : {false, true}) {
        CAPTURE(causal, n_q, n_k, masked);
        RandomProblem problem({.batch = 2, .heads = 1, .n_q = n_q, .n_k = n_k, .d = 7, .d_v = 5, .causal = causal});
        if (masked) problem.pad(4);
        REQUIRE(worst_difference(problem.forward("softmax"), problem.oracle("softmax")) < 1e-5);
      }
}

// The running maximum grows in every tile, so that everything gathered before is rescaled, down to nothing.
TEST_CASE("softmax rescales what earlier tiles gathered", "[softmax]") {
  for (const float step : {0.01f, 1.0f, 1000.0f}) {
    CAPTURE(step);
    RandomProblem problem({.n_q = 3, .n_k = 1100, .d = 1, .d_v = 4});
    for (std::size_t i = 0; i < problem.q.size(); ++i) problem.q[i] = 1;
    for (std::size_t j = 0; j < problem.k.size(); ++j) problem.k[j] = step * float(j);
    REQUIRE(worst_difference(problem.forward("softmax"), problem.oracle("softmax")) < 2e-5);
  }
}

TEST_CASE("softmax takes no more scratch for more keys", "[softmax]") {
  const Method& method = find(catalogue(), "softmax");
  const auto scratch = [&](std::int64_t n) {
    const Shape shape{.n_q = n, .n_k = n};
    return Instance::predict(method, shape, Settings(method.knobs, shape), Context{.threads = 4}).scratch;
  };
  REQUIRE(scratch(1 << 20) == scratch(1 << 10));
}
