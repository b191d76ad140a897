// How wrong an output is: against a reference, row by row, in double precision (CLI design, section 3).
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <yoso/shape.hpp>

namespace yoso {

// Distances of Y from R over the kept queries of one row (a batch item's head). Null where it has no meaning.
struct Metrics {
  // 1 - |Y - R|^2 / |mean(V) - R|^2: 1 = exact, 0 = no better than no attention at all, negative = worse. Null when the
  // mean of the values already is the reference, or when outputs are not meant as averages.
  std::optional<double> skill;
  std::optional<double> angle;           // mean over queries of the angle between y_i and r_i, radians
  std::optional<double> cosine;          // mean over queries of its cosine
  std::optional<double> rel_fro;         // |Y - R|_F / |R|_F
  std::optional<double> rel_row_median;  // |y_i - r_i| / |r_i| over queries
  std::optional<double> rel_row_p95;
  double max_abs = 0;  // largest |y_ic - r_ic|
};

// The metrics by name, in the order reports print them.
std::vector<std::pair<std::string_view, std::optional<double>>> named(const Metrics& metrics);

// Compares y with r, both [batch, heads, n_q, d_v], for one row; padded queries are skipped. `averages`: whether both
// are averages of values, so that skill has a meaning.
Metrics compare(const Shape& shape, const Inputs& in, std::int64_t row, const float* y, const float* r, bool averages);

// What the exact attention of one row looks like, over at most `queries` evenly spaced kept queries.
struct HeadProfile {
  std::int64_t batch = 0, head = 0;
  double entropy = 0;                         // nats: mean over queries of the entropy of the softmax weights
  double effective_keys = 0;                  // exp(entropy), mean over queries
  double q_norm = 0, k_norm = 0, v_norm = 0;  // mean row norms
  double temperature = 0;  // mean |q| |k| / sqrt(d): the sharpness that a unit-sphere kernel would need
};
HeadProfile profile(const Shape& shape, const Inputs& in, std::int64_t row, std::int64_t queries = 256);

// `count` positions spread evenly over [0, n), first and last included; all of them when n <= count.
std::vector<std::int64_t> spread(std::int64_t n, std::int64_t count);

}  // namespace yoso
