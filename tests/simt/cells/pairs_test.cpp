// Sizes at which reformer and longformer go ways on a GPU that the walk's short problems do not reach.
#include "catch.hpp"
#include "conformance/examine.hpp"
#include "simt/emulator.hpp"

using namespace conformance;

namespace {

enum class Asked { outputs, both };

void check(const char* name, const Shape& shape, const Knobs& knobs, Asked asked) {
  const Method& method = yoso::find(methods(), name);
  REQUIRE(examine(method, shape, knobs, Values::normal, Masks::holes));
  if (asked == Asked::both) REQUIRE(examine_gradients(method, shape, knobs, Values::normal, Masks::none, true));
}

}  // namespace

TEST_CASE("reformer: many buckets, wide tokens, chunks across rounds and of more than a tile", "[slice][pairs]") {
  const Shape wide{.batch = 1, .heads = 2, .n_q = 70, .n_k = 70, .d = 70, .d_v = 100};
  check("reformer", wide, {{"bucket", "16"}, {"buckets", "60"}}, Asked::both);  // two columns a thread
  check("reformer", wide, {{"bucket", "9"}, {"buckets", "300"}},
        Asked::outputs);  // several tiles of columns, two passes of the sort
  check("reformer", wide, {{"bucket", "50"}, {"buckets", "256"}, {"form", "hf"}}, Asked::outputs);
  const Shape longer{.batch = 2, .heads = 1, .n_q = 200, .n_k = 200, .d = 16, .d_v = 200, .causal = true};
  check("reformer", longer, {{"bucket", "90"}, {"rounds", "3"}}, Asked::outputs);
  check("reformer", longer, {{"bucket", "64"}}, Asked::outputs);
}

TEST_CASE("longformer: global tokens of more than a tile, parts of a row, wide values", "[slice][pairs]") {
  const Shape shape{.batch = 2, .heads = 1, .n_q = 200, .n_k = 200, .d = 70, .d_v = 12};
  check("longformer", shape, {{"window", "40"}, {"global", "1"}}, Asked::outputs);
  check("longformer", shape, {{"window", "130"}, {"global", "70"}}, Asked::both);
  const Shape wide{.batch = 1, .heads = 1, .n_q = 150, .n_k = 150, .d = 10, .d_v = 100};
  check("longformer", wide, {{"window", "1000"}, {"global", "3"}}, Asked::outputs);
  check("longformer", wide, {{"window", "2"}, {"global", "0"}}, Asked::outputs);
}

TEST_CASE("pairs of tokens: the same bits in whatever order threads run", "[slice][pairs]") {
  const Shape shape{.batch = 1, .heads = 2, .n_q = 100, .n_k = 100, .d = 20, .d_v = 20};
  const Problem problem(shape, Values::normal, Masks::holes);
  for (const char* name : {"reformer", "longformer"}) {
    std::optional<Bench> bench = Bench::build(yoso::find(methods(), name), shape, {}, training());
    REQUIRE(bench);
    std::vector<yoso::GradientBuffers> all;
    for (const simt::Order order : {simt::Order::forward, simt::Order::reverse, simt::Order::random}) {
      const simt::WithOptions scheduled({.order = order, .seed = 5, .preempt_percent = 20});
      all.push_back(bench->backward(problem.inputs(), upstream(shape)));
      REQUIRE(all.back().dq == all.front().dq);
      REQUIRE(all.back().dk == all.front().dk);
      REQUIRE(all.back().dv == all.front().dv);
    }
  }
}
