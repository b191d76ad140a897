// How wrong the gradients of a method are on one input, over seeds of its draws.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <yoso/gradients.hpp>
#include <yoso/report.hpp>

namespace yoso {

class GradientStudy {
 public:
  // `exact` is the method whose output is exact softmax attention. Everything is borrowed. The upstream gradient is
  // upstream_gradient(shape, seed): one for all methods and draws.
  GradientStudy(Methods catalogue, const Method& exact, const Shape& shape, const Inputs& in, Context context,
                std::uint64_t seed);

  // Runs `seeds` draws (one, if nothing is drawn), with seeds seed, seed + 1, ... Gradients stand beside
  //   total  those of exact softmax attention, where outputs are averages of values (as in ErrorStudy) and `total` is
  //          asked for,
  //   truth  the derivative of what the method estimates (yoso-e for yoso-m), unless that is exact softmax,
  //   own    what its gradient estimates, where that is another form than the derivative (a surrogate).
  // Throws Unsupported for a method without backward pass.
  ErrorResult run(const Method& method, const Settings& settings, std::int64_t seeds, bool total);

 private:
  struct Reference {
    std::string name, role;
    const GradientBuffers* gradients;
  };
  std::vector<Reference> references_of(const Method& method, const Settings& settings, bool total);
  const GradientBuffers& gradients_of(const Method& method, const Settings& settings);

  Methods catalogue_;
  const Method& exact_;
  Shape shape_;
  Inputs in_;
  Context context_;
  std::uint64_t seed_;
  std::vector<float> dout_;
  std::map<std::string, GradientBuffers> known_;  // by method and knobs
};

}  // namespace yoso
