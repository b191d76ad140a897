// YOSO-m: attention weights estimated by collisions of m hashes, summed through hash tables in linear time.
#include <yoso/method.hpp>

#include <bit>
#include <cmath>
#include <string>

#include "primitives/convolution.hpp"
#include "primitives/yoso_family.hpp"
#include "yoso_m/cpu.hpp"
#include "yoso_m/plan.hpp"

namespace yoso::yoso_m {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);
void gradient_oracle(const Problem& problem, std::span<const std::int64_t> queries, const double* dout,
                     const ExactGradients& grads);

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
    {.name = "gradient",
     .kind = Knob::Kind::choice,
     .help =
         "backward: lower-bound of a weight's derivative over colliding pairs; the same by d_v rounds of tables; the "
         "derivative over the set of pairs that collide in any hash; the expectation's lower bound, over all pairs",
     .choices = kGradientNames,
     .usual = "lower-bound",
     .paper = "tables; lower-bound is the same"},
    {.name = "sums",
     .kind = Knob::Kind::choice,
     .help = "forward, how a bucket's values are added: in fixed-point integers, and those kept in 16 bits, in the "
             "order of tokens, by float atomics in any order, or as the backend does it best",
     .choices = kSumsNames,
     .usual = "auto",
     .paper = "atomics"},
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

// The roofline: hashing is bound by additions, since the butterflies of a Hadamard transform have nothing to multiply
// with (or by multiply-adds, for dense hyperplanes); tables by the cache that holds those in flight. A key's row of a
// table is read and written, a query's is read.
Work work(const Shape& s, const Settings& settings) {
  const Plan plan(s, settings);
  const double rows = static_cast<double>(s.rows()), n_q = static_cast<double>(s.n_q), n_k = static_cast<double>(s.n_k);
  const double m = static_cast<double>(plan.hashes), d_v = static_cast<double>(s.d_v);
  const double width = static_cast<double>(plan.padded), planes = static_cast<double>(plan.planes());
  const double tokens = rows * (n_q + n_k);

  Stage hash{.phase = "hash"};
  if (plan.projection == Projection::gaussian) {
    hash.fused = tokens * 2.0 * static_cast<double>(plan.d) * planes;
  } else {
    const double rotations = static_cast<double>(plan.rotations);
    const double rounds = plan.projection == Projection::shared ? 2.0 + rotations : 3.0 * rotations;
    hash.adds = tokens * rounds * width * (1.0 + std::countr_zero(static_cast<std::uint64_t>(plan.padded)));
  }
  hash.adds += tokens * (4.0 * width + 2.0 * planes);  // a token becomes a lane of 16, a sign a bit of a code
  const double footprint =
      4.0 * std::min(m * static_cast<double>(plan.slots()) * d_v, static_cast<double>(tables_in_flight(plan)));
  const Stage build{
      .phase = "build", .adds = rows * n_k * m * d_v, .updates = rows * n_k * m * d_v * 8.0, .footprint = footprint};
  const Stage query{
      .phase = "query", .adds = rows * n_q * m * d_v, .reads = rows * n_q * m * d_v * 4.0, .footprint = footprint};
  const double values = static_cast<double>(s.out_size());
  const Stage normalise{.phase = "normalise",
                        .fused = 2.0 * values * static_cast<double>(1 + settings.integer("conv"))};

  double random = 0;
  for (const TensorSpec& spec : draws(s, settings)) random += static_cast<double>(spec.size(s));
  return {hash.fused + hash.adds + build.adds + query.adds + normalise.fused,
          4.0 * (static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size()) + random),
          {hash, build, query, normalise}};
}

// Each pair costs a product of d_v numbers and a sum of d columns from its query's side, and from its key's another of
// d_v columns; bucket by bucket, one product and two sums, but each token's rows come once for all pairs of a bucket,
// and values' gradients by tables. How many pairs there are depends on the data; here, on codes that are spread evenly.
Work backward_work(const Shape& s, const Settings& settings) {
  const Plan plan(s, settings);
  const double rows = static_cast<double>(s.rows()), n_q = static_cast<double>(s.n_q), n_k = static_cast<double>(s.n_k);
  const double d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v), m = static_cast<double>(plan.hashes);
  const double bytes = 8.0 * static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  const Stage normalise{
      .phase = "normalise",
      .fused = rows * (4.0 * n_q * (d + d_v) + 4.0 * n_k * d) +
               4.0 * static_cast<double>(settings.integer("conv")) * static_cast<double>(s.out_size())};
  Stage sum{.phase = "pairs"}, values;
  switch (gradient_of(settings)) {
    case Gradient::expectation:
      sum.phase = "attend";
      sum.fused = rows * n_q * n_k * 2.0 * (3 * d + 2 * d_v);
      sum.exponentials = rows * n_q * n_k;
      break;
    case Gradient::tables:  // for each column of the values: to tables, and from them, for queries and for keys
      sum.phase = "tables";
      sum.adds = rows * m * (n_q + n_k) * (2 * d * d_v + d_v);
      sum.reads = 4.0 * sum.adds;
      sum.footprint =
          4.0 * std::min(m * static_cast<double>(plan.slots()) * d, static_cast<double>(tables_in_flight(plan)));
      break;
    case Gradient::set:
    case Gradient::lower_bound:
      const bool set = gradient_of(settings) == Gradient::set;
      const double slots = static_cast<double>(plan.slots());
      const double pairs = rows * n_q * n_k * (set ? 1 - std::pow(1 - 1 / slots, m) : m / slots);
      if (!set && full_buckets(s, plan)) {
        sum.fused = pairs * 2.0 * (2 * d + d_v);
        sum.reads = 4.0 * rows * m * (n_q + n_k) * (d + d_v);
        sum.updates = 8.0 * rows * m * (n_q + n_k) * d;
        sum.footprint = 4.0 * (n_q + n_k) * (2 * d + d_v);
        values = {.phase = "tables",
                  .adds = rows * m * (n_q + n_k) * d_v,
                  .reads = 4.0 * rows * m * n_k * d_v,
                  .updates = 8.0 * rows * m * n_q * d_v,
                  .footprint = 4.0 * std::min(m * slots * d_v, static_cast<double>(tables_in_flight(plan)))};
      } else {
        sum.fused = pairs * 2.0 * (2 * d + 3 * d_v + (set ? 2 * d : 0));
        sum.reads = pairs * 4.0 * (2 * d + 2 * d_v);
        sum.footprint = 4.0 * std::max(n_q, n_k) * std::max(d, d_v);
      }
      break;
  }
  Work work{normalise.fused + sum.fused + sum.adds + values.adds, bytes, {normalise, sum}};
  if (values.adds > 0) work.stages.push_back(values);
  return work;
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
    .backward_work = backward_work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
    .gradient_oracle = gradient_oracle,
    .surrogate = [](const Settings&) { return true; },  // codes have no derivative
    .gradient_form = [](const Settings& s) -> std::string_view {
      return s.is("gradient", "set") ? "true" : "lower-bound";
    },
};

}  // namespace yoso::yoso_m
