// Every CUDA cell, forward and backward, on a few problems that reach its edges: what fits every run of the tests. The
// conformance walk, of which this is a slice, is linked with the emulator as well and takes minutes.
#include <algorithm>

#include "catch.hpp"
#include "conformance/examine.hpp"
#include "simt/emulator.hpp"

using namespace conformance;

namespace {

// Long problems are slow here: 40 is more than a warp and no multiple of anything.
const Shape kShapes[] = {
    {.batch = 2, .heads = 2, .n_q = 40, .n_k = 40, .d = 20, .d_v = 20},
    {.batch = 1, .heads = 1, .n_q = 1, .n_k = 1, .d = 3, .d_v = 3},
    {.batch = 1, .heads = 2, .n_q = 5, .n_k = 70, .d = 64, .d_v = 33},
    {.batch = 1, .heads = 1, .n_q = 130, .n_k = 130, .d = 64, .d_v = 64},
    {.batch = 1, .heads = 1, .n_q = 20, .n_k = 20, .d = 100, .d_v = 100},
    {.batch = 1, .heads = 1, .n_q = 20, .n_k = 20, .d = 130, .d_v = 130},
};

}  // namespace

TEST_CASE("every CUDA cell agrees with the definition in the emulator", "[slice]") {
  REQUIRE_FALSE(methods().empty());
  for (const Method* method : methods()) {
    CAPTURE(method->name);
    const std::uint64_t launches = simt::counters().launches;
    bool backwards = false;
    for (const Shape& shape : kShapes) {
      backwards = !backwards;
      for (const Masks masks : {Masks::none, Masks::holes}) {
        // blocks in both orders: none may rely on what another of its launch has done
        backwards = !backwards;
        const simt::WithOptions with({.order = backwards ? simt::Order::reverse : simt::Order::random});
        const Knobs small = small_knobs(*method, shape);
        examine(*method, shape, small, Values::normal, masks);
        if (method->cuda.backward) examine_gradients(*method, shape, small, Values::normal, masks, true);
      }
    }
    CHECK(simt::counters().launches > launches);  // or it ran elsewhere, or nowhere
  }
}

TEST_CASE("each value of each choice, and causal attention, agree with the definition in the emulator", "[slice]") {
  // so that no kernel is left out, whichever choice it is for
  Shape shape{.batch = 1, .heads = 2, .n_q = 40, .n_k = 40, .d = 12, .d_v = 12};
  for (const Method* method : methods())
    for (const bool causal : {false, true}) {
      shape.causal = causal;
      const Knobs small = small_knobs(*method, shape);
      const auto both = [&](const Knobs& knobs) {
        examine(*method, shape, knobs, Values::normal, Masks::tail);
        examine_gradients(*method, shape, knobs, Values::normal, Masks::tail, true);
      };
      both(small);
      for (const yoso::Knob& knob : method->knobs)
        for (const std::string_view choice : knob.choices) {
          if (choice == knob.usual) continue;
          Knobs knobs = small;
          knobs.emplace_back(knob.name, choice);
          both(knobs);
        }
    }
}

TEST_CASE("where one key has nearly all the weight, gradients are as defined, which is next to nothing", "[slice]") {
  const Shape shape{.batch = 1, .heads = 1, .n_q = 30, .n_k = 30, .d = 16, .d_v = 16};
  for (const Method* method : methods()) {
    CAPTURE(method->name);
    std::optional<Bench> bench = Bench::build(*method, shape, {}, training());
    if (!bench || (method->surrogate && method->surrogate(bench->settings()))) continue;
    for (const Masks masks : {Masks::none, Masks::tail}) {
      Problem problem(shape, Values::normal, masks);
      for (std::vector<float>* x : {&problem.q, &problem.k, &problem.v})
        for (float& e : *x) e *= 30;
      const std::vector<std::int64_t> queries = some_queries(shape.n_q);
      std::vector<float> dout = upstream(shape);
      for (std::int64_t i = 0; i < shape.n_q; ++i)
        if (std::ranges::find(queries, i) == queries.end()) std::fill_n(dout.begin() + i * shape.d_v, shape.d_v, 0.0f);
      yoso::GradientBuffers got = bench->backward(problem.inputs(), dout);
      for (const yoso::GradientError& e : bench->gradient_errors(problem.inputs(), queries, dout, got, false)) {
        CAPTURE(name(masks), e.tensor);
        CHECK(e.relative < 1e-3);  // what `check` allows
      }
    }
  }
}
