// What is done with one token in each lane: hashing, tables and the online softmax. Bit for bit where operations and
// their order are fixed, else against double loops.
#include <bit>
#include <cmath>
#include <limits>

#include "primitives_testing.hpp"

using namespace yoso;
using namespace yoso::testing;
using I = std::int64_t;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The definition: H[i][j] = (-1)^popcount(i & j).
double hadamard_element(const float* x, I size, I i) {
  double sum = 0;
  for (I j = 0; j < size; ++j)
    sum += std::popcount(static_cast<std::uint64_t>(i & j)) % 2 ? -double(x[j]) : double(x[j]);
  return sum;
}

// One row, the stages in ascending or descending order.
void butterflies(float* x, I size, bool descending) {
  for (I stage = 1; stage < size; stage *= 2) {
    const I half = descending ? size / 2 / stage : stage;
    for (I i = 0; i < size; ++i)
      if (!(i & half)) {
        const float a = x[i], b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
  }
}

std::vector<float> row_of(const std::vector<float>& batch, I size, I tokens, I token) {
  std::vector<float> row(static_cast<std::size_t>(size));
  for (I c = 0; c < size; ++c) row[std::size_t(c)] = batch[std::size_t(c * tokens + token)];
  return row;
}

std::vector<float> random_signs(I count, std::uint64_t stream) {
  std::vector<float> signs = normals(count, stream);
  for (float& s : signs) s = s > 0 ? 1.0f : -1.0f;
  return signs;
}

std::vector<float> round_of(std::vector<float> x, const float* signs, bool descending) {
  for (std::size_t c = 0; c < x.size(); ++c) x[c] *= signs[c];
  butterflies(x.data(), static_cast<I>(x.size()), descending);
  return x;
}

I up(I count, I step) { return (count + step - 1) / step * step; }

std::vector<std::uint16_t> random_codes(I count, I slots, std::uint64_t stream) {
  std::vector<std::uint16_t> codes(static_cast<std::size_t>(count));
  const Random random(7, stream);
  for (I i = 0; i < count; ++i)
    codes[std::size_t(i)] = static_cast<std::uint16_t>(random.below(std::uint64_t(i), std::uint64_t(slots)));
  return codes;
}

}  // namespace

TEST_CASE("primitives: gather turns tokens into lanes and scales extreme ones to one", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I count : {1, 5, 16, 33, 64})
      for (const I d : {1, 15, 16, 33, 64})
        for (const bool masked : {false, true}) {
          CAPTURE(count, d, masked);
          const I width = std::max<I>(32, I(std::bit_ceil(std::uint64_t(d)))), ld = up(count, p.tokens) + 16;
          std::vector<float> x = normals(count * d, 1);
          std::vector<std::uint8_t> keep(std::size_t(count), 1);
          const float scales[] = {1.0f, 0x1p-140f, 0x1p126f, 0x1p60f, 0x1p-63f, 0x1p-101f, 0.0f, 0x1p100f};
          for (I i = 0; i < count; ++i) {
            keep[std::size_t(i)] = i % 3 != 1;
            for (I c = 0; c < d; ++c) {
              float& e = x[std::size_t(i * d + c)];
              e = std::clamp(e, -1.9f, 1.9f) * scales[i % 8];
            }
          }
          std::vector<float> want(std::size_t(width * ld), 9.0f);
          for (I i = 0; i < up(count, p.tokens); ++i) {
            float largest = 0;
            for (I c = 0; i < count && c < d; ++c) largest = std::max(largest, std::abs(x[std::size_t(i * d + c)]));
            int exponent = 0;
            std::frexp(largest, &exponent);
            if (largest >= 0x1p-64f && largest <= 0x1p64f) exponent = 0;
            for (I c = 0; c < width; ++c) {
              const bool there = i < count && c < d && (!masked || keep[std::size_t(i)]);
              want[std::size_t(c * ld + i)] = there ? std::ldexp(x[std::size_t(i * d + c)], -exponent) : 0.0f;
            }
          }
          Guarded batch(std::vector<float>(std::size_t(width * ld), 9.0f));
          p.gather(count, d, x.data(), masked ? keep.data() : nullptr, width, batch.data(), ld);
          for (I e = 0; e < width * ld; ++e) REQUIRE(batch[e] == want[std::size_t(e)]);
          REQUIRE(batch.intact());
        }
  });
}

