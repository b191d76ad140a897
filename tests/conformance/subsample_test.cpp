#include "catch.hpp"
#include "conformance/problem.hpp"

using namespace yoso;
using testing::RandomProblem;
using testing::worst_difference;

TEST_CASE("subsample is exact attention when every kept key is drawn", "[subsample]") {
  RandomProblem problem({.batch = 2, .heads = 2, .n_q = 50, .n_k = 300, .d = 8, .d_v = 6});
  problem.pad(2);
  const auto kept = std::count(problem.keep_k.begin(), problem.keep_k.begin() + 300, 1);
  const std::string enough = std::to_string(kept);  // the first sample has the most
  for (const std::string_view keys : {"300", "1000", enough.c_str()}) {
    CAPTURE(keys);
    REQUIRE(worst_difference(problem.forward("subsample", {{"keys", keys}}), problem.oracle("softmax")) < 1e-5);
  }
}

TEST_CASE("subsample attends to the first kept keys of the injected order", "[subsample]") {
  RandomProblem problem({.n_q = 5, .n_k = 6, .d = 4, .d_v = 3});
  problem.keep_k = {1, 1, 1, 0, 1, 1};
  Instance instance = problem.instance("subsample", {{"keys", "1"}});
  std::ranges::copy(std::vector<float>{3, 4, 0, 1, 2, 5}, instance.draws().values(0).begin());
  std::vector<float> out(std::size_t(problem.shape.out_size()));
  instance.forward(problem.view(), out.data());
  // key 3 is padded, so all the weight is on key 4
  for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == Approx(problem.v[4 * 3 + i % 3]));
}

TEST_CASE("subsample refuses an order that f32 cannot hold", "[subsample]") {
  const Method& method = find(catalogue(), "subsample");
  const Shape shape{.n_q = 1, .n_k = (1 << 24) + 1, .d = 1, .d_v = 1};
  REQUIRE_THROWS_AS(Instance::predict(method, shape, Settings(method.knobs, shape), {}), Unsupported);
}
