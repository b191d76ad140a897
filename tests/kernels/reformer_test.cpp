#include "against_oracle.hpp"
#include "catch.hpp"

using namespace yoso;
using namespace against_oracle;

namespace {

struct Buckets final : Probe {
  std::vector<std::int32_t> ids;
  void see(std::string_view name, const TensorView& view) override {
    REQUIRE(name == "buckets");
    const auto* data = static_cast<const std::int32_t*>(view.data);
    ids.assign(data, data + view.shape[0] * view.shape[1]);
  }
};

Shape tokens(std::int64_t batch, std::int64_t heads, std::int64_t n, std::int64_t d, std::int64_t d_v,
             bool causal = false) {
  return {.batch = batch, .heads = heads, .n_q = n, .n_k = n, .d = d, .d_v = d_v, .causal = causal};
}

}  // namespace

TEST_CASE("reformer agrees with its definition", "[reformer]") {
  for (const char* form : {"lucidrains", "hf"})
    for (const char* rounds : {"1", "3"})
      for (const char* bucket : {"1", "8", "30"})
        for (const std::int64_t n : {17, 64, 129})
          for (const bool causal : {false, true})
            for (const bool masked : {false, true}) {
              CAPTURE(form, rounds, bucket, n, causal, masked);
              RandomProblem problem(tokens(2, 2, n, 13, 6, causal));
              if (masked) problem.mask();
              const Choices choices{{"form", form}, {"rounds", rounds}, {"bucket", bucket}};
              CHECK(error("reformer", problem, choices) < 2e-5);
              problem.keep_q.clear();  // padded queries computed, padded keys still masked
              CHECK(error("reformer", problem, choices) < 2e-5);
            }
}

TEST_CASE("reformer's chunks may be longer than its tiles", "[reformer]") {
  RandomProblem problem(tokens(1, 1, 700, 20, 20));
  problem.mask();
  CHECK(error("reformer", problem, {{"bucket", "150"}}) < 2e-5);
  CHECK(error("reformer", problem, {{"bucket", "16"}, {"buckets", "600"}}) < 2e-5);
}

TEST_CASE("reformer does not depend on the thread count", "[reformer]") {
  RandomProblem problem(tokens(1, 1, 515, 24, 24));
  problem.mask();
  for (const char* form : {"lucidrains", "hf"}) {
    CAPTURE(form);
    const std::vector<float> one = run("reformer", problem, {{"form", form}});
    CHECK(run("reformer", problem, {{"form", form}}, 2) == one);
    CHECK(run("reformer", problem, {{"form", form}}, 5) == one);
  }
}

TEST_CASE("reformer is full shared-QK attention when everything is within reach", "[reformer]") {
  for (const char* form : {"lucidrains", "hf"})
    for (const bool causal : {false, true}) {
      CAPTURE(form, causal);
      RandomProblem problem(tokens(1, 2, 48, 8, 8, causal));
      problem.mask();
      for (const char* bucket : {"64", "48", "24"}) {  // one chunk, or two that see each other
        CAPTURE(bucket);
        Instance runs = instance("reformer", problem.shape, {{"form", form}, {"bucket", bucket}, {"rounds", "1"}});
        CHECK(runs.sampled() == (std::string_view(bucket) == "24"));
        CHECK(distance(run(runs, problem), wanted(runs, problem, true)) < 1e-5);
      }
    }
}

TEST_CASE("reformer with more rounds comes nearer to full shared-QK attention", "[reformer]") {
  const RandomProblem problem(tokens(1, 4, 512, 16, 16));
  const auto gap = [&](const char* rounds) {
    Instance runs = instance("reformer", problem.shape, {{"rounds", rounds}, {"bucket", "16"}});
    const std::vector<float> got = run(runs, problem);
    const std::vector<double> want = wanted(runs, problem, true);
    double square = 0;
    for (std::size_t i = 0; i < want.size(); ++i) square += std::pow(got[i] - want[i], 2);
    return square;
  };
  CHECK(gap("16") < 0.5 * gap("1"));
}

TEST_CASE("reformer never reads the keys, and refuses n_q != n_k", "[reformer]") {
  RandomProblem problem(tokens(1, 1, 100, 8, 8));
  const std::vector<float> out = run("reformer", problem, {});
  Instance runs = instance("reformer", problem.shape, {});
  std::vector<float> again(out.size());
  runs.forward({.q = problem.q.data(), .v = problem.v.data()}, again.data());
  CHECK(again == out);
  CHECK_THROWS_AS(instance("reformer", {.n_q = 8, .n_k = 9, .d = 4, .d_v = 4}, {}), Unsupported);
  CHECK_THROWS_AS(instance("reformer", problem.shape, {{"buckets", "5"}}), BadSetting);
}

TEST_CASE("the automatic count of buckets", "[reformer]") {
  const auto buckets = [](std::int64_t n, const char* form) {
    return 2 * instance("reformer", tokens(1, 1, n, 4, 4), {{"form", form}}).draws().specs()[0].shape[2];
  };
  CHECK(buckets(1024, "lucidrains") == 16);
  CHECK(buckets(1000, "lucidrains") == 16);
  CHECK(buckets(65, "lucidrains") == 2);
  CHECK(buckets(1024, "hf") == 32);
  CHECK(buckets(1000, "hf") == 16);
  CHECK(buckets(65, "hf") == 2);
}

