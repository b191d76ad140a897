// Reformer: every token attends to those that hash near it, found by sorting.
#include <yoso/method.hpp>

#include "reformer/cpu.hpp"

namespace yoso::reformer {
namespace {

constexpr std::string_view kForms[] = {"lucidrains", "hf"};
constexpr Knob kKnobs[] = {
    {.name = "rounds", .help = "hash rounds", .lowest = 1, .highest = 1024, .usual = "2", .paper = "2"},
    {.name = "bucket",
     .help = "tokens in a chunk of the sorted list; n <= bucket: full attention",
     .lowest = 1,
     .highest = 65536,
     .usual = "64",
     .paper = "64"},
    {.name = "buckets",
     .help = "hash buckets of a round, in pairs +w and -w; auto: about n / bucket, by the rule of the form",
     .lowest = 2,
     .highest = 1 << 20,
     .fits = [](std::int64_t buckets) { return buckets % 2 == 0; },
     .adjective = "even",
     .usual = "auto",
     .automatic = usual_buckets},
    {.name = "form",
     .kind = Knob::Kind::choice,
     .help = "whose scaling, mask and bucket rules: reformer-pytorch's or transformers'",
     .choices = kForms,
     .usual = "lucidrains",
     .paper = "hf"},
};

std::vector<TensorSpec> draws(const Shape& shape, const Settings& settings) {
  if (is_full(shape, settings)) return {};
  return {{.name = "rotations",
           .axis = Axis::row,
           .shape = {shape.d, settings.integer("rounds"), settings.integer("buckets") / 2}}};
}

Work work(const Shape& s, const Settings& settings) {
  const bool full = is_full(s, settings);
  const double tokens = static_cast<double>(s.rows()) * static_cast<double>(s.n_q);
  const double d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v);
  const double rounds = full ? 1 : static_cast<double>(settings.integer("rounds"));
  const double seen = static_cast<double>(full ? s.n_k : std::min(2 * settings.integer("bucket"), s.n_k));
  const double buckets = full ? 0 : static_cast<double>(settings.integer("buckets"));
  const double tensors = static_cast<double>(s.q_size() + s.v_size() + s.out_size());
  // of each token and round: one projection for two buckets, and softmax attention to two chunks; ids and order as i32
  return {tokens * rounds * (d * buckets + seen * (2.0 * (d + d_v) + 5.0)),
          4.0 * (tensors + static_cast<double>(s.rows()) * rounds * d * buckets / 2.0 +
                 (full ? 0.0 : 4.0 * tokens * rounds))};
}

// Of each token, round and key: the logit and the weight's gradient again, and what they add to query, key and value.
Work backward_work(const Shape& s, const Settings& settings) {
  const bool full = is_full(s, settings);
  const double tokens = static_cast<double>(s.rows()) * static_cast<double>(s.n_q);
  const double d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v);
  const double rounds = full ? 1 : static_cast<double>(settings.integer("rounds"));
  const double seen = static_cast<double>(full ? s.n_k : std::min(2 * settings.integer("bucket"), s.n_k));
  const double pairs = tokens * rounds * seen, products = pairs * 2.0 * (3.0 * d + 2.0 * d_v);
  // x, v, out and its gradient in; two gradients out, and the zeros that dk is; order as i32, two numbers a token
  const double bytes = 4.0 * (3.0 * static_cast<double>(s.q_size()) + 2.0 * static_cast<double>(s.v_size()) +
                              2.0 * static_cast<double>(s.out_size()) + tokens * (rounds + 3.0));
  return {products + pairs * 7.0 + tokens * 6.0 * d,
          bytes,
          {{.phase = "attend", .fused = products, .exponentials = pairs, .reads = bytes, .footprint = bytes},
           {.phase = "keys", .fused = tokens * 4.0 * d, .adds = tokens * 2.0 * d}}};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "reformer",
    .title = "shared-QK attention within LSH buckets",
    .paper = "Kitaev et al. 2020, section 2",
    .equation =
        "out_i = sum_r softmax_r(z_ir) o_ir; o_ir: attention to two chunks of a list sorted by argmax([xR; -xR])",
    .knobs = kKnobs,
    .main_knob = "rounds",
    .target = [](const Settings&) -> std::string_view { return "shared-qk softmax"; },
    .shares_qk = true,
    .redraws = true,
    .draws = draws,
    .work = work,
    .backward_work = backward_work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
    .expectation = expectation,
};

}  // namespace yoso::reformer
