// Problems for the tests of yoso-e and yoso-m.
#pragma once
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include <yoso/catalogue.hpp>
#include <yoso/draws.hpp>
#include <yoso/instance.hpp>
#include <yoso/random.hpp>

#include "catch.hpp"

namespace yoso {

using Choices = std::vector<std::pair<std::string_view, std::string_view>>;  // knob, value

inline Settings settings_of(const Method& method, const Shape& shape, const Choices& choices) {
  Settings settings(method.knobs, shape);
  for (const auto& [knob, value] : choices) settings.set(knob, value);
  return settings;
}

struct ProblemData {
  Shape shape;
  std::vector<float> q, k, v;
  std::vector<std::uint8_t> keep_q, keep_k;  // empty: no mask

  explicit ProblemData(const Shape& s, std::uint64_t seed = 1)
      : shape(s), q(size(s.q_size())), k(size(s.k_size())), v(size(s.v_size())) {
    Random(seed, stream_of("q")).normal(q);
    Random(seed, stream_of("k")).normal(k);
    Random(seed, stream_of("v")).normal(v);
  }

  // About a third of the tokens become padding, in no order; batch 1, where there is one, loses all its keys.
  void mask() {
    keep_q.resize(size(shape.batch * shape.n_q));
    keep_k.resize(size(shape.batch * shape.n_k));
    const Random random(9, 9);
    for (std::size_t i = 0; i < keep_q.size(); ++i) keep_q[i] = random.below(i, 3) > 0;
    for (std::size_t j = 0; j < keep_k.size(); ++j) keep_k[j] = random.below(j + 5, 3) > 0;
    if (shape.batch > 1)
      for (std::int64_t j = 0; j < shape.n_k; ++j) keep_k[size(shape.n_k + j)] = 0;
  }

  Inputs inputs() const {
    return {q.data(), k.data(), v.data(), keep_q.empty() ? nullptr : keep_q.data(),
            keep_k.empty() ? nullptr : keep_k.data()};
  }

  static std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }
};

inline std::vector<float> run(Instance& instance, const ProblemData& data, Probe* probe = nullptr) {
  std::vector<float> out(ProblemData::size(data.shape.out_size()), NAN);  // whatever is not written fails
  instance.forward(data.inputs(), out.data(), nullptr, probe);
  return out;
}

inline std::vector<std::int64_t> all_queries(const Shape& shape) {
  std::vector<std::int64_t> queries(ProblemData::size(shape.n_q));
  std::iota(queries.begin(), queries.end(), 0);
  return queries;
}

inline std::vector<double> oracle(const Instance& instance, const ProblemData& data) {
  std::vector<double> out(ProblemData::size(data.shape.out_size()));
  instance.oracle(data.inputs(), all_queries(data.shape), out.data());
  return out;
}

inline void require_close(const std::vector<float>& got, const std::vector<double>& want, double tolerance) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i, got[i], want[i]);
    if (!(std::abs(got[i] - want[i]) <= tolerance * (1 + std::abs(want[i])))) FAIL("output differs from the oracle");
  }
}

// Shapes that reach every tail: of query blocks (64), key tiles (256), value slices (16, 32) and the padding of d.
inline std::vector<Shape> shapes_of_all_kinds() {
  return {
      {.batch = 1, .heads = 1, .n_q = 1, .n_k = 1, .d = 1, .d_v = 1},
      {.batch = 2, .heads = 3, .n_q = 17, .n_k = 17, .d = 20, .d_v = 20},
      {.batch = 2, .heads = 1, .n_q = 65, .n_k = 300, .d = 33, .d_v = 7},
      {.batch = 1, .heads = 2, .n_q = 130, .n_k = 40, .d = 64, .d_v = 70},
      {.batch = 2, .heads = 2, .n_q = 33, .n_k = 33, .d = 8, .d_v = 40, .causal = true},
      {.batch = 1, .heads = 1, .n_q = 70, .n_k = 20, .d = 16, .d_v = 16, .causal = true},  // early queries see no key
      {.batch = 1, .heads = 1, .n_q = 5, .n_k = 290, .d = 16, .d_v = 16, .causal = true},
  };
}

}  // namespace yoso
