// Kitaev et al. 2020, section 2, by its definition: hash, sort, chunk, attend in every round, merge the rounds by their
// normalisers (eq. 6 and the appendix on multi-round attention).
#include "oracle.hpp"

#include <numeric>

#include "reformer/settings.hpp"

namespace yoso::reformer {
namespace {

using Positions = std::vector<std::int64_t>;

struct Attended {
  double z = -INFINITY;  // logsumexp of the logits
  oracles::Row out;
};

double logit(const Problem& problem, const oracles::Head& head, std::int64_t i, std::int64_t j) {
  const bool hf = problem.settings.is("form", "hf");
  if (i == j) return hf ? -1e5 : -5e4;
  const double d = static_cast<double>(problem.shape.d);
  const oracles::Row x = head.q(j);
  if (!hf) return oracles::dot(head.q(i), oracles::unit(x)) / std::sqrt(d);
  return oracles::dot(head.q(i), x) / std::sqrt(oracles::dot(x, x) / d + 1e-6) / std::sqrt(d);
}

// Softmax attention of query i over some keys, which may name one more than once. hf masks padded keys only where they
// are not the query itself.
Attended attend(const Problem& problem, const oracles::Head& head, std::int64_t i, const Positions& keys) {
  const bool hf = problem.settings.is("form", "hf");
  std::vector<double> logits;
  Positions seen;
  for (const std::int64_t j : keys)
    if (head.sees(i, j) || (hf && i == j)) {
      seen.push_back(j);
      logits.push_back(logit(problem, head, i, j));
    }
  Attended result{-INFINITY, oracles::Row(static_cast<std::size_t>(problem.shape.d_v))};
  if (seen.empty()) return result;
  const double largest = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const double x : logits) total += std::exp(x - largest);
  result.z = largest + std::log(total);
  for (std::size_t at = 0; at < seen.size(); ++at) {
    const oracles::Row v = head.v(seen[at]);
    const double weight = std::exp(logits[at] - largest) / total;
    for (std::size_t c = 0; c < v.size(); ++c) result.out[c] += weight * v[c];
  }
  return result;
}

// Buckets of one round of one row. A bucket is defined by single-precision sums of fused multiply-adds over ascending
// features: in double, a near tie would fall elsewhere, and move everything that is sorted after it.
Positions hash(const Problem& problem, const oracles::Head& head, std::int64_t round) {
  const Shape& s = problem.shape;
  const std::int64_t buckets = problem.settings.integer("buckets"), half = buckets / 2;
  const std::int64_t rounds = problem.settings.integer("rounds");
  const float* rotation = problem.draws["rotations"] + head.index() * s.d * rounds * half + round * half;
  Positions ids;
  for (std::int64_t i = 0; i < s.n_q; ++i) {
    const float* x = problem.in.q + (head.index() * s.n_q + i) * s.d;
    std::vector<float> y(static_cast<std::size_t>(buckets));
    for (std::int64_t c = 0; c < s.d; ++c)
      for (std::int64_t b = 0; b < half; ++b) {
        float& sum = y[static_cast<std::size_t>(b)];
        sum = std::fma(x[c], rotation[c * rounds * half + b], sum);
      }
    for (std::int64_t b = 0; b < half; ++b) y[static_cast<std::size_t>(half + b)] = -y[static_cast<std::size_t>(b)];
    ids.push_back(std::max_element(y.begin(), y.end()) - y.begin());
    if (problem.settings.is("form", "hf") && !head.keeps_key(i)) ids.back() = buckets;
  }
  return ids;
}

// The positions of all rounds, sorted by round, bucket and position.
Positions sorted_list(const Problem& problem, const oracles::Head& head) {
  Positions list;
  for (std::int64_t round = 0; round < problem.settings.integer("rounds"); ++round) {
    const Positions ids = hash(problem, head, round);
    Positions order(ids.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return ids[static_cast<std::size_t>(a)] < ids[static_cast<std::size_t>(b)];
    });
    list.insert(list.end(), order.begin(), order.end());
  }
  return list;
}

// What list entry e attends to: its chunk and the one before it, cyclically.
Positions neighbours(const Positions& list, std::int64_t e, std::int64_t length) {
  const std::int64_t size = static_cast<std::int64_t>(list.size()), chunks = (size + length - 1) / length;
  Positions keys;
  for (const std::int64_t chunk : {e / length, (e / length + chunks - 1) % chunks})
    for (std::int64_t at = chunk * length; at < std::min((chunk + 1) * length, size); ++at)
      keys.push_back(list[static_cast<std::size_t>(at)]);
  return keys;
}

oracles::Row attend_to_all(const Problem& problem, const oracles::Head& head, std::int64_t i) {
  Positions all(static_cast<std::size_t>(problem.shape.n_k));
  std::iota(all.begin(), all.end(), 0);
  return attend(problem, head, i, all).out;
}

}  // namespace

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  const std::int64_t n = problem.shape.n_k, length = problem.settings.integer("bucket");
  Positions list;
  std::int64_t sorted = -1;  // the row that `list` holds
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    if (n <= length) return attend_to_all(problem, head, i);
    if (sorted != head.index()) list = sorted_list(problem, head);
    sorted = head.index();
    std::vector<Attended> rounds;
    double largest = -INFINITY;
    for (std::size_t e = 0; e < list.size(); ++e) {
      if (list[e] != i) continue;
      rounds.push_back(attend(problem, head, i, neighbours(list, static_cast<std::int64_t>(e), length)));
      largest = std::max(largest, rounds.back().z);
    }
    oracles::Row merged(static_cast<std::size_t>(problem.shape.d_v));
    if (largest == -INFINITY) return merged;
    double total = 0;
    for (const Attended& round : rounds) total += std::exp(round.z - largest);
    for (const Attended& round : rounds)
      for (std::size_t c = 0; c < merged.size(); ++c) merged[c] += std::exp(round.z - largest) / total * round.out[c];
    return merged;
  });
}

void expectation(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  oracles::for_each_query(problem, queries, out,
                          [&](const oracles::Head& head, std::int64_t i) { return attend_to_all(problem, head, i); });
}

}  // namespace yoso::reformer
