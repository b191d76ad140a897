#include "catch.hpp"
#include "conformance/problem.hpp"

using namespace yoso;
using testing::RandomProblem;
using testing::worst_difference;

TEST_CASE("nystrom agrees with its oracle beyond the usual landmarks", "[nystrom]") {
  for (const std::string_view landmarks : {"1", "7", "65"})
    for (const std::string_view init : {"head", "tensor"})
      for (const bool masked : {false, true}) {
        CAPTURE(landmarks, init, masked);
        RandomProblem problem({.batch = 2, .heads = 2, .n_q = 131, .n_k = 131, .d = 16, .d_v = 5}, 1.5);
        if (masked) problem.pad(3);
        const RandomProblem::Knobs knobs{{"landmarks", landmarks}, {"pinv_init", init}};
        REQUIRE(worst_difference(problem.forward("nystrom", knobs), problem.oracle("nystrom", knobs)) < 2e-5);
      }
}

// Masks of queries and keys that differ leave different numbers of landmarks: the kernel is not square.
TEST_CASE("nystrom takes a mask of keys alone", "[nystrom]") {
  RandomProblem problem({.batch = 2, .heads = 1, .n_q = 64, .n_k = 64, .d = 8, .d_v = 8});
  std::fill(problem.keep_k.begin() + 40, problem.keep_k.begin() + 64, 0);
  const RandomProblem::Knobs knobs{{"landmarks", "16"}};
  REQUIRE(worst_difference(problem.forward("nystrom", knobs), problem.oracle("nystrom", knobs)) < 2e-5);
}

TEST_CASE("nystrom with a landmark for every token is exact attention", "[nystrom]") {
  RandomProblem problem({.batch = 2, .heads = 1, .n_q = 60, .n_k = 60, .d = 8, .d_v = 3});
  problem.pad(3);
  REQUIRE(worst_difference(problem.forward("nystrom", {{"landmarks", "60"}}), problem.oracle("softmax")) < 1e-5);
  REQUIRE(worst_difference(problem.forward("nystrom", {{"landmarks", "64"}}), problem.oracle("softmax")) < 1e-5);
}

TEST_CASE("segments without a kept token are no landmarks", "[nystrom]") {
  // 8 segments of 8 tokens, of which the third and the sixth are padding; and the same without them
  const std::int64_t d = 12, short_n = 48;
  RandomProblem padded({.n_q = 64, .n_k = 64, .d = d, .d_v = d}),
      dense({.n_q = short_n, .n_k = short_n, .d = d, .d_v = d});
  std::size_t to = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    const bool kept = i / 8 != 2 && i / 8 != 5;
    padded.keep_q[i] = padded.keep_k[i] = kept;
    if (!kept) continue;
    for (auto tensor : {&RandomProblem::q, &RandomProblem::k, &RandomProblem::v})
      std::copy_n((padded.*tensor).begin() + std::int64_t(i) * d, d, (dense.*tensor).begin() + std::int64_t(to) * d);
    ++to;
  }
  const std::vector<float> with = padded.forward("nystrom", {{"landmarks", "8"}});
  const std::vector<float> without = dense.forward("nystrom", {{"landmarks", "6"}});
  to = 0;
  for (std::size_t i = 0; i < 64; ++i)
    for (std::size_t c = 0; c < std::size_t(d); ++c) {
      const float e = with[i * std::size_t(d) + c];
      if (padded.keep_q[i])
        REQUIRE(e == Approx(without[to++]).margin(1e-6));
      else
        REQUIRE(e == 0);
    }
}

TEST_CASE("equal tokens make a kernel of rank one, and the output the mean of values", "[nystrom]") {
  for (const std::string_view iterations : {"1", "6", "12"}) {
    CAPTURE(iterations);
    RandomProblem problem({.n_q = 90, .n_k = 90, .d = 4, .d_v = 4});
    std::fill(problem.q.begin(), problem.q.end(), 0.7f);
    std::fill(problem.k.begin(), problem.k.end(), -1.3f);
    problem.pad(4);
    REQUIRE(worst_difference(problem.forward("nystrom", {{"landmarks", "13"}, {"iterations", iterations}}),
                             problem.oracle("mean-v")) < 1e-4);
  }
}

// Kernels of every rank, and near one: the pseudo-inverse must not blow rounding errors up. With `kinds` distinct
// tokens in segments of equal tokens the kernel of 64 landmarks has at most that rank; 16 and 100 cut across the
// segments.
TEST_CASE("nystrom stays tame where the kernel has no inverse", "[nystrom]") {
  for (const std::int64_t kinds : {2, 5, 40})
    for (const double scale : {1e-3, 1.0, 5.0, 1e4})
      for (const std::string_view iterations : {"6", "12"}) {
        CAPTURE(kinds, scale, iterations);
        const std::int64_t d = 16;
        RandomProblem problem({.n_q = 320, .n_k = 320, .d = d, .d_v = 4}, scale);
        const RandomProblem drawn = problem;
        for (std::int64_t i = 0; i < 320; ++i)
          for (auto tensor : {&RandomProblem::q, &RandomProblem::k})
            std::copy_n((drawn.*tensor).begin() + i / 5 % kinds * d, d, (problem.*tensor).begin() + i * d);
        const RandomProblem::Knobs knobs{{"landmarks", "64"}, {"iterations", iterations}};
        REQUIRE(worst_difference(problem.forward("nystrom", knobs), problem.oracle("nystrom", knobs)) < 1e-4);
        for (const std::string_view landmarks : {"16", "100"})
          for (const float e : problem.forward("nystrom", {{"landmarks", landmarks}, {"iterations", iterations}}))
            REQUIRE(std::isfinite(e));
      }
}

TEST_CASE("pinv_init says whether other heads matter", "[nystrom]") {
  // the second head attends so sharply to one landmark that its column sum is the largest
  RandomProblem problem({.heads = 2, .n_q = 64, .n_k = 64, .d = 4, .d_v = 4});
  RandomProblem changed = problem;
  for (std::size_t i = 64 * 4; i < changed.q.size(); ++i) {
    changed.q[i] = 5;
    changed.k[i] = i < 64 * 4 + 8 * 4 ? 5.0f : -5.0f;
  }
  const auto first_head = [](const RandomProblem& p, std::string_view init) {
    std::vector<float> out = p.forward("nystrom", {{"landmarks", "8"}, {"pinv_init", init}, {"iterations", "2"}});
    out.resize(64 * 4);
    return out;
  };
  REQUIRE(first_head(problem, "head") == first_head(changed, "head"));
  REQUIRE(worst_difference(first_head(problem, "tensor"), first_head(changed, "tensor")) > 1e-4);
}

TEST_CASE("nystrom says what it has not", "[nystrom]") {
  REQUIRE_THROWS_AS(RandomProblem({.n_q = 8, .n_k = 8, .causal = true}).instance("nystrom"), Unsupported);
  REQUIRE_THROWS_AS(RandomProblem({.n_q = 8, .n_k = 9}).instance("nystrom"), Unsupported);
}
