// The codes of yoso-m by their definition, for its oracles.
//
// Codes are not a matter of precision: they are defined by single-precision arithmetic in a stated order, because a
// projection that rounds to the other side of zero is a different hash. A Gaussian projection is a chain of fused
// multiply-adds over ascending coordinates; the Hadamard transform of x with the halves a, b is (H a + H b, H a - H b)
// in the first and third round, and (H (a + b), H (a - b)) in the second. In double, the rare bit of a projection near
// zero would differ, and with it whole weights. Tests check these codes against ones in double, from the matrix,
// wherever rounding cannot decide.
#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "oracle_yoso.hpp"

namespace yoso::yoso_m::definition {

using Codes = std::vector<int>;  // of one vector: one for each hash
using Floats = std::vector<float>;

inline void butterflies(std::span<float> a, std::span<float> b) {
  for (std::size_t c = 0; c < a.size(); ++c) {
    const float sum = a[c] + b[c], difference = a[c] - b[c];
    a[c] = sum;
    b[c] = difference;
  }
}

// H x, the pairs of neighbours first, or (descending) last.
inline void hadamard(std::span<float> x, bool descending) {
  if (x.size() == 1) return;
  const std::span<float> a = x.first(x.size() / 2), b = x.last(x.size() / 2);
  if (descending) butterflies(a, b);
  hadamard(a, descending);
  hadamard(b, descending);
  if (!descending) butterflies(a, b);
}

inline Floats round(Floats x, const float* diagonal, bool descending) {
  for (std::size_t c = 0; c < x.size(); ++c) x[c] *= diagonal[c];
  hadamard(x, descending);
  return x;
}

class Hasher {
 public:
  Hasher(const Problem& problem, std::int64_t row)
      : problem_(problem),
        row_(row),
        m_(problem.settings.integer("hashes")),
        tau_(problem.settings.integer("hash_bits")),
        projection_(problem.settings.choice("projection")) {
    while (width_ < problem.shape.d) width_ *= 2;
    if (projection_ == "packed") {
      rotations_ = 1 + (m_ - 1) / (width_ / tau_);
    } else if (projection_ != "gaussian") {
      while (rotations_ * width_ < m_ * tau_) ++rotations_;
      rotations_ = std::max(rotations_, std::min<std::int64_t>(tau_, 4));
    }
  }

  Codes operator()(const float* x) const {
    Floats scaled(x, x + problem_.shape.d);
    float largest = 0;
    for (const float e : scaled) largest = std::max(largest, std::abs(e));
    if (largest < 0x1p-64f || largest > 0x1p64f) {  // by a power of two, so that its largest magnitude is in [1/2, 1)
      int exponent = 0;
      std::frexp(largest, &exponent);
      for (float& e : scaled) e = std::ldexp(e, -exponent);
    }
    return projection_ == "gaussian" ? gaussian(scaled) : rotated(scaled);
  }

 private:
  Codes gaussian(const Floats& x) const {
    const float* const planes = problem_.draws["hyperplanes"] + row_ * problem_.shape.d * m_ * tau_;
    Codes codes(static_cast<std::size_t>(m_));
    for (std::int64_t h = 0; h < m_; ++h)
      for (std::int64_t t = 0; t < tau_; ++t) {
        float sum = 0;
        for (std::int64_t c = 0; c < problem_.shape.d; ++c)
          sum = std::fma(x[static_cast<std::size_t>(c)], planes[c * m_ * tau_ + h * tau_ + t], sum);
        if (sum > 0) codes[static_cast<std::size_t>(h)] += 1 << t;
      }
    return codes;
  }

  // y = H D2 H D1 H D0 x in every rotation; with `shared`, D0 and D1 are the same in all.
  Codes rotated(Floats x) const {
    x.resize(static_cast<std::size_t>(width_));
    const bool shared = projection_ == "shared";
    const std::int64_t rounds = shared ? 1 : 3;
    if (shared) {
      const float* const common = problem_.draws["shared_signs"] + row_ * 2 * width_;
      x = round(round(x, common, false), common + width_, true);
    }
    std::vector<Floats> y(static_cast<std::size_t>(rotations_), x);
    for (std::int64_t b = 0; b < rotations_; ++b)
      for (std::int64_t r = 0; r < rounds; ++r)
        y[static_cast<std::size_t>(b)] =
            round(y[static_cast<std::size_t>(b)],
                  problem_.draws["signs"] + ((row_ * rounds + r) * rotations_ + b) * width_, r == 1);
    Codes codes(static_cast<std::size_t>(m_));
    for (std::int64_t h = 0; h < m_; ++h)
      for (std::int64_t t = 0; t < tau_; ++t) {
        const std::int64_t hashes = width_ / tau_;  // packed: of one rotation
        const std::int64_t b = projection_ == "packed" ? h / hashes : (h * tau_ + t) % rotations_;
        const std::int64_t e = projection_ == "packed" ? h % hashes * tau_ + t : (h * tau_ + t) / rotations_;
        if (y[static_cast<std::size_t>(b)][static_cast<std::size_t>(e)] > 0)
          codes[static_cast<std::size_t>(h)] += 1 << t;
      }
    return codes;
  }

  const Problem& problem_;
  std::int64_t row_, m_, tau_;
  std::string_view projection_;
  std::int64_t width_ = 32;  // d'
  std::int64_t rotations_ = 1;
};

// The collisions of queries and keys of the row that was asked for last.
class Collider {
 public:
  explicit Collider(const Problem& problem) : problem_(problem) {}

  // In how many hashes query i and key j have the same code.
  int operator()(const oracles::Head& head, std::int64_t i, std::int64_t j) {
    const Shape& s = problem_.shape;
    if (head.index() != row_) {
      row_ = head.index();
      hash_.emplace(problem_, row_);
      keys_.clear();
      for (std::int64_t key = 0; key < s.n_k; ++key)
        keys_.push_back((*hash_)(problem_.in.k + (row_ * s.n_k + key) * s.d));
      query_ = -1;
    }
    if (i != query_) {
      query_ = i;
      codes_ = (*hash_)(problem_.in.q + (row_ * s.n_q + i) * s.d);
    }
    int collisions = 0;
    for (std::size_t h = 0; h < codes_.size(); ++h) collisions += codes_[h] == keys_[static_cast<std::size_t>(j)][h];
    return collisions;
  }

 private:
  const Problem& problem_;
  std::int64_t row_ = -1, query_ = -1;
  std::optional<Hasher> hash_;
  std::vector<Codes> keys_;
  Codes codes_;
};

}  // namespace yoso::yoso_m::definition
