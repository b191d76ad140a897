// yoso-e against its definition, and where single precision is delicate.
#include <numbers>

#include "yoso_problem.hpp"

using namespace yoso;

namespace {

const Method& yoso_e() { return find(catalogue(), "yoso-e"); }

Instance instance_of(const Shape& shape, const Choices& choices, int threads = 1) {
  return Instance(yoso_e(), shape, settings_of(yoso_e(), shape, choices), Context{.threads = threads}, 1);
}

}  // namespace

TEST_CASE("yoso-e is its definition for every shape, mask and norm", "[yoso-e]") {
  for (const Shape& shape : shapes_of_all_kinds())
    for (const bool masked : {false, true})
      for (const Choices& choices :
           {Choices{}, Choices{{"norm", "rowsum"}, {"hash_bits", "4"}}, Choices{{"norm", "none"}, {"hash_bits", "1"}},
            Choices{{"dot_scale", "0.98"}, {"hash_bits", "auto"}}}) {
        CAPTURE(shape.n_q, shape.n_k, shape.d, shape.d_v, shape.causal, masked, choices);
        ProblemData data(shape);
        if (masked) data.mask();
        Instance instance = instance_of(shape, choices);
        require_close(run(instance, data), oracle(instance, data), 1e-5);
      }
}

TEST_CASE("yoso-e adds the convolution, to padded queries too", "[yoso-e]") {
  const Shape shape{.batch = 2, .heads = 3, .n_q = 70, .n_k = 70, .d = 16, .d_v = 20};
  ProblemData data(shape);
  data.mask();
  for (const std::string_view length : {"1", "5", "201"}) {  // the last is longer than the sequence on either side
    CAPTURE(length);
    Instance instance = instance_of(shape, {{"conv", length}});
    const std::vector<float> out = run(instance, data);
    require_close(out, oracle(instance, data), 1e-5);
    double padded = 0;
    for (std::size_t i = 0; i < 70; ++i)
      if (!data.keep_q[i])
        for (std::size_t c = 0; c < 20; ++c) padded = std::max(padded, std::abs(static_cast<double>(out[i * 20 + c])));
    CHECK(padded > 0);
  }
}

// The weight has a cusp at cosine 1: from a single-precision dot product it would be off by up to tau * 4e-4 / pi.
TEST_CASE("yoso-e is exact where queries and keys are parallel", "[yoso-e]") {
  const Shape shape{.batch = 1, .heads = 1, .n_q = 40, .n_k = 40, .d = 64, .d_v = 40};
  for (const std::string_view scale : {"1", "0.9999"})
    for (const double noise : {0.0, 1e-6, 1e-4, 1e-2}) {
      CAPTURE(scale, noise);
      ProblemData data(shape);
      std::vector<float> other(data.q.size());
      Random(5, 5).normal(other, noise);
      for (std::size_t i = 0; i < data.q.size(); ++i) data.k[i] = 3 * data.q[i] + other[i];
      for (std::size_t j = 0; j < 40; ++j)
        for (std::size_t c = 0; c < 40; ++c) data.v[j * 40 + c] = c == j;  // so that the outputs are the weights
      Instance instance = instance_of(shape, {{"norm", "none"}, {"hash_bits", "16"}, {"dot_scale", scale}});
      const std::vector<float> out = run(instance, data);
      require_close(out, oracle(instance, data), 2e-6);
      if (scale == "1" && noise == 0) {
        data.k = data.q;
        const std::vector<float> equal = run(instance, data);
        for (std::size_t i = 0; i < 40; ++i) REQUIRE(equal[i * 40 + i] == 1.0f);
      }
    }
}

TEST_CASE("yoso-e: a zero key has cosine 0, hence weight 2^-tau", "[yoso-e]") {
  const Shape shape{.batch = 1, .heads = 1, .n_q = 3, .n_k = 1, .d = 8, .d_v = 1};
  ProblemData data(shape);
  data.k.assign(8, 0.0f);
  data.v = {1.0f};
  Instance instance = instance_of(shape, {{"norm", "none"}, {"hash_bits", "8"}});
  for (const float weight : run(instance, data)) CHECK(weight == Approx(1.0 / 256).epsilon(1e-6));
}

