// Inputs of bfloat16, from an Instance down: against the definitions, on the rounded values.
#include <algorithm>
#include <cmath>

#include <yoso/bf16.hpp>
#include <yoso/check.hpp>
#include <yoso/gradients.hpp>
#include <yoso/instance.hpp>

#include "catch.hpp"
#include "conformance/walk.hpp"
#include "simt/testing.hpp"

using namespace conformance;
using yoso::Element;

namespace {

const Method& named(const char* name) { return yoso::find(methods(), name); }

yoso::Context training_with(Element element) {
  yoso::Context context = training();
  context.device = device();
  context.element = element;
  return context;
}

void round_all(Problem& problem, float scale = 1) {
  for (std::vector<float>* x : {&problem.q, &problem.k, &problem.v})
    for (float& e : *x) e = yoso::from_bf16(yoso::to_bf16(e * scale));
}

struct Trained {
  std::vector<float> out;
  yoso::GradientBuffers gradients;
  bool operator==(const Trained& other) const {
    return out == other.out && gradients.dq == other.gradients.dq && gradients.dk == other.gradients.dk &&
           gradients.dv == other.gradients.dv && gradients.parameters == other.gradients.parameters;
  }
};

Trained train(const Method& method, const Shape& shape, const Knobs& knobs, const Problem& problem, Element element) {
  yoso::Instance instance(method, shape, settings(method, shape, knobs), training_with(element), 5);
  Trained result{std::vector<float>(static_cast<std::size_t>(shape.out_size())),
                 yoso::GradientBuffers(shape, instance.parameters().specs())};
  const std::vector<float> dout = yoso::upstream_gradient(shape, 1);
  instance.forward(problem.inputs(), result.out.data());
  instance.backward(problem.inputs(), {result.out.data(), dout.data()}, result.gradients.view());
  return result;
}

const Shape kShapes[] = {
    {.batch = 2, .heads = 2, .n_q = 40, .n_k = 40, .d = 20, .d_v = 20},
    {.batch = 1, .heads = 1, .n_q = 1, .n_k = 1, .d = 3, .d_v = 3},
    {.batch = 1, .heads = 2, .n_q = 5, .n_k = 70, .d = 64, .d_v = 33},
    {.batch = 1, .heads = 1, .n_q = 130, .n_k = 130, .d = 64, .d_v = 64},
    {.batch = 1, .heads = 1, .n_q = 20, .n_k = 20, .d = 130, .d_v = 130},
};

void check_against_definition(const Method& method, const Shape& shape, const Knobs& knobs, Masks masks, float scale) {
  CAPTURE(method.name, text(shape), text(knobs), name(masks), scale);
  Problem problem(shape, Values::normal, masks);
  round_all(problem, scale);
  yoso::Instance instance(method, shape, settings(method, shape, knobs), training_with(Element::bf16), 5);
  std::vector<float> out(static_cast<std::size_t>(shape.out_size()), NAN);
  instance.forward(problem.inputs(), out.data());
  yoso::CheckResult check = yoso::check_output(instance, problem.inputs(), out.data());
  CAPTURE(check.max_abs, check.tolerance);
  CHECK(check.passed);
  yoso::GradientBuffers gradients(shape, instance.parameters().specs());
  yoso::check_gradients(instance, problem.inputs(), out.data(), gradients.view(), check);
  CAPTURE(*check.gradients, check.gradients_tolerance);
  CHECK(check.passed);
  const bool convolves = !instance.parameters().specs().empty();  // padded queries too
  for (std::int64_t row = 0; row < shape.rows(); ++row)
    for (std::int64_t i = 0; i < shape.n_q; ++i) {
      if (problem.keeps_query(shape, row, i)) continue;
      const auto zeros = [](float x) { return x == 0; };
      const auto at = row * shape.n_q + i;
      if (!convolves) REQUIRE(std::all_of(out.data() + at * shape.d_v, out.data() + (at + 1) * shape.d_v, zeros));
      REQUIRE(std::all_of(gradients.dq.data() + at * shape.d, gradients.dq.data() + (at + 1) * shape.d, zeros));
    }
}

}  // namespace

TEST_CASE("softmax of bfloat16 inputs and its gradients agree with the definition", "[slice][bf16]") {
  for (Shape shape : kShapes)
    for (const bool causal : {false, true})
      for (const Masks masks : {Masks::none, Masks::holes, Masks::empty_item}) {
        shape.causal = causal;
        check_against_definition(named("softmax"), shape, {}, masks, 1);
      }
  check_against_definition(named("softmax"), kShapes[0], {}, Masks::holes, 4);  // a few keys take it all
}

TEST_CASE("yoso-m of bfloat16 inputs and its gradients agree with the definition", "[slice][bf16]") {
  for (const Shape& shape : kShapes)
    for (const Masks masks : {Masks::none, Masks::holes})
      check_against_definition(named("yoso-m"), shape, small_knobs(named("yoso-m"), shape), masks, 1);
}

