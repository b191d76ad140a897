// Backward passes: walks the catalogue like every_method_test.cpp. A method is tested by having a backward pass.
#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "examine.hpp"

using namespace conformance;

namespace {

std::vector<const Method*> trainable() {
  std::vector<const Method*> found;
  for (const Method* method : methods())
    if (method->cell(training()).backward) found.push_back(method);
  return found;
}

constexpr Shape kSmall{.batch = 2, .heads = 2, .n_q = 17, .n_k = 17, .d = 5, .d_v = 5};
constexpr Shape kPlain{.batch = 2, .heads = 1, .n_q = 33, .n_k = 33, .d = 20, .d_v = 20};

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const std::int64_t n : {1, 2, 31, 33, 130})
    all.push_back({.batch = n < 100 ? 2 : 1, .heads = n < 100 ? 2 : 1, .n_q = n, .n_k = n, .d = 20, .d_v = 20});
  for (const auto& [n_q, n_k] : {std::pair{5, 33}, std::pair{33, 5}, std::pair{1, 70}, std::pair{70, 1}})
    all.push_back({.batch = 2, .heads = 1, .n_q = n_q, .n_k = n_k, .d = 20, .d_v = 20});
  for (const auto& [d, d_v] : {std::pair{1, 1}, std::pair{64, 64}, std::pair{3, 33}, std::pair{33, 7}})
    all.push_back({.batch = 1, .heads = 2, .n_q = 31, .n_k = 31, .d = d, .d_v = d_v});
  return all;
}

}  // namespace

TEST_CASE("every gradient agrees with its definition, whatever the shape", "[gradients]") {
  for (const Method* method : trainable()) {
    const Knobs small = small_knobs(*method, kPlain);
    for (Shape shape : shapes())
      for (const bool causal : {false, true}) {
        shape.causal = causal;
        examine_gradients(*method, shape, {}, Values::normal, Masks::none, true);
        examine_gradients(*method, shape, small, Values::normal, Masks::holes, true);
      }
  }
}

TEST_CASE("every gradient agrees with its definition, whatever the knobs and the masks", "[gradients]") {
  for (const Method* method : trainable()) {
    CHECK(examine_gradients(*method, kPlain, {}, Values::normal, Masks::none, true));
    for (const Knobs& knobs : every_setting(*method, kSmall))
      for (const Masks masks : kAllMasks) examine_gradients(*method, kSmall, knobs, Values::normal, masks, true);
  }
}

TEST_CASE("gradients of duplicates and of zero vectors are finite, and as defined", "[gradients]") {
  for (const Method* method : trainable())
    for (const Knobs& knobs : every_setting(*method, kSmall)) {
      examine_gradients(*method, kSmall, knobs, Values::duplicates, Masks::none, false);
      examine_gradients(*method, kSmall, knobs, Values::some_zero, Masks::holes, false);
      examine_gradients(*method, kSmall, knobs, Values::all_zero, Masks::tail, false);
    }
}

TEST_CASE("gradients of huge inputs are finite", "[gradients]") {
  for (const Method* method : trainable())
    for (const Knobs& knobs : every_setting(*method, kSmall))
      for (const float norm : {1e4f, yoso::kLargestInput})
        for (const Values values : {Values::normal, Values::duplicates}) {
          CAPTURE(method->name, text(knobs), norm, name(values));
          std::optional<Bench> bench = Bench::build(*method, kSmall, knobs, training());
          if (!bench) continue;
          Problem problem(kSmall, values, Masks::holes);
          for (std::vector<float>* x : {&problem.q, &problem.k, &problem.v})
            for (float& e : *x)
              e = values == Values::duplicates ? std::copysign(norm, e) : std::clamp(e * norm / 4, -norm, norm);
          bench->backward(problem.inputs(), upstream(kSmall));  // checks that they are finite
        }
}

