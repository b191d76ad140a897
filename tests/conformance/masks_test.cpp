// Padding is not there: what stands in it cannot change anything else.
#include <algorithm>
#include <cmath>
#include <yoso/random.hpp>

#include "catch.hpp"
#include "walk.hpp"

using namespace conformance;

namespace {

// Other numbers in the padded tokens of x [batch, heads, n, width]. `turn`: also another direction; without it only
// another length, by a power of two, which changes no bit of a direction.
void disturb(std::vector<float>& x, const std::vector<std::uint8_t>& keep, const Shape& shape, std::int64_t n,
             std::int64_t width, bool turn) {
  std::vector<float> other(x.size());
  yoso::Random(99, static_cast<std::uint64_t>(width)).normal(other, 50);
  for (std::int64_t row = 0; row < shape.rows(); ++row)
    for (std::int64_t i = 0; i < n; ++i) {
      if (keep[static_cast<std::size_t>(row / shape.heads * n + i)]) continue;
      for (std::int64_t c = 0; c < width; ++c) {
        const auto at = static_cast<std::size_t>((row * n + i) * width + c);
        x[at] = turn ? other[at] : 8 * x[at];
      }
    }
}

void check_padding_is_ignored(const Method& method, const Shape& shape, const Knobs& knobs, Masks masks) {
  CAPTURE(method.name, text(knobs), text(shape), name(masks));
  std::optional<Bench> bench = Bench::build(method, shape, knobs, plain());
  if (!bench) return;
  Problem problem(shape, Values::normal, masks);
  const std::vector<float> before = bench->forward(problem.inputs());
  // Where q is the key too, padded tokens are hashed and sorted among the others (as the reference does), so their
  // direction may decide where a chunk ends. It is their weight that has to be nil.
  disturb(problem.q, problem.keep_q, shape, shape.n_q, shape.d, !method.shares_qk);
  disturb(problem.k, problem.keep_k, shape, shape.n_k, shape.d, true);
  disturb(problem.v, problem.keep_k, shape, shape.n_k, shape.d_v, true);
  const std::vector<float> after = bench->forward(problem.inputs());
  for (std::int64_t row = 0; row < shape.rows(); ++row)
    for (std::int64_t i = 0; i < shape.n_q; ++i) {
      if (!problem.keeps_query(shape, row, i)) continue;
      CAPTURE(row, i);
      const auto first = static_cast<std::ptrdiff_t>((row * shape.n_q + i) * shape.d_v);
      REQUIRE(std::equal(before.begin() + first, before.begin() + first + shape.d_v, after.begin() + first));
    }
}

}  // namespace

TEST_CASE("what stands in padded tokens does not reach the others", "[conformance]") {
  for (const Method* method : methods())
    for (const bool causal : {false, true}) {
      Shape shape{.batch = 3, .heads = 2, .n_q = 33, .n_k = 33, .d = 20, .d_v = 20, .causal = causal};
      for (const Knobs& knobs : every_setting(*method, shape))
        for (const Masks masks : {Masks::tail, Masks::holes, Masks::empty_item})
          check_padding_is_ignored(*method, shape, knobs, masks);
      // A method without an oracle may be anything, say a copy of V, whose query i is about key i even when they are
      // not the same token.
      if (!method->oracle) continue;
      shape.n_q = 12;
      check_padding_is_ignored(*method, shape, small_knobs(*method, shape), Masks::holes);
    }
}

TEST_CASE("a mask that keeps everything is no mask", "[conformance]") {
  const Shape shape{.batch = 2, .heads = 2, .n_q = 33, .n_k = 33, .d = 20, .d_v = 20};
  for (const Method* method : methods())
    for (const Knobs& knobs : every_setting(*method, shape)) {
      CAPTURE(method->name, text(knobs));
      std::optional<Bench> bench = Bench::build(*method, shape, knobs, plain());
      if (!bench) continue;
      Problem problem(shape, Values::normal, Masks::none);
      const std::vector<float> without = bench->forward(problem.inputs());
      problem.keep_q.assign(static_cast<std::size_t>(shape.batch * shape.n_q), 1);
      problem.keep_k = problem.keep_q;
      const std::vector<float> with = bench->forward(problem.inputs());
      // Another path through the code may round otherwise.
      for (std::size_t i = 0; i < with.size(); ++i)
        REQUIRE(std::abs(with[i] - without[i]) <= 3e-5f * (1 + std::abs(with[i])));
    }
}

TEST_CASE("a query that sees no key gives zeros", "[conformance]") {
  for (const Method* method : methods()) {
    // Where q is the key too, a query that is asked for always has itself.
    if (!method->oracle || method->shares_qk) continue;
    const Shape shape{.batch = 2, .heads = 2, .n_q = 33, .n_k = 33, .d = 20, .d_v = 20};
    for (const Knobs& knobs : every_setting(*method, shape)) {
      CAPTURE(method->name, text(knobs));
      std::optional<Bench> bench = Bench::build(*method, shape, knobs, plain());
      if (!bench) continue;
      Problem problem(shape, Values::normal, Masks::keys_only);
      std::fill_n(problem.keep_k.begin(), shape.n_k, std::uint8_t{0});  // of the first batch item
      const std::vector<float> out = bench->forward(problem.inputs());
      REQUIRE(
          std::all_of(out.begin(), out.begin() + shape.heads * shape.n_q * shape.d_v, [](float x) { return x == 0; }));
    }
  }
}

TEST_CASE("a method whose q is the key never reads k", "[conformance]") {
  for (const Method* method : methods()) {
    if (!method->shares_qk) continue;
    const Shape shape{.batch = 2, .heads = 2, .n_q = 33, .n_k = 33, .d = 20, .d_v = 20};
    for (const Knobs& knobs : every_setting(*method, shape))
      for (const Masks masks : {Masks::none, Masks::holes}) {
        CAPTURE(method->name, text(knobs), name(masks));
        std::optional<Bench> bench = Bench::build(*method, shape, knobs, plain());
        if (!bench) continue;
        Problem problem(shape, Values::normal, masks);
        const std::vector<float> before = bench->forward(problem.inputs());
        std::ranges::fill(problem.k, NAN);
        REQUIRE(bench->forward(problem.inputs()) == before);
        if (!method->oracle) continue;
        const std::vector<double> want = bench->oracle(problem.inputs(), some_queries(shape.n_q));
        REQUIRE(std::ranges::all_of(want, [](double x) { return std::isfinite(x); }));
      }
  }
}
