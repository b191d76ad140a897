#include <yoso/gradient_study.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include <yoso/statistics.hpp>
#include <yoso/study.hpp>

namespace yoso {
namespace {

struct Tensor {
  const char* name;
  std::vector<float> GradientBuffers::*values;
};
constexpr std::array<Tensor, 3> kTensors{
    {{"dq", &GradientBuffers::dq}, {"dk", &GradientBuffers::dk}, {"dv", &GradientBuffers::dv}}};

// Of one tensor and one seed: means over the rows where they exist.
struct Beside {
  std::optional<double> cosine, norm_ratio, slope;
};

Beside compare_rows(const std::vector<float>& got, const std::vector<float>& want, std::int64_t rows) {
  std::vector<double> cosines, ratios, slopes;
  const std::size_t width = got.size() / static_cast<std::size_t>(rows);
  for (std::size_t first = 0; first < got.size(); first += width) {
    double product = 0, mine = 0, its = 0;
    for (std::size_t i = first; i < first + width; ++i) {
      const double g = got[i], w = want[i];
      if (!std::isfinite(g) || !std::isfinite(w)) throw std::runtime_error("a gradient is not finite");
      product += g * w;
      mine += g * g;
      its += w * w;
    }
    if (!(its > 0)) continue;  // nothing to point along
    slopes.push_back(product / its);
    ratios.push_back(std::sqrt(mine / its));
    if (mine > 0) cosines.push_back(product / std::sqrt(mine * its));
  }
  const auto of = [](const std::vector<double>& x) { return x.empty() ? std::nullopt : std::optional(mean(x)); };
  return {of(cosines), of(ratios), of(slopes)};
}

std::optional<Summary> summary(const std::vector<Beside>& seeds, std::optional<double> Beside::*metric, bool random) {
  std::vector<double> values;
  for (const Beside& seed : seeds)
    if (seed.*metric) values.push_back(*(seed.*metric));
  return over_draws(values, random);
}

bool has_form(const Method& method, std::string_view form) {
  const auto knob = std::ranges::find(method.knobs, "gradient", &Knob::name);
  return knob != method.knobs.end() && std::ranges::find(knob->choices, form) != knob->choices.end();
}

}  // namespace

GradientStudy::GradientStudy(Methods catalogue, const Method& exact, const Shape& shape, const Inputs& in,
                             Context context, std::uint64_t seed)
    : catalogue_(catalogue),
      exact_(exact),
      shape_(shape),
      in_(in),
      context_(context),
      seed_(seed),
      dout_(upstream_gradient(shape, seed)) {
  context_.pass = Pass::both;
}

const GradientBuffers& GradientStudy::gradients_of(const Method& method, const Settings& settings) {
  std::string key(method.name);
  for (const Knob& knob : method.knobs) key += fmt::format("|{}={}", knob.name, settings.text(knob.name));
  const auto [at, fresh] = known_.try_emplace(key);
  if (fresh) {
    Instance instance(method, shape_, settings, context_.on_host(), seed_);
    at->second = GradientBuffers(shape_, instance.parameters().specs());
    std::vector<float> out(static_cast<std::size_t>(shape_.out_size()));
    instance.forward(in_, out.data());
    instance.backward(in_, {out.data(), dout_.data()}, at->second.view());
  }
  return at->second;
}

std::vector<GradientStudy::Reference> GradientStudy::references_of(const Method& method, const Settings& settings,
                                                                   bool total) {
  std::vector<Reference> all;
  const bool averages = !method.averages || method.averages(settings);
  if (total && averages && &method != &exact_)
    all.push_back({std::string(exact_.name), "total", &gradients_of(exact_, Settings(exact_.knobs, shape_))});
  const Method* target = &method;
  if (method.target) {
    const auto at = std::ranges::find(catalogue_, method.target(settings), [](const Method* m) { return m->name; });
    if (at == catalogue_.end() || *at == &exact_) return all;  // a kernel of its own; or `total` is the truth
    target = *at;
  }
  const auto form_of_target = [&](std::string_view form, const char* role) {
    if (!has_form(*target, form)) return;
    Settings its(target->knobs, shape_);
    for (const Knob& knob : target->knobs)
      if (knob.name != "gradient" && settings.has(knob.name)) its.set(knob.name, settings.text(knob.name));
    its.set("gradient", form);
    all.push_back({form == "true" ? std::string(target->name) : fmt::format("{} gradient={}", target->name, form), role,
                   &gradients_of(*target, its)});
  };
  const bool surrogate = method.surrogate && method.surrogate(settings);
  if (target != &method || surrogate) form_of_target("true", "truth");
  if (target != &method && method.gradient_form && method.gradient_form(settings) != "true")
    form_of_target(method.gradient_form(settings), "own");
  return all;
}

ErrorResult GradientStudy::run(const Method& method, const Settings& settings, std::int64_t seeds, bool total) {
  Instance instance(method, shape_, settings, context_, seed_);
  const bool random = instance.sampled();
  const bool unsure = random || std::ranges::any_of(instance.parameters().specs(),
                                                    [](const TensorSpec& spec) { return spec.law != Law::pool; });
  ErrorResult result;
  result.seeds = random ? seeds : 1;
  const std::vector<Reference> references = references_of(method, settings, total);
  std::vector<std::array<std::vector<Beside>, kTensors.size()>> beside(references.size());
  GradientBuffers gradients(shape_, instance.parameters().specs());
  std::vector<float> out(static_cast<std::size_t>(shape_.out_size()));
  for (std::int64_t s = 0; s < result.seeds; ++s) {
    if (s > 0) instance.redraw(seed_ + static_cast<std::uint64_t>(s));
    instance.forward(in_, out.data());
    instance.backward(in_, {out.data(), dout_.data()}, gradients.view());
    for (std::size_t r = 0; r < references.size(); ++r)
      for (std::size_t t = 0; t < kTensors.size(); ++t)
        beside[r][t].push_back(
            compare_rows(gradients.*kTensors[t].values, references[r].gradients->*kTensors[t].values, shape_.rows()));
  }
  for (std::size_t r = 0; r < references.size(); ++r) {
    GradientComparison c{references[r].name, references[r].role, {}};
    for (std::size_t t = 0; t < kTensors.size(); ++t)
      c.tensors.push_back({kTensors[t].name, summary(beside[r][t], &Beside::cosine, unsure),
                           summary(beside[r][t], &Beside::norm_ratio, unsure),
                           summary(beside[r][t], &Beside::slope, unsure)});
    result.gradients.push_back(std::move(c));
  }
  return result;
}

}  // namespace yoso
