// Walks the catalogue: a new method is tested by existing. What it cannot do it may refuse as Unsupported, and only so.
#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "examine.hpp"

using namespace conformance;

namespace {

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
  for (const Method* method : methods()) {
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
  for (const Method* method : methods())
    for (const Knobs& knobs : every_setting(*method, kPlain)) {
      for (const Masks masks : kAllMasks) examine(*method, kPlain, knobs, Values::normal, masks);
      examine(*method, causal, knobs, Values::normal, Masks::empty_item);
    }
}

TEST_CASE("every engine agrees with its oracle on duplicates and zero vectors", "[conformance]") {
  for (const Method* method : methods())
    for (const Knobs& knobs : every_setting(*method, kPlain)) {
      examine(*method, kPlain, knobs, Values::duplicates, Masks::none);
      examine(*method, kPlain, knobs, Values::some_zero, Masks::holes);
      examine(*method, kPlain, knobs, Values::all_zero, Masks::tail);
    }
}

TEST_CASE("huge inputs give finite outputs", "[conformance]") {
  for (const Method* method : methods())
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
  for (const Method* method : methods()) {
    CAPTURE(method->name);
    CHECK(method->cell(plain()).forward);
    CHECK(examine(*method, kPlain, {}, Values::normal, Masks::none));
    CHECK(examine(*method, kPlain, {}, Values::normal, Masks::tail));
    CHECK(examine(*method, kPlain, small_knobs(*method, kPlain), Values::normal, Masks::none));
  }
}

TEST_CASE("what is promised is not refused", "[promises]") {
  const Shape cross{.batch = 1, .heads = 2, .n_q = 7, .n_k = 12, .d = 6, .d_v = 5};
  Shape causal = kPlain;
  causal.causal = true;
  struct Promise {
    std::vector<std::string_view> names;
    const Shape& shape;
    Masks masks;
  };
  for (const auto& [names, shape, masks] : {
           Promise{{"softmax", "softmax-naive", "yoso-e", "yoso-m", "performer", "linear"}, cross, Masks::none},
           Promise{{"softmax", "softmax-naive", "yoso-e", "reformer"}, causal, Masks::none},
           Promise{{"linformer", "nystrom", "longformer", "mean-v", "subsample"}, kPlain, Masks::holes},
       })
    for (const Method* method : methods()) {
      CAPTURE(method->name);
      if (std::ranges::find(names, method->name) != names.end())
        CHECK(examine(*method, shape, {}, Values::normal, masks));
    }
}
