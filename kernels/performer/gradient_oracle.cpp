// The gradients of performer by the chain rule, pair by pair, in long double. What the softmax kernel subtracts from
// its exponents is held constant, as performer-pytorch does: epsilon is added after it, so
// that this is not the derivative of the output, in which a larger stabiliser makes epsilon weigh more.
#include "oracle.hpp"

#include "performer/settings.hpp"

namespace yoso::performer {
namespace {

using Real = long double;
using Reals = std::vector<Real>;

// A token: its features, and what they change by as their exponents (relu: their projections) do.
struct Token {
  Reals x;  // scaled by d^(-1/4)
  Reals features, slopes;
  Reals gradient;  // of the features
};

class Featured {
 public:
  explicit Featured(const Problem& problem)
      : kernel_(kernel_of(problem.settings)),
        drawn_(draws_of(problem.settings)),
        d_(problem.shape.d),
        scale_(std::pow(static_cast<Real>(problem.shape.d), Real(-0.25))),
        w_(problem.draws["projection"]) {}

  Real largest_projection(const oracles::Row& x) const {
    Real largest = -INFINITY;
    for (std::int64_t f = 0; f < drawn_; ++f) largest = std::max(largest, projection(scaled(x), f));
    return largest;
  }

  Token token(const oracles::Row& raw, Real stabiliser) const {
    Token t{scaled(raw), {}, {}, {}};
    Real half_norm = 0;
    for (const Real e : t.x) half_norm += e * e / 2;
    for (std::int64_t side = 0; side < sides(); ++side)
      for (std::int64_t f = 0; f < drawn_; ++f) {
        const Real u = sign(side) * projection(t.x, f);
        if (kernel_ == Kernel::relu) {
          t.features.push_back(std::max(u, Real(0)) + Real(1e-3));
          t.slopes.push_back(u > 0 ? 1 : 0);
        } else if (kernel_ == Kernel::softmax) {
          t.slopes.push_back(std::exp(u - half_norm - stabiliser));
          t.features.push_back(t.slopes.back() + Real(1e-4));
        } else {
          t.slopes.push_back(std::exp(u - half_norm) / std::sqrt(static_cast<Real>(2 * drawn_)));
          t.features.push_back(t.slopes.back());
        }
      }
    t.gradient.resize(t.features.size());
    return t;
  }

  // The gradient of a token, of that of its features.
  oracles::Row gradient(const Token& t) const {
    Reals dx(static_cast<std::size_t>(d_));
    for (std::int64_t side = 0; side < sides(); ++side)
      for (std::int64_t f = 0; f < drawn_; ++f) {
        const auto at = static_cast<std::size_t>(side * drawn_ + f);
        const Real du = t.gradient[at] * t.slopes[at];
        for (std::size_t c = 0; c < dx.size(); ++c) {
          dx[c] += sign(side) * du * static_cast<Real>(w_[f * d_ + static_cast<std::int64_t>(c)]);
          if (kernel_ != Kernel::relu) dx[c] -= du * t.x[c];
        }
      }
    oracles::Row result;
    for (const Real e : dx) result.push_back(static_cast<double>(scale_ * e));
    return result;
  }

  Real added() const { return kernel_ == Kernel::hyperbolic ? Real(1e-6) : Real(0); }

 private:
  std::int64_t sides() const { return kernel_ == Kernel::hyperbolic ? 2 : 1; }
  static Real sign(std::int64_t side) { return side == 0 ? 1 : -1; }
  Reals scaled(const oracles::Row& x) const {
    Reals y;
    for (const double e : x) y.push_back(scale_ * static_cast<Real>(e));
    return y;
  }
  Real projection(const Reals& x, std::int64_t f) const {
    Real sum = 0;
    for (std::size_t c = 0; c < x.size(); ++c)
      sum += x[c] * static_cast<Real>(w_[f * d_ + static_cast<std::int64_t>(c)]);
    return sum;
  }

