// How wrong a method is on one input: sampling error, kernel gap and total error, over seeds (CLI design, section 3).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <yoso/instance.hpp>
#include <yoso/report.hpp>

namespace yoso {

// What "softmax" means for the total error.
enum class Reference : std::uint8_t {
  softmax,       // logits q.k / sqrt(d)
  softmax_unit,  // logits tau (cos(q, k) - 1): what YOSO's kernel resembles on unit vectors
  own,           // the method's own target only: no total error, no kernel gap
};

// Median over draws and its interval. What nothing random goes into is exact: its interval has no width. Nothing for no
// values; no interval for too few.
std::optional<Summary> over_draws(const std::vector<double>& values, bool random);

class ErrorStudy {
 public:
  // `exact` is the method whose output is exact softmax attention. Everything is borrowed. `tau` is the sharpness of
  // softmax_unit: one for all methods of a study, so that its rows stand beside each other.
  ErrorStudy(Methods catalogue, const Method& exact, const Shape& shape, const Inputs& in, const Context& context,
             Reference reference, std::int64_t tau = 9);

  // Runs `seeds` draws (one, if nothing is drawn), with seeds seed, seed + 1, ... Deterministic for any thread count.
  ErrorResult run(const Method& method, const Settings& settings, std::int64_t seeds, std::uint64_t seed,
                  bool per_head);

  // Row mass and top-k recall of the first draw; nothing for a method whose outputs are no averages.
  std::optional<WeightResult> weigh(const Method& method, const Settings& settings, std::uint64_t seed);

 private:
  const std::vector<float>& exact_output(Reference reference);
  const std::vector<float>* target_output(const Method& method, const Settings& settings, std::string& name);

  Methods catalogue_;
  const Method& exact_;
  Shape shape_;
  Inputs in_;
  Context context_;
  Reference reference_;
  std::int64_t tau_;
  std::vector<float> exact_weights_;                   // filled by the first weigh()
  std::map<std::string, std::vector<float>> outputs_;  // by method and knobs: shared by the points of a study
};

}  // namespace yoso
