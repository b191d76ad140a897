// YOSO's expectation: the exact collision probability as weight, tiled so that no n x n matrix exists.
#include <yoso/method.hpp>

#include "primitives/convolution.hpp"
#include "primitives/yoso_family.hpp"
#include "yoso_e/cpu.hpp"

namespace yoso::yoso_e {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);
void gradient_oracle(const Problem& problem, std::span<const std::int64_t> queries, const double* dout,
                     const ExactGradients& grads);

namespace {

constexpr Knob kKnobs[] = {
    kHashBitsKnob,
    kNormKnob,
    {.name = "dot_scale",
     .kind = Knob::Kind::real,
     .help = "factor on cosines, which bounds the derivative at 1",
     .lowest = 0.001,
     .highest = 1,
     .usual = "1",
     .paper = "1; 0.98 in the reference's second version"},
    {.name = "gradient",
     .kind = Knob::Kind::choice,
     .help = "backward: the derivative of the weights, or the paper's lower bound of it",
     .choices = kGradientNames,
     .usual = "true",
     .paper = "lower-bound; true in the reference's second version"},
    kConvolutionKnob,
};

Work work(const Shape& s, const Settings& settings) {
  const double pairs = static_cast<double>(s.rows()) * static_cast<double>(s.n_q) * static_cast<double>(s.n_k);
  const double convolved = static_cast<double>(settings.integer("conv")) * static_cast<double>(s.out_size());
  const double products = pairs * 2.0 * static_cast<double>(s.d + s.d_v) + 2.0 * convolved;
  const double bytes = 4.0 * static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  // two products, and some ten operations for an arc cosine and a power, which cost more than an exponential
  return {products + 10.0 * pairs,
          bytes,
          {{.phase = "attend", .fused = products, .exponentials = pairs, .reads = bytes, .footprint = bytes}}};
}

// Five products of tiles, each with a row of d or d_v a pair, where forward has two, and the slope of a weight beside
// it.
Work backward_work(const Shape& s, const Settings& settings) {
  const double pairs = static_cast<double>(s.rows()) * static_cast<double>(s.n_q) * static_cast<double>(s.n_k);
  const double convolved = static_cast<double>(settings.integer("conv")) * static_cast<double>(s.out_size());
  const double products = pairs * 2.0 * static_cast<double>(3 * s.d + 2 * s.d_v) + 4.0 * convolved;
  const double bytes = 8.0 * static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  return {products + 20.0 * pairs,
          bytes,
          {{.phase = "attend", .fused = products, .exponentials = pairs, .reads = bytes, .footprint = bytes}}};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "yoso-e",
    .title = "YOSO's expectation: exact collision probabilities as weights",
    .paper = "Zeng et al. 2021",
    .equation = "out_i = norm(sum_j (1 - acos(q_i.k_j / |q_i||k_j|) / pi)^tau v_j)",
    .knobs = kKnobs,
    .averages = averages_values,
    .parameters = convolution_parameters,
    .work = work,
    .backward_work = backward_work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
    .gradient_oracle = gradient_oracle,
    .surrogate = [](const Settings& settings) { return gradient_of(settings) == Gradient::lower_bound; },
};

}  // namespace yoso::yoso_e
