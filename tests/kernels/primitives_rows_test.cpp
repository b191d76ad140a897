// Everything that works on rows of numbers, against double loops or, where the operations and their order are fixed,
// bit for bit.
#include <limits>
#include <numbers>
#include <utility>

#include "primitives_testing.hpp"

using namespace yoso;
using namespace yoso::testing;
using I = std::int64_t;

namespace {

constexpr float kGap = 77.0f;  // between the rows of a result: must survive
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> line(float first, float last, I count) {
  std::vector<float> x(static_cast<std::size_t>(count));
  for (I i = 0; i < count; ++i)
    x[std::size_t(i)] = float(double(first) + (double(last) - double(first)) * double(i) / double(count - 1));
  return x;
}

double collision_probability(int tau, float x) {
  const double base = 1 - std::acos(std::clamp(double(x), -1.0, 1.0)) / std::numbers::pi;
  return std::pow(base, tau);
}

}  // namespace

TEST_CASE("primitives: dot and sum, n roundings allowed", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    std::vector<I> sizes = kSizes;
    sizes.insert(sizes.end(), {0, 255, 256, 1000});
    for (const I n : sizes) {
      CAPTURE(n);
      const std::vector<float> x = normals(n, 1), y = normals(n, 2);
      double dot = 0, dot_size = 0, sum = 0, sum_size = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        dot += double(x[i]) * double(y[i]);
        dot_size += std::abs(double(x[i]) * double(y[i]));
        sum += double(x[i]);
        sum_size += std::abs(double(x[i]));
      }
      CHECK(std::abs(double(p.dot(x.data(), y.data(), n)) - dot) <= double(n + 1) * kUnit * dot_size);
      CHECK(std::abs(double(p.sum(x.data(), n)) - sum) <= double(n) * kUnit * sum_size);
    }
  });
}

TEST_CASE("primitives: dots are those of every row", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I rows : {1, 5})
      for (const I n : kSizes) {
        CAPTURE(rows, n);
        const Matrix x = random_matrix(rows, n, 3, 1), y = random_matrix(rows, n, 0, 2);
        for (const I ldy : {I{0}, y.ld}) {
          Guarded got(std::vector<float>(static_cast<std::size_t>(rows)));
          p.dots(rows, n, x.data.data(), x.ld, y.data.data(), ldy, got.data());
          for (I i = 0; i < rows; ++i) {
            const float want = p.dot(&x.data[std::size_t(i * x.ld)], &y.data[std::size_t(i * ldy)], n);
            const float have = got[i];
            REQUIRE(same_bits(&have, &want, 1));
          }
          REQUIRE(got.intact());
        }
      }
  });
}

TEST_CASE("primitives: add_rows sums a column in the order of its rows, bit for bit", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I rows : {0, 1, 2, 9})
      for (const I columns : kSizes) {
        CAPTURE(rows, columns);
        const Matrix x = random_matrix(rows + 1, columns, columns % 4, 1);
        std::vector<float> want = normals(columns, 2);
        Guarded got(want);
        p.add_rows(rows, columns, x.data.data(), x.ld, got.data());
        for (I c = 0; c < columns; ++c) {
          float sum = 0;
          for (I i = 0; i < rows; ++i) sum += x.at(i, c);
          want[std::size_t(c)] += sum;
        }
        REQUIRE(same_bits(got.data(), want.data(), columns));
        REQUIRE(got.intact());
      }
  });
}

TEST_CASE("primitives: extremes are the first of equals, and give way only to what exceeds them", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I columns : kSizes) {
      CAPTURE(columns);
      Matrix x = random_matrix(40, columns, 2, 1);
      for (I i = 0; i < x.rows; ++i)
        for (I c = 0; c < columns; ++c) x.at(i, c) = std::round(2 * x.at(i, c));  // many ties
      const auto size = static_cast<std::size_t>(columns);
      Guarded high(std::vector<float>(size, -kInfinity)), low(std::vector<float>(size, kInfinity));
      std::vector<std::int32_t> high_at(size + 1, -7), low_at(size + 1, -7);
      p.extremes(25, columns, x.data.data(), x.ld, 3, high.data(), high_at.data(), low.data(), low_at.data());
      p.extremes(15, columns, &x.data[std::size_t(25 * x.ld)], x.ld, 28, high.data(), high_at.data(), low.data(),
                 low_at.data());
      for (I c = 0; c < columns; ++c) {
        I most = 0, least = 0;
        for (I i = 1; i < x.rows; ++i) {
          if (x.at(i, c) > x.at(most, c)) most = i;
          if (x.at(i, c) < x.at(least, c)) least = i;
        }
        REQUIRE(high_at[std::size_t(c)] == most + 3);
        REQUIRE(low_at[std::size_t(c)] == least + 3);
        REQUIRE(high[c] == x.at(most, c));
        REQUIRE(low[c] == x.at(least, c));
      }
      CHECK((high_at[size] == -7 && low_at[size] == -7 && high.intact() && low.intact()));
    }
  });
}

