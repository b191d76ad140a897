#include <yoso/study.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <yoso/statistics.hpp>
#include <yoso/weights.hpp>

namespace yoso {
namespace {

constexpr double kLevel = 0.95;
constexpr double kFewestForBias = 5;  // draws: below 4 the mean of its square is infinite

// The knobs of `settings` that `method` has too, by name.
Settings passed_on(const Method& method, const Shape& shape, const Settings& settings) {
  Settings mine(method.knobs, shape);
  for (const Knob& knob : method.knobs)
    if (settings.has(knob.name)) mine.set(knob.name, settings.text(knob.name));
  return mine;
}

std::string key_of(const Method& method, const Settings& settings) {
  std::string key(method.name);
  for (const Knob& knob : method.knobs) key += fmt::format("|{}={}", knob.name, settings.text(knob.name));
  return key;
}

// x / |x| * scale for every row of width d; zero rows stay zero.
std::vector<float> unit_rows(const float* x, std::int64_t rows, std::int64_t d, double scale) {
  std::vector<float> out(static_cast<std::size_t>(rows * d));
  for (std::int64_t i = 0; i < rows; ++i) {
    double square = 0;
    for (std::int64_t c = 0; c < d; ++c)
      square += static_cast<double>(x[i * d + c]) * static_cast<double>(x[i * d + c]);
    const double factor = square > 0 ? scale / std::sqrt(square) : 0;
    for (std::int64_t c = 0; c < d; ++c)
      out[static_cast<std::size_t>(i * d + c)] = static_cast<float>(factor * x[i * d + c]);
  }
  return out;
}

// values[metric][seed][row] -> medians, intervals and the spread over heads
class Tally {
 public:
  explicit Tally(std::string reference) { result_.reference = std::move(reference); }

  void add_seed(const std::vector<Metrics>& rows) { seeds_.push_back(rows); }

  Comparison finish(bool random) {
    for (std::size_t m = 0; m < named(Metrics{}).size(); ++m) {
      const std::string metric(named(Metrics{})[m].first);
      std::vector<double> per_seed;
      for (const auto& rows : seeds_) {
        std::vector<double> known;
        for (const Metrics& row : rows)
          if (const auto value = named(row)[m].second) known.push_back(*value);
        // the largest difference is one of all heads; everything else is a mean over them
        if (!known.empty()) per_seed.push_back(metric == "max_abs" ? std::ranges::max(known) : mean(known));
      }
      result_.metrics.emplace_back(metric, over_draws(per_seed, random));
      std::optional<std::pair<double, double>> range;
      for (std::size_t row = 0; row < seeds_.front().size(); ++row)
        if (const auto typical = of_row(m, row)) {
          if (!range) range = {*typical, *typical};
          range->first = std::min(range->first, *typical);
          range->second = std::max(range->second, *typical);
        }
      result_.heads.emplace_back(metric, range);
    }
    return result_;
  }

  // Median over seeds of a metric of one row.
  std::optional<double> of_row(std::size_t metric, std::size_t row) const {
    std::vector<double> known;
    for (const auto& rows : seeds_)
      if (const auto value = named(rows[row])[metric].second) known.push_back(*value);
    return known.empty() ? std::nullopt : std::optional(median(known));
  }

