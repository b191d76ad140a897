// The tile loops at every width for which they are compiled, beyond the shapes of the walk.
#include <algorithm>

#include "catch.hpp"
#include "conformance/examine.hpp"
#include "simt/testing.hpp"

using namespace conformance;

namespace {

std::vector<const Method*> by_tiles() {
  std::vector<const Method*> found;
  for (const Method* method : methods())
    if (method->name == "softmax" || method->name == "yoso-e") found.push_back(method);
  return found;
}

constexpr Shape kWide[] = {{.batch = 1, .heads = 1, .n_q = 70, .n_k = 70, .d = 128, .d_v = 128},
                           {.batch = 1, .heads = 1, .n_q = 40, .n_k = 70, .d = 100, .d_v = 30},
                           {.batch = 1, .heads = 2, .n_q = 70, .n_k = 40, .d = 256, .d_v = 256},
                           {.batch = 1, .heads = 1, .n_q = 40, .n_k = 40, .d = 7, .d_v = 129}};

}  // namespace

TEST_CASE("tiles of every width agree with the definition, forward and backward") {
  for (const Method* method : by_tiles())
    for (Shape shape : kWide)
      for (const bool causal : {false, true}) {
        shape.causal = causal;
        CHECK(examine(*method, shape, {}, Values::normal, Masks::holes));
        CHECK(examine_gradients(*method, shape, {}, Values::normal, Masks::holes, true));
      }
}

TEST_CASE("tiles give the same bits whatever the order of threads") {
  const Shape shape{.batch = 1, .heads = 2, .n_q = 70, .n_k = 70, .d = 20, .d_v = 20, .causal = true};
  for (const Method* method : methods()) {
    std::optional<Bench> bench = Bench::build(*method, shape, {}, training());
    if (!bench) continue;
    CAPTURE(method->name);
    const Problem problem(shape, Values::normal, Masks::holes);
    const std::vector<float> out = bench->forward(problem.inputs());
    const yoso::GradientBuffers gradients = bench->backward(problem.inputs(), upstream(shape));
    for (const simt::Options& options : simt::testing::schedules(2)) {
      const simt::WithOptions now(options);
      REQUIRE(bench->forward(problem.inputs()) == out);
      const yoso::GradientBuffers again = bench->backward(problem.inputs(), upstream(shape));
      REQUIRE(again.dq == gradients.dq);
      REQUIRE(again.dk == gradients.dk);
      REQUIRE(again.dv == gradients.dv);
    }
  }
}

TEST_CASE("widths that no tile holds are refused in one line") {
  for (const Method* method : by_tiles()) {
    CAPTURE(method->name);
    CHECK_FALSE(examine(*method, {.n_q = 2, .n_k = 2, .d = 257, .d_v = 8}, {}, Values::normal, Masks::none));
    CHECK_FALSE(examine(*method, {.n_q = 2, .n_k = 2, .d = 8, .d_v = 300}, {}, Values::normal, Masks::none));
  }
}
