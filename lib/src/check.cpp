#include <yoso/check.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include <yoso/gradients.hpp>

#include "hash.hpp"

namespace yoso {
namespace {

bool rounds(const Instance& instance) {
  const Context& context = instance.context();
  return context.element == Element::bf16 && instance.method().cell(context).bf16 == Bf16::rounded;
}

double rms(std::span<const double> x) {
  double square = 0;
  for (const double e : x) square += e * e;
  return std::sqrt(square / static_cast<double>(x.size()));
}

}  // namespace

CheckResult check_output(const Instance& instance, const Inputs& in, const float* out, std::int64_t queries) {
  const bool rounded = rounds(instance);
  const double relative = rounded ? 1e-2 : 1e-4;
  const Shape& s = instance.shape();
  const std::vector<std::int64_t> asked = spread(s.n_q, queries);
  std::vector<double> want(static_cast<std::size_t>(s.rows() * s.d_v) * asked.size());
  instance.oracle(in, asked, want.data());
  const double typical = rms(want);

  CheckResult result;
  result.passed = true;
  result.queries = static_cast<std::int64_t>(asked.size());
  result.hash = hash_hex({reinterpret_cast<const char*>(out), static_cast<std::size_t>(s.out_size()) * sizeof(float)});
  double worst = -1;
  std::size_t at = 0;
  for (std::int64_t row = 0; row < s.rows(); ++row)
    for (const std::int64_t i : asked) {
      const double mine = rounded ? rms(std::span(want).subspan(at, static_cast<std::size_t>(s.d_v))) : 0;
      const double scale = std::max(typical, mine);
      for (std::int64_t c = 0; c < s.d_v; ++c, ++at) {
        const double off = std::abs(static_cast<double>(out[(row * s.n_q + i) * s.d_v + c]) - want[at]);
        const double allowed = relative * (scale + std::abs(want[at])) + 1e-30;
        if (!(off <= allowed)) result.passed = false;  // NaN fails too
        if (!(off / allowed <= worst)) {
          worst = off / allowed;
          result.tolerance = allowed;
        }
        if (!(off <= result.max_abs)) result.max_abs = off;
      }
    }
  return result;
}

void check_gradients(Instance& instance, const Inputs& in, float* out, const Gradients& grads, CheckResult& check,
                     std::int64_t queries) {
  const Shape& s = instance.shape();
  const std::vector<std::int64_t> asked = spread(s.n_q, queries);
  const std::vector<float> all = upstream_gradient(s, 1);
  std::vector<float> dout(all.size());
  for (std::int64_t row = 0; row < s.rows(); ++row)
    for (const std::int64_t i : asked) {
      const auto at = static_cast<std::ptrdiff_t>((row * s.n_q + i) * s.d_v);
      std::copy_n(all.begin() + at, s.d_v, dout.begin() + at);
    }
  instance.forward(in, out);
  instance.backward(in, {out, dout.data()}, grads);
  const Tensors draws = instance.draws().tensors(), parameters = instance.parameters().tensors();
  const Problem problem{s, instance.settings(), in, draws, parameters};
  check.gradients_tolerance = rounds(instance) ? 1e-2 : 1e-3;
  check.gradients = 0;
  for (const GradientError& e : gradient_errors(instance.method(), problem, asked, dout.data(), grads, 1))
    check.gradients = std::max(*check.gradients, e.relative);
  if (!(*check.gradients <= check.gradients_tolerance)) check.passed = false;
}

}  // namespace yoso