// All loads widen exactly, so whatever is not rounded again has the bits of f32 inputs of the same values.
TEST_CASE("yoso-m of bfloat16 inputs has the bits that f32 inputs give", "[slice][bf16]") {
  const Method& method = named("yoso-m");
  const simt::WithOptions one_order({.order = simt::Order::forward});  // for the sake of float atomics
  for (const Shape& shape : {kShapes[0], Shape{.batch = 1, .heads = 1, .n_q = 30, .n_k = 30, .d = 100, .d_v = 9},
                             Shape{.batch = 1, .heads = 2, .n_q = 30, .n_k = 30, .d = 200, .d_v = 9}})
    for (const Knobs& knobs :
         {Knobs{{"sums", "fixed"}, {"hash_bits", "4"}}, Knobs{{"sums", "sorted"}, {"hash_bits", "4"}},
          Knobs{{"sums", "sorted"}, {"hash_bits", "3"}, {"projection", "gaussian"}},
          Knobs{{"sums", "atomics"}, {"hash_bits", "4"}}, Knobs{{"norm", "rowsum"}, {"hash_bits", "3"}},
          Knobs{{"conv", "3"}, {"hash_bits", "3"}}}) {
      CAPTURE(text(shape), text(knobs));
      Problem problem(shape, Values::some_zero, Masks::holes);
      round_all(problem);
      const Trained wide = train(method, shape, knobs, problem, Element::f32);
      CHECK(train(method, shape, knobs, problem, Element::bf16) == wide);
    }
}

TEST_CASE("wide bfloat16 tokens are hashed as f32 ones are", "[slice][bf16]") {
  for (const std::int64_t d : {300, 600}) {  // too wide to train
    const Shape shape{.batch = 1, .heads = 1, .n_q = 9, .n_k = 9, .d = d, .d_v = 9};
    Problem problem(shape, Values::normal, Masks::none);
    round_all(problem);
    const auto run = [&](Element element) {
      yoso::Instance instance(named("yoso-m"), shape, settings(named("yoso-m"), shape, {{"hash_bits", "3"}}),
                              {.device = device(), .element = element}, 5);
      std::vector<float> out(static_cast<std::size_t>(shape.out_size()));
      instance.forward(problem.inputs(), out.data());
      return out;
    };
    CHECK(run(Element::bf16) == run(Element::f32));
  }
}

TEST_CASE("values that bfloat16 lacks are rounded on the way to the device", "[slice][bf16]") {
  Problem problem(kShapes[0], Values::normal, Masks::none);
  const Trained before = train(named("yoso-m"), kShapes[0], {}, problem, Element::bf16);
  const Trained exact = train(named("yoso-m"), kShapes[0], {}, problem, Element::f32);
  round_all(problem);
  CHECK(train(named("yoso-m"), kShapes[0], {}, problem, Element::bf16) == before);
  CHECK_FALSE(exact == before);
}

TEST_CASE("softmax of huge bfloat16 inputs has finite gradients", "[slice][bf16]") {
  Problem problem(kShapes[0], Values::normal, Masks::holes);
  round_all(problem, 1e8f);
  const Trained got = train(named("softmax"), kShapes[0], {}, problem, Element::bf16);
  const auto finite = [](const std::vector<float>& x) {
    return std::ranges::all_of(x, [](float e) { return std::isfinite(e); });
  };
  CHECK(finite(got.out));
  CHECK(finite(got.gradients.dq));
  CHECK(finite(got.gradients.dk));
  CHECK(finite(got.gradients.dv));
}

TEST_CASE("who takes no bfloat16 says so, and whoever does needs half as much for inputs", "[slice][bf16]") {
  const Shape& s = kShapes[0];
  const auto predict = [&](const char* method, const yoso::Context& context) {
    return yoso::Instance::predict(named(method), s, settings(named(method), s, {}), context);
  };
  for (const Method* method : methods()) {
    if (method->cuda.bf16 != yoso::Bf16::refused) continue;
    CAPTURE(method->name);
    CHECK_THROWS_WITH(predict(method->name.data(), training_with(Element::bf16)),
                      "bf16 inputs are not on cuda for this method");
  }
  const yoso::Context host{.element = Element::bf16};
  CHECK_THROWS_WITH(predict("softmax", host), "bf16 inputs are not on cpu for this method");
  Shape wide = s;
  wide.d = 300;
  CHECK_THROWS_AS(yoso::Instance::predict(named("softmax"), wide, settings(named("softmax"), wide, {}),
                                          training_with(Element::bf16)),
                  yoso::Unsupported);
  for (const char* method : {"softmax", "yoso-m"}) {
    const yoso::Footprint narrow = predict(method, training_with(Element::bf16));
    const yoso::Footprint whole = predict(method, training_with(Element::f32));
    CHECK(narrow.inputs == static_cast<std::size_t>(2 * (s.q_size() + s.k_size() + s.v_size())));
    CHECK(whole.inputs == 2 * narrow.inputs);
    CHECK(whole.total() - narrow.total() == narrow.inputs);
  }
}
