// Walks the catalogue: a new method is tested by existing. What it cannot do it may refuse as Unsupported, and only so.
#include <algorithm>
#include <cmath>
#include <yoso/catalogue.hpp>

#include "catch.hpp"
#include "walk.hpp"

using namespace conformance;
using yoso::catalogue;

namespace {

// Engines compute in f32, oracles in double. Over n <= 257 values of a few units, sums round to a few 1e-6 and the
// weights (an exponential or a power of an angle) to about as much; ten times that is allowed, relative to the largest
// output of the problem because unnormalised outputs are sums of values.
constexpr double kTolerance = 3e-5;

double largest(const std::vector<double>& x) {
  double most = 0;
  for (const double e : x) most = std::max(most, std::abs(e));
  return most;
}

// One engine on one problem: finite, inside its memory, equal to the oracle, zeros where nothing is asked.
// False: unsupported.
bool examine(const Method& method, const Shape& shape, const Knobs& knobs, Values values, Masks masks) {
  CAPTURE(method.name, text(knobs), text(shape), name(values), name(masks));
  std::optional<Bench> bench = Bench::build(method, shape, knobs, plain());
  if (!bench) return false;
  const Problem problem(shape, values, masks);
  const std::vector<float> out = bench->forward(problem.inputs());
  if (!method.oracle) return true;

  const std::vector<std::int64_t> queries = some_queries(shape.n_q);
  const std::vector<double> want = bench->oracle(problem.inputs(), queries);
  const double allowed = kTolerance * (1 + largest(want));
  std::size_t at = 0;
  double worst = 0;
  std::int64_t outside = 0;
  for (std::int64_t row = 0; row < shape.rows(); ++row)
    for (const std::int64_t i : queries)
      for (std::int64_t c = 0; c < shape.d_v; ++c, ++at) {
        const double error = std::abs(
            static_cast<double>(out[static_cast<std::size_t>((row * shape.n_q + i) * shape.d_v + c)]) - want[at]);
        worst = std::max(worst, error);
        outside += !(error <= allowed);  // NaN is outside
      }
  CAPTURE(allowed, worst);
  CHECK(outside == 0);

  if (bench->convolves()) return true;
  for (std::int64_t row = 0; row < shape.rows(); ++row)
    for (std::int64_t i = 0; i < shape.n_q; ++i) {
      if (problem.keeps_query(shape, row, i)) continue;
      const float* const o = out.data() + (row * shape.n_q + i) * shape.d_v;
      REQUIRE(std::all_of(o, o + shape.d_v, [](float x) { return x == 0; }));
    }
  return true;
}

// The shapes of the walk, each also causal.
std::vector<Shape> shapes() {
  std::vector<Shape> all;
  const auto add = [&](Shape s) {
    all.push_back(s);
    s.causal = true;
    all.push_back(s);
  };
  for (const std::int64_t n : {1, 2, 31, 32, 33, 257})
    add({.batch = n < 100 ? 2 : 1, .heads = n < 100 ? 3 : 1, .n_q = n, .n_k = n, .d = 20, .d_v = 20});
  for (const std::int64_t d : {1, 3, 64}) add({.batch = 2, .heads = 1, .n_q = 33, .n_k = 33, .d = d, .d_v = d});
  for (const auto& [n_q, n_k] : {std::pair{5, 33}, std::pair{33, 5}, std::pair{1, 257}, std::pair{257, 1}})
    add({.batch = 2, .heads = 2, .n_q = n_q, .n_k = n_k, .d = 20, .d_v = 20});
  for (const auto& [d, d_v] : {std::pair{20, 7}, std::pair{3, 33}, std::pair{33, 1}})
    add({.batch = 2, .heads = 2, .n_q = 31, .n_k = 31, .d = d, .d_v = d_v});
  return all;
}

constexpr Shape kPlain{.batch = 2, .heads = 2, .n_q = 33, .n_k = 33, .d = 20, .d_v = 20};

}  // namespace

