#include "catch.hpp"
#include "conformance/problem.hpp"

using namespace yoso;
using testing::RandomProblem;
using testing::worst_difference;

TEST_CASE("the state of linear attention agrees with the sum over pairs", "[linear]") {
  for (const auto& [n_q, n_k] : {std::pair{3, 300}, {300, 3}, {129, 128}})
    for (const double scale : {0.1, 3.0}) {
      CAPTURE(n_q, n_k, scale);
      RandomProblem problem({.batch = 2, .heads = 2, .n_q = n_q, .n_k = n_k, .d = 37, .d_v = 9}, scale);
      problem.pad(3);
      REQUIRE(worst_difference(problem.forward("linear"), problem.oracle("linear")) < 1e-5);
    }
}

// All features are exp(-40): the 1e-6 in the denominator outweighs them, and the output is nearly zero, not the mean.
TEST_CASE("the denominator of linear attention keeps its 1e-6", "[linear]") {
  RandomProblem problem({.n_q = 4, .n_k = 4, .d = 8, .d_v = 8});
  std::fill(problem.q.begin(), problem.q.end(), -40.0f);
  std::fill(problem.k.begin(), problem.k.end(), -40.0f);
  for (const float e : problem.forward("linear")) REQUIRE(std::abs(e) < 1e-20f);
}

TEST_CASE("one row of linear attention has the same bits for any thread count", "[linear]") {
  const RandomProblem problem({.n_q = 500, .n_k = 500, .d = 64, .d_v = 33});
  const std::vector<float> one = problem.forward("linear");
  REQUIRE(problem.forward("linear", {}, 2) == one);
  REQUIRE(problem.forward("linear", {}, 5) == one);
}
