#include "against_oracle.hpp"
#include "catch.hpp"

using namespace yoso;
using namespace against_oracle;

namespace {

constexpr const char* kKernels[] = {"softmax", "relu", "hyperbolic"};

}  // namespace

TEST_CASE("performer agrees with its definition", "[performer]") {
  for (const char* kernel : kKernels)
    for (const char* features : {"2", "64", "202"})
      for (const bool masked : {false, true}) {
        CAPTURE(kernel, features, masked);
        RandomProblem problem({.batch = 2, .heads = 3, .n_q = 67, .n_k = 301, .d = 13, .d_v = 6});
        if (masked) problem.mask();
        CHECK(error("performer", problem, {{"kernel", kernel}, {"features", features}}) < 2e-5);
        CHECK(error("performer", problem, {{"kernel", kernel}, {"features", features}, {"orthogonal", "no"}}) < 2e-5);
      }
}

TEST_CASE("performer does not depend on the thread count", "[performer]") {
  RandomProblem problem({.batch = 1, .heads = 1, .n_q = 130, .n_k = 515, .d = 24, .d_v = 24});
  problem.mask();
  for (const char* kernel : kKernels) {
    CAPTURE(kernel);
    const std::vector<float> one = run("performer", problem, {{"kernel", kernel}});
    CHECK(run("performer", problem, {{"kernel", kernel}}, 2) == one);
    CHECK(run("performer", problem, {{"kernel", kernel}}, 5) == one);
  }
}

TEST_CASE("to performer a padded key is a key that is not there", "[performer]") {
  for (const char* kernel : kKernels) {
    CAPTURE(kernel);
    RandomProblem shorter({.batch = 1, .heads = 2, .n_q = 20, .n_k = 150, .d = 8, .d_v = 8});
    RandomProblem longer({.batch = 1, .heads = 2, .n_q = 20, .n_k = 400, .d = 8, .d_v = 8}, 5);
    longer.q = shorter.q;
    longer.keep_k.assign(400, 0);
    for (std::size_t row = 0; row < 2; ++row)
      for (std::size_t j = 0; j < 150; ++j) {  // padding in the middle, more than two tiles of keys
        const std::size_t to = j < 75 ? j : j + 250;
        longer.keep_k[to] = 1;
        for (std::size_t c = 0; c < 8; ++c) {
          longer.k[(row * 400 + to) * 8 + c] = shorter.k[(row * 150 + j) * 8 + c];
          longer.v[(row * 400 + to) * 8 + c] = shorter.v[(row * 150 + j) * 8 + c];
        }
      }
    CHECK(distance(run("performer", longer, {{"kernel", kernel}}), run("performer", shorter, {{"kernel", kernel}})) <
          1e-5);
  }
}

TEST_CASE("performer with many features comes near what it estimates", "[performer]") {
  // short rows: with long ones epsilon, added after exp, outweighs most features, and more of them do not help
  const RandomProblem problem({.batch = 1, .heads = 2, .n_q = 10, .n_k = 40, .d = 8, .d_v = 8}, 0.3);
  for (const char* kernel : kKernels) {
    CAPTURE(kernel);
    const auto gap = [&](const char* features) {
      Instance runs = instance("performer", problem.shape, {{"kernel", kernel}, {"features", features}});
      return distance(run(runs, problem), wanted(runs, problem, true));
    };
    CHECK(gap("16384") < 0.01);
    CHECK(gap("16384") < 0.1 * gap("16"));
  }
  const Instance relu = instance("performer", problem.shape, {{"kernel", "relu"}});
  const Instance softmax = instance("performer", problem.shape, {});
  CHECK(distance(wanted(relu, problem, true), wanted(softmax, problem, true)) > 0.1);  // it is another kernel
  CHECK(relu.method().target(relu.settings()) == "relu kernel");
  CHECK(softmax.method().target(softmax.settings()) == "softmax");
}

TEST_CASE("performer's features neither overflow nor lose a wide head", "[performer]") {
  // Rows along a drawn projection make a plain hyperbolic feature exp(|w|^2 / 2), about e^150 here.
  RandomProblem problem({.batch = 1, .heads = 1, .n_q = 4, .n_k = 4, .d = 300, .d_v = 5});
  const Choices choices{{"kernel", "hyperbolic"}, {"features", "16"}};
  Instance runs = instance("performer", problem.shape, choices);
  const auto projection = runs.draws().values(0);
  for (std::size_t i = 0; i < problem.q.size(); ++i) {
    problem.q[i] = projection[i] * std::pow(300.0f, 0.25f);
    problem.k[i] = projection[300 + i] * std::pow(300.0f, 0.25f);  // the next projection: keys peak elsewhere
  }
  const std::vector<double> want = wanted(runs, problem);
  CHECK(std::abs(want[0]) > 1e-3);
  CHECK(distance(run(runs, problem), want) < 1e-3);  // the exponents are hundreds, and have seven digits
}

TEST_CASE("performer is right for huge, zero and equal rows", "[performer]") {
  for (const char* kernel : kKernels)
    for (const double size : {0.0, 1e4, 2e8}) {
      CAPTURE(kernel, size);
      RandomProblem problem({.batch = 1, .heads = 2, .n_q = 65, .n_k = 65, .d = 15, .d_v = 16}, size);
      CHECK(error("performer", problem, {{"kernel", kernel}, {"features", "80"}}) < 1e-4);
      std::fill_n(problem.q.begin(), 3 * 15, 0.0f);
      std::fill_n(problem.k.begin(), 2 * 15, 0.0f);
      std::copy_n(problem.k.begin() + 30, 15, problem.k.begin() + 60);
      CHECK(error("performer", problem, {{"kernel", kernel}, {"features", "80"}}) < 1e-4);
    }
}

TEST_CASE("performer without a key outputs zeros", "[performer]") {
  for (const char* kernel : kKernels) {
    RandomProblem problem({.batch = 2, .heads = 1, .n_q = 9, .n_k = 12, .d = 8, .d_v = 4});
    problem.keep_k.assign(24, 1);
    std::fill_n(problem.keep_k.begin(), 12, std::uint8_t{0});
    const std::vector<float> out = run("performer", problem, {{"kernel", kernel}});
    CHECK(std::all_of(out.begin(), out.begin() + 9 * 4, [](float x) { return x == 0; }));
    CHECK(std::none_of(out.begin() + 9 * 4, out.end(), [](float x) { return x == 0; }));
  }
}

TEST_CASE("performer refuses what it has not", "[performer]") {
  CHECK_THROWS_AS(instance("performer", {.n_q = 8, .n_k = 8, .d = 4, .d_v = 4, .causal = true}, {}), Unsupported);
  const Shape shape{.n_q = 8, .n_k = 8, .d = 4, .d_v = 4};
  CHECK_THROWS_AS(instance("performer", shape, {{"kernel", "hyperbolic"}, {"features", "3"}}), Unsupported);
  CHECK_THROWS_AS(instance("performer", shape, {{"kernel", "hyperbolic"}, {"features", "1"}}), Unsupported);
}