TEST_CASE("bucket ids", "[reformer]") {
  const Shape shape = tokens(2, 1, 6, 2, 2);
  RandomProblem problem(shape);
  // rotations are the two axes in round 0 and their opposites in round 1: bucket b points along +x, +y, -x, -y
  problem.q = {1, .1f, .1f, 1, -1, .1f, .1f, -1, 0, 0, 1, 1,  //
               1, .1f, .1f, 1, -1, .1f, .1f, -1, 0, 0, 1, 1};
  const std::vector<std::int32_t> first{0, 1, 2, 3, 0, 0}, second{2, 3, 0, 1, 0, 2};
  const auto ids = [&](const char* form) {
    Instance runs = instance("reformer", shape, {{"form", form}, {"bucket", "3"}, {"buckets", "4"}});
    for (std::size_t row = 0; row < 2; ++row) {
      const float axes[] = {1, 0, -1, 0, 0, 1, 0, -1};  // [d, rounds, buckets / 2]
      std::copy_n(axes, 8, runs.draws().values(0).begin() + std::ptrdiff_t(row * 8));
    }
    Buckets seen;
    run(runs, problem, &seen);
    return seen.ids;
  };
  const auto expected = [&](std::int32_t stride) {
    std::vector<std::int32_t> all;
    for (int row = 0; row < 2; ++row) {
      all.insert(all.end(), first.begin(), first.end());
      for (const std::int32_t id : second) all.push_back(id + stride);
    }
    return all;
  };
  CHECK(ids("lucidrains") == expected(4));
  CHECK(ids("hf") == expected(4));
  problem.keep_k.assign(12, 1);
  problem.keep_k[2] = 0;  // of the first sample
  CHECK(ids("lucidrains") == expected(4));
  std::vector<std::int32_t> padded = expected(5);  // one bucket more, in both samples
  padded[2] = 4;
  padded[8] = 4 + 5;
  CHECK(ids("hf") == padded);
}

TEST_CASE("a token that sees nothing but itself outputs its value", "[reformer]") {
  const RandomProblem problem(tokens(1, 1, 200, 8, 8, true));
  for (const char* form : {"lucidrains", "hf"}) {
    const std::vector<float> out = run("reformer", problem, {{"form", form}, {"rounds", "5"}, {"bucket", "16"}});
    CHECK(distance(std::span(out).first(8), std::span(problem.v).first(8)) < 1e-6);
  }
}

TEST_CASE("reformer takes nothing from padding", "[reformer]") {
  for (const char* form : {"lucidrains", "hf"}) {
    CAPTURE(form);
    RandomProblem problem(tokens(2, 2, 90, 8, 8));
    problem.mask();
    std::fill_n(problem.keep_k.begin(), 90, std::uint8_t{0});  // the first sample is all padding
    std::fill_n(problem.keep_q.begin(), 90, std::uint8_t{0});
    const Choices choices{{"form", form}, {"bucket", "16"}};
    const std::vector<float> out = run("reformer", problem, choices);
    CHECK(std::all_of(out.begin(), out.begin() + 2 * 90 * 8, [](float x) { return x == 0; }));
    const bool places_by_content = std::string_view(form) == "lucidrains";  // padding is hashed like a token
    for (std::size_t i = 0; i < 4 * 90; ++i)
      if (!problem.keep_k[i / 180 * 90 + i % 90]) {
        std::fill_n(problem.v.begin() + std::ptrdiff_t(i * 8), 8, -1e9f);
        if (!places_by_content) std::fill_n(problem.q.begin() + std::ptrdiff_t(i * 8), 8, 1e9f);
      }
    CHECK(run("reformer", problem, choices) == out);
  }
}

TEST_CASE("reformer is right for huge, zero and equal rows", "[reformer]") {
  for (const char* form : {"lucidrains", "hf"}) {
    CAPTURE(form);
    const Choices choices{{"form", form}, {"bucket", "16"}, {"rounds", "3"}};
    CHECK(error("reformer", RandomProblem(tokens(1, 2, 100, 15, 16), 0), choices) < 1e-5);
    RandomProblem equal(tokens(1, 2, 100, 15, 16));
    for (std::size_t i = 0; i < equal.q.size(); ++i) equal.q[i] = equal.q[i % 45];
    std::fill_n(equal.q.begin(), 30, 0.0f);
    CHECK(error("reformer", equal, choices) < 1e-5);
    // logits of 1e4 have three decimals left in float
    CHECK(error("reformer", RandomProblem(tokens(1, 2, 100, 15, 16), 1e4), choices) < 0.05);
    const RandomProblem huge(tokens(1, 2, 100, 15, 16), 2e8);
    const float largest =
        *std::max_element(huge.v.begin(), huge.v.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
    for (const float x : run("reformer", huge, choices)) REQUIRE(std::abs(x) <= 1.0001f * std::abs(largest));
  }
}
