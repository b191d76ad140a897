// Every CUDA cell, forward and backward, on a few problems that reach its edges: what fits every run of the tests. The
// conformance walk, of which this is a slice, is linked with the emulator as well and takes minutes.
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