TEST_CASE("primitives: rotations are the signed natural-order transforms, with the same bits everywhere",
          "[primitives]") {
  for (I size = 32; size <= 4096; size *= 2) {
    CAPTURE(size);
    on_every_isa([&](const Primitives& p) {
      const std::vector<float> in = normals(size * p.tokens, 3), d0 = random_signs(size, 4), d1 = random_signs(size, 5),
                               d2 = random_signs(size, 6);
      Guarded two(std::vector<float>(in.size(), 9.0f)), work(std::vector<float>(in.size(), 9.0f));
      p.rotate(in.data(), d0.data(), d1.data(), size, two.data());
      const I step = 3;
      std::vector<std::uint16_t> once(std::size_t(size * step * p.tokens), 7), thrice(once);
      p.finish_to_bits(in.data(), d2.data(), size, work.data(), step, once.data());
      p.rotate_to_bits(in.data(), d0.data(), d1.data(), d2.data(), size, work.data(), step, thrice.data());
      for (I token = 0; token < p.tokens; ++token) {
        const std::vector<float> x = row_of(in, size, p.tokens, token);
        const std::vector<float> after_one = round_of(x, d2.data(), false);
        const std::vector<float> after_two = round_of(round_of(x, d0.data(), false), d1.data(), true);
        const std::vector<float> after_three = round_of(after_two, d2.data(), false);
        for (I r = 0; r < size; ++r) {
          REQUIRE(two[r * p.tokens + token] == after_two[std::size_t(r)]);
          const std::size_t at = std::size_t(r * step * p.tokens + token);
          REQUIRE(once[at] == (after_one[std::size_t(r)] > 0 ? 0xffff : 0));
          REQUIRE(thrice[at] == (after_three[std::size_t(r)] > 0 ? 0xffff : 0));
          REQUIRE(thrice[std::min(thrice.size() - 1, at + std::size_t(p.tokens))] == 7);  // rows of other rotations
        }
      }
      REQUIRE(two.intact());
      REQUIRE(work.intact());
    });
    const std::vector<float> x = normals(size, 8);  // and the order of stages does not make it another matrix
    for (const bool descending : {false, true}) {
      std::vector<float> out = x;
      butterflies(out.data(), size, descending);
      double norm = 0;
      for (const float e : x) norm += std::abs(double(e));
      for (I i = 0; i < size; i += 1 + size / 40)
        REQUIRE(std::abs(double(out[std::size_t(i)]) - hadamard_element(x.data(), size, i)) <=
                std::log2(double(2 * size)) * kUnit * norm);
    }
  }
}

TEST_CASE("primitives: bits become codes", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I count : {1, 7, 16, 33, 64})
      for (const I tau : {1, 9, 16}) {
        CAPTURE(count, tau);
        const I hashes = 3, ld = up(count, p.tokens), stride = count + 5;
        const std::vector<float> x = normals(hashes * tau * ld, 1);
        std::vector<std::uint16_t> bits(x.size()), codes(std::size_t(hashes * stride), 77);
        p.signs_to_bits(x.data(), I(x.size()), bits.data());
        for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(bits[i] == (x[i] > 0 ? 0xffff : 0));
        p.pack_codes(count, hashes, tau, bits.data(), ld, codes.data(), stride);
        for (I h = 0; h < hashes; ++h)
          for (I i = 0; i < stride; ++i) {
            int want = 0;
            for (I t = 0; t < tau; ++t) want |= (x[std::size_t((h * tau + t) * ld + std::min(i, ld - 1))] > 0) << t;
            REQUIRE(codes[std::size_t(h * stride + i)] == (i < count ? want : 77));
          }
      }
    const std::vector<float> edge(64, -0.0f);
    std::vector<std::uint16_t> none(64, 1);
    p.signs_to_bits(edge.data(), 64, none.data());
    CHECK(none == std::vector<std::uint16_t>(64, 0));
  });
}

TEST_CASE("primitives: tables hold sums in the order of tokens, and are read in the order of hashes", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I width : {16, 32, 64})
      for (const I hashes : {1, 3})
        for (const I n : {1, 2, 50}) {
          CAPTURE(width, hashes, n);
          const I slots = 8, stride = n + 3;
          const std::vector<std::uint16_t> codes = random_codes(hashes * stride, slots, 1);
          const std::vector<float> v = normals(n * width, 2), before = normals(n * width, 3);
          std::vector<float> tables(std::size_t(hashes * slots * width)), out = before;
          const auto slot = [&](I h, I token) {
            return tables.data() + (h * slots + codes[std::size_t(h * stride + token)]) * width;
          };
          for (I j = n / 3; j < n; ++j)
            for (I h = 0; h < hashes; ++h)
              for (I c = 0; c < width; ++c) slot(h, j)[c] += v[std::size_t(j * width + c)];
          for (I i = n / 3; i < n; ++i)
            for (I h = 0; h < hashes; ++h)
              for (I c = 0; c < width; ++c) out[std::size_t(i * width + c)] += slot(h, i)[c];
          Guarded got_tables(std::vector<float>(tables.size())), got(before);
          p.insert(width, n / 3, n, codes.data(), stride, hashes, slots, v.data(), got_tables.data());
          p.look_up(width, n / 3, n, codes.data(), stride, hashes, slots, got_tables.data(), got.data());
          REQUIRE(same_bits(got_tables.data(), tables.data(), I(tables.size())));
          REQUIRE(same_bits(got.data(), out.data(), I(out.size())));
          REQUIRE(got_tables.intact());
          REQUIRE(got.intact());
        }
  });
}

