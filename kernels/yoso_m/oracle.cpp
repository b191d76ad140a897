// YOSO by its definition: B_ij = (1/m) sum_h [code_h(q_i) = code_h(k_j)], X = B V. No tables, all pairs.
//
// Sums of values are in double, but codes are not a matter of precision: they are defined by single-precision
// arithmetic in a stated order, because a projection that rounds to the other side of zero is a different hash. A
// Gaussian projection is a chain of fused multiply-adds over ascending coordinates; the Hadamard transform of x with
// the halves a, b is (H a + H b, H a - H b) in the first and third round, and (H (a + b), H (a - b)) in the second. In
// double, the rare bit of a projection near zero would differ, and with it whole weights. Tests check these codes
// against ones in double, from the matrix, wherever rounding cannot decide.
#include "oracle_yoso.hpp"

namespace yoso::yoso_m {
namespace {

using Codes = std::vector<int>;  // of one vector: one for each hash
using Floats = std::vector<float>;

void butterflies(std::span<float> a, std::span<float> b) {
  for (std::size_t c = 0; c < a.size(); ++c) {
    const float sum = a[c] + b[c], difference = a[c] - b[c];
    a[c] = sum;
    b[c] = difference;
  }
}

// H x, the pairs of neighbours first, or (descending) last.
void hadamard(std::span<float> x, bool descending) {
  if (x.size() == 1) return;
  const std::span<float> a = x.first(x.size() / 2), b = x.last(x.size() / 2);
  if (descending) butterflies(a, b);
  hadamard(a, descending);
  hadamard(b, descending);
  if (!descending) butterflies(a, b);
}

Floats round(Floats x, const float* diagonal, bool descending) {
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

}  // namespace

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  const Shape& s = problem.shape;
  std::int64_t hashed_row = -1;
  std::vector<Codes> keys;  // of the row that was asked for last
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    const Hasher hash(problem, head.index());
    if (head.index() != hashed_row) {
      hashed_row = head.index();
      keys.clear();
      for (std::int64_t j = 0; j < s.n_k; ++j) keys.push_back(hash(problem.in.k + (hashed_row * s.n_k + j) * s.d));
    }
    const Codes query = hash(problem.in.q + (hashed_row * s.n_q + i) * s.d);
    oracles::Row sum(static_cast<std::size_t>(s.d_v));
    double total = 0;
    for (std::int64_t j = 0; j < s.n_k; ++j) {
      if (!head.sees(i, j)) continue;
      int collisions = 0;
      for (std::size_t h = 0; h < query.size(); ++h) collisions += query[h] == keys[static_cast<std::size_t>(j)][h];
      if (collisions == 0) continue;
      const double weight = static_cast<double>(collisions) / static_cast<double>(query.size());
      const oracles::Row v = head.v(j);
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += weight * v[c];
      total += weight;
    }
    return oracles::normalised(sum, total, problem.settings.choice("norm"));
  });
  oracles::add_convolution(problem, queries, out);
}

}  // namespace yoso::yoso_m