TEST_CASE("primitives: transpose moves every element, and nothing else", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I rows : kSizes)
      for (const I columns : kSizes) {
        CAPTURE(rows, columns);
        const Matrix x = random_matrix(rows, columns, rows % 3, 1);
        Matrix want(columns, rows, columns % 3, kGap);
        Guarded got(want.data);
        p.transpose(rows, columns, x.data.data(), x.ld, got.data(), want.ld);
        for (I i = 0; i < rows; ++i)
          for (I c = 0; c < columns; ++c) want.at(c, i) = x.at(i, c);
        REQUIRE(same_bits(got.data(), want.data.data(), static_cast<I>(want.data.size())));
        REQUIRE(got.intact());
      }
  });
}

TEST_CASE("primitives: max finds the largest wherever it is", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    CHECK(p.max(nullptr, 0) == -kInfinity);
    for (const I n : kSizes) {
      CAPTURE(n);
      std::vector<float> x = normals(n, 1);
      for (float& e : x) e = -10 - std::abs(e);  // padding with zeros would win
      for (I i = 0; i < n; ++i) {
        const float before = std::exchange(x[std::size_t(i)], -1.0f);
        REQUIRE(p.max(x.data(), n) == -1.0f);
        x[std::size_t(i)] = before;
      }
      CHECK(p.max(x.data(), n) == *std::max_element(x.begin(), x.end()));
      std::fill(x.begin(), x.end(), -kInfinity);
      CHECK(p.max(x.data(), n) == -kInfinity);
    }
  });
}

TEST_CASE("primitives: axpy rounds at most twice; scale and add once", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I n : kSizes) {
      CAPTURE(n);
      const std::vector<float> x = normals(n, 1), y = normals(n, 2);
      const float a = 0.7f;
      Guarded axpy(y), scale(x), add(y);
      p.axpy(a, x.data(), axpy.data(), n);
      p.scale(a, scale.data(), n);
      p.add(x.data(), add.data(), n);
      for (I i = 0; i < n; ++i) {
        const double xi = double(x[std::size_t(i)]), yi = double(y[std::size_t(i)]), product = double(a) * xi;
        REQUIRE(std::abs(double(axpy[i]) - (product + yi)) <= 2 * kUnit * (std::abs(product) + std::abs(yi)));
        REQUIRE(scale[i] == static_cast<float>(product));
        REQUIRE(add[i] == static_cast<float>(xi + yi));
      }
      CHECK((axpy.intact() && scale.intact() && add.intact()));
    }
    // n = 0 touches nothing
    p.axpy(1, nullptr, nullptr, 0);
    p.scale(1, nullptr, 0);
    p.add(nullptr, nullptr, 0);
  });
}

