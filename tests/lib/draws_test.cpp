#include <yoso/draws.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "catch.hpp"

using namespace yoso;

namespace {

const Shape kShape{.batch = 2, .heads = 3};

std::vector<float> filled(const TensorSpec& spec, std::uint64_t seed = 1) {
  std::vector<float> out(static_cast<std::size_t>(spec.size(kShape)));
  fill(spec, kShape, seed, out);
  return out;
}

double dot(const float* a, const float* b, std::int64_t d) {
  double sum = 0;
  for (std::int64_t c = 0; c < d; ++c) sum += static_cast<double>(a[c]) * static_cast<double>(b[c]);
  return sum;
}

}  // namespace

TEST_CASE("there are as many copies as the axis says, and no two alike", "[draws]") {
  for (const Law law : {Law::normal, Law::sign, Law::orthogonal})
    for (const auto& [axis, copies] : {std::pair{Axis::row, 6}, {Axis::head, 3}, {Axis::all, 1}}) {
      const TensorSpec spec{.name = "x", .axis = axis, .shape = {16, 16}, .law = law};
      CHECK(spec.copies(kShape) == copies);
      const std::vector<float> values = filled(spec);
      REQUIRE(values.size() == static_cast<std::size_t>(copies) * 256);
      for (int a = 0; a < copies; ++a)
        for (int b = 0; b < a; ++b)
          CHECK_FALSE(std::equal(values.begin() + a * 256, values.begin() + (a + 1) * 256, values.begin() + b * 256));
    }
}

TEST_CASE("draws depend on name and seed, and repeat", "[draws]") {
  for (const Law law : {Law::normal, Law::sign, Law::orthogonal, Law::permutation}) {
    const std::vector<std::int64_t> shape =
        law == Law::permutation ? std::vector<std::int64_t>{64} : std::vector<std::int64_t>{8, 8};
    const TensorSpec a{.name = "a", .axis = Axis::row, .shape = shape, .law = law};
    TensorSpec b = a;
    b.name = "b";
    CHECK(filled(a, 1) == filled(a, 1));
    CHECK(filled(a, 1) != filled(a, 2));
    CHECK(filled(a, 1) != filled(b, 1));
  }
}

TEST_CASE("orthogonal rows come in orthogonal blocks with the lengths of normals", "[draws]") {
  for (const auto& [m, d] :
       {std::pair<std::int64_t, std::int64_t>{4, 8}, {8, 8}, {20, 8}, {5, 1}, {1, 64}, {256, 64}}) {
    CAPTURE(m, d);
    const TensorSpec spec{.name = "projection", .axis = Axis::all, .shape = {m, d}, .law = Law::orthogonal, .scale = 3};
    const std::vector<float> rows = filled(spec);
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = i / d * d; j < i; ++j) {  // those before it in its block
        const float *a = rows.data() + i * d, *b = rows.data() + j * d;
        CHECK(std::abs(dot(a, b, d)) <= 1e-6 * std::sqrt(dot(a, a, d) * dot(b, b, d)));
      }
  }
  // |row|^2 / scale^2 is chi-squared: mean d, variance 2 d
  const TensorSpec spec{
      .name = "projection", .axis = Axis::all, .shape = {4096, 16}, .law = Law::orthogonal, .scale = 3};
  const std::vector<float> rows = filled(spec);
  double sum = 0, square = 0;
  for (std::int64_t i = 0; i < 4096; ++i) {
    const double length = dot(rows.data() + i * 16, rows.data() + i * 16, 16) / 9;
    sum += length;
    square += length * length;
  }
  const double mean = sum / 4096, variance = square / 4096 - mean * mean;
  CHECK(std::abs(mean - 16) < 5 * std::sqrt(32.0 / 4096));
  CHECK(variance == Approx(32).epsilon(0.2));
}

