#include "walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <yoso/random.hpp>

#include "catch.hpp"

namespace conformance {
namespace {

constexpr std::uint64_t kSeed = 7;

void generate(std::vector<float>& x, std::int64_t rows, std::int64_t width, Values values, std::uint64_t stream) {
  if (values == Values::all_zero) return;
  if (values == Values::duplicates) {
    // The same three vectors whatever the tensor, as far as the widths agree.
    std::vector<float> three(static_cast<std::size_t>(3 * width));
    yoso::Random(kSeed, static_cast<std::uint64_t>(width)).normal(three);
    for (std::int64_t i = 0; i < rows; ++i)
      std::copy_n(three.begin() + (i * 7 / 2) % 3 * width, width, x.begin() + i * width);
    return;
  }
  yoso::Random(kSeed, 1000 + stream).normal(x);
  if (values == Values::some_zero)
    for (std::int64_t i = static_cast<std::int64_t>(stream % 3); i < rows; i += 3)
      std::fill_n(x.begin() + i * width, width, 0.0f);
}

std::vector<std::uint8_t> padding(std::int64_t batch, std::int64_t n, Masks masks) {
  if (masks == Masks::none) return {};
  std::vector<std::uint8_t> keep(static_cast<std::size_t>(batch * n), 1);
  for (std::int64_t b = 0; b < batch; ++b)
    for (std::int64_t i = 0; i < n; ++i) {
      bool real = (i * 5 + b) % 7 > 1;
      if (masks == Masks::tail) real = i < n - n / 3 - b % 2;
      if (masks == Masks::empty_item && b == 0) real = false;
      keep[static_cast<std::size_t>(b * n + i)] = real;
    }
  return keep;
}

// Not every value within the bounds is one: a window may have to be even.
bool accepts(const Method& method, const Shape& shape, const Knobs& knobs) try {
  return Bench::build(method, shape, knobs).has_value();
} catch (const yoso::BadSetting&) {
  return false;
}

std::string small_value(const Method& method, const yoso::Knob& knob, const Shape& shape) {
  for (const int candidate : {4, 3, 5, 2, 1}) {
    const std::string value = std::to_string(candidate);
    if (candidate >= knob.lowest && candidate <= knob.highest &&
        accepts(method, shape, {{std::string(knob.name), value}}))
      return value;
  }
  return std::string(knob.usual);
}

}  // namespace

const char* name(Values values) {
  constexpr const char* names[] = {"normal", "duplicates", "some_zero", "all_zero"};
  return names[static_cast<int>(values)];
}

const char* name(Masks masks) {
  constexpr const char* names[] = {"none", "tail", "holes", "empty_item", "keys_only"};
  return names[static_cast<int>(masks)];
}

Problem::Problem(const Shape& s, Values values, Masks masks)
    : q(static_cast<std::size_t>(s.q_size())),
      k(static_cast<std::size_t>(s.k_size())),
      v(static_cast<std::size_t>(s.v_size())),
      keep_q(masks == Masks::keys_only ? std::vector<std::uint8_t>{} : padding(s.batch, s.n_q, masks)),
      keep_k(padding(s.batch, s.n_k, masks)) {
  generate(q, s.rows() * s.n_q, s.d, values, 1);
  generate(k, s.rows() * s.n_k, s.d, values, 2);
  generate(v, s.rows() * s.n_k, s.d_v, values, 3);
}

yoso::Inputs Problem::inputs() const {
  return {q.data(), k.data(), v.data(), keep_q.empty() ? nullptr : keep_q.data(),
          keep_k.empty() ? nullptr : keep_k.data()};
}

std::string text(const Knobs& knobs) {
  std::string out = knobs.empty() ? "usual" : "";
  for (const auto& [knob, value] : knobs) out += fmt::format("{}{}={}", out.empty() ? "" : " ", knob, value);
  return out;
}

std::string text(const Shape& s) {
  return fmt::format("batch={} heads={} n_q={} n_k={} d={} d_v={}{}", s.batch, s.heads, s.n_q, s.n_k, s.d, s.d_v,
                     s.causal ? " causal" : "");
}

Settings settings(const Method& method, const Shape& shape, const Knobs& knobs) {
  Settings all(method.knobs, shape);
  for (const auto& [knob, value] : knobs) all.set(knob, value);
  return all;
}

Knobs small_knobs(const Method& method, const Shape& shape) {
  Knobs small;
  for (const yoso::Knob& knob : method.knobs)
    if (knob.kind == yoso::Knob::Kind::integer) small.emplace_back(knob.name, small_value(method, knob, shape));
  return small;
}

std::vector<Knobs> every_setting(const Method& method, const Shape& shape) {
  std::vector<Knobs> all{{}};
  const Knobs small = small_knobs(method, shape);
  std::vector<Knobs> combinations{small};
  for (const yoso::Knob& knob : method.knobs) {
    const std::string its_name(knob.name);
    const auto one = [&](std::string value) { all.push_back({{its_name, std::move(value)}}); };
    switch (knob.kind) {
      case yoso::Knob::Kind::integer:
        one(fmt::format("{:.0f}", knob.lowest));
        one(std::ranges::find(small, its_name, &Knobs::value_type::first)->second);
        if (knob.automatic) one("auto");
        break;
      case yoso::Knob::Kind::real:
        one(fmt::format("{}", knob.lowest));
        one(fmt::format("{}", knob.highest));
        break;
      case yoso::Knob::Kind::choice: {
        std::vector<Knobs> longer;
        for (const std::string_view choice : knob.choices) {
          one(std::string(choice));
          for (const Knobs& so_far : combinations) {
            longer.push_back(so_far);
            longer.back().emplace_back(its_name, choice);
          }
        }
        combinations = std::move(longer);
        break;
      }
    }
  }
  all.insert(all.end(), combinations.begin(), combinations.end());
  return all;
}

Guarded::Guarded(std::size_t bytes) : storage_(bytes + 2 * kGuard + yoso::Arena::kAlignment), bytes_(bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
  start_ = storage_.data() + (yoso::Arena::kAlignment - address % yoso::Arena::kAlignment) % yoso::Arena::kAlignment;
  std::memset(start_, 0xA5, bytes + 2 * kGuard);
  std::memset(at(), 0xFF, bytes);
}

bool Guarded::intact() const {
  const auto whole = [](const std::byte* guard) {
    return std::all_of(guard, guard + kGuard, [](std::byte b) { return b == std::byte{0xA5}; });
  };
  return whole(start_) && whole(at() + bytes_);
}

Bench::Bench(const Method& method, const Shape& shape, const Knobs& knobs)
    : method_(&method), shape_(shape), settings_(conformance::settings(method, shape, knobs)) {}

std::optional<Bench> Bench::build(const Method& method, const Shape& shape, const Knobs& knobs,
                                  const yoso::Context& context) {
  Bench bench(method, shape, knobs);
  try {
    bench.engine_ = method.cell(context).build(shape, bench.settings_, context);
  } catch (const yoso::Unsupported& reason) {
    REQUIRE(std::string_view(reason.what()).size() > 0);
    return {};
  }
  if (method.draws) bench.draws_ = yoso::Drawn(method.draws(shape, bench.settings_), shape, kSeed);
  if (method.parameters) bench.parameters_ = yoso::Drawn(method.parameters(shape, bench.settings_), shape, kSeed + 1);
  return bench;
}

std::vector<float> Bench::forward(const yoso::Inputs& in) {
  const yoso::Needs needs = engine_->needs();
  Guarded saved_memory(needs.saved), scratch_memory(needs.scratch);
  Guarded out(static_cast<std::size_t>(shape_.out_size()) * sizeof(float));
  yoso::Arena saved(saved_memory.memory()), scratch(scratch_memory.memory());
  yoso::Call call{saved, scratch, draws_.tensors(), parameters_.tensors()};
  float* const values = reinterpret_cast<float*>(out.memory().data());
  engine_->forward(in, values, call);
  REQUIRE(saved_memory.intact());
  REQUIRE(scratch_memory.intact());
  REQUIRE(out.intact());
  REQUIRE(std::all_of(values, values + shape_.out_size(), [](float x) { return std::isfinite(x); }));
  return std::vector<float>(values, values + shape_.out_size());
}

yoso::GradientBuffers Bench::backward(const yoso::Inputs& in, const std::vector<float>& dout) {
  const yoso::Needs needs = engine_->needs();
  Guarded saved_memory(needs.saved), scratch_memory(needs.scratch);
  std::vector<float> out(static_cast<std::size_t>(shape_.out_size()));
  yoso::Arena saved(saved_memory.memory()), scratch(scratch_memory.memory());
  yoso::Call call{saved, scratch, draws_.tensors(), parameters_.tensors()};
  engine_->forward(in, out.data(), call);

  const auto bytes = [](std::int64_t floats) { return static_cast<std::size_t>(floats) * sizeof(float); };
  yoso::GradientBuffers twice[2];
  for (yoso::GradientBuffers& result : twice) {
    std::vector<Guarded> memory;
    for (const std::int64_t size : {shape_.q_size(), shape_.k_size(), shape_.v_size()})
      memory.emplace_back(bytes(size));
    for (const yoso::TensorSpec& spec : parameters_.specs()) memory.emplace_back(bytes(spec.size(shape_)));
    const auto floats = [&](std::size_t i) { return reinterpret_cast<float*>(memory[i].memory().data()); };
    yoso::Gradients grads{floats(0), floats(1), floats(2), {}};
    for (std::size_t i = 3; i < memory.size(); ++i) grads.parameters.push_back(floats(i));
    saved.reset();
    scratch.reset();
    engine_->backward(in, {out.data(), dout.data()}, grads, call);
    REQUIRE(saved_memory.intact());
    REQUIRE(scratch_memory.intact());
    result = yoso::GradientBuffers(shape_, parameters_.specs());
    const yoso::Gradients copies = result.view();
    std::vector<float*> to{copies.dq, copies.dk, copies.dv};
    to.insert(to.end(), copies.parameters.begin(), copies.parameters.end());
    for (std::size_t i = 0; i < memory.size(); ++i) {
      REQUIRE(memory[i].intact());
      const std::size_t size = memory[i].memory().size() / sizeof(float);
      CAPTURE(i);
      REQUIRE(std::all_of(floats(i), floats(i) + size, [](float x) { return std::isfinite(x); }));
      std::copy_n(floats(i), size, to[i]);
    }
  }
  REQUIRE(twice[0].dq == twice[1].dq);
  REQUIRE(twice[0].dk == twice[1].dk);
  REQUIRE(twice[0].dv == twice[1].dv);
  REQUIRE(twice[0].parameters == twice[1].parameters);
  return twice[0];
}

std::vector<yoso::GradientError> Bench::gradient_errors(const yoso::Inputs& in, std::span<const std::int64_t> queries,
                                                        const std::vector<float>& dout, yoso::GradientBuffers& got,
                                                        bool finite_differences) const {
  const yoso::Tensors draws = draws_.tensors(), parameters = parameters_.tensors();
  return yoso::gradient_errors(*method_, yoso::Problem{shape_, settings_, in, draws, parameters}, queries, dout.data(),
                               got.view(), 3, finite_differences);
}

std::vector<double> Bench::oracle(const yoso::Inputs& in, std::span<const std::int64_t> queries) const {
  std::vector<double> out(static_cast<std::size_t>(shape_.rows() * shape_.d_v) * queries.size(), NAN);
  const yoso::Tensors draws = draws_.tensors(), parameters = parameters_.tensors();
  method_->oracle(yoso::Problem{shape_, settings_, in, draws, parameters}, queries, out.data());
  return out;
}

bool Bench::convolves() const { return settings_.has("conv") && settings_.integer("conv") > 0; }

std::vector<std::int64_t> some_queries(std::int64_t n) {
  std::vector<std::int64_t> queries;
  for (std::int64_t i = 0; i < n; ++i)
    if (n <= 8 || i < 3 || i >= n - 3 || i % (n <= 33 ? 6 : 40) == 0) queries.push_back(i);
  return queries;
}

yoso::Context plain() {
  return {.threads = 1, .isa = yoso::Isa::scalar, .pass = yoso::Pass::forward, .device = device()};
}
yoso::Context training(int threads, yoso::Isa isa) {
  return {.threads = threads, .isa = isa, .pass = yoso::Pass::both, .device = device()};
}

}  // namespace conformance
