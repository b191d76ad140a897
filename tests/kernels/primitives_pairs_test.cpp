// What backward passes do with pairs of rows, against double loops.
#include <numbers>

#include "primitives_testing.hpp"

using namespace yoso;
using namespace yoso::testing;
using I = std::int64_t;

namespace {

// `count` numbers below n, in no order and some of them twice.
std::vector<std::uint32_t> some(I count, I n, std::uint64_t stream) {
  std::vector<std::uint32_t> list;
  for (I i = 0; i < count; ++i)
    list.push_back(std::uint32_t(Random(6, stream).below(std::uint64_t(i), std::uint64_t(n))));
  return list;
}

}  // namespace

TEST_CASE("primitives: collision_gradient is the derivative, cut off near 1, or its lower bound", "[primitives]") {
  std::vector<std::vector<float>> rows;
  for (const I n : kSizes) {
    rows.emplace_back();
    for (I i = 0; i < n; ++i) rows.back().push_back(float(std::cos(0.001 + 3.14 * double(i) / double(n))));
  }
  rows.push_back({1.0f, std::nextafter(1.0f, 2.0f), 0.9999999f, 0.999999f, 0.0f, -0.0f, -1.0f, -1.5f, -0.9999999f});
  on_every_isa([&](const Primitives& p) {
    for (const int tau : {1, 2, 3, 8, 9, 16})
      for (const bool lower_bound : {false, true})
        for (const std::vector<float>& x : rows) {
          CAPTURE(tau, lower_bound, x.size());
          const I n = I(x.size());
          const std::vector<float> g = normals(n, 3);
          const float factor = 0.98f, shift = 0.25f;
          Guarded weights(x), slopes(g);
          const float most = p.collision_gradient(tau, lower_bound, factor, shift, weights.data(), slopes.data(), n);
          CHECK(most == *std::max_element(weights.data(), weights.data() + n));
          for (I i = 0; i < n; ++i) {
            const double angle = std::acos(std::clamp(double(x[std::size_t(i)]), -1.0, 1.0));
            const double base = 1 - angle / std::numbers::pi, weight = std::pow(base, tau);
            const double slope =
                lower_bound ? tau / 2.0 * weight
                            : tau * std::pow(base, tau - 1) / (std::numbers::pi * std::max(std::sin(angle), 1e-3));
            const double want = double(factor) * slope * double(g[std::size_t(i)] - shift);
            CAPTURE(i, x[std::size_t(i)], weights[i], slopes[i], want);
            REQUIRE(std::abs(double(weights[i]) - weight) <= 2.5e-7 * tau * weight + 1e-37);
            REQUIRE(std::abs(double(slopes[i]) - want) <= 2.5e-7 * (tau + 3) * std::abs(want) + 1e-36);
          }
          CHECK((weights.intact() && slopes.intact()));
        }
  });
}

TEST_CASE("primitives: products_at multiplies the rows that lists name", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I n : kSizes)
      for (const auto& [m, count] :
           {std::pair<I, I>{1, 1}, {1, 16}, {1, 37}, {3, 5}, {8, 8}, {17, 2}, {2, 33}, {0, 4}, {4, 0}}) {
        CAPTURE(n, m, count);
        const Matrix x = random_matrix(9, n, 2, 1), y = random_matrix(11, n, 1, 2);
        const std::vector<std::uint32_t> at_x = some(m, x.rows, 1), at_y = some(count, y.rows, 2);
        Guarded got(std::vector<float>(std::size_t(m * count)));
        p.products_at(m, at_x.data(), count, at_y.data(), n, x.data.data(), x.ld, y.data.data(), y.ld, got.data());
        for (I i = 0; i < m; ++i)
          for (I j = 0; j < count; ++j) {
            double sum = 0, size = 0;
            for (I c = 0; c < n; ++c) {
              const double product = double(x.at(at_x[std::size_t(i)], c)) * double(y.at(at_y[std::size_t(j)], c));
              sum += product;
              size += std::abs(product);
            }
            REQUIRE(std::abs(double(got[i * count + j]) - sum) <= double(n + 1) * kUnit * size);
          }
        REQUIRE(got.intact());
      }
  });
}

