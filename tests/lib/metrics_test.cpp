#include <yoso/metrics.hpp>

#include <cmath>
#include <numbers>
#include <vector>

#include <yoso/random.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

struct Data {
  Shape shape{.batch = 1, .heads = 2, .n_q = 12, .n_k = 12, .d = 4, .d_v = 3};
  std::vector<float> q, k, v, r;
  Data() : q(96), k(96), v(72), r(72) {
    Random(1, 1).normal(q);
    Random(1, 2).normal(k);
    Random(1, 3).normal(v);
    Random(1, 4).normal(r);
  }
  Inputs in() const { return {q.data(), k.data(), v.data()}; }
  // the mean of the values of each row, at every query
  std::vector<float> mean_of_values() const {
    std::vector<float> y(r.size());
    for (std::int64_t row = 0; row < 2; ++row)
      for (std::int64_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (std::int64_t j = 0; j < 12; ++j) sum += v[static_cast<std::size_t>((row * 12 + j) * 3 + c)];
        for (std::int64_t i = 0; i < 12; ++i)
          y[static_cast<std::size_t>((row * 12 + i) * 3 + c)] = static_cast<float>(sum / 12);
      }
    return y;
  }
};

}  // namespace

TEST_CASE("skill is one for the reference, zero for the mean of the values, negative beyond", "[metrics]") {
  const Data data;
  const auto skill = [&](const std::vector<float>& y) {
    return *compare(data.shape, data.in(), 1, y.data(), data.r.data(), true).skill;
  };
  CHECK(skill(data.r) == 1);
  CHECK(std::abs(skill(data.mean_of_values())) < 1e-6);
  std::vector<float> opposite = data.r;
  for (float& e : opposite) e = -e;
  CHECK(skill(opposite) < 0);
  // by hand: half way between mean and reference leaves a quarter of the squared error
  std::vector<float> half = data.mean_of_values();
  for (std::size_t i = 0; i < half.size(); ++i) half[i] = 0.5f * (half[i] + data.r[i]);
  CHECK(skill(half) == Approx(0.75).epsilon(1e-5));
}

TEST_CASE("skill is null where it has no meaning", "[metrics]") {
  const Data data;
  const auto mean = data.mean_of_values();
  CHECK_FALSE(
      compare(data.shape, data.in(), 0, data.r.data(), mean.data(), true).skill);  // the reference is the mean itself
  CHECK_FALSE(compare(data.shape, data.in(), 0, data.r.data(), data.r.data(), false).skill);  // outputs are no averages
}

TEST_CASE("angles ignore length, and a small one keeps its digits", "[metrics]") {
  const Data data;
  std::vector<float> y = data.r;
  for (float& e : y) e *= 7;
  CHECK(*compare(data.shape, data.in(), 0, y.data(), data.r.data(), false).angle < 1e-6);
  const Shape one{.batch = 1, .heads = 1, .n_q = 1, .n_k = 1, .d = 1, .d_v = 2};
  const float r[2] = {1, 0}, tilted[2] = {1, 1e-4f}, turned[2] = {0, 1}, zero[2] = {0, 0}, v[2] = {1, 1}, x[1] = {1};
  const Inputs in{x, x, v};
  CHECK(*compare(one, in, 0, tilted, r, false).angle == Approx(1e-4).epsilon(1e-4));
  CHECK(*compare(one, in, 0, turned, r, false).angle == Approx(std::numbers::pi / 2));
  CHECK(*compare(one, in, 0, zero, r, false).angle == Approx(std::numbers::pi / 2));  // points nowhere
  CHECK_FALSE(compare(one, in, 0, r, zero, false).angle);
}

TEST_CASE("padded queries are not counted, padded values are not in the mean", "[metrics]") {
  Data data;
  std::vector<std::uint8_t> keep(12, 1);
  keep[11] = 0;
  Inputs in = data.in();
  in.keep_q = in.keep_k = keep.data();
  std::vector<float> y = data.r;
  for (int c = 0; c < 3; ++c) y[static_cast<std::size_t>(11 * 3 + c)] = 1e6f;  // a padded query of row 0
  CHECK(compare(data.shape, in, 0, y.data(), data.r.data(), true).max_abs == 0);
  const double before = *compare(data.shape, in, 0, data.q.data(), data.r.data(), true).skill;
  data.v[33] = 1e6f;  // a padded value of row 0
  CHECK(*compare(data.shape, in, 0, data.q.data(), data.r.data(), true).skill == before);
}

TEST_CASE("a causal mean looks at the past only", "[metrics]") {
  Data data;
  data.shape.causal = true;
  std::vector<float> prefix(72);
  for (std::int64_t i = 0; i < 12; ++i)
    for (std::int64_t c = 0; c < 3; ++c) {
      double sum = 0;
      for (std::int64_t j = 0; j <= i; ++j) sum += data.v[static_cast<std::size_t>(j * 3 + c)];
      prefix[static_cast<std::size_t>(i * 3 + c)] = static_cast<float>(sum / static_cast<double>(i + 1));
    }
  CHECK(std::abs(*compare(data.shape, data.in(), 0, prefix.data(), data.r.data(), true).skill) < 1e-6);
}

TEST_CASE("a head's profile: equal keys are all effective, one dominant key is one", "[metrics]") {
  Shape s{.batch = 1, .heads = 1, .n_q = 8, .n_k = 8, .d = 4, .d_v = 1};
  std::vector<float> q(32, 1), k(32, 1), v(8, 2);
  const HeadProfile flat = profile(s, {q.data(), k.data(), v.data()}, 0);
  CHECK(flat.effective_keys == Approx(8));
  CHECK(flat.entropy == Approx(std::log(8)));
  CHECK(flat.q_norm == Approx(2));
  CHECK(flat.v_norm == Approx(2));
  CHECK(flat.temperature == Approx(2));
  for (int c = 0; c < 4; ++c) k[static_cast<std::size_t>(c)] = 100;
  CHECK(profile(s, {q.data(), k.data(), v.data()}, 0).effective_keys == Approx(1));
}

TEST_CASE("spread covers both ends", "[metrics]") {
  CHECK(spread(5, 10) == std::vector<std::int64_t>{0, 1, 2, 3, 4});
  CHECK(spread(100, 3) == std::vector<std::int64_t>{0, 49, 99});
  CHECK(spread(1, 4) == std::vector<std::int64_t>{0});
}
