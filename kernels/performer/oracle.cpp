// Choromanski et al. 2021, from the definition: the weight of every pair is a product of two feature vectors. Long
// double, because plain hyperbolic features reach exp(|w|^2 / 2), which for wide heads is more than a double holds.
#include "oracle.hpp"

#include <numbers>

#include "performer/settings.hpp"

namespace yoso::performer {
namespace {

using Real = long double;
using Features = std::vector<Real>;

// s x, s = d^(-1/4): so that (s q) . (s k) = q . k / sqrt(d)
oracles::Row scaled(oracles::Row x) {
  const double s = std::pow(static_cast<double>(x.size()), -0.25);
  for (double& e : x) e *= s;
  return x;
}

Features projections(const Problem& problem, const oracles::Row& x) {
  const float* w = problem.draws["projection"];
  Features u(static_cast<std::size_t>(draws_of(problem.settings)));
  for (Real& e : u) {
    double sum = 0;
    for (const double c : x) sum += c * static_cast<double>(*w++);
    e = sum;
  }
  return u;
}

Real largest(const Features& u) { return *std::max_element(u.begin(), u.end()); }

// `stabiliser` is what the softmax kernel subtracts from every exponent; the other kernels have none.
Features features(const Problem& problem, const oracles::Row& x, Real stabiliser) {
  const Kernel kernel = kernel_of(problem.settings);
  Features u = projections(problem, x);
  if (kernel == Kernel::relu) {
    for (Real& e : u) e = std::max(e, Real(0)) + Real(1e-3);
    return u;
  }
  const Real half_norm = oracles::dot(x, x) / 2;
  if (kernel == Kernel::softmax) {
    for (Real& e : u) e = std::exp(e - half_norm - stabiliser) + Real(1e-4);
    return u;
  }
  const std::size_t drawn = u.size();
  for (std::size_t f = 0; f < drawn; ++f) u.push_back(-u[f]);
  for (Real& e : u) e = std::exp(e - half_norm) / std::sqrt(static_cast<Real>(2 * drawn));
  return u;
}

// All asked queries of one (batch, head) pair; padded ones are left zero by for_each_query.
std::vector<oracles::Row> attend(const Problem& problem, const oracles::Head& head,
                                 std::span<const std::int64_t> queries) {
  const bool stabilised = kernel_of(problem.settings) == Kernel::softmax;
  const std::int64_t n = problem.shape.n_k;
  std::vector<Features> of_queries;
  for (const std::int64_t i : queries) {
    const oracles::Row q = scaled(head.q(i));
    of_queries.push_back(features(problem, q, stabilised ? largest(projections(problem, q)) : 0));
  }
  Real stabiliser = stabilised ? -INFINITY : 0;
  for (std::int64_t j = 0; stabilised && j < n; ++j)
    if (head.keeps_key(j)) stabiliser = std::max(stabiliser, largest(projections(problem, scaled(head.k(j)))));
  const std::size_t width = static_cast<std::size_t>(problem.shape.d_v);
  std::vector<Features> sums(queries.size(), Features(width));
  Features totals(queries.size());
  for (std::int64_t j = 0; j < n; ++j) {
    if (!head.keeps_key(j)) continue;
    const Features of_key = features(problem, scaled(head.k(j)), stabiliser);
    const oracles::Row v = head.v(j);
    for (std::size_t i = 0; i < queries.size(); ++i) {
      Real weight = 0;
      for (std::size_t f = 0; f < of_key.size(); ++f) weight += of_queries[i][f] * of_key[f];
      totals[i] += weight;
      for (std::size_t c = 0; c < width; ++c) sums[i][c] += weight * v[c];
    }
  }
  std::vector<oracles::Row> averages(queries.size(), oracles::Row(width));
  const Real extra = kernel_of(problem.settings) == Kernel::hyperbolic ? Real(1e-6) : Real(0);
  for (std::size_t i = 0; i < queries.size(); ++i)
    for (std::size_t c = 0; c < width; ++c)
      if (totals[i] + extra > 0) averages[i][c] = static_cast<double>(sums[i][c] / (totals[i] + extra));
  return averages;
}

// E over w ~ N(0, I) of (relu(w.x) + e)(relu(w.y) + e): the arc-cosine kernel of degree one (Cho and Saul 2009), and
// E relu(w.x) = |x| / sqrt(2 pi) twice.
double relu_kernel(const oracles::Row& x, const oracles::Row& y) {
  constexpr double kEpsilon = 1e-3;
  const double nx = std::sqrt(oracles::dot(x, x)), ny = std::sqrt(oracles::dot(y, y));
  const double cosine = nx * ny > 0 ? std::clamp(oracles::dot(x, y) / (nx * ny), -1.0, 1.0) : 0.0;
  const double angle = std::acos(cosine);
  return nx * ny / (2 * std::numbers::pi) * (std::sin(angle) + (std::numbers::pi - angle) * cosine) +
         kEpsilon * (nx + ny) / std::sqrt(2 * std::numbers::pi) + kEpsilon * kEpsilon;
}

}  // namespace

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  std::vector<oracles::Row> averages;
  std::int64_t attended = -1;  // the row that `averages` holds
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    if (attended != head.index()) averages = attend(problem, head, queries);
    attended = head.index();
    return averages[static_cast<std::size_t>(std::find(queries.begin(), queries.end(), i) - queries.begin())];
  });
}

// The kernel that the features estimate, normalised over the keys: softmax, or the relu kernel.
void expectation(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  const bool relu = kernel_of(problem.settings) == Kernel::relu;
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    const oracles::Row q = scaled(head.q(i));
    return oracles::softmax_average(problem, head, i, [&](std::int64_t j) {
      const oracles::Row k = scaled(head.k(j));
      return relu ? std::log(relu_kernel(q, k)) : oracles::dot(q, k);
    });
  });
}

}  // namespace yoso::performer