TEST_CASE("primitives: unit rows, whatever their size", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I n : kSizes)
      for (const double share : {1.0, 1.0 / 32}) {
        CAPTURE(n, share);
        const float scales[] = {1.0f, 1e30f, 1e-30f, 0.0f, 1e-13f};
        std::vector<float> x = normals(5 * n, 1);
        for (I r = 0; r < 5; ++r)
          for (I c = 0; c < n; ++c) x[std::size_t(r * n + c)] *= scales[r];
        Guarded out(x);
        p.unit_rows(5, n, share, out.data());
        for (I r = 0; r < 5; ++r) {
          double square = 0;
          for (I c = 0; c < n; ++c) square += std::pow(double(x[std::size_t(r * n + c)]), 2);
          const double divisor = std::max(share * std::sqrt(square), 1e-12);
          for (I c = 0; c < n; ++c) {
            const double want = share * double(x[std::size_t(r * n + c)]) / divisor;
            REQUIRE(std::abs(out[r * n + c] - want) <= (4 + 0.1 * double(n)) * kUnit * std::abs(want) + 1e-45);
          }
        }
        REQUIRE(out.intact());
      }
  });
}

TEST_CASE("primitives: columns and back", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I count : {1, 15, 16, 17, 64})
      for (const I d : kSizes) {
        CAPTURE(count, d);
        const I width = up(count, p.tokens);
        const std::vector<float> x = normals(count * d, 1);
        Guarded columns(std::vector<float>(std::size_t(d * width), 9.0f)), rows(std::vector<float>(x.size(), 9.0f));
        p.to_columns(count, d, x.data(), 0.5f, columns.data(), width);
        for (I c = 0; c < d; ++c)
          for (I i = 0; i < width; ++i)
            REQUIRE(columns[c * width + i] == (i < count ? 0.5f * x[std::size_t(i * d + c)] : 0.0f));
        std::vector<float> factors(std::size_t(width), 2.0f);
        factors[0] = 0.0f;
        p.from_columns(count, d, columns.data(), width, factors.data(), rows.data());
        for (I i = 0; i < count; ++i)
          for (I c = 0; c < d; ++c) REQUIRE(rows[i * d + c] == (i > 0 ? x[std::size_t(i * d + c)] : 0.0f));
        REQUIRE(columns.intact());
        REQUIRE(rows.intact());
      }
  });
}

TEST_CASE("primitives: the online softmax of two tiles is that of their union", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I width : {p.tokens, 4 * p.tokens})
      for (const I keys : {1, 3, 4, 9, 64}) {
        CAPTURE(width, keys);
        std::vector<float> all = normals(2 * keys * width, 1);
        for (float& s : all) s *= 20;
        std::vector<std::int32_t> from(std::size_t(width), 0);
        std::vector<std::int32_t> to = from;
        std::ranges::fill(to, std::int32_t(keys));
        for (I i = 0; i < width; i += 3) {  // what these see of the first tile: nothing, or a part
          from[std::size_t(i)] = std::int32_t(i % keys);
          to[std::size_t(i)] = std::int32_t(i % 2 ? keys : i % keys);
        }
        Guarded first({all.begin(), all.begin() + keys * width}), second({all.begin() + keys * width, all.end()});
        p.hide(keys, width, from.data(), to.data(), first.data());
        for (I j = 0; j < keys; ++j)
          for (I i = 0; i < width; ++i) {
            float& s = all[std::size_t(j * width + i)];
            if (j < from[std::size_t(i)] || j >= to[std::size_t(i)]) s = -kInfinity;
            REQUIRE(first[j * width + i] == s);
          }
        const std::vector<float> zeros(std::size_t(width), 0.0f), lowest(std::size_t(width), -kInfinity);
        Guarded largest(lowest), total(zeros), decay(zeros);
        p.online_weights(keys, width, true, first.data(), largest.data(), total.data(), decay.data());
        p.online_weights(keys, width, false, second.data(), largest.data(), total.data(), decay.data());
        p.scale_columns(keys, width, decay.data(), first.data());
        for (I i = 0; i < width; ++i) {
          double top = -kInfinity, sum = 0;
          for (I j = 0; j < 2 * keys; ++j) top = std::max(top, double(all[std::size_t(j * width + i)]));
          for (I j = 0; j < 2 * keys; ++j) sum += std::exp2(double(all[std::size_t(j * width + i)]) - top);
          REQUIRE(double(largest[i]) == top);
          REQUIRE(std::abs(double(total[i]) / sum - 1) < 1e-5);
          for (I j = 0; j < 2 * keys; ++j) {
            const float got = j < keys ? first[j * width + i] : second[(j - keys) * width + i];
            const float s = all[std::size_t(j * width + i)];
            const double want = std::exp2(double(s) - top);
            if (s == -kInfinity)
              REQUIRE(got == 0.0f);
            else
              REQUIRE(std::abs(double(got) - want) <= (5e-7 + 3 * kUnit * (top - double(s))) * want + 0x1p-125);
          }
        }
        for (const Guarded* g : {&first, &second, &largest, &total, &decay}) REQUIRE(g->intact());
      }
  });
}

