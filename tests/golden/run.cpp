#include "run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <yoso/catalogue.hpp>
#include <yoso/gradients.hpp>
#include <yoso/instance.hpp>

namespace golden {
namespace {

using yoso::Dtype;

// Keeps what an engine shows.
class Seen final : public yoso::Probe {
 public:
  void see(std::string_view name, const yoso::TensorView& value) override {
    std::int64_t size = 1;
    for (const std::int64_t extent : value.shape) size *= extent;
    std::vector<float>& kept = values[std::string(name)];
    if (value.dtype == Dtype::i32)
      kept.assign(static_cast<const std::int32_t*>(value.data), static_cast<const std::int32_t*>(value.data) + size);
    else
      kept.assign(static_cast<const float*>(value.data), static_cast<const float*>(value.data) + size);
  }
  std::map<std::string, std::vector<float>> values;
};

// Fills the declared tensors from the plan; each name taken is added to `used`.
void inject(yoso::Drawn& drawn, const yoso::Shape& shape, const Plan& p, bool required, std::set<std::string>& used) {
  for (std::size_t i = 0; i < drawn.specs().size(); ++i) {
    const yoso::TensorSpec& spec = drawn.specs()[i];
    const auto given = p.tensors.find(std::string(spec.name));
    if (given == p.tensors.end()) {
      if (!required) continue;
      throw Broken(fmt::format("the method draws '{}', which the case does not hold", spec.name));
    }
    if (static_cast<std::int64_t>(given->second.size()) != spec.size(shape))
      throw Broken(fmt::format("the method's '{}' is {} x {} numbers, the case gives {} in all", spec.name,
                               spec.copies(shape), text_of(spec.shape), given->second.size()));
    std::ranges::copy(given->second, drawn.values(i).begin());
    used.insert(given->first);
  }
}

// The case's tokens out of the run's: [rows, run, width] -> [rows, n, width].
std::vector<float> tokens_of_the_case(const Case& c, const Plan& p, const std::vector<float>& x) {
  std::vector<float> out;
  const std::int64_t width = p.shape.d_v;
  for (std::int64_t row = 0; row < p.shape.rows(); ++row) {
    const auto first = x.begin() + (row * p.shape.n_q + p.first_token) * width;
    out.insert(out.end(), first, first + c.n * width);
  }
  return out;
}

// The first element outside its tolerance that is worst, in words; empty when all are inside. `rows_matter`: which rows
// of the last extent to look at, null for all.
std::string difference(const std::string& name, const std::vector<float>& got, const Array& want, const Tolerance& t,
                       const std::vector<bool>* rows_matter) {
  if (got.size() != want.values.size())
    return fmt::format("{}: {} numbers, expected {}", name, got.size(), text_of(want.shape));
  const std::int64_t width = want.shape.empty() || want.shape.back() == 0 ? 1 : want.shape.back();
  std::int64_t outside = 0, worst_at = -1;
  double worst = 0;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(got.size()); ++i) {
    const std::int64_t row = i / width;
    if (rows_matter && !(*rows_matter)[static_cast<std::size_t>(row)]) continue;
    if (t.skip_rows.contains(row) && std::isfinite(got[static_cast<std::size_t>(i)])) continue;
    const double g = got[static_cast<std::size_t>(i)], w = want.values[static_cast<std::size_t>(i)];
    const double error = std::abs(g - w);
    const double allowed =
        t.exact ? 0 : t.atol + t.rtol * std::abs(w) + (t.loose_rows.contains(row) ? t.loose_atol : 0);
    if (error <= allowed) continue;  // NaN is never inside
    ++outside;
    if (worst_at < 0 || !(error <= worst)) {
      worst = error;
      worst_at = i;
    }
  }
  if (outside == 0) return {};
  return fmt::format("{}: {} of {} numbers outside the tolerance; worst in row {}, element {}: got {}, expected {}",
                     name, outside, got.size(), worst_at / width, worst_at % width,
                     got[static_cast<std::size_t>(worst_at)], want.values[static_cast<std::size_t>(worst_at)]);
}

// The case's upstream gradient in the run's tokens: nothing comes from the others.
std::vector<float> tokens_of_the_run(const Case& c, const Plan& p, const std::vector<float>& x) {
  std::vector<float> out(static_cast<std::size_t>(p.shape.out_size()));
  for (std::int64_t row = 0; row < p.shape.rows(); ++row)
    std::copy_n(x.begin() + row * c.n * c.d, c.n * c.d, out.begin() + (row * p.shape.n_q + p.first_token) * c.d);
  return out;
}

// What is wrong with the gradients, after a forward pass that gave `out`.
std::string wrong_gradient(const Case& c, const Plan& p, const yoso::Method& method, yoso::Instance& instance,
                           const yoso::Inputs& in, const std::vector<float>& out, const std::vector<bool>& kept) {
  const std::vector<float> dout = tokens_of_the_run(c, p, c.array("dout", {c.batch, c.heads, c.n, c.d}).values);
  yoso::GradientBuffers g(p.shape, instance.parameters().specs());
  instance.backward(in, {out.data(), dout.data()}, g.view());
  for (const std::string& name : c.gradients()) {
    const bool shared = name == "dqk";  // q is the key too
    if (shared != method.shares_qk && name != "dv")
      throw Broken(fmt::format("a gradient '{}', where q {} the key too", name, method.shares_qk ? "is" : "is not"));
    if (name != "dv" && name != "dk" && name != "dq" && !shared)
      throw Broken(fmt::format("unknown gradient '{}'", name));
    const std::vector<float>& got = name == "dv" ? g.dv : name == "dk" ? g.dk : g.dq;
    const std::vector<float>& gain = name == "dv" ? p.v_gain : name == "dk" ? p.k_gain : p.q_gain;
    std::vector<float> its = tokens_of_the_case(c, p, got);
    for (std::size_t i = 0; i < gain.size(); ++i) its[i] *= gain[i];
    if (name == "dv")
      for (std::size_t i = 0; i < p.dv_of_padding.size(); ++i) its[i] += p.dv_of_padding[i];
    const std::string wrong = difference(name, its, c.array(name, {c.batch, c.heads, c.n, c.d}), c.tolerance(name),
                                         kept.empty() ? nullptr : &kept);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::string failure(const Case& c, const Plan& p, const yoso::Method& method, yoso::Isa isa) {
  yoso::check(p.shape);
  yoso::Settings settings(method.knobs, p.shape);
  for (const auto& [knob, value] : p.knobs) settings.set(knob, value);
  // Two threads, because a result may not depend on how many there are.
  yoso::Instance instance(method, p.shape, settings, yoso::Context{.threads = 2, .isa = isa, .pass = yoso::Pass::both},
                          1);
  std::set<std::string> used;
  inject(instance.draws(), p.shape, p, p.draws_matter, used);
  inject(instance.parameters(), p.shape, p, true, used);
  for (const auto& [name, values] : p.tensors)
    if (!used.contains(name)) return fmt::format("the method declares no tensor '{}'", name);

  const yoso::Inputs in{p.q.data(), p.k.data(), p.v.data(), p.keep_q.empty() ? nullptr : p.keep_q.data(),
                        p.keep_k.empty() ? nullptr : p.keep_k.data()};
  std::vector<float> out(static_cast<std::size_t>(p.shape.out_size()), NAN);
  Seen seen;
  instance.forward(in, out.data(), nullptr, &seen);

  std::vector<bool> kept;
  if (const std::vector<std::uint8_t> mask = c.mask(); p.kept_rows_only && !mask.empty())
    for (std::int64_t row = 0; row < c.batch * c.heads; ++row)
      for (std::int64_t i = 0; i < c.n; ++i)
        kept.push_back(mask[static_cast<std::size_t>(row / c.heads * c.n + i)] != 0);
  for (const std::string& name : c.expected()) {
    const bool is_out = name == "out";
    if (!is_out && !seen.values.contains(name)) return fmt::format("the engine shows no '{}'", name);
    const std::vector<float> got = is_out ? tokens_of_the_case(c, p, out) : seen.values[name];
    const std::string wrong =
        difference(name, got, c.array(name), c.tolerance(name), is_out && !kept.empty() ? &kept : nullptr);
    if (!wrong.empty()) return wrong;
  }
  return wrong_gradient(c, p, method, instance, in, out, kept);
}

}  // namespace

std::string failure(const Case& c, const Plan& p) {
  c.array("out", {c.batch, c.heads, c.n, c.d});
  const std::vector<yoso::Isa> isas = std::getenv("YOSO_ISA") ? std::vector{yoso::default_isa()} : yoso::isas_here();
  for (const std::string& name : p.methods) {
    const yoso::Method& method = yoso::find(yoso::catalogue(), name);
    for (const yoso::Isa isa : isas) {
      const std::string wrong = failure(c, p, method, isa);
      if (!wrong.empty()) return fmt::format("{} on {}: {}", name, yoso::name(isa), wrong);
    }
  }
  return {};
}

}  // namespace golden