 private:
  Comparison result_;
  std::vector<std::vector<Metrics>> seeds_;
};

// Running mean and variance of every output element over seeds (Welford).
class Moments {
 public:
  explicit Moments(std::size_t size) : mean_(size), squares_(size) {}
  void add(const std::vector<float>& x) {
    ++count_;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double delta = x[i] - mean_[i];
      mean_[i] += delta / count_;
      squares_[i] += delta * (x[i] - mean_[i]);
    }
  }
  // Root mean square of (mean - expected) / standard error, scaled to be 1 on average when there is no bias: the square
  // of a t variable with s - 1 degrees of freedom has mean (s - 1) / (s - 3). Nothing with too few draws for that, or
  // when most elements vary by no more than f32 rounding.
  std::optional<double> z(const std::vector<float>& expected) const {
    if (count_ < kFewestForBias) return std::nullopt;
    double sum = 0, used = 0, energy = 0;
    for (const float e : expected) energy += static_cast<double>(e) * static_cast<double>(e);
    const double rounding = 1e-10 * energy / static_cast<double>(expected.size());  // (1e-5 of the rms)^2
    for (std::size_t i = 0; i < mean_.size(); ++i) {
      const double variance = squares_[i] / (count_ - 1);
      if (variance <= rounding) continue;
      sum += std::pow(mean_[i] - expected[i], 2) * count_ / variance;
      ++used;
    }
    if (2 * used < static_cast<double>(expected.size())) return std::nullopt;
    return std::sqrt(sum / used * (count_ - 3) / (count_ - 1));
  }
  double count() const { return count_; }

 private:
  double count_ = 0;
  std::vector<double> mean_, squares_;
};

}  // namespace

std::optional<Summary> over_draws(const std::vector<double>& values, bool random) {
  if (values.empty()) return std::nullopt;
  Summary s{median(values), {}, {}};
  if (!random) {
    s.lo = s.hi = s.median;
  } else if (const auto ci = median_interval(values, kLevel, static_cast<double>(values.size()))) {
    s.lo = ci->lo;
    s.hi = ci->hi;
  }
  return s;
}

ErrorStudy::ErrorStudy(Methods catalogue, const Method& exact, const Shape& shape, const Inputs& in,
                       const Context& context, Reference reference, std::int64_t tau)
    : catalogue_(catalogue),
      exact_(exact),
      shape_(shape),
      in_(in),
      context_(context),
      reference_(reference),
      tau_(tau) {}

const std::vector<float>& ErrorStudy::exact_output(Reference reference) {
  Settings plain(exact_.knobs, shape_);
  std::string key = key_of(exact_, plain);
  Inputs in = in_;
  std::vector<float> q, k;
  if (reference == Reference::softmax_unit) {
    // exp(tau (cos - 1)) is softmax of unit vectors at temperature tau; softmax is invariant under the constant
    key += fmt::format("|unit tau={}", tau_);
    q = unit_rows(in.q, shape_.rows() * shape_.n_q, shape_.d,
                  static_cast<double>(tau_) * std::sqrt(static_cast<double>(shape_.d)));
    k = unit_rows(in.k, shape_.rows() * shape_.n_k, shape_.d, 1);
    in.q = q.data();
    in.k = k.data();
  }
  const auto [at, fresh] = outputs_.try_emplace(key);
  if (fresh) {
    at->second.resize(static_cast<std::size_t>(shape_.out_size()));
    Instance(exact_, shape_, plain, context_.on_host(), 0).forward(in, at->second.data());
  }
  return at->second;
}

const std::vector<float>* ErrorStudy::target_output(const Method& method, const Settings& settings, std::string& name) {
  if (!method.target) return nullptr;
  name = method.target(settings);
  if (name == exact_.name) return &exact_output(Reference::softmax);
  if (method.expectation) {
    const auto [at, fresh] = outputs_.try_emplace("expectation|" + key_of(method, settings));
    if (fresh) {
      std::vector<std::int64_t> queries(static_cast<std::size_t>(shape_.n_q));
      std::iota(queries.begin(), queries.end(), 0);
      std::vector<double> exact(static_cast<std::size_t>(shape_.out_size()));
      Instance(method, shape_, settings, context_.on_host(), 0).expectation(in_, queries, exact.data());
      at->second.assign(exact.begin(), exact.end());
    }
    return &at->second;
  }
  const Method& target = find(catalogue_, name);
  const Settings mine = passed_on(target, shape_, settings);
  const auto [at, fresh] = outputs_.try_emplace(key_of(target, mine));
  if (fresh) {
    at->second.resize(static_cast<std::size_t>(shape_.out_size()));
    Instance(target, shape_, mine, context_.on_host(), 0).forward(in_, at->second.data());
  }
  return &at->second;
}

