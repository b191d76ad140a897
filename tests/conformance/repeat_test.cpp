// The same numbers again: a second time, on other threads, and nearly the same on another instruction set.
#include <algorithm>
#include <cmath>
#include <yoso/catalogue.hpp>

#include "catch.hpp"
#include "walk.hpp"

using namespace conformance;
using yoso::catalogue;

namespace {

// What two engines, each within its tolerance of the truth, may differ by (every_method_test.cpp has the reasons). Hash
// codes are no part of it: they are the same bits everywhere, or the outputs would differ by whole values.
constexpr double kBetweenIsas = 6e-5;

std::vector<Shape> shapes() {
  return {
      {.batch = 2, .heads = 3, .n_q = 33, .n_k = 33, .d = 20, .d_v = 20},
      {.batch = 1, .heads = 1, .n_q = 100, .n_k = 100, .d = 32, .d_v = 32},  // one row: threads share its queries
      {.batch = 1, .heads = 2, .n_q = 17, .n_k = 70, .d = 3, .d_v = 9},
      {.batch = 1, .heads = 2, .n_q = 33, .n_k = 33, .d = 20, .d_v = 20, .causal = true},
  };
}

}  // namespace

TEST_CASE("a second call, another engine and more threads give the same bits", "[conformance]") {
  // Threads are the slow part of a busy machine, so each of the two instruction sets takes one kind of mask.
  const std::pair<yoso::Isa, Masks> contexts[] = {{yoso::Isa::scalar, Masks::holes},
                                                  {yoso::isas_here().back(), Masks::none}};
  for (const auto& [isa, masks] : contexts)
    for (const Method* method : catalogue())
      for (const Shape& shape : shapes())
        for (const Knobs& knobs : every_setting(*method, shape)) {
          CAPTURE(yoso::name(isa), method->name, text(knobs), text(shape), name(masks));
          const Problem problem(shape, Values::normal, masks);
          std::optional<Bench> bench = Bench::build(*method, shape, knobs, {.threads = 1, .isa = isa});
          if (!bench) continue;
          const std::vector<float> once = bench->forward(problem.inputs());
          REQUIRE(bench->forward(problem.inputs()) == once);
          for (const int threads : {2, 3}) {
            CAPTURE(threads);
            std::optional<Bench> other = Bench::build(*method, shape, knobs, {.threads = threads, .isa = isa});
            REQUIRE(other);
            REQUIRE(other->forward(problem.inputs()) == once);
          }
        }
}

TEST_CASE("a call leaves nothing behind that changes the next one", "[conformance]") {
  const Shape shape{.batch = 2, .heads = 2, .n_q = 33, .n_k = 33, .d = 20, .d_v = 20};
  for (const Method* method : catalogue())
    for (const Knobs& knobs : {Knobs{}, small_knobs(*method, shape)}) {
      CAPTURE(method->name, text(knobs));
      std::optional<Bench> bench = Bench::build(*method, shape, knobs, plain());
      REQUIRE(bench);
      const Problem first(shape, Values::normal, Masks::holes), second(shape, Values::some_zero, Masks::tail);
      const std::vector<float> before = bench->forward(first.inputs());
      bench->forward(second.inputs());
      REQUIRE(bench->forward(first.inputs()) == before);
    }
}

TEST_CASE("every instruction set of this machine agrees", "[conformance]") {
  for (const Method* method : catalogue())
    for (const Shape& shape : shapes())
      for (const Knobs& knobs : every_setting(*method, shape)) {
        const Problem problem(shape, Values::normal, Masks::holes);
        std::optional<Bench> scalar = Bench::build(*method, shape, knobs, plain());
        if (!scalar) continue;
        const std::vector<float> want = scalar->forward(problem.inputs());
        const float largest = std::abs(*std::ranges::max_element(want, {}, [](float x) { return std::abs(x); }));
        for (const yoso::Isa isa : yoso::isas_here()) {
          CAPTURE(yoso::name(isa), method->name, text(knobs), text(shape));
          std::optional<Bench> bench = Bench::build(*method, shape, knobs, {.threads = 1, .isa = isa});
          REQUIRE(bench);
          const std::vector<float> out = bench->forward(problem.inputs());
          double worst = 0;
          for (std::size_t i = 0; i < out.size(); ++i)
            worst = std::max(worst, std::abs(double{out[i]} - double{want[i]}));
          CHECK(worst <= kBetweenIsas * (1 + largest));
        }
      }
}