TEST_CASE("primitives: exp_sum has a relative error below 2e-7 and is 0 below -87", "[primitives]") {
  std::vector<std::vector<float>> rows{line(-87, 88, 200001), line(-1, 1, 20001), line(-120, -80, 1001)};
  for (const I n : kSizes) rows.push_back(line(-90, 3, n + 1)), rows.back().resize(std::size_t(n));
  rows.push_back(
      {0.0f, 88.0f, -87.0f, std::nextafter(-87.0f, -kInfinity), -1e9f, -3.4e38f, -kInfinity, -1e-30f, 1e-8f});
  rows.push_back({});
  on_every_isa([&](const Primitives& p) {
    for (const float shift : {0.0f, 2.5f})
      for (const std::vector<float>& x : rows) {
        CAPTURE(shift, x.size());
        Guarded e(x);
        const double sum = double(p.exp_sum(shift, e.data(), static_cast<I>(x.size())));
        double want_sum = 0;
        I wrong = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          const float t = x[i] - shift;
          const double want = t < -87.0f ? 0.0 : std::exp(double(t)), got = double(e[static_cast<I>(i)]);
          wrong += !(std::abs(got - want) <= 2e-7 * want);
          want_sum += got;
        }
        CHECK(wrong == 0);
        if (want_sum < double(std::numeric_limits<float>::max()))  // the sum of the longest row is beyond f32
          CHECK(std::abs(sum - want_sum) <= double(x.size()) * kUnit * want_sum);
        else
          CHECK(sum == double(kInfinity));
        CHECK(e.intact());
      }
    float one = -3.25f;
    CHECK(p.exp_sum(-3.25f, &one, 1) == 1.0f);  // the largest weight of a softmax
    CHECK(one == 1.0f);
  });
}

TEST_CASE("primitives: exp_tile is exp_sum with a shift for every row and column", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I rows : {1, 2, 7})
      for (const I columns : kSizes) {
        CAPTURE(rows, columns);
        const Matrix x = random_matrix(rows, columns, columns % 3, 1, kGap);
        std::vector<float> by_row = normals(rows, 2), by_column = normals(columns, 3);
        by_row.back() = kInfinity;
        by_column.front() = kInfinity;
        for (const bool has_row : {false, true})
          for (const bool has_column : {false, true}) {
            Guarded got(x.data);
            p.exp_tile(rows, columns, has_row ? by_row.data() : nullptr, has_column ? by_column.data() : nullptr,
                       got.data(), x.ld);
            Matrix want = x;
            for (I i = 0; i < rows; ++i)
              for (I c = 0; c < columns; ++c) {
                float& e = want.at(i, c);
                if (has_row) e -= by_row[std::size_t(i)];
                if (has_column) e -= by_column[std::size_t(c)];
                p.exp_sum(0, &e, 1);
              }
            REQUIRE(same_bits(got.data(), want.data.data(), static_cast<I>(want.data.size())));
            REQUIRE(got.intact());
          }
      }
  });
}

TEST_CASE("primitives: score_gradients are weights times how far an element is from its row's mean", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I rows : {1, 2, 7})
      for (const I columns : kSizes) {
        CAPTURE(rows, columns);
        const Matrix weights = random_matrix(rows, columns, columns % 4, 1);
        const Matrix x = random_matrix(rows, columns, columns % 3, 2, kGap);
        const std::vector<float> mean = normals(rows, 3);
        Guarded got(x.data);
        p.score_gradients(rows, columns, weights.data.data(), weights.ld, mean.data(), got.data(), x.ld);
        Matrix want = x;
        for (I i = 0; i < rows; ++i)
          for (I c = 0; c < columns; ++c) want.at(i, c) = weights.at(i, c) * (x.at(i, c) - mean[std::size_t(i)]);
        REQUIRE(same_bits(got.data(), want.data.data(), static_cast<I>(want.data.size())));
        REQUIRE(got.intact());
      }
  });
}

TEST_CASE("primitives: elu_plus_one is max(x, 0) + exp(min(x, 0))", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I columns : kSizes) {
      CAPTURE(columns);
      Matrix x = random_matrix(3, columns, 2, 1);
      x.at(0, 0) = 0, x.at(1, 0) = -100, x.at(2, 0) = 1e9f;
      Matrix start(3, columns, 1, kGap);
      Guarded y(start.data);
      p.elu_plus_one(3, columns, x.data.data(), x.ld, y.data(), start.ld);
      for (I i = 0; i < 3; ++i)
        for (I c = 0; c < columns; ++c) {
          const double e = double(x.at(i, c)), want = e > 0 ? e + 1 : e < -87 ? 0.0 : std::exp(e);
          REQUIRE(std::abs(double(y[i * start.ld + c]) - want) <= 3e-7 * want);
        }
      for (I i = 0; i < 2; ++i) REQUIRE(y[i * start.ld + columns] == kGap);
      REQUIRE(y.intact());
    }
  });
}