TEST_CASE("normals and signs have their scale", "[draws]") {
  const std::vector<float> normals =
      filled({.name = "x", .axis = Axis::all, .shape = {100, 1000}, .law = Law::normal, .scale = 0.02});
  CHECK(std::sqrt(dot(normals.data(), normals.data(), 100000) / 1e5) == Approx(0.02).epsilon(0.02));
  for (const float s : filled({.name = "x", .axis = Axis::all, .shape = {1000}, .law = Law::sign, .scale = 0.5}))
    CHECK(std::abs(s) == 0.5f);
}

TEST_CASE("a permutation holds every position once, and every order is as likely", "[draws]") {
  for (const std::int64_t n : {1, 2, 3, 100, 1000}) {
    const std::vector<float> values =
        filled({.name = "order", .axis = Axis::row, .shape = {n}, .law = Law::permutation});
    for (std::int64_t copy = 0; copy < 6; ++copy) {
      std::vector<float> sorted(values.begin() + copy * n, values.begin() + (copy + 1) * n);
      std::ranges::sort(sorted);
      std::vector<float> want(static_cast<std::size_t>(n));
      std::iota(want.begin(), want.end(), 0.0f);
      CHECK(sorted == want);
    }
  }
  int seen[3][3] = {};  // position x value
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    const std::vector<float> order =
        filled({.name = "order", .axis = Axis::all, .shape = {3}, .law = Law::permutation}, seed);
    for (std::size_t i = 0; i < 3; ++i) ++seen[i][static_cast<std::size_t>(order[i])];
  }
  for (const auto& row : seen)
    for (const int count : row) CHECK(std::abs(count - 1000) < 130);  // five standard deviations
}

TEST_CASE("pool rows average neighbours", "[draws]") {
  for (const auto& [k, n] : {std::pair<std::int64_t, std::int64_t>{1, 7}, {3, 7}, {4, 16}, {7, 7}, {64, 1000}}) {
    CAPTURE(k, n);
    const std::vector<float> e = filled({.name = "E", .axis = Axis::all, .shape = {k, n}, .law = Law::pool});
    std::int64_t next = 0, shortest = n, longest = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      double sum = 0;
      std::int64_t first = -1, count = 0;
      for (std::int64_t j = 0; j < n; ++j) {
        const float weight = e[static_cast<std::size_t>(i * n + j)];
        if (weight == 0) continue;
        if (first < 0) first = j;
        sum += static_cast<double>(weight);
        ++count;
        CHECK(j == first + count - 1);  // one run
      }
      CHECK(sum == Approx(1).epsilon(1e-6));
      CHECK(first == next);  // runs follow each other
      next += count;
      shortest = std::min(shortest, count);
      longest = std::max(longest, count);
    }
    CHECK(next == n);
    CHECK(longest - shortest <= 1);
  }
}

TEST_CASE("drawn tensors are found by name, drawn again, and injected", "[draws]") {
  Drawn drawn({{.name = "a", .axis = Axis::row, .shape = {4}},
               {.name = "b", .axis = Axis::all, .shape = {2, 2}, .law = Law::sign}},
              kShape, 1);
  CHECK(drawn.bytes() == (24 + 4) * sizeof(float));
  const std::vector<float> first(drawn.values(0).begin(), drawn.values(0).end());
  CHECK(drawn.tensors()["a"] == drawn.values(0).data());
  CHECK(drawn.tensors().has("b"));
  CHECK_FALSE(drawn.tensors().has("c"));
  CHECK_THROWS_AS(drawn.tensors()["c"], std::logic_error);
  drawn.redraw(2);
  CHECK_FALSE(std::equal(first.begin(), first.end(), drawn.values(0).begin()));
  drawn.redraw(1);
  CHECK(std::equal(first.begin(), first.end(), drawn.values(0).begin()));
  drawn.values(1)[2] = 42;
  CHECK(drawn.tensors()["b"][2] == 42);
  CHECK(Drawn().tensors().has("a") == false);
}