TEST_CASE("keys that are nearly opposite to every query: weights as small as a float can be", "[gradients]") {
  const Shape shape{.batch = 1, .heads = 1, .n_q = 2, .n_k = 2, .d = 4, .d_v = 4};
  for (const Method* method : trainable())
    for (const float angle : {1e-2f, 2e-2f, 0.1f})
      for (const float size : {1.0f, 1e3f, 1e9f})
        for (const Knobs& knobs : every_setting(*method, shape)) {
          CAPTURE(method->name, text(knobs), angle, size);
          std::optional<Bench> bench = Bench::build(*method, shape, knobs, training());
          if (!bench) continue;
          Problem problem(shape, Values::normal, Masks::none);
          problem.q = {1, 0, 0, 0, 1, 0, 0, 0};
          problem.k = {-1, angle, 0, 0, -1, 0, 0.9f * angle, 0};
          problem.v = {1, -1, 1, 0, 1, 1, 0.5f, 0.001f};
          for (float& e : problem.v) e *= size;
          bench->backward(problem.inputs(), upstream(shape));  // checks that they are finite
        }
  const Method& yoso_e = yoso::find(methods(), "yoso-e");
  for (const char* bits : {"9", "16"}) {
    CAPTURE(bits);
    std::optional<Bench> bench =
        Bench::build(yoso_e, shape, {{"norm", "rowsum"}, {"hash_bits", bits}, {"gradient", "lower-bound"}}, training());
    REQUIRE(bench);
    Problem problem(shape, Values::normal, Masks::none);
    problem.q = {1, 0, 0, 0, 1, 0, 0, 0};
    problem.k = {-1, 0.04f, 0, 0, -1, 0, 0.036f, 0};
    yoso::GradientBuffers got = bench->backward(problem.inputs(), upstream(shape));
    for (const yoso::GradientError& e :
         bench->gradient_errors(problem.inputs(), some_queries(2), upstream(shape), got, false)) {
      CAPTURE(e.tensor, e.relative);
      CHECK(e.relative < 0.02);  // such small weights have few digits
    }
  }
}

TEST_CASE("more threads give the same bits of every gradient", "[gradients]") {
  const Shape several[] = {{.batch = 2, .heads = 3, .n_q = 33, .n_k = 33, .d = 20, .d_v = 20},
                           {.batch = 1, .heads = 1, .n_q = 700, .n_k = 700, .d = 16, .d_v = 16},
                           {.batch = 1, .heads = 2, .n_q = 17, .n_k = 70, .d = 3, .d_v = 9}};
  for (const Method* method : trainable())
    for (const Shape& shape : several)
      for (const Knobs& knobs : {Knobs{}, small_knobs(*method, shape)}) {
        CAPTURE(method->name, text(knobs), text(shape));
        const yoso::Isa isa = yoso::isas_here().back();
        const Problem problem(shape, Values::normal, Masks::holes);
        std::optional<Bench> one = Bench::build(*method, shape, knobs, training(1, isa));
        if (!one) continue;
        const yoso::GradientBuffers once = one->backward(problem.inputs(), upstream(shape));
        for (const int threads : {2, 3}) {
          CAPTURE(threads);
          std::optional<Bench> bench = Bench::build(*method, shape, knobs, training(threads, isa));
          REQUIRE(bench);
          const yoso::GradientBuffers other = bench->backward(problem.inputs(), upstream(shape));
          REQUIRE(other.dq == once.dq);
          REQUIRE(other.dk == once.dk);
          REQUIRE(other.dv == once.dv);
          REQUIRE(other.parameters == once.parameters);
        }
      }
}

TEST_CASE("every instruction set gives the same gradients, but for rounding", "[gradients]") {
  for (const Method* method : trainable())
    for (const Knobs& knobs : every_setting(*method, kPlain)) {
      const Problem problem(kPlain, Values::normal, Masks::holes);
      std::optional<Bench> scalar = Bench::build(*method, kPlain, knobs, training());
      if (!scalar) continue;
      const yoso::GradientBuffers want = scalar->backward(problem.inputs(), upstream(kPlain));
      for (const yoso::Isa isa : yoso::isas_here()) {
        CAPTURE(yoso::name(isa), method->name, text(knobs));
        std::optional<Bench> bench = Bench::build(*method, kPlain, knobs, training(1, isa));
        REQUIRE(bench);
        const yoso::GradientBuffers got = bench->backward(problem.inputs(), upstream(kPlain));
        for (const auto tensor : {&yoso::GradientBuffers::dq, &yoso::GradientBuffers::dk, &yoso::GradientBuffers::dv}) {
          double largest = 0, worst = 0;
          for (std::size_t i = 0; i < (want.*tensor).size(); ++i) {
            largest = std::max(largest, std::abs(double{(want.*tensor)[i]}));
            worst = std::max(worst, std::abs(double{(got.*tensor)[i]} - double{(want.*tensor)[i]}));
          }
          CHECK(worst <= 1e-4 * (0.1 + largest));  // with one feature, or one key, gradients cancel to nothing
        }
      }
    }
}

TEST_CASE("keeping what backward needs does not change the output", "[gradients]") {
  for (const Method* method : trainable())
    for (const Knobs& knobs : every_setting(*method, kSmall)) {
      CAPTURE(method->name, text(knobs));
      std::optional<Bench> alone = Bench::build(*method, kSmall, knobs, plain());
      if (!alone) continue;
      std::optional<Bench> both = Bench::build(*method, kSmall, knobs, training());
      if (!both) continue;  // a surrogate may be for one form only
      const Problem problem(kSmall, Values::normal, Masks::holes);
      REQUIRE(both->forward(problem.inputs()) == alone->forward(problem.inputs()));
    }
}
