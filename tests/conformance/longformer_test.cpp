#include "catch.hpp"
#include "conformance/problem.hpp"

using namespace yoso;
using testing::RandomProblem;
using testing::worst_difference;

TEST_CASE("windows and global tokens of longformer agree with a mask over all pairs", "[longformer]") {
  for (const std::int64_t n : {5, 64, 65, 200, 330})
    for (const std::string_view window : {"2", "30", "128", "660"})
      for (const std::string_view global : {"0", "1", "3", "70"})
        for (const bool masked : {false, true}) {
          CAPTURE(n, window, global, masked);
          RandomProblem problem({.batch = 2, .heads = 1, .n_q = n, .n_k = n, .d = 6, .d_v = 3});
          if (masked) problem.pad(3);
          const RandomProblem::Knobs knobs{{"window", window}, {"global", global}};
          REQUIRE(worst_difference(problem.forward("longformer", knobs), problem.oracle("longformer", knobs)) < 1e-5);
        }
}

TEST_CASE("a window of 2 n is exact attention", "[longformer]") {
  RandomProblem problem({.batch = 1, .heads = 2, .n_q = 150, .n_k = 150, .d = 6, .d_v = 6});
  problem.pad(5);
  REQUIRE(worst_difference(problem.forward("longformer", {{"window", "300"}, {"global", "0"}}),
                           problem.oracle("softmax")) < 1e-5);
}

// A query that is kept although its whole window is padded (masks that differ) sees nothing.
TEST_CASE("a query with an empty window outputs zeros", "[longformer]") {
  RandomProblem problem({.n_q = 40, .n_k = 40, .d = 4, .d_v = 4});
  std::fill(problem.keep_k.begin() + 20, problem.keep_k.end(), 0);
  const std::vector<float> out = problem.forward("longformer", {{"window", "4"}, {"global", "0"}});
  REQUIRE(std::all_of(out.begin() + 22 * 4, out.end(), [](float e) { return e == 0; }));
  REQUIRE(std::any_of(out.begin() + 21 * 4, out.begin() + 22 * 4, [](float e) { return e != 0; }));
}

TEST_CASE("longformer says what it has not", "[longformer]") {
  const auto build = [](const Shape& shape, RandomProblem::Knobs knobs) {
    return RandomProblem(shape).instance("longformer", knobs);
  };
  REQUIRE_THROWS_AS(build({.n_q = 8, .n_k = 8, .causal = true}, {}), Unsupported);
  REQUIRE_THROWS_AS(build({.n_q = 8, .n_k = 9}, {}), Unsupported);
  REQUIRE_THROWS_AS(build({.n_q = 8, .n_k = 8}, {{"window", "3"}}), BadSetting);
  REQUIRE_NOTHROW(build({.n_q = 8, .n_k = 8, .d = 4, .d_v = 5}, {{"window", "4"}}));
}