TEST_CASE("primitives: add_rows_at sums the rows that a list names, and touches no other", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I n : kSizes)
      for (const auto& [m, count] : {std::pair<I, I>{1, 1}, {1, 40}, {3, 5}, {5, 3}, {9, 9}, {2, 0}})
        for (const bool turned : {false, true}) {
          CAPTURE(n, m, count, turned);
          const Matrix x = random_matrix(11, n, 1, 1);
          Matrix want = random_matrix(9, n, 2, 2, 77.0f);
          std::vector<std::uint32_t> at_y;
          for (I i = 0; i < m; ++i) at_y.push_back(std::uint32_t(8 - i));
          const std::vector<std::uint32_t> at_x = some(count, x.rows, 2);
          const std::vector<float> weights = normals(std::max<I>(1, m * count), 3);
          const I row_step = turned ? 1 : count, step = turned ? m : 1;
          Guarded got(want.data);
          p.add_rows_at(m, at_y.data(), count, at_x.data(), weights.data(), row_step, step, n, x.data.data(), x.ld,
                        got.data(), want.ld);
          std::vector<double> size(want.data.size());
          std::vector<double> sums(want.data.begin(), want.data.end());
          for (I i = 0; i < m; ++i)
            for (I c = 0; c < n; ++c) {
              const std::size_t at = std::size_t(at_y[std::size_t(i)] * want.ld + c);
              size[at] = std::abs(sums[at]);
              for (I j = 0; j < count; ++j) {
                const double term =
                    double(weights[std::size_t(i * row_step + j * step)]) * double(x.at(at_x[std::size_t(j)], c));
                sums[at] += term;
                size[at] += std::abs(term);
              }
            }
          for (std::size_t at = 0; at < sums.size(); ++at)
            REQUIRE(std::abs(double(got[I(at)]) - sums[at]) <= double(count + 1) * 2 * kUnit * size[at]);
          REQUIRE(got.intact());
        }
  });
}

TEST_CASE("primitives: lists of rows are multiplied, summed and added as a double loop does it", "[primitives]") {
  const std::vector<I> counts = {3, 0, 1, 16, 17, 40, 2};
  on_every_isa([&](const Primitives& p) {
    for (const I n : kSizes)
      for (const bool asked : {false, true}) {
        CAPTURE(n, asked);
        const I lists = I(counts.size());
        const Matrix x = random_matrix(lists, n, 2, 1), y = random_matrix(11, n, 1, 2);
        std::vector<std::uint32_t> at, ends, sizes;
        for (const I count : counts) {
          at.resize(at.size() + 5);  // lists need not follow upon each other
          for (const std::uint32_t row : some(count, y.rows, at.size())) at.push_back(row);
          ends.push_back(std::uint32_t(at.size()));
          sizes.push_back(std::uint32_t(count));
        }
        const I entries = I(at.size());
        at.resize(at.size() + kListAhead);
        const RowLists named{lists, ends.data(), sizes.data(), at.data()};
        const float untouched = 77.0f;
        Guarded products(std::vector<float>(std::size_t(entries), untouched));
        Guarded totals(std::vector<float>(std::size_t(lists * (n + 1)), untouched));
        p.list_products(named, n, x.data.data(), x.ld, y.data.data(), y.ld, products.data(),
                        asked ? totals.data() : nullptr, n + 1);
        const std::vector<float> weights = normals(entries, 3);
        const Matrix old = random_matrix(lists, n, 1, 4, untouched);
        Guarded sums(old.data);
        p.add_lists(named, weights.data(), n, y.data.data(), y.ld, sums.data(), old.ld);
        std::vector<bool> named_entry(std::size_t(entries), false);
        for (I t = 0; t < lists; ++t) {
          const I begin = I(ends[std::size_t(t)]) - counts[std::size_t(t)];
          for (I e = begin; e < I(ends[std::size_t(t)]); ++e) {
            named_entry[std::size_t(e)] = true;
            double sum = 0, size = 0;
            for (I c = 0; c < n; ++c) {
              const double product = double(x.at(t, c)) * double(y.at(at[std::size_t(e)], c));
              sum += product;
              size += std::abs(product);
            }
            REQUIRE(std::abs(double(products[e]) - sum) <= double(n + 1) * kUnit * size);
          }
          for (I c = 0; c < n; ++c) {
            double total = 0, total_size = 0, added = double(old.at(t, c)), added_size = std::abs(added);
            for (I e = begin; e < I(ends[std::size_t(t)]); ++e) {
              const double row = double(y.at(at[std::size_t(e)], c)), term = double(weights[std::size_t(e)]) * row;
              total += row;
              total_size += std::abs(row);
              added += term;
              added_size += std::abs(term);
            }
            const double roundings = double(counts[std::size_t(t)] + 1) * 2 * kUnit;
            if (asked) REQUIRE(std::abs(double(totals[t * (n + 1) + c]) - total) <= roundings * total_size);
            REQUIRE(std::abs(double(sums[t * old.ld + c]) - added) <= roundings * added_size);
          }
          REQUIRE(totals[t * (n + 1) + n] == untouched);
          if (t + 1 < lists) REQUIRE(sums[t * old.ld + n] == untouched);
        }
        for (I e = 0; e < entries; ++e) REQUIRE((named_entry[std::size_t(e)] || products[e] == untouched));
        REQUIRE((products.intact() && totals.intact() && sums.intact()));
      }
  });
}
