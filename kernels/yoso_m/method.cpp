// YOSO-m: attention weights estimated by collisions of m hashes, summed through hash tables in linear time.
#include <yoso/method.hpp>

#include <bit>
#include <string>

#include "primitives/convolution.hpp"
#include "primitives/yoso_family.hpp"
#include "yoso_m/cpu.hpp"
#include "yoso_m/plan.hpp"

namespace yoso::yoso_m {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);

namespace {

constexpr Knob kKnobs[] = {
    {.name = "hashes",
     .help = "m, independent hashes: the error of a weight falls as 1/sqrt(m), the time grows as m",
     .lowest = 1,
     .highest = 4096,
     .usual = "32",
     .paper = "16, 32, 64"},
    kHashBitsKnob,
    {.name = "projection",
     .kind = Knob::Kind::choice,
     .help = "where hyperplanes come from: rotations with the bits of a hash spread over several, rotations with each "
             "hash in one (the reference's), independent normals, or rotations that share two of three rounds",
     .choices = kProjectionNames,
     .usual = "interleaved",
     .paper = "packed"},
    kNormKnob,
    kConvolutionKnob,
};

std::vector<TensorSpec> draws(const Shape& shape, const Settings& settings) {
  const Plan plan(shape, settings);
  switch (plan.projection) {
    case Projection::gaussian:
      return {{"hyperplanes", Axis::row, {plan.d, plan.planes()}, Law::normal}};
    case Projection::shared:
      return {{"shared_signs", Axis::row, {2, plan.padded}, Law::sign},
              {"signs", Axis::row, {1, plan.rotations, plan.padded}, Law::sign}};
    case Projection::interleaved:
    case Projection::packed:
      break;
  }
  return {{"signs", Axis::row, {3, plan.rotations, plan.padded}, Law::sign}};
}

// Operations a token of the hashing.
double hashing(const Plan& plan) {
  const double width = static_cast<double>(plan.padded);
  if (plan.projection == Projection::gaussian)
    return 2.0 * static_cast<double>(plan.d) * static_cast<double>(plan.planes());
  const double rounds = plan.projection == Projection::shared ? static_cast<double>(2 + plan.rotations)
                                                              : 3.0 * static_cast<double>(plan.rotations);
  return rounds * width * (1.0 + std::countr_zero(static_cast<std::uint64_t>(plan.padded)));
}

Work work(const Shape& s, const Settings& settings) {
  const Plan plan(s, settings);
  const double m = static_cast<double>(plan.hashes), tokens = static_cast<double>(s.rows() * (s.n_q + s.n_k));
  const double convolved = static_cast<double>(settings.integer("conv")) * static_cast<double>(s.out_size());
  double random = 0;
  for (const TensorSpec& spec : draws(s, settings)) random += static_cast<double>(spec.size(s));
  return {tokens * (hashing(plan) + m * static_cast<double>(s.d_v)) + 2.0 * convolved,
          4.0 * (static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size()) + random)};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "yoso-m",
    .title = "YOSO: weights sampled by hash collisions, values summed in tables",
    .paper = "Zeng et al. 2021",
    .equation = "out_i = norm((1/m) sum_h T_h[code_h(q_i)]),  T_h[c] = sum of v_j with code_h(k_j) = c",
    .knobs = kKnobs,
    .main_knob = "hashes",
    .target = [](const Settings&) -> std::string_view { return "yoso-e"; },
    .averages = averages_values,
    .redraws = true,
    .draws = draws,
    .parameters = convolution_parameters,
    .work = work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::yoso_m