TEST_CASE("every engine agrees with its oracle, whatever the shape", "[conformance]") {
  for (const Method* method : catalogue()) {
    const Knobs small = small_knobs(*method, kPlain);
    for (const Shape& shape : shapes())
      for (const Masks masks : {Masks::none, Masks::holes}) {
        examine(*method, shape, {}, Values::normal, masks);
        if (!small.empty()) examine(*method, shape, small, Values::normal, masks);
      }
  }
}

TEST_CASE("every engine agrees with its oracle, whatever its knobs and the masks", "[conformance]") {
  Shape causal = kPlain;
  causal.causal = true;
  for (const Method* method : catalogue())
    for (const Knobs& knobs : every_setting(*method, kPlain)) {
      for (const Masks masks : kAllMasks) examine(*method, kPlain, knobs, Values::normal, masks);
      examine(*method, causal, knobs, Values::normal, Masks::empty_item);
    }
}

TEST_CASE("every engine agrees with its oracle on duplicates and zero vectors", "[conformance]") {
  for (const Method* method : catalogue())
    for (const Knobs& knobs : every_setting(*method, kPlain)) {
      examine(*method, kPlain, knobs, Values::duplicates, Masks::none);
      examine(*method, kPlain, knobs, Values::some_zero, Masks::holes);
      examine(*method, kPlain, knobs, Values::all_zero, Masks::tail);
    }
}

TEST_CASE("huge inputs give finite outputs", "[conformance]") {
  for (const Method* method : catalogue())
    for (const Knobs& knobs : every_setting(*method, kPlain))
      for (const float norm : {1e4f, yoso::kLargestInput})
        for (const Values values : {Values::normal, Values::duplicates})
          for (const bool causal : {false, true}) {
            Shape shape = kPlain;
            shape.causal = causal;
            CAPTURE(method->name, text(knobs), text(shape), norm, name(values));
            std::optional<Bench> bench = Bench::build(*method, shape, knobs, plain());
            if (!bench) continue;
            Problem problem(shape, values, causal ? Masks::holes : Masks::none);
            // Every element at the limit, or small ones beside huge ones.
            const auto enlarge = [&](std::vector<float>& x) {
              for (std::size_t i = 0; i < x.size(); ++i)
                x[i] =
                    values == Values::duplicates ? std::copysign(norm, x[i]) : std::clamp(x[i] * norm / 4, -norm, norm);
            };
            enlarge(problem.q);
            enlarge(problem.k);
            enlarge(problem.v);
            bench->forward(problem.inputs());  // checks that they are finite
          }
}

TEST_CASE("every method has a plain forward pass", "[conformance]") {
  for (const Method* method : catalogue()) {
    CAPTURE(method->name);
    CHECK(method->cpu.forward);
    CHECK(examine(*method, kPlain, {}, Values::normal, Masks::none));
    CHECK(examine(*method, kPlain, {}, Values::normal, Masks::tail));
    CHECK(examine(*method, kPlain, small_knobs(*method, kPlain), Values::normal, Masks::none));
  }
}

TEST_CASE("what is promised is not refused", "[promises]") {
  const Shape cross{.batch = 1, .heads = 2, .n_q = 7, .n_k = 12, .d = 6, .d_v = 5};
  for (const char* name : {"softmax", "softmax-naive", "yoso-e", "yoso-m", "performer", "linear"}) {
    CAPTURE(name);
    CHECK(examine(yoso::find(catalogue(), name), cross, {}, Values::normal, Masks::none));
  }
  Shape causal = kPlain;
  causal.causal = true;
  for (const char* name : {"softmax", "softmax-naive", "yoso-e", "reformer"}) {
    CAPTURE(name);
    CHECK(examine(yoso::find(catalogue(), name), causal, {}, Values::normal, Masks::none));
  }
  for (const char* name : {"linformer", "nystrom", "longformer", "mean-v", "subsample"}) {
    CAPTURE(name);
    CHECK(examine(yoso::find(catalogue(), name), kPlain, {}, Values::normal, Masks::holes));
  }
}