TEST_CASE("yoso-e stays finite for the largest inputs", "[yoso-e]") {
  const Shape shape{.batch = 1, .heads = 1, .n_q = 33, .n_k = 270, .d = 20, .d_v = 20};
  for (const std::string_view norm : {"l2", "rowsum", "none"}) {
    CAPTURE(norm);
    ProblemData data(shape);
    for (auto* x : {&data.q, &data.k, &data.v})
      for (float& e : *x) e = e > 0 ? kLargestInput : -kLargestInput;
    Instance instance = instance_of(shape, {{"norm", norm}});
    require_close(run(instance, data), oracle(instance, data), norm == "l2" ? 1e-5 : 1e-5 * kLargestInput);
  }
}

TEST_CASE("yoso-e with row sums averages values", "[yoso-e]") {
  const Shape shape{.batch = 2, .heads = 2, .n_q = 70, .n_k = 300, .d = 16, .d_v = 3};
  ProblemData data(shape);
  data.mask();
  std::ranges::fill(data.v, 1.0f);
  Instance instance = instance_of(shape, {{"norm", "rowsum"}});
  const std::vector<float> out = run(instance, data);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t token = i / 3 % 70, batch = i / (3 * 70 * 2);
    const float want = batch == 0 && data.keep_q[token] ? 1.0f : 0.0f;  // batch 1 has no key
    REQUIRE(out[i] == Approx(want).margin(2e-6));
  }
  CHECK(yoso_e().averages(instance.settings()));
  CHECK_FALSE(yoso_e().averages(settings_of(yoso_e(), shape, {})));
  CHECK_FALSE(yoso_e().averages(settings_of(yoso_e(), shape, {{"norm", "rowsum"}, {"conv", "3"}})));
}

TEST_CASE("yoso-e gives the same bits for any thread count", "[yoso-e]") {
  const Shape shape{.batch = 1, .heads = 2, .n_q = 150, .n_k = 150, .d = 20, .d_v = 20};
  ProblemData data(shape);
  data.mask();
  Instance one = instance_of(shape, {{"conv", "3"}});
  const std::vector<float> want = run(one, data);
  for (const int threads : {2, 3, 7}) {
    Instance many = instance_of(shape, {{"conv", "3"}}, threads);
    CHECK(run(many, data) == want);
  }
}

TEST_CASE("yoso-e refuses what it cannot compute", "[yoso-e]") {
  const Shape square{.batch = 1, .heads = 1, .n_q = 8, .n_k = 8, .d = 8, .d_v = 8};
  Shape wide = square, causal = square;
  wide.n_k = 9;
  causal.causal = true;
  CHECK_NOTHROW(instance_of(square, {{"conv", "3"}}));
  CHECK_THROWS_AS(instance_of(square, {{"conv", "4"}}), BadSetting);
  CHECK_THROWS_AS(instance_of(wide, {{"conv", "3"}}), Unsupported);
  CHECK_THROWS_AS(instance_of(causal, {{"conv", "3"}}), Unsupported);
  CHECK_THROWS_AS(instance_of(square, {{"hash_bits", "17"}}), BadSetting);
  CHECK_THROWS_AS(instance_of(square, {{"dot_scale", "0"}}), BadSetting);
}

TEST_CASE("yoso-e needs memory linear in the number of tokens", "[yoso-e]") {
  const auto scratch = [](std::int64_t n) {
    const Shape shape{.batch = 1, .heads = 1, .n_q = n, .n_k = n, .d = 64, .d_v = 64};
    return Instance::predict(yoso_e(), shape, settings_of(yoso_e(), shape, {}), Context{}).scratch;
  };
  CHECK(scratch(8192) - scratch(4096) == 4096 * 64 * sizeof(float));  // unit keys, and nothing else that grows
  CHECK(scratch(16384) - scratch(8192) == 8192 * 64 * sizeof(float));
}
