#include "primitives/collision_gradient.hpp"

#include <yoso/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "primitives/masks.hpp"
#include "primitives/yoso_gradient.hpp"

namespace yoso {
namespace {

// A tile of weights and one of slopes are [kQueries, kKeys], 64 KiB each.
constexpr std::int64_t kQueries = 64;
constexpr std::int64_t kKeys = 256;
constexpr std::int64_t kPanel = 64;  // keys that lie transposed together

// Threads share a head by parts of its keys, each with a sum of dQ of its own, added up in the end. So many pieces of
// work there are at least, if there are enough tiles.
constexpr std::int64_t kPieces = 8;

constexpr double kNear = 0.998;  // the cosine from which on rows are almost parallel

}  // namespace

CollisionGradient::CollisionGradient(const Shape& shape, const Context& context, int tau, double dot_scale,
                                     bool lower_bound)
    : shape_(shape),
      context_(context),
      tau_(tau),
      dot_scale_(dot_scale),
      lower_bound_(lower_bound),
      near_weight_(static_cast<float>(std::pow(1 - std::acos(dot_scale * kNear) / std::numbers::pi, tau))),
      tiles_((shape.n_k + kKeys - 1) / kKeys),
      parts_(std::clamp<std::int64_t>(kPieces / shape.rows(), 1, tiles_)) {}

CollisionGradient::Scratch CollisionGradient::layout(Arena& scratch) const {
  const std::int64_t threads = std::max(1, context_.threads), keys = std::min(kKeys, shape_.n_k);
  return {scratch.take<float>(threads * keys * shape_.d), scratch.take<float>(threads * keys * shape_.d_v),
          scratch.take<float>(threads * kQueries * kKeys), scratch.take<float>(threads * kQueries * kKeys),
          scratch.take<float>((parts_ - 1) * shape_.q_size())};
}

struct CollisionGradient::Tile {
  std::int64_t row, first, size;
  const float *q, *k, *v, *dx, *shift, *totals;  // of the row; k and v of the tile
  const std::uint8_t* keep;                      // [size] or null
  const float *keys, *values;                    // panels
  float *weights, *slopes;
  float *dq, *dk, *dv;  // as q, k, v
};

void CollisionGradient::run(const Rows& rows, const Scratch& s, float* dq, float* dk, float* dv) const {
  const Primitives& p = primitives(context_.isa);
  parallel_for(context_.threads, shape_.rows() * parts_, [&](std::int64_t piece, int thread) {
    add_part(rows, s, piece / parts_, piece % parts_, thread, dq, dk, dv);
  });
  if (parts_ == 1) return;
  const std::int64_t width = shape_.d * kQueries, blocks = (shape_.q_size() + width - 1) / width;
  parallel_for(context_.threads, blocks, [&](std::int64_t block, int) {
    const std::int64_t at = block * width, size = std::min(width, shape_.q_size() - at);
    for (std::int64_t part = 1; part < parts_; ++part)
      p.add(s.partials + (part - 1) * shape_.q_size() + at, dq + at, size);
  });
}

void CollisionGradient::add_part(const Rows& rows, const Scratch& s, std::int64_t row, std::int64_t part, int thread,
                                 float* dq, float* dk, float* dv) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t d = shape_.d, d_v = shape_.d_v, keys = std::min(kKeys, shape_.n_k);
  float* const all_dq = part == 0 ? dq : s.partials + (part - 1) * shape_.q_size();
  float* const panels = s.keys + thread * keys * d;
  float* const value_panels = s.values + thread * keys * d_v;
  std::fill_n(all_dq + row * shape_.n_q * d, shape_.n_q * d, 0.0f);
  const std::uint8_t* const keep = mask_of_row(rows.keep_k, shape_, row, shape_.n_k);
  for (std::int64_t tile = part * tiles_ / parts_; tile < (part + 1) * tiles_ / parts_; ++tile) {
    const std::int64_t first = tile * kKeys, size = std::min(kKeys, shape_.n_k - first), at = row * shape_.n_k + first;
    std::fill_n(dk + at * d, size * d, 0.0f);
    std::fill_n(dv + at * d_v, size * d_v, 0.0f);
    if (!any_kept(keep, first, first + size)) continue;
    for (std::int64_t j = 0; j < size; j += kPanel) {
      const std::int64_t width = std::min(kPanel, size - j);
      p.transpose(width, d, rows.k + (at + j) * d, d, panels + j * d, width);
      p.transpose(width, d_v, rows.v + (at + j) * d_v, d_v, value_panels + j * d_v, width);
    }
    const Tile t{row,
                 first,
                 size,
                 rows.q + row * shape_.n_q * d,
                 rows.k + at * d,
                 rows.v + at * d_v,
                 rows.dx + row * shape_.n_q * d_v,
                 rows.shift + row * shape_.n_q,
                 rows.totals ? rows.totals + row * shape_.n_q : nullptr,
                 keep ? keep + first : nullptr,
                 panels,
                 value_panels,
                 s.weights + thread * kQueries * kKeys,
                 s.slopes + thread * kQueries * kKeys,
                 all_dq + row * shape_.n_q * d,
                 dk + at * d,
                 dv + at * d_v};
    for (std::int64_t i = 0; i < shape_.n_q; i += kQueries) {
      const std::int64_t count = std::min(kQueries, shape_.n_q - i);
      if (shape_.visible(i + count - 1) > first) add_block(t, i, count);  // the last query sees most
    }
  }
}

