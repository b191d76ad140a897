#include "yoso_e/cpu.hpp"

#include <yoso/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "primitives/convolution.hpp"
#include "primitives/masks.hpp"
#include "primitives/primitives.hpp"
#include "primitives/rows.hpp"
#include "primitives/yoso_gradient.hpp"

namespace yoso::yoso_e {
namespace {

// A tile of weights is [kQueries, kKeys]: 64 KiB, a part of the second-level cache.
constexpr std::int64_t kQueries = 64;
constexpr std::int64_t kKeys = 256;
constexpr std::int64_t kPanel = 64;  // keys that lie transposed together
static_assert(kPanel <= kQueries && kKeys % kPanel == 0);

// Above this cosine a weight is computed again from the difference of the unit rows. The weight has a cusp at 1: a dot
// product that is off by 1e-7 there is off by 4e-4 in the angle, and by tau times that in the weight.
constexpr double kNear = 0.998;

// Zero weight for keys that are padding or, from `visible` on, in the future.
void hide(const std::uint8_t* keep, std::int64_t visible, float* w, std::int64_t size) {
  for (std::int64_t j = std::max<std::int64_t>(visible, 0); j < size; ++j) w[j] = 0;
  if (!keep) return;
  for (std::int64_t j = 0; j < size; ++j)
    if (!keep[j]) w[j] = 0;
}

}  // namespace

Cpu::Cpu(const Shape& shape, const Settings& settings, const Context& context)
    : shape_(shape),
      context_(context),
      tau_(static_cast<int>(settings.integer("hash_bits"))),
      dot_scale_(settings.real("dot_scale")),
      norm_(norm_of(settings)),
      conv_(settings.integer("conv")),
      near_weight_(dot_scale_ <= kNear ? std::numeric_limits<float>::infinity()
                                       : static_cast<float>(std::pow(1 - std::acos(kNear) / std::numbers::pi, tau_))),
      gradient_(shape, context, tau_, dot_scale_, gradient_of(settings) == Gradient::lower_bound) {
  require_convolution(shape, settings);
}

Cpu::Scratch Cpu::layout(Arena& scratch) const {
  return {scratch.take<float>(shape_.k_size()), scratch.take<float>(context_.threads * kQueries * shape_.d),
          scratch.take<float>(context_.threads * kQueries * kKeys)};
}

Cpu::Saved Cpu::layout_saved(Arena& saved) const {
  if (context_.pass == Pass::forward || norm_ == Norm::none) return {nullptr, nullptr};
  return {saved.take<float>(shape_.rows() * shape_.n_q), conv_ > 0 ? saved.take<float>(shape_.out_size()) : nullptr};
}

Needs Cpu::needs() const {
  Arena saved, scratch, backward;
  layout_saved(saved);
  layout(scratch);
  if (context_.pass == Pass::both) layout_backward(backward);
  return {saved.used(), std::max(scratch.used(), backward.used())};
}

void Cpu::forward(const Inputs& in, float* out, Call& call) {
  const Scratch s = layout(call.scratch);
  const Saved saved = layout_saved(call.saved);
  call.phase("unit");
  const Primitives& p = primitives(context_.isa);
  const std::int64_t panels = (shape_.n_k + kPanel - 1) / kPanel;
  parallel_for(context_.threads, shape_.rows() * panels, [&](std::int64_t piece, int thread) {
    const std::int64_t first = piece % panels * kPanel, count = std::min(kPanel, shape_.n_k - first);
    const std::int64_t at = (piece / panels * shape_.n_k + first) * shape_.d;
    float* const unit = s.queries + thread * kQueries * shape_.d;
    for (std::int64_t j = 0; j < count; ++j) unit_row(in.k + at + j * shape_.d, unit + j * shape_.d, shape_.d);
    // here and not in gemm_nt, which would transpose for every block of queries: 9 % of the product
    p.transpose(count, shape_.d, unit, shape_.d, s.keys + at, count);
  });
  call.phase("attend");
  const std::int64_t blocks = (shape_.n_q + kQueries - 1) / kQueries;
  const float* const kernels = conv_ > 0 ? call.parameters["conv_w"] : nullptr;
  parallel_for(context_.threads, shape_.rows() * blocks, [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / blocks, first = piece % blocks * kQueries;
    const Block block{row, first, std::min(kQueries, shape_.n_q - first), s.queries + thread * kQueries * shape_.d,
                      s.weights + thread * kQueries * kKeys};
    attend(in, s.keys + row * shape_.n_k * shape_.d, block, saved, out);
    if (kernels) convolve(in, kernels + row % shape_.heads * conv_, block, out);
  });
}

// out_i = sum_j p(q_i, k_j) v_j, normalised
void Cpu::attend(const Inputs& in, const float* keys, const Block& b, const Saved& saved, float* out) const {
  const Primitives& p = primitives(context_.isa);
  const float* const v = in.v + b.row * shape_.n_k * shape_.d_v;
  const std::uint8_t* const keep_q = mask_of_row(in.keep_q, shape_, b.row, shape_.n_q);
  const std::uint8_t* const keep_k = mask_of_row(in.keep_k, shape_, b.row, shape_.n_k);
  float* const o = out + (b.row * shape_.n_q + b.first) * shape_.d_v;
  for (std::int64_t i = 0; i < b.size; ++i)
    unit_row(in.q + (b.row * shape_.n_q + b.first + i) * shape_.d, b.queries + i * shape_.d, shape_.d);
  std::fill_n(o, b.size * shape_.d_v, 0.0f);
  double totals[kQueries] = {};
  const std::int64_t visible = shape_.visible(b.first + b.size - 1);  // the last query of the block sees most
  for (std::int64_t j = 0; j < visible; j += kKeys) {
    const std::int64_t size = std::min(kKeys, visible - j);
    for (std::int64_t at = j; at < j + size; at += kPanel) {
      const std::int64_t width = std::min(kPanel, shape_.n_k - at);
      p.gemm_nn(b.size, std::min(kPanel, j + size - at), shape_.d, static_cast<float>(dot_scale_), b.queries, shape_.d,
                keys + at * shape_.d, width, false, b.weights + at - j, kKeys);
    }
    for (std::int64_t i = 0; i < b.size; ++i) {
      float* const w = b.weights + i * kKeys;
      if (p.collision(tau_, w, size) > near_weight_) refine(b.queries + i * shape_.d, keys, j, size, w);
      hide(keep_k ? keep_k + j : nullptr, shape_.visible(b.first + i) - j, w, size);
      if (norm_ == Norm::rowsum) totals[i] += p.sum(w, size);
    }
    p.gemm_nn(b.size, shape_.d_v, size, 1.0f, b.weights, kKeys, v + j * shape_.d_v, shape_.d_v, true, o, shape_.d_v);
  }
  for (std::int64_t i = 0; i < b.size; ++i) {
    float* const row = o + i * shape_.d_v;
    const bool padded = keep_q && !keep_q[b.first + i];
    if (saved.inverse)
      saved.inverse[b.row * shape_.n_q + b.first + i] =
          padded                  ? 0.0f
          : norm_ == Norm::rowsum ? static_cast<float>(totals[i])
                                  : inverse_length(std::sqrt(sum_of_squares(row, shape_.d_v)));
    if (padded || (norm_ == Norm::rowsum && !(totals[i] > 0)))
      std::fill_n(row, shape_.d_v, 0.0f);
    else if (norm_ == Norm::rowsum)
      divide_row(totals[i], row, shape_.d_v);
    else if (norm_ == Norm::l2)
      unit_row(row, row, shape_.d_v);
  }
  if (saved.rows) std::copy_n(o, b.size * shape_.d_v, saved.rows + (o - out));
}

// Weights above near_weight_ again, from |q - k| = 2 sin(angle / 2): accurate to 1e-7 in the angle, and exactly 1 for
// equal rows. With x = s cos(angle), (1 - x) / 2 = (1 - s) / 2 + s |q - k|^2 / 4.
void Cpu::refine(const float* q, const float* keys, std::int64_t first, std::int64_t size, float* w) const {
  for (std::int64_t j = 0; j < size; ++j) {
    if (!(w[j] > near_weight_)) continue;
    const std::int64_t panel = (first + j) / kPanel * kPanel, width = std::min(kPanel, shape_.n_k - panel);
    const float* const k = keys + panel * shape_.d + (first + j - panel);
    double square = 0;
    for (std::int64_t c = 0; c < shape_.d; ++c) {
      const double difference = static_cast<double>(q[c]) - k[c * width];
      square += difference * difference;
    }
    const double half = std::min(1.0, (1 - dot_scale_) / 2 + dot_scale_ * square / 4);
    w[j] = static_cast<float>(std::pow(1 - 2 * std::asin(std::sqrt(half)) / std::numbers::pi, tau_));
  }
}

void Cpu::convolve(const Inputs& in, const float* kernel, const Block& b, float* out) const {
  const Primitives& p = primitives(context_.isa);
  const std::uint8_t* const keep_k = mask_of_row(in.keep_k, shape_, b.row, shape_.n_k);
  for (std::int64_t i = b.first; i < b.first + b.size; ++i)
    add_convolution(p, kernel, conv_, in.v + b.row * shape_.n_k * shape_.d_v, keep_k, shape_.n_k, shape_.d_v, i,
                    out + (b.row * shape_.n_q + i) * shape_.d_v);
}

}  // namespace yoso::yoso_e
