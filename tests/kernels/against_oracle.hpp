// A random problem, and how far an engine is from its oracle on it.
#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <yoso/catalogue.hpp>
#include <yoso/instance.hpp>
#include <yoso/random.hpp>

namespace against_oracle {

using Choices = std::vector<std::pair<std::string, std::string>>;

struct RandomProblem {
  yoso::Shape shape;
  std::vector<float> q, k, v;
  std::vector<std::uint8_t> keep_q, keep_k;  // empty: no mask

  explicit RandomProblem(const yoso::Shape& s, double size = 1)
      : shape(s), q(std::size_t(s.q_size())), k(std::size_t(s.k_size())), v(std::size_t(s.v_size())) {
    yoso::Random(1, 1).normal(q, size);
    yoso::Random(1, 2).normal(k, size);
    yoso::Random(1, 3).normal(v);
  }

  // Pads every third token or so, a different set in each sample; the same tokens as queries and as keys when n_q =
  // n_k.
  void mask() {
    const auto keeps = [&](std::int64_t n) {
      std::vector<std::uint8_t> keep(std::size_t(shape.batch * n));
      for (std::size_t i = 0; i < keep.size(); ++i) keep[i] = yoso::Random(9, 9).below(i, 3) != 0;
      return keep;
    };
    keep_q = keeps(shape.n_q);
    keep_k = keeps(shape.n_k);
  }

  yoso::Inputs view() const {
    return {q.data(), k.data(), v.data(), keep_q.empty() ? nullptr : keep_q.data(),
            keep_k.empty() ? nullptr : keep_k.data()};
  }
};

inline yoso::Settings settings(std::string_view method, const yoso::Shape& shape, const Choices& choices) {
  yoso::Settings set(yoso::find(yoso::catalogue(), method).knobs, shape);
  for (const auto& [knob, value] : choices) set.set(knob, value);
  return set;
}

inline yoso::Instance instance(std::string_view method, const yoso::Shape& shape, const Choices& choices,
                               int threads = 1) {
  return {yoso::find(yoso::catalogue(), method),
          shape,
          settings(method, shape, choices),
          {.threads = threads, .isa = yoso::default_isa()},
          7};
}

inline std::vector<float> run(yoso::Instance& runs, const RandomProblem& problem, yoso::Probe* probe = nullptr) {
  std::vector<float> out(std::size_t(problem.shape.out_size()), NAN);
  runs.forward(problem.view(), out.data(), nullptr, probe);
  return out;
}

inline std::vector<float> run(std::string_view method, const RandomProblem& problem, const Choices& choices,
                              int threads = 1) {
  yoso::Instance runs = instance(method, problem.shape, choices, threads);
  return run(runs, problem);
}

// All queries by an oracle of the instance: its definition, or what it estimates.
inline std::vector<double> wanted(const yoso::Instance& runs, const RandomProblem& problem, bool expectation = false) {
  std::vector<std::int64_t> queries(std::size_t(problem.shape.n_q));
  std::iota(queries.begin(), queries.end(), 0);
  std::vector<double> want(std::size_t(problem.shape.out_size()));
  expectation ? runs.expectation(problem.view(), queries, want.data())
              : runs.oracle(problem.view(), queries, want.data());
  return want;
}

// The largest |got - want| / (1 + |want|); infinite for a NaN.
template <class Got, class Want>
double distance(const Got& got, const Want& want) {
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double error = std::abs(double(got[i]) - double(want[i])) / (1 + std::abs(double(want[i])));
    worst = std::max(worst, std::isnan(error) ? INFINITY : error);
  }
  return worst;
}

inline double error(std::string_view method, const RandomProblem& problem, const Choices& choices) {
  yoso::Instance runs = instance(method, problem.shape, choices);
  return distance(run(runs, problem), wanted(runs, problem));
}

}  // namespace against_oracle