TEST_CASE("primitives: column_dots have the bits of a matrix product", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I width : {p.tokens, 4 * p.tokens})
      for (const I rows : {1, 3, 64, 255, 256, 257, 600}) {
        CAPTURE(width, rows);
        const std::vector<float> x = normals(rows * width, 1), y = normals(rows * width, 2);
        std::vector<float> x_rows(x.size()), products(std::size_t(width * width));
        p.transpose(rows, width, x.data(), width, x_rows.data(), rows);
        p.gemm_nn(width, width, rows, 1.0f, x_rows.data(), rows, y.data(), width, false, products.data(), width);
        Guarded got(std::vector<float>(std::size_t(width), -1.0f));
        p.column_dots(rows, width, x.data(), y.data(), got.data());
        for (I i = 0; i < width; ++i) REQUIRE(same_bits(got.data() + i, &products[std::size_t(i * width + i)], 1));
        REQUIRE(got.intact());
      }
  });
}

TEST_CASE("primitives: online_gradients are weights times how far a slope is from the mean", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    for (const I width : {p.tokens, 4 * p.tokens})
      for (const I keys : {1, 3, 4, 9, 64}) {
        CAPTURE(width, keys);
        const std::vector<float> slopes = normals(keys * width, 2), mean = normals(width, 3);
        std::vector<float> scores = normals(keys * width, 1), largest(std::size_t(width), -kInfinity);
        for (float& s : scores) s *= 20;
        for (std::size_t i = 0; i < scores.size(); i += 7) scores[i] = i % 2 ? -kInfinity : -1e9f;
        for (std::size_t i = 0; i < scores.size(); ++i)
          largest[i % std::size_t(width)] = std::max(largest[i % std::size_t(width)], scores[i]);
        largest.front() = kInfinity;  // a query without weights
        Guarded weights(scores), got(slopes);
        p.online_gradients(keys, width, largest.data(), mean.data(), weights.data(), got.data());
        for (I j = 0; j < keys; ++j)
          for (I i = 0; i < width; ++i) {
            const double x = double(scores[std::size_t(j * width + i)]) - double(largest[std::size_t(i)]);
            const double apart = double(slopes[std::size_t(j * width + i)]) - double(mean[std::size_t(i)]);
            const double weight = x == 0 ? 1 : x > -100 ? std::exp2(x) : 0, w = double(weights[j * width + i]);
            if (weight == 0) {
              REQUIRE(w == 0);
              REQUIRE(got[j * width + i] == 0.0f);
              continue;
            }
            REQUIRE(std::abs(w - weight) <= (5e-7 + 3 * kUnit * std::abs(x)) * weight);
            REQUIRE(std::abs(double(got[j * width + i]) - w * apart) <= 3 * kUnit * w * (std::abs(apart) + 1));
          }
        REQUIRE(weights.intact());
        REQUIRE(got.intact());
      }
  });
}

TEST_CASE("primitives: powers of two are good to two units in the last place", "[primitives]") {
  on_every_isa([](const Primitives& p) {
    const I keys = 4000;
    std::vector<float> scores(std::size_t(keys * p.tokens));
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = -125.0f * float(i) / float(scores.size());
    std::vector<float> got = scores, largest(std::size_t(p.tokens), 0.0f), total = largest, decay = largest;
    p.online_weights(keys, p.tokens, false, got.data(), largest.data(), total.data(), decay.data());
    double worst = 0;
    for (std::size_t i = 0; i < scores.size(); ++i)
      worst = std::max(worst, std::abs(double(got[i]) / std::exp2(double(scores[i])) - 1));
    CHECK(worst < 2.4e-7);
    CHECK(got[0] == 1.0f);
  });
}