ErrorResult ErrorStudy::run(const Method& method, const Settings& settings, std::int64_t seeds, std::uint64_t seed,
                            bool per_head) {
  Instance instance(method, shape_, settings, context_, seed);
  const bool averages = !method.averages || method.averages(settings);
  const bool random = instance.sampled();
  // Untrained parameters are one draw of something: what they give is not exact, and its spread is not known.
  const bool unsure = random || std::ranges::any_of(instance.parameters().specs(),
                                                    [](const TensorSpec& spec) { return spec.law != Law::pool; });
  const auto rows = static_cast<std::size_t>(shape_.rows());
  ErrorResult result;
  result.seeds = random ? seeds : 1;

  std::string target_name;
  const std::vector<float>* target = target_output(method, settings, target_name);
  const std::vector<float>* exact = reference_ == Reference::own ? nullptr : &exact_output(reference_);
  const std::string exact_name =
      reference_ == Reference::softmax_unit ? fmt::format("softmax-unit(tau={})", tau_) : std::string(exact_.name);
  const auto against = [&](const std::vector<float>& y, const std::vector<float>& r) {
    std::vector<Metrics> all;
    for (std::int64_t row = 0; row < shape_.rows(); ++row)
      all.push_back(compare(shape_, in_, row, y.data(), r.data(), averages));
    return all;
  };

  Tally total(exact_name), sampling(target_name);
  Moments moments(random && target && seeds > 1 ? static_cast<std::size_t>(shape_.out_size()) : 0);
  std::vector<float> out(static_cast<std::size_t>(shape_.out_size()));
  for (std::int64_t s = 0; s < result.seeds; ++s) {
    if (s > 0) instance.redraw(seed + static_cast<std::uint64_t>(s));
    instance.forward(in_, out.data());
    if (exact) total.add_seed(against(out, *exact));
    if (target) sampling.add_seed(against(out, *target));
    if (random && target && seeds > 1) moments.add(out);
  }
  if (exact) result.total = total.finish(unsure);
  if (target) result.sampling = sampling.finish(unsure);
  if (moments.count() > 1) result.bias_z = moments.z(*target);
  if (exact && target && target_name != exact_name) {
    Tally gap(exact_name);
    gap.add_seed(against(*target, *exact));
    result.kernel_gap = gap.finish(false);
  }
  if (per_head) {
    const auto metric = [](std::string_view name) {
      const auto all = named(Metrics{});
      return static_cast<std::size_t>(std::ranges::find(all, name, &decltype(all)::value_type::first) - all.begin());
    };
    for (std::size_t row = 0; row < rows; ++row) {
      HeadError head;
      head.profile = profile(shape_, in_, static_cast<std::int64_t>(row));
      if (exact) {
        head.skill_total = total.of_row(metric("skill"), row);
        head.angle_total = total.of_row(metric("angle"), row);
      }
      if (target) {
        head.skill_sampling = sampling.of_row(metric("skill"), row);
        head.angle_sampling = sampling.of_row(metric("angle"), row);
      }
      result.per_head.push_back(head);
    }
  }
  return result;
}

std::optional<WeightResult> ErrorStudy::weigh(const Method& method, const Settings& settings, std::uint64_t seed) {
  if (method.averages && !method.averages(settings)) return std::nullopt;
  constexpr std::int64_t kQueries = 64;
  const std::vector<std::int64_t> queries = spread(shape_.n_q, kQueries);
  if (exact_weights_.empty()) {
    Instance exact(exact_, shape_, Settings(exact_.knobs, shape_), context_.on_host(), seed);
    exact_weights_ = weights_of(exact, in_, queries);
  }
  Instance instance(method, shape_, settings, context_, seed);
  return compare_weights(shape_, in_, queries, weights_of(instance, in_, queries), exact_weights_);
}

}  // namespace yoso
