#include <yoso/metrics.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <yoso/statistics.hpp>

namespace yoso {
namespace {

double dot(const float* x, const float* y, std::int64_t n) {
  double sum = 0;
  for (std::int64_t c = 0; c < n; ++c) sum += static_cast<double>(x[c]) * static_cast<double>(y[c]);
  return sum;
}

double norm(const float* x, std::int64_t n) { return std::sqrt(dot(x, x, n)); }

// The angle from chord lengths (Kahan): acos of a cosine would lose everything below 1e-8.
double angle_between(const float* x, const float* y, std::int64_t n, double norm_x, double norm_y) {
  double difference = 0, sum = 0;
  for (std::int64_t c = 0; c < n; ++c) {
    const double a = x[c] / norm_x, b = y[c] / norm_y;
    difference += (a - b) * (a - b);
    sum += (a + b) * (a + b);
  }
  return 2 * std::atan2(std::sqrt(difference), std::sqrt(sum));
}

// The mean of the values that each query may see: "no attention at all".
class MeanValue {
 public:
  MeanValue(const Shape& shape, const Inputs& in, std::int64_t row)
      : shape_(shape),
        values_(in.v + row * shape.n_k * shape.d_v),
        keep_(in.keep_k ? in.keep_k + row / shape.heads * shape.n_k : nullptr),
        sum_(static_cast<std::size_t>(shape.d_v)) {}

  // Queries must come in ascending order.
  void advance_to(std::int64_t query) {
    for (; next_ < shape_.visible(query); ++next_) {
      if (keep_ && !keep_[next_]) continue;
      for (std::int64_t c = 0; c < shape_.d_v; ++c)
        sum_[static_cast<std::size_t>(c)] += values_[next_ * shape_.d_v + c];
      ++kept_;
    }
  }
  double at(std::int64_t c) const {
    return kept_ ? sum_[static_cast<std::size_t>(c)] / static_cast<double>(kept_) : 0.0;
  }

 private:
  const Shape& shape_;
  const float* values_;
  const std::uint8_t* keep_;
  std::vector<double> sum_;
  std::int64_t next_ = 0, kept_ = 0;
};

std::optional<double> some(double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; }

}  // namespace

std::vector<std::pair<std::string_view, std::optional<double>>> named(const Metrics& m) {
  return {{"skill", m.skill},
          {"angle", m.angle},
          {"cosine", m.cosine},
          {"rel_fro", m.rel_fro},
          {"rel_row_median", m.rel_row_median},
          {"rel_row_p95", m.rel_row_p95},
          {"max_abs", some(m.max_abs)}};
}

Metrics compare(const Shape& shape, const Inputs& in, std::int64_t row, const float* y, const float* r, bool averages) {
  const std::int64_t width = shape.d_v;
  const std::uint8_t* keep = in.keep_q ? in.keep_q + row / shape.heads * shape.n_q : nullptr;
  MeanValue none(shape, in, row);
  Metrics m;
  double wrong = 0, blind = 0, energy = 0;
  std::vector<double> angles, cosines, relative;
  for (std::int64_t i = 0; i < shape.n_q; ++i) {
    none.advance_to(i);
    if (keep && !keep[i]) continue;
    const float *a = y + (row * shape.n_q + i) * width, *b = r + (row * shape.n_q + i) * width;
    double row_wrong = 0;
    for (std::int64_t c = 0; c < width; ++c) {
      const double error = static_cast<double>(a[c]) - static_cast<double>(b[c]),
                   gap = none.at(c) - static_cast<double>(b[c]);
      row_wrong += error * error;
      blind += gap * gap;
      m.max_abs = std::max(m.max_abs, std::abs(error));
    }
    const double norm_a = norm(a, width), norm_b = norm(b, width);
    wrong += row_wrong;
    energy += norm_b * norm_b;
    if (norm_b > 0) relative.push_back(std::sqrt(row_wrong) / norm_b);
    if (norm_b > 0 && norm_a > 0) {
      angles.push_back(angle_between(a, b, width, norm_a, norm_b));
      cosines.push_back(std::clamp(dot(a, b, width) / (norm_a * norm_b), -1.0, 1.0));
    } else if (norm_b > 0) {  // an output of zeros points nowhere: count it as orthogonal
      angles.push_back(std::numbers::pi / 2);
      cosines.push_back(0);
    }
  }
  // Below rounding of f32 the mean of the values *is* the reference, and skill would be a ratio of noises.
  if (averages && blind > 1e-12 * energy && blind > 0) m.skill = some(1 - wrong / blind);
  if (!angles.empty()) {
    m.angle = some(mean(angles));
    m.cosine = some(mean(cosines));
  }
  if (energy > 0) m.rel_fro = some(std::sqrt(wrong / energy));
  if (!relative.empty()) {
    m.rel_row_median = some(median(relative));
    m.rel_row_p95 = some(quantile(relative, 0.95));
  }
  return m;
}

HeadProfile profile(const Shape& shape, const Inputs& in, std::int64_t row, std::int64_t queries) {
  const std::int64_t batch = row / shape.heads;
  const auto keeps = [&](const std::uint8_t* mask, std::int64_t n, std::int64_t i) {
    return !mask || mask[batch * n + i];
  };
  const auto mean_norm = [&](const float* x, const std::uint8_t* mask, std::int64_t n, std::int64_t width) {
    double sum = 0;
    std::int64_t kept = 0;
    for (std::int64_t i = 0; i < n; ++i)
      if (keeps(mask, n, i)) {
        sum += norm(x + (row * n + i) * width, width);
        ++kept;
      }
    return kept ? sum / static_cast<double>(kept) : 0.0;
  };
  HeadProfile p;
  p.batch = batch;
  p.head = row % shape.heads;
  p.q_norm = mean_norm(in.q, in.keep_q, shape.n_q, shape.d);
  p.k_norm = mean_norm(in.k, in.keep_k, shape.n_k, shape.d);
  p.v_norm = mean_norm(in.v, in.keep_k, shape.n_k, shape.d_v);
  const double scale = 1 / std::sqrt(static_cast<double>(shape.d));
  p.temperature = p.q_norm * p.k_norm * scale;

  std::vector<double> entropies, effective, logits;
  for (const std::int64_t i : spread(shape.n_q, queries)) {
    if (!keeps(in.keep_q, shape.n_q, i)) continue;
    logits.clear();
    for (std::int64_t j = 0; j < shape.visible(i); ++j)
      if (keeps(in.keep_k, shape.n_k, j))
        logits.push_back(scale *
                         dot(in.q + (row * shape.n_q + i) * shape.d, in.k + (row * shape.n_k + j) * shape.d, shape.d));
    if (logits.empty()) continue;
    // entropy = log Z - sum w (logit - largest), with Z relative to the largest
    const double largest = *std::ranges::max_element(logits);
    double z = 0, weighted = 0;
    for (const double l : logits) {
      const double w = std::exp(l - largest);
      z += w;
      weighted += w * (l - largest);
    }
    entropies.push_back(std::log(z) - weighted / z);
    effective.push_back(std::exp(entropies.back()));
  }
  if (!entropies.empty()) {
    p.entropy = mean(entropies);
    p.effective_keys = mean(effective);
  }
  return p;
}

std::vector<std::int64_t> spread(std::int64_t n, std::int64_t count) {
  std::vector<std::int64_t> positions;
  const std::int64_t used = std::min(n, count);
  for (std::int64_t i = 0; i < used; ++i) positions.push_back(used == 1 ? 0 : i * (n - 1) / (used - 1));
  return positions;
}

}  // namespace yoso
