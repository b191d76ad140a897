#include "catch.hpp"
#include "conformance/examine.hpp"

using namespace conformance;

TEST_CASE("nystrom on CUDA inverts small kernels in shared memory and large ones by products", "[slice]") {
  const Shape shape{.batch = 2, .heads = 1, .n_q = 90, .n_k = 90, .d = 6, .d_v = 3};
  for (const Method* method : methods()) {
    if (method->name != "nystrom") continue;
    for (const char* landmarks : {"64", "65", "90"})
      for (const Masks masks : {Masks::none, Masks::holes}) {
        const Knobs knobs{{"landmarks", landmarks}, {"iterations", "2"}};
        CHECK(examine(*method, shape, knobs, Values::normal, masks));
        CHECK(examine_gradients(*method, shape, knobs, Values::normal, masks, true));
      }
  }
}