  Kernel kernel_;
  std::int64_t drawn_, d_;
  Real scale_;
  const float* w_;
};

void add(Real factor, const Reals& x, Reals& y) {
  for (std::size_t c = 0; c < x.size(); ++c) y[c] += factor * x[c];
}

// What one query does to the gradients of all features and values.
void add_query(const std::vector<oracles::Row>& values, const double* dout, Real added, Token& query,
               std::vector<Token>& keys, std::vector<Reals>& dv) {
  const std::size_t width = values.empty() ? 0 : values[0].size();
  Reals weights, along;  // of each key; dout . v_j
  Real total = added, average = 0;
  for (std::size_t j = 0; j < keys.size(); ++j) {
    Real weight = 0, product = 0;
    for (std::size_t f = 0; f < query.features.size(); ++f) weight += query.features[f] * keys[j].features[f];
    for (std::size_t c = 0; c < width; ++c) product += static_cast<Real>(dout[c]) * static_cast<Real>(values[j][c]);
    weights.push_back(weight);
    along.push_back(product);
    total += weight;
    average += weight * product;
  }
  if (!(total > 0)) return;
  average /= total;
  for (std::size_t j = 0; j < keys.size(); ++j) {
    const Real dweight = (along[j] - average) / total;
    add(dweight, keys[j].features, query.gradient);
    add(dweight, query.features, keys[j].gradient);
    for (std::size_t c = 0; c < width; ++c) dv[j][c] += weights[j] / total * static_cast<Real>(dout[c]);
  }
}

}  // namespace

void gradient_oracle(const Problem& problem, std::span<const std::int64_t> queries, const double* dout,
                     const ExactGradients& to) {
  const Shape& s = problem.shape;
  const Featured featured(problem);
  const bool stabilised = kernel_of(problem.settings) == Kernel::softmax;
  if (to.dq) std::fill_n(to.dq, s.q_size(), 0.0);
  if (to.dk) std::fill_n(to.dk, s.k_size(), 0.0);
  if (to.dv) std::fill_n(to.dv, s.v_size(), 0.0);
  for (std::int64_t row = 0; row < s.rows(); ++row) {
    const oracles::Head head(problem, row);
    std::vector<std::int64_t> kept;
    Real stabiliser = stabilised ? -INFINITY : 0;
    for (std::int64_t j = 0; j < s.n_k; ++j) {
      if (!head.keeps_key(j)) continue;
      kept.push_back(j);
      if (stabilised) stabiliser = std::max(stabiliser, featured.largest_projection(head.k(j)));
    }
    std::vector<Token> keys;
    std::vector<oracles::Row> values;
    for (const std::int64_t j : kept) {
      keys.push_back(featured.token(head.k(j), stabiliser));
      values.push_back(head.v(j));
    }
    std::vector<Reals> dv(kept.size(), Reals(static_cast<std::size_t>(s.d_v)));
    for (const std::int64_t i : queries) {
      const double* const upstream = dout;
      dout += s.d_v;
      if (!head.keeps_query(i)) continue;
      const oracles::Row q = head.q(i);
      Token query = featured.token(q, stabilised ? featured.largest_projection(q) : 0);
      add_query(values, upstream, featured.added(), query, keys, dv);
      if (!to.dq) continue;
      const oracles::Row dq = featured.gradient(query);
      for (std::size_t c = 0; c < dq.size(); ++c)
        to.dq[(row * s.n_q + i) * s.d + static_cast<std::int64_t>(c)] += dq[c];
    }
    for (std::size_t at = 0; at < kept.size(); ++at) {
      const std::int64_t token = row * s.n_k + kept[at];
      const oracles::Row dk = featured.gradient(keys[at]);
      if (to.dk) std::copy(dk.begin(), dk.end(), to.dk + token * s.d);
      if (to.dv)
        for (std::size_t c = 0; c < dv[at].size(); ++c)
          to.dv[token * s.d_v + static_cast<std::int64_t>(c)] = static_cast<double>(dv[at][c]);
    }
  }
}

}  // namespace yoso::performer
