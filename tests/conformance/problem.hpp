// A random problem of one shape, its masks, and the two ways to answer it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include <yoso/catalogue.hpp>
#include <yoso/instance.hpp>
#include <yoso/random.hpp>

namespace yoso::testing {

struct RandomProblem {
  Shape shape;
  std::vector<float> q, k, v;
  std::vector<std::uint8_t> keep_q, keep_k;  // all kept until told otherwise

  explicit RandomProblem(const Shape& s, double scale = 1)
      : shape(s),
        q(std::size_t(s.q_size())),
        k(std::size_t(s.k_size())),
        v(std::size_t(s.v_size())),
        keep_q(std::size_t(s.batch * s.n_q), 1),
        keep_k(std::size_t(s.batch * s.n_k), 1) {
    Random(11, 1).normal(q, scale);
    Random(11, 2).normal(k, scale);
    Random(11, 3).normal(v);
  }

  // Pads about one token in `one_in`, the same as query and as key, and all of the last sample's last tokens.
  void pad(std::uint64_t one_in) {
    const Random random(11, 4);
    for (std::size_t i = 0; i < keep_k.size(); ++i) keep_k[i] = random.below(i, one_in) != 0;
    std::fill(keep_k.end() - shape.n_k / 3, keep_k.end(), 0);
    for (std::int64_t b = 0; b < shape.batch; ++b)
      for (std::int64_t i = 0; i < std::min(shape.n_q, shape.n_k); ++i)
        keep_q[std::size_t(b * shape.n_q + i)] = keep_k[std::size_t(b * shape.n_k + i)];
  }

  Inputs view() const { return {q.data(), k.data(), v.data(), keep_q.data(), keep_k.data()}; }

  using Knobs = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  Instance instance(std::string_view method, Knobs knobs = {}, int threads = 1) const {
    const Method& m = find(catalogue(), method);
    Settings settings(m.knobs, shape);
    for (const auto& [name, value] : knobs) settings.set(name, value);
    return Instance(m, shape, settings, Context{.threads = threads, .isa = default_isa()}, 5);
  }

  std::vector<float> forward(std::string_view method, Knobs knobs = {}, int threads = 1) const {
    std::vector<float> out(std::size_t(shape.out_size()), NAN);
    instance(method, knobs, threads).forward(view(), out.data());
    return out;
  }

  std::vector<double> oracle(std::string_view method, Knobs knobs = {}) const {
    std::vector<std::int64_t> all(std::size_t(shape.n_q));
    std::iota(all.begin(), all.end(), 0);
    std::vector<double> out(std::size_t(shape.out_size()));
    instance(method, knobs).oracle(view(), all, out.data());
    return out;
  }
};

// max |a - b| / (1 + |b|); infinite when a holds a NaN.
template <class A, class B>
double worst_difference(const A& a, const B& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double(a[i]) - double(b[i])) / (1 + std::abs(double(b[i])));
    if (!(difference <= worst)) worst = std::isnan(difference) ? INFINITY : difference;
  }
  return worst;
}

}  // namespace yoso::testing