TEST_CASE("primitives: chain is e * (x + row * column), and elu_chain takes the slope from e", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I columns : kSizes)
      for (const bool has_row : {false, true})
        for (const bool has_column : {false, true})
          for (const bool elu : {false, true}) {
            CAPTURE(columns, has_row, has_column, elu);
            constexpr I kRows = 3;
            Matrix e = random_matrix(kRows, columns, 2, 1), x = random_matrix(kRows, columns, 3, 2, kGap);
            for (I i = 0; i < kRows; ++i)
              for (I c = 0; c < columns; ++c) e.at(i, c) = std::abs(e.at(i, c));
            const std::vector<float> row{0.5f, -2.0f, 3.0f};
            const Matrix column = random_matrix(1, columns, 4, 0);
            Guarded out(x.data);
            std::vector<float> sums{1, 2, 3};
            const float* const by_row = has_row ? row.data() : nullptr;
            const float* const by_column = has_column ? column.data.data() : nullptr;
            if (elu)
              p.elu_chain(kRows, columns, e.data.data(), e.ld, by_row, by_column, out.data(), x.ld);
            else
              p.chain(kRows, columns, e.data.data(), e.ld, by_row, by_column, out.data(), x.ld, sums.data());
            for (I i = 0; i < kRows; ++i) {
              double sum = double(i + 1), size = sum;
              for (I c = 0; c < columns; ++c) {
                const double extra =
                    (has_row ? double(row[std::size_t(i)]) : 1.0) * (has_column ? double(column.at(0, c)) : 1.0);
                const double slope = elu ? std::min(double(e.at(i, c)), 1.0) : double(e.at(i, c));
                const double want = slope * (double(x.at(i, c)) + extra);
                sum += want;
                size += std::abs(want);
                REQUIRE(std::abs(double(out[i * x.ld + c]) - want) <=
                        3e-7 * slope * (std::abs(double(x.at(i, c))) + std::abs(extra)));
              }
              if (!elu) REQUIRE(std::abs(double(sums[std::size_t(i)]) - sum) <= 1e-5 * size);
              if (i + 1 < kRows && x.ld > columns)
                REQUIRE(out[i * x.ld + columns] == x.data[std::size_t(i * x.ld + columns)]);
            }
            REQUIRE(out.intact());
            if (elu) continue;
            Guarded unsummed(x.data);
            p.chain(kRows, columns, e.data.data(), e.ld, by_row, by_column, unsummed.data(), x.ld, nullptr);
            for (I at = 0; at < I(x.data.size()); ++at) REQUIRE(unsummed[at] == out[at]);
          }
  });
}

TEST_CASE("primitives: collision follows (1 - acos(x) / pi)^tau", "[primitives]") {
  std::vector<std::vector<float>> rows{line(-1, 1, 20001), line(0.999f, 1, 2001), line(-1, -0.999f, 2001)};
  for (const I n : kSizes) rows.push_back(line(-1, 1, n + 1)), rows.back().resize(std::size_t(n));
  on_every_isa([&](const Primitives& p) {
    for (const int tau : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 37}) {
      for (const std::vector<float>& x : rows) {
        CAPTURE(tau, x.size());
        Guarded out(x);
        const float largest = p.collision(tau, out.data(), static_cast<I>(x.size()));
        CHECK(largest == *std::max_element(out.data(), out.data() + x.size()));
        I wrong = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          const double want = collision_probability(tau, x[i]), got = double(out[static_cast<I>(i)]);
          // relative, down to where floats lose their precision
          wrong += !(std::abs(got - want) <= 2.5e-7 * tau * want + 1e-37);
        }
        CHECK(wrong == 0);
        CHECK(out.intact());
      }
      // the ends are exact: self-attention meets x = 1, and rounding makes dot products just above it
      std::vector<float> ends{1,  std::nextafter(1.0f, 2.0f),   2,  kInfinity,
                              -1, std::nextafter(-1.0f, -2.0f), -2, -kInfinity};
      p.collision(tau, ends.data(), static_cast<I>(ends.size()));
      CHECK(ends == std::vector<float>{1, 1, 1, 1, 0, 0, 0, 0});
    }
    std::vector<float> middle{0.0f, -0.0f};
    p.collision(1, middle.data(), 2);
    CHECK(middle == std::vector<float>{0.5f, 0.5f});
  });
}
