// Walks the catalogue: a new method is tested by existing.
#include <cmath>
#include <numeric>
#include <vector>

#include <yoso/catalogue.hpp>
#include <yoso/instance.hpp>
#include <yoso/random.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

struct Tensors3 {
  std::vector<float> q, k, v;
  explicit Tensors3(const Shape& s) : q(std::size_t(s.q_size())), k(std::size_t(s.k_size())), v(std::size_t(s.v_size())) {
    Random(1, 1).normal(q);
    Random(1, 2).normal(k);
    Random(1, 3).normal(v);
  }
  Inputs view() const { return {q.data(), k.data(), v.data()}; }
};

}  // namespace

TEST_CASE("every engine agrees with its oracle", "[conformance]") {
  for (const Method* method : catalogue()) {
    for (const std::int64_t n : {1, 2, 31, 32, 33, 257}) {
      CAPTURE(method->name, n);
      const Shape shape{.batch = 1, .heads = 2, .n_q = n, .n_k = n, .d = 20, .d_v = 20};
      if (!method->oracle) continue;
      Instance instance(*method, shape, Settings(method->knobs, shape), Context{}, 7);
      const Tensors3 tensors(shape);
      std::vector<float> out(std::size_t(shape.out_size()));
      instance.forward(tensors.view(), out.data());
      std::vector<std::int64_t> queries(static_cast<std::size_t>(n));
      std::iota(queries.begin(), queries.end(), 0);
      std::vector<double> want(out.size());
      instance.oracle(tensors.view(), queries, want.data());
      for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(std::abs(double(out[i]) - want[i]) <= 2e-5 * (1 + std::abs(want[i])));
    }
  }
}
