#include <yoso/families.hpp>

#include <cmath>
#include <numeric>
#include <set>
#include <string>

#include <yoso/errors.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

const Shape kShape{.batch = 2, .heads = 2, .n_q = 96, .n_k = 128, .d = 16, .d_v = 5};

std::span<const float> token(const std::vector<float>& values, std::int64_t index, std::int64_t width) {
  return std::span(values).subspan(static_cast<std::size_t>(index * width), static_cast<std::size_t>(width));
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

double length(std::span<const float> a) { return std::sqrt(dot(a, a)); }

double mean_square(const std::vector<float>& values) {
  return dot(values, values) / static_cast<double>(values.size());
}

// Softmax weights of query i of row 0, largest first.
std::vector<double> weights(const Capture& c, std::int64_t i) {
  std::vector<double> out;
  for (std::int64_t j = 0; j < c.shape.n_k; ++j)
    out.push_back(std::exp(dot(token(c.q, i, c.shape.d), token(c.k, j, c.shape.d)) / std::sqrt(double(c.shape.d))));
  const double total = std::accumulate(out.begin(), out.end(), 0.0);
  for (double& w : out) w /= total;
  std::sort(out.rbegin(), out.rend());
  return out;
}

double mean_largest_weight(const Capture& c) {
  double sum = 0;
  for (std::int64_t i = 0; i < c.shape.n_q; ++i) sum += weights(c, i)[0];
  return sum / static_cast<double>(c.shape.n_q);
}

// How many independent directions the first `count` tokens have, by Gram-Schmidt.
int rank(const std::vector<float>& values, std::int64_t count, std::int64_t d) {
  std::vector<std::vector<double>> basis;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::span<const float> x = token(values, i, d);
    std::vector<double> rest(x.begin(), x.end());
    for (int pass = 0; pass < 2; ++pass)
      for (const std::vector<double>& b : basis) {
        const double along = std::inner_product(b.begin(), b.end(), rest.begin(), 0.0);
        for (std::size_t e = 0; e < rest.size(); ++e) rest[e] -= along * b[e];
      }
    const double left = std::sqrt(std::inner_product(rest.begin(), rest.end(), rest.begin(), 0.0));
    if (left < 1e-4 * length(x)) continue;
    for (double& e : rest) e /= left;
    basis.push_back(rest);
  }
  return static_cast<int>(basis.size());
}

