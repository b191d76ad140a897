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

}  // namespace

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  const double scale = 1 / std::sqrt(static_cast<double>(problem.shape.d));
  Projected to;
  std::int64_t projected = -1;  // the row that `to` holds
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    if (projected != head.index()) to = project(problem, head);
    projected = head.index();
    const oracles::Row q = head.q(i);
    std::vector<double> logits;
    double largest = -INFINITY, total = 0;
    for (std::size_t r = 0; r < to.keys.size(); ++r) {
      logits.push_back(to.emptied[r] ? -INFINITY : oracles::dot(q, to.keys[r]) * scale);
      largest = std::max(largest, logits.back());
    }
    oracles::Row average(static_cast<std::size_t>(problem.shape.d_v));
    if (largest == -INFINITY) return average;
    for (std::size_t r = 0; r < to.keys.size(); ++r) {
      const double weight = std::exp(logits[r] - largest);
      total += weight;
      for (std::size_t c = 0; c < average.size(); ++c) average[c] += weight * to.values[r][c];
    }
    for (double& x : average) x /= total;
    return average;
  });
}

}  // namespace yoso::linformer
