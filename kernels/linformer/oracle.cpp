// Wang et al. 2020, eq. 7, in double precision.
#include "oracle.hpp"

namespace yoso::linformer {
namespace {

struct Projected {
  std::vector<oracles::Row> keys, values;
  std::vector<bool> emptied;  // had weight, but only on padding
};

Projected project(const Problem& problem, const oracles::Head& head) {
  const Shape& s = problem.shape;
  std::int64_t k = problem.settings.integer("k");
  if (problem.settings.is("projection", "pool") && k > s.n_k) k = s.n_k;
  const bool share = problem.settings.is("share", "yes");
  const float* e = problem.parameters["E"] + head.head() * k * s.n_k;
  const float* f = share ? e : problem.parameters["F"] + head.head() * k * s.n_k;
  const auto wide = [](std::int64_t width) { return oracles::Row(static_cast<std::size_t>(width)); };
  Projected to{std::vector(static_cast<std::size_t>(k), wide(s.d)),
               std::vector(static_cast<std::size_t>(k), wide(s.d_v)), std::vector<bool>(static_cast<std::size_t>(k))};
  std::vector<bool> kept(static_cast<std::size_t>(k)), lost(static_cast<std::size_t>(k));
  for (std::int64_t j = 0; j < s.n_k; ++j) {
    const oracles::Row key = head.k(j), value = head.v(j);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      const std::int64_t weight = static_cast<std::int64_t>(i) * s.n_k + j;
      if (e[weight] != 0) (head.keeps_key(j) ? kept : lost)[i] = true;
      if (!head.keeps_key(j)) continue;
      for (std::size_t c = 0; c < key.size(); ++c) to.keys[i][c] += double(e[weight]) * key[c];
      for (std::size_t c = 0; c < value.size(); ++c) to.values[i][c] += double(f[weight]) * value[c];
    }
  }
  for (std::size_t i = 0; i < kept.size(); ++i) to.emptied[i] = lost[i] && !kept[i];
  return to;
}

// Weights of query i over the projected rows; empty where there is nothing to attend to.
oracles::Row weights_of(const Problem& problem, const oracles::Head& head, const Projected& to, std::int64_t i) {
  const oracles::Row q = head.q(i);
  oracles::Row weights;
  double largest = -INFINITY, total = 0;
  for (std::size_t r = 0; r < to.keys.size(); ++r) {
    weights.push_back(to.emptied[r] ? -INFINITY
                                    : oracles::dot(q, to.keys[r]) / std::sqrt(static_cast<double>(problem.shape.d)));
    largest = std::max(largest, weights.back());
  }
  if (largest == -INFINITY) return {};
  for (double& w : weights) total += w = std::exp(w - largest);
  for (double& w : weights) w /= total;
  return weights;
}

// y += factor x, unless nobody asked for it.
void add(double factor, const oracles::Row& x, double* y) {
  for (std::size_t c = 0; y && c < x.size(); ++c) y[c] += factor * x[c];
}

}  // namespace

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  Projected to;
  std::int64_t projected = -1;  // the row that `to` holds
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    if (projected != head.index()) to = project(problem, head);
    projected = head.index();
    oracles::Row average(static_cast<std::size_t>(problem.shape.d_v));
    const oracles::Row weights = weights_of(problem, head, to, i);
    for (std::size_t r = 0; r < weights.size(); ++r) add(weights[r], to.values[r], average.data());
    return average;
  });
}

// The chain rule, which projected rows are emptied being taken as given: they come back as soon as a weight that is
// exactly zero is not, so there the output jumps and has no derivative.
void gradient_oracle(const Problem& problem, std::span<const std::int64_t> queries, const double* dout,
                     const ExactGradients& grads) {
  const Shape& s = problem.shape;
  const double scale = 1 / std::sqrt(static_cast<double>(s.d));
  const bool share = problem.settings.is("share", "yes");
  const auto clear = [](double* x, std::int64_t size) {
    if (x) std::fill_n(x, size, 0.0);
  };
  clear(grads.dq, s.q_size());
  clear(grads.dk, s.k_size());
  clear(grads.dv, s.v_size());
  for (std::int64_t row = 0; row < s.rows(); ++row) {
    const oracles::Head head(problem, row);
    const Projected to = project(problem, head);
    const auto k = static_cast<std::int64_t>(to.keys.size()), of_head = head.head() * k * s.n_k;
    if (row < s.heads)
      for (double* const parameter : grads.parameters)
        if (parameter) clear(parameter + of_head, k * s.n_k);
    std::vector<oracles::Row> dkeys(to.keys.size(), oracles::Row(static_cast<std::size_t>(s.d)));
    std::vector<oracles::Row> dvalues(to.keys.size(), oracles::Row(static_cast<std::size_t>(s.d_v)));
    for (const std::int64_t i : queries) {
      const oracles::Row up(dout, dout + s.d_v);
      dout += s.d_v;
      const oracles::Row weights = weights_of(problem, head, to, i);
      if (weights.empty() || !head.keeps_query(i)) continue;
      double mean = 0;
      for (std::size_t r = 0; r < weights.size(); ++r) mean += weights[r] * oracles::dot(up, to.values[r]);
      for (std::size_t r = 0; r < weights.size(); ++r) {
        const double ds = weights[r] * (oracles::dot(up, to.values[r]) - mean) * scale;
        if (grads.dq) add(ds, to.keys[r], grads.dq + (row * s.n_q + i) * s.d);
        add(ds, head.q(i), dkeys[r].data());
        add(weights[r], up, dvalues[r].data());
      }
    }
    const float* const e = problem.parameters["E"] + of_head;
    const float* const f = share ? e : problem.parameters["F"] + of_head;
    double* const de = grads.parameters.empty() || !grads.parameters[0] ? nullptr : grads.parameters[0] + of_head;
    double* df = de;
    if (!share) df = grads.parameters.empty() || !grads.parameters[1] ? nullptr : grads.parameters[1] + of_head;
    for (std::int64_t j = 0; j < s.n_k; ++j) {
      if (!head.keeps_key(j)) continue;
      const oracles::Row key = head.k(j), value = head.v(j);
      for (std::int64_t r = 0; r < k; ++r) {
        const auto at = static_cast<std::size_t>(r);
        const std::int64_t weight = r * s.n_k + j;
        if (grads.dk) add(double(e[weight]), dkeys[at], grads.dk + (row * s.n_k + j) * s.d);
        if (grads.dv) add(double(f[weight]), dvalues[at], grads.dv + (row * s.n_k + j) * s.d_v);
        if (de) de[weight] += oracles::dot(dkeys[at], key);
        if (df) df[weight] += oracles::dot(dvalues[at], value);
      }
    }
  }
}

}  // namespace yoso::linformer