std::string refusal(const std::string& family) {
  try {
    parse_family(family);
  } catch (const BadSetting& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every family is finite, repeatable and different for every seed and row", "[families]") {
  std::set<std::string_view> names;
  for (const Family& family : families()) {
    CAPTURE(family.name);
    CHECK(names.insert(family.name).second);
    CHECK_FALSE(family.help.empty());
    for (const Shape& shape :
         {kShape, Shape{.n_q = 1, .n_k = 1, .d = 1, .d_v = 1}, Shape{.n_q = 3, .n_k = 33, .d = 7, .d_v = 2}}) {
      const Capture a = make_inputs(family.name, shape, 5), b = make_inputs(family.name, shape, 5),
                    c = make_inputs(family.name, shape, 6);
      CHECK(a.shape == shape);
      REQUIRE(a.q.size() == static_cast<std::size_t>(shape.q_size()));
      REQUIRE(a.k.size() == static_cast<std::size_t>(shape.k_size()));
      REQUIRE(a.v.size() == static_cast<std::size_t>(shape.v_size()));
      for (const auto* tensor : {&a.q, &a.k, &a.v})
        for (const float x : *tensor)
          if (!(std::abs(x) <= kLargestInput)) FAIL("holds " << x);
      CHECK((a.q == b.q && a.k == b.k && a.v == b.v));
      CHECK(a.v != c.v);
      if (shape.d > 1) CHECK((a.q != c.q && a.k != c.k));
      CHECK(a.name == family.name);
      CHECK(a.metadata.at("seed") == "5");
      CHECK_FALSE(a.shared_qk);
    }
    const Capture rows = make_inputs(family.name, kShape, 5);
    const std::size_t row = static_cast<std::size_t>(kShape.n_q * kShape.d);
    for (std::size_t other = 1; other < 4; ++other)
      CHECK_FALSE(std::equal(rows.q.begin(), rows.q.begin() + row, rows.q.begin() + other * row));
    // the largest values that the bounds allow
    if (!family.parameter.empty())
      for (const double value : {family.lowest, family.highest})
        for (const float x : make_inputs(std::string(family.name) + ":" + std::to_string(value), kShape, 1).q)
          if (!(std::abs(x) <= kLargestInput)) FAIL("holds " << x << " at " << value);
  }
  CHECK(names == std::set<std::string_view>{"gaussian", "unit", "clustered", "low-rank", "heavy-tailed", "duplicates",
                                            "needle", "temperature", "angle"});
}

TEST_CASE("a longer gaussian begins with the shorter one", "[families]") {
  Shape longer = kShape;
  longer.n_q *= 2;
  longer.n_k *= 2;
  const Capture a = make_inputs("gaussian", kShape, 3), b = make_inputs("gaussian", longer, 3).first(kShape.n_k);
  CHECK(a.k == b.k);
  CHECK(a.v == b.v);
  CHECK(mean_square(a.q) == Approx(1).margin(0.08));
  CHECK(mean_square(a.k) == Approx(1).margin(0.08));
  CHECK(std::abs(dot(a.k, b.q) / static_cast<double>(a.k.size())) < 0.08);  // q and k are apart
}

TEST_CASE("unit vectors have length one", "[families]") {
  const Capture c = make_inputs("unit", kShape, 1);
  for (std::int64_t i = 0; i < kShape.rows() * kShape.n_q; ++i)
    CHECK(length(token(c.q, i, kShape.d)) == Approx(1).epsilon(1e-6));
  for (std::int64_t j = 0; j < kShape.rows() * kShape.n_k; ++j)
    CHECK(length(token(c.k, j, kShape.d)) == Approx(1).epsilon(1e-6));
}

TEST_CASE("clustered queries and keys lie around the same n/32 centroids", "[families]") {
  // Without noise the centroids themselves show: 128 / 32 of them, shared by q and k.
  const Capture bare = make_inputs("clustered:0", kShape, 1);
  std::set<std::vector<float>> points;
  for (std::int64_t j = 0; j < kShape.n_k; ++j) {
    const auto k = token(bare.k, j, kShape.d);
    points.emplace(k.begin(), k.end());
  }
  CHECK(points.size() == 4);
  for (std::int64_t i = 0; i < kShape.n_q; ++i) {
    const auto q = token(bare.q, i, kShape.d);
    points.emplace(q.begin(), q.end());
  }
  CHECK(points.size() == 4);
  // With it, every coordinate has the variance 0.49 around them.
  const Capture noisy = make_inputs("clustered", kShape, 1);
  double square = 0;
  for (std::size_t e = 0; e < bare.k.size(); ++e) square += std::pow(double(noisy.k[e]) - double(bare.k[e]), 2);
  CHECK(square / static_cast<double>(bare.k.size()) == Approx(0.49).epsilon(0.06));
}

TEST_CASE("low-rank queries and keys share one subspace", "[families]") {
  for (const auto& [name, want] :
       {std::pair<std::string, int>{"low-rank", 8}, {"low-rank:3", 3}, {"low-rank:999", 16}}) {
    const Capture c = make_inputs(name, kShape, 1);
    std::vector<float> both(c.q.begin(), c.q.begin() + kShape.n_q * kShape.d);
    both.insert(both.end(), c.k.begin(), c.k.begin() + kShape.n_k * kShape.d);
    CHECK(rank(both, kShape.n_q + kShape.n_k, kShape.d) == want);
    CHECK(mean_square(c.k) == Approx(1).margin(0.7));
  }
}

TEST_CASE("heavy-tailed lengths are log-normal", "[families]") {
  const Capture c = make_inputs("heavy-tailed:0.5", Shape{.n_q = 4000, .n_k = 4000, .d = 8, .d_v = 1}, 1);
  for (const auto* tensor : {&c.q, &c.k}) {
    double sum = 0, square = 0;
    for (std::int64_t i = 0; i < 4000; ++i) {
      const double log_length = std::log(length(token(*tensor, i, 8)) / std::sqrt(8.0));
      sum += log_length;
      square += log_length * log_length;
    }
    CHECK(std::abs(sum / 4000) < 5 * 0.5 / std::sqrt(4000.0));
    CHECK(std::sqrt(square / 4000) == Approx(0.5).epsilon(0.06));
  }
}

TEST_CASE("duplicates repeat keys but not values", "[families]") {
  const Shape shape{.n_q = 4, .n_k = 61, .d = 5, .d_v = 5};
  const Capture c = make_inputs("duplicates", shape, 1);  // ceil(61 / 8) = 8 keys
  std::set<std::vector<float>> keys, values;
  for (std::int64_t j = 0; j < shape.n_k; ++j) {
    const auto k = token(c.k, j, 5), v = token(c.v, j, 5), same = token(c.k, j % 8, 5);
    CHECK(std::equal(k.begin(), k.end(), same.begin()));
    keys.emplace(k.begin(), k.end());
    values.emplace(v.begin(), v.end());
  }
  CHECK(keys.size() == 8);
  CHECK(values.size() == 61);
}

TEST_CASE("every query has its needle", "[families]") {
  const Capture c = make_inputs("needle", Shape{.n_q = 100, .n_k = 1000, .d = 64, .d_v = 8}, 1);
  std::set<std::int64_t> found;
  for (std::int64_t i = 0; i < 100; ++i) {
    double largest = -1e9;
    std::int64_t at = -1;
    for (std::int64_t j = 0; j < 1000; ++j) {
      const double logit = dot(token(c.q, i, 64), token(c.k, j, 64)) / 8;
      if (logit > largest) {
        largest = logit;
        at = j;
      }
    }
    CHECK(largest == Approx(16).epsilon(1e-5));
    found.insert(at);
    CHECK(weights(c, i)[0] > 0.98);
  }
  CHECK(found.size() > 80);  // different ones
}

TEST_CASE("a temperature scales the logits of the same gaussian", "[families]") {
  const Capture base = make_inputs("gaussian", kShape, 1), usual = make_inputs("temperature", kShape, 1),
                hot = make_inputs("temperature:0.25", kShape, 1);
  for (std::size_t e = 0; e < base.q.size(); ++e) {
    CHECK(usual.q[e] == 2 * base.q[e]);
    CHECK(hot.q[e] == base.q[e] / 2);
  }
  CHECK(usual.v == base.v);
  CHECK(usual.name == "temperature");
  CHECK(hot.name == "temperature:0.25");
  CHECK(hot.metadata.at("parameter") == "s = 0.25");
  CHECK(mean_largest_weight(hot) < mean_largest_weight(base));
  CHECK(mean_largest_weight(base) < mean_largest_weight(usual));
}

TEST_CASE("every key is at its angle to its query", "[families]") {
  for (const char* cosine : {"-1", "-0.5", "0", "0.3", "1"}) {
    const Capture c = make_inputs(std::string("angle:") + cosine, kShape, 2);
    for (std::int64_t j = 0; j < kShape.n_k; ++j) {
      const auto q = token(c.q, j % kShape.n_q, 16), k = token(c.k, j, 16);
      CHECK(length(k) == Approx(4));
      CHECK(dot(q, k) / (length(q) * length(k)) == Approx(std::stod(cosine)).margin(1e-6));
    }
  }
}

TEST_CASE("an unknown family or parameter is refused by name", "[families]") {
  CHECK(refusal("guassian").find("did you mean gaussian?") != std::string::npos);
  CHECK(refusal("cluster").find("did you mean clustered?") != std::string::npos);
  CHECK(refusal("").find("unknown input family ''") != std::string::npos);
  CHECK(refusal("gaussian:1").find("has no parameter") != std::string::npos);
  CHECK(refusal("low-rank:2.5").find("an integer in [1, 65536], got '2.5'") != std::string::npos);
  for (const std::string bad : {"temperature:", "temperature:x", "temperature:-1", "temperature:nan", "temperature:inf",
                                "temperature:4x", "temperature:1e9", "heavy-tailed:3", "duplicates:0", "low-rank:0"}) {
    CAPTURE(bad);
    CHECK(refusal(bad).find("must be") != std::string::npos);
  }
  CHECK(parse_family("temperature:9").value == 9);
  CHECK(parse_family("temperature").value == 4);
  CHECK_THROWS_AS(make_inputs("nonsense", kShape, 1), BadSetting);
  CHECK_THROWS_AS(make_inputs("gaussian", Shape{.n_q = 0}, 1), BadSetting);
}
