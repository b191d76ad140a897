// Nystrom attention: softmax attention through landmarks (Xiong et al. 2021).
#include <array>
#include <string>

#include "nystrom/cpu.hpp"

namespace yoso::nystrom {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);

namespace {

constexpr std::array<std::string_view, 2> kInits{"head", "tensor"};
constexpr std::array kKnobs{
    Knob{.name = "landmarks",
         .help = "segments whose means stand for all tokens; exact attention from n on",
         .lowest = 1,
         .highest = 65536,
         .usual = "64",
         .paper = "64"},
    Knob{.name = "pinv_init",
         .kind = Knob::Kind::choice,
         .help = "where the first guess of the pseudo-inverse takes its norms: each head, or all heads and samples",
         .choices = kInits,
         .usual = "head",
         .paper = "tensor"},
    Knob{.name = "iterations",
         .help = "steps of the pseudo-inverse",
         .lowest = 1,
         .highest = 12,
         .usual = "6",
         .paper = "6",
         .out_of_range = [](double steps) -> std::string {
           return steps < 1 ? ""
                            : "a step multiplies rounding errors in directions that the kernel lacks by up to 13/4, "
                              "and more than 12 have swamped outputs in f32";
         }},
};

Work work(const Shape& s, const Settings& settings) {
  const double n = static_cast<double>(s.n_q), rows = static_cast<double>(s.rows());
  const double d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v);
  const double tensors = static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  if (settings.integer("landmarks") >= s.n_k) return {rows * n * n * (2.0 * (d + d_v) + 5.0), 4.0 * tensors};
  const double l = static_cast<double>(settings.integer("landmarks"));
  const double steps = static_cast<double>(settings.integer("iterations"));
  // two sides of landmark means; first and third factor, each with its product; the kernel; four products a step; Z (C
  // V)
  const double flops = 2.0 * n * d + 2.0 * n * l * (2.0 * (d + d_v) + 5.0) + l * l * (2.0 * d + 5.0) +
                       steps * 8.0 * l * l * l + 2.0 * l * l * d_v;
  const double products = rows * 2.0 * n * l * (d + d_v), scores = rows * n * l;
  const double read = 4.0 * static_cast<double>(s.k_size() + s.v_size());
  const double answered = 4.0 * static_cast<double>(s.q_size() + s.out_size());
  return {rows * flops,
          4.0 * (tensors + rows * l * (2.0 * d + 2.0 * d_v + 2.0 * l)),
          {{.phase = "landmarks", .adds = rows * 2.0 * n * d},
           {.phase = "kernel", .fused = rows * 2.0 * l * l * d, .exponentials = rows * l * l},
           {.phase = "inverse", .fused = rows * steps * 8.0 * l * l * l},
           {.phase = "values",
            .fused = products + rows * 2.0 * l * l * d_v,
            .exponentials = scores,
            .reads = read,
            .footprint = read},
           {.phase = "query", .fused = products, .exponentials = scores, .reads = answered, .footprint = answered}}};
}

// Each of the two softmaxes over tokens makes five products of its two; a step of the iteration makes three of its four
// again, and eight more.
Work backward_work(const Shape& s, const Settings& settings) {
  const double n = static_cast<double>(s.n_q), rows = static_cast<double>(s.rows());
  const double d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v);
  const double tensors = 2.0 * static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  const double products = 2.0 * (3.0 * d + 2.0 * d_v);  // of a pair of a query and a key
  if (settings.integer("landmarks") >= s.n_k)
    return {rows * n * n * (products + 7.0),
            4.0 * tensors,
            {{.phase = "attend", .fused = rows * n * n * products, .exponentials = rows * n * n}}};
  const double l = static_cast<double>(settings.integer("landmarks"));
  const double steps = static_cast<double>(settings.integer("iterations")), inverse = steps * 22.0 * l * l * l;
  const double between = l * l * (4.0 * d_v + 4.0 * d + 5.0);
  const double read = 8.0 * static_cast<double>(s.k_size() + s.v_size());
  const double answered = 8.0 * static_cast<double>(s.q_size() + s.out_size());
  return {rows * (2.0 * n * l * (products + 7.0) + inverse + between + 2.0 * n * d),
          4.0 * (tensors + rows * l * (4.0 * d + 4.0 * d_v + (steps + 3.0) * l)),
          {{.phase = "query",
            .fused = rows * n * l * products,
            .exponentials = rows * n * l,
            .reads = answered,
            .footprint = answered},
           {.phase = "values",
            .fused = rows * (n * l * products + 2.0 * l * l * d_v),
            .exponentials = rows * n * l,
            .reads = read,
            .footprint = read},
           {.phase = "inverse", .fused = rows * (inverse + 2.0 * l * l * d_v)},
           {.phase = "kernel", .fused = rows * 4.0 * l * l * d},
           {.phase = "landmarks", .adds = rows * 2.0 * n * d}}};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "nystrom",
    .title = "softmax attention through landmark means",
    .paper = "Xiong et al. 2021",
    .equation = "out = softmax(Q K~^T/sqrt(d)) pinv(softmax(Q~ K~^T/sqrt(d))) softmax(Q~ K^T/sqrt(d)) V",
    .knobs = kKnobs,
    .main_knob = "landmarks",
    .target = [](const Settings&) -> std::string_view { return "softmax"; },
    // the pseudo-inverse has negative entries, and its rows sum to one only in the limit
    .work = work,
    .backward_work = backward_work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::nystrom
