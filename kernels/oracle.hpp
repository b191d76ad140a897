// Words that oracles share: plain double loops, used by no engine.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <yoso/method.hpp>

namespace yoso::oracles {

using Row = std::vector<double>;

inline double dot(const Row& x, const Row& y) {
  double sum = 0;
  for (std::size_t c = 0; c < x.size(); ++c) sum += x[c] * y[c];
  return sum;
}

// x / max(|x|, 1e-12): a zero vector stays zero.
inline Row unit(Row x) {
  const double norm = std::max(std::sqrt(dot(x, x)), 1e-12);
  for (double& e : x) e /= norm;
  return x;
}

inline Row row_of(const float* data, std::int64_t row, std::int64_t n, std::int64_t i, std::int64_t width) {
  const float* at = data + (row * n + i) * width;
  return Row(at, at + width);
}

// One (batch, head) pair of a problem, with its masks.
class Head {
 public:
  Head(const Problem& problem, std::int64_t row) : p_(problem), row_(row), batch_(row / problem.shape.heads) {}
  Row q(std::int64_t i) const { return row_of(p_.in.q, row_, p_.shape.n_q, i, p_.shape.d); }
  Row k(std::int64_t j) const { return row_of(p_.in.k, row_, p_.shape.n_k, j, p_.shape.d); }
  Row v(std::int64_t j) const { return row_of(p_.in.v, row_, p_.shape.n_k, j, p_.shape.d_v); }
  bool keeps_query(std::int64_t i) const { return !p_.in.keep_q || p_.in.keep_q[batch_ * p_.shape.n_q + i]; }
  bool keeps_key(std::int64_t j) const { return !p_.in.keep_k || p_.in.keep_k[batch_ * p_.shape.n_k + j]; }
  bool sees(std::int64_t i, std::int64_t j) const { return keeps_key(j) && j < p_.shape.visible(i); }
  std::int64_t index() const { return row_; }
  std::int64_t head() const { return row_ % p_.shape.heads; }

 private:
  const Problem& p_;
  std::int64_t row_, batch_;
};

// out = sum_j weight_j v_j / sum_j weight_j over the keys that query i sees, where weight = exp(logit - largest logit).
// No visible key: zeros.
template <class Logit>
Row softmax_average(const Problem& problem, const Head& head, std::int64_t i, const Logit& logit) {
  const std::int64_t n = problem.shape.n_k;
  std::vector<double> logits(static_cast<std::size_t>(n));
  double largest = -INFINITY;
  for (std::int64_t j = 0; j < n; ++j)
    if (head.sees(i, j)) largest = std::max(largest, logits[static_cast<std::size_t>(j)] = logit(j));
  Row out(static_cast<std::size_t>(problem.shape.d_v));
  double total = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    if (!head.sees(i, j)) continue;
    const double weight = std::exp(logits[static_cast<std::size_t>(j)] - largest);
    const Row v = head.v(j);
    for (std::size_t c = 0; c < out.size(); ++c) out[c] += weight * v[c];
    total += weight;
  }
  if (total > 0)
    for (double& e : out) e /= total;
  return out;
}

// Calls of(head, i) for the asked queries of every row and stores the results; padded queries get zeros.
template <class Of>
void for_each_query(const Problem& problem, std::span<const std::int64_t> queries, double* out, const Of& of) {
  for (std::int64_t row = 0; row < problem.shape.rows(); ++row) {
    const Head head(problem, row);
    for (const std::int64_t i : queries) {
      Row result(static_cast<std::size_t>(problem.shape.d_v));
      if (head.keeps_query(i)) result = of(head, i);
      out = std::copy(result.begin(), result.end(), out);
    }
  }
}

}  // namespace yoso::oracles
