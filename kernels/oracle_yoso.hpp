// Words that the oracles of yoso-e and yoso-m share: plain double loops, used by no engine.
#pragma once
#include "oracle.hpp"

namespace yoso::oracles {

// What becomes of X_i = sum_j weight_j v_j, where total = sum_j weight_j.
inline Row normalised(Row sum, double total, std::string_view norm) {
  if (norm == "l2") return unit(std::move(sum));
  if (norm == "rowsum")
    for (double& e : sum) e = total > 0 ? e / total : 0;
  return sum;
}

// out_i += sum_t conv_w[head, t] M_j v_j with j = i + t - (w - 1) / 2, for padded queries too.
inline void add_convolution(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  const std::int64_t w = problem.settings.integer("conv");
  if (w == 0) return;
  for (std::int64_t row = 0; row < problem.shape.rows(); ++row) {
    const Head head(problem, row);
    const float* const kernel = problem.parameters["conv_w"] + head.head() * w;
    for (const std::int64_t i : queries) {
      for (std::int64_t t = 0; t < w; ++t) {
        const std::int64_t j = i + t - (w - 1) / 2;
        if (j < 0 || j >= problem.shape.n_k || !head.keeps_key(j)) continue;
        const Row v = head.v(j);
        for (std::size_t c = 0; c < v.size(); ++c) out[c] += static_cast<double>(kernel[t]) * v[c];
      }
      out += problem.shape.d_v;
    }
  }
}

// Backward of x / |x|, into which `g` came; a row not longer than 1e-12 has no gradient.
inline Row through_unit(const Row& x, Row g) {
  const double length = std::sqrt(dot(x, x));
  if (length <= 1e-12) return Row(x.size());
  const double along = dot(x, g) / (length * length);
  for (std::size_t c = 0; c < x.size(); ++c) g[c] = (g[c] - along * x[c]) / length;
  return g;
}

// A pair of a query and a key it sees.
struct Pair {
  double weight;  // of the value, in the forward pass
  double shared;  // of the output's gradient, in dv
  double slope;   // of the weight, with respect to the cosine
};

// out_i = norm(sum_j weight_ij v_j) + convolution, backward; of(head, i, j, cosine) is a Pair. Through the norm, the
// values, and the cosine <q, k> / |q||k|.
template <class Of>
void gradients(const Problem& problem, std::span<const std::int64_t> queries, const double* dout,
               const ExactGradients& exact, const Of& of) {
  const Shape& s = problem.shape;
  const std::string_view norm = problem.settings.choice("norm");
  const auto store = [](const Row& x, double* to, std::int64_t token) {
    if (to) std::copy(x.begin(), x.end(), to + token * static_cast<std::int64_t>(x.size()));
  };
  const auto add = [](double factor, const Row& x, Row& y) {
    for (std::size_t c = 0; c < x.size(); ++c) y[c] += factor * x[c];
  };
  const std::int64_t w = problem.settings.integer("conv");
  double* const dkernels = w > 0 && !exact.parameters.empty() ? exact.parameters[0] : nullptr;
  if (dkernels) std::fill_n(dkernels, s.heads * w, 0.0);
  for (std::int64_t row = 0; row < s.rows(); ++row) {
    const Head head(problem, row);
    std::vector<Row> dq(static_cast<std::size_t>(s.n_q), Row(static_cast<std::size_t>(s.d)));
    std::vector<Row> dk(static_cast<std::size_t>(s.n_k), Row(static_cast<std::size_t>(s.d)));
    std::vector<Row> dv(static_cast<std::size_t>(s.n_k), Row(static_cast<std::size_t>(s.d_v)));
    std::vector<Row> units, values;
    for (std::int64_t j = 0; j < s.n_k; ++j) {
      units.push_back(unit(head.k(j)));
      values.push_back(head.v(j));
    }
    for (const std::int64_t i : queries) {
      const Row g(dout, dout + s.d_v);
      dout += s.d_v;
      for (std::int64_t t = 0; t < w; ++t) {
        const std::int64_t j = i + t - (w - 1) / 2;
        if (j < 0 || j >= s.n_k || !head.keeps_key(j)) continue;
        const auto at = static_cast<std::size_t>(j);
        add(static_cast<double>(problem.parameters["conv_w"][head.head() * w + t]), g, dv[at]);
        if (dkernels) dkernels[head.head() * w + t] += dot(g, values[at]);
      }
      if (!head.keeps_query(i)) continue;
      const Row q = unit(head.q(i));
      std::vector<Pair> pairs(static_cast<std::size_t>(s.n_k), Pair{0, 0, 0});
      Row sum(static_cast<std::size_t>(s.d_v));
      double total = 0;
      for (std::int64_t j = 0; j < s.n_k; ++j) {
        const auto at = static_cast<std::size_t>(j);
        if (!head.sees(i, j)) continue;
        pairs[at] = of(head, i, j, dot(q, units[at]));
        add(pairs[at].weight, values[at], sum);
        total += pairs[at].weight;
      }
      Row dx = g;
      double shift = 0;  // what every weight's gradient loses, because it is in the total that divides
      if (norm == "l2") dx = through_unit(sum, g);
      if (norm == "rowsum") {
        for (double& e : dx) e = total > 0 ? e / total : 0;
        shift = dot(dx, normalised(sum, total, norm));
      }
      for (std::size_t j = 0; j < pairs.size(); ++j) {
        const Pair& pair = pairs[j];
        add(pair.shared, dx, dv[j]);
        const double change = (dot(dx, values[j]) - shift) * pair.slope;
        add(change, units[j], dq[static_cast<std::size_t>(i)]);
        add(change, q, dk[j]);
      }
    }
    for (std::int64_t i = 0; i < s.n_q; ++i)
      store(through_unit(head.q(i), dq[static_cast<std::size_t>(i)]), exact.dq, row * s.n_q + i);
    for (std::int64_t j = 0; j < s.n_k; ++j) {
      store(through_unit(head.k(j), dk[static_cast<std::size_t>(j)]), exact.dk, row * s.n_k + j);
      store(dv[static_cast<std::size_t>(j)], exact.dv, row * s.n_k + j);
    }
  }
}

}  // namespace yoso::oracles