// All that queries [first, first + size) and the keys of a tile owe to each other.
void CollisionGradient::add_block(const Tile& t, std::int64_t first, std::int64_t size) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t d = shape_.d, d_v = shape_.d_v;
  const float* const q = t.q + first * d;
  const float* const dx = t.dx + first * d_v;
  for (std::int64_t j = 0; j < t.size; j += kPanel) {
    const std::int64_t width = std::min(kPanel, t.size - j);
    p.gemm_nn(size, width, d, static_cast<float>(dot_scale_), q, d, t.keys + j * d, width, false, t.weights + j, kKeys);
    p.gemm_nn(size, width, d_v, 1.0f, dx, d_v, t.values + j * d_v, width, false, t.slopes + j, kKeys);
  }
  for (std::int64_t i = 0; i < size; ++i) {
    float* const weights = t.weights + i * kKeys;
    float* const slopes = t.slopes + i * kKeys;
    const float left = t.totals ? left_of_division(t.totals[first + i]) : 1.0f;
    const float most = p.collision_gradient(tau_, lower_bound_, static_cast<float>(dot_scale_) * left,
                                            t.shift[first + i], weights, slopes, t.size);
    const auto hide = [&](std::int64_t j) { weights[j] = slopes[j] = 0; };
    for (std::int64_t j = std::max<std::int64_t>(0, shape_.visible(first + i) - t.first); j < t.size; ++j) hide(j);
    for (std::int64_t j = 0; t.keep && j < t.size; ++j)
      if (!t.keep[j]) hide(j);
    if (left != 1.0f) p.scale(left, weights, t.size);
    if (most > near_weight_) add_near(t, first + i, weights, slopes);
  }
  p.gemm_tn(t.size, d_v, size, 1.0f, t.weights, kKeys, dx, d_v, true, t.dv, d_v);
  p.gemm_tn(t.size, d, size, 1.0f, t.slopes, kKeys, q, d, true, t.dk, d);
  p.gemm_nn(size, d, t.size, 1.0f, t.slopes, kKeys, t.k, d, true, t.dq + first * d, d);
}

// Pairs of query i with almost parallel keys, from |q - k| = 2 sin(angle / 2), which is accurate where the cosine is
// not: with x = s cos(angle), (1 - x) / 2 = (1 - s) / 2 + s |q - k|^2 / 4. Nothing of them is left in `slopes`.
void CollisionGradient::add_near(const Tile& t, std::int64_t i, float* weights, float* slopes) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t d = shape_.d, d_v = shape_.d_v;
  const float* const q = t.q + i * d;
  for (std::int64_t j = 0; j < t.size; ++j) {
    if (!(weights[j] > near_weight_)) continue;
    const float* const k = t.k + j * d;
    double square = 0;
    for (std::int64_t c = 0; c < d; ++c) {
      const double difference = static_cast<double>(q[c]) - k[c];
      square += difference * difference;
    }
    const double half = std::min(1.0, (1 - dot_scale_) / 2 + dot_scale_ * square / 4);
    const double base = 1 - 2 * std::asin(std::sqrt(half)) / std::numbers::pi, below = std::pow(base, tau_ - 1);
    weights[j] = static_cast<float>(below * base);
    slopes[j] = 0;
    if (square == 0) continue;
    const double sine = std::max(2 * std::sqrt(half * (1 - half)), static_cast<double>(kLeastSine));
    const double slope = tau_ * below * (lower_bound_ ? base / 2 : 1 / (std::numbers::pi * sine));
    const float change =
        static_cast<float>(dot_scale_ * slope) * (p.dot(t.dx + i * d_v, t.v + j * d_v, d_v) - t.shift[i]);
    float* const dq = t.dq + i * d;
    float* const dk = t.dk + j * d;
    for (std::int64_t c = 0; c < d; ++c) {
      const float towards = change * (k[c] - q[c]);
      dq[c] += towards;
      dk[c] -= towards;
    }
  }
}

}  // namespace yoso
