#include <yoso/random.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "catch.hpp"

using namespace yoso;

namespace {

using Counter = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

// Philox4x32-10 from its definition (Salmon et al., SC 2011, section 3.3), to check the library call and our layout of
// seed, stream and index in its counter.
Counter philox(Counter c, Key k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{0xD2511F53} * c[0], second = std::uint64_t{0xCD9E8D57} * c[2];
    const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
    c = {high(second) ^ c[1] ^ k[0], static_cast<std::uint32_t>(second), high(first) ^ c[3] ^ k[1],
         static_cast<std::uint32_t>(first)};
    k = {k[0] + 0x9E3779B9u, k[1] + 0xBB67AE85u};
  }
  return c;
}

std::vector<float> normals(std::uint64_t seed, std::uint64_t stream, std::size_t count, double scale = 1) {
  std::vector<float> out(count);
  Random(seed, stream).normal(out, scale);
  return out;
}

double correlation(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum / static_cast<double>(a.size());
}

constexpr std::size_t kMany = 200000;

}  // namespace

TEST_CASE("Philox gives its published answers", "[random]") {
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  CHECK(Random(0, 0).bits(0) == 0xe169c58d6627e8d5u);
  CHECK(Random(0, 0).bits(1) == 0x9b00dbd8bc57ac4cu);
}

TEST_CASE("value i is a function of seed, stream and i alone", "[random]") {
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{0x123456789abcdef0}, UINT64_MAX})
    for (const std::uint64_t stream : {std::uint64_t{1}, stream_of("hyperplanes", 3), UINT64_MAX})
      for (const std::uint64_t at :
           {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{1} << 33, (std::uint64_t{1} << 63) - 1}) {
        const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
        const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
        const Counter want = philox({low(at), high(at), low(stream), high(stream)}, {low(seed), high(seed)});
        CHECK(Random(seed, stream).bits(2 * at) == (want[0] | std::uint64_t{want[1]} << 32));
        CHECK(Random(seed, stream).bits(2 * at + 1) == (want[2] | std::uint64_t{want[3]} << 32));
      }
}

TEST_CASE("a shorter draw is the beginning of a longer one", "[random]") {
  const Random random(3, 4);
  std::vector<float> long_normals(300), long_signs(300);
  std::vector<double> long_uniforms(300);
  random.normal(long_normals);
  random.sign(long_signs);
  random.uniform(long_uniforms);
  for (const std::size_t size : {0, 1, 3, 4, 5, 127, 128, 129, 299}) {
    CAPTURE(size);
    std::vector<float> some_normals(size), some_signs(size);
    std::vector<double> some_uniforms(size);
    random.normal(some_normals);
    random.sign(some_signs);
    random.uniform(some_uniforms);
    CHECK(std::equal(some_normals.begin(), some_normals.end(), long_normals.begin()));
    CHECK(std::equal(some_signs.begin(), some_signs.end(), long_signs.begin()));
    CHECK(std::equal(some_uniforms.begin(), some_uniforms.end(), long_uniforms.begin()));
  }
}

TEST_CASE("normals have the moments and the tails of a normal", "[random]") {
  const double n = static_cast<double>(kMany), root = std::sqrt(n);
  for (const std::uint64_t seed : {1, 2, 3}) {
    const std::vector<float> x = normals(seed, stream_of("moments"), kMany);
    double sum[4] = {};
    std::size_t beyond[3] = {};
    for (const float value : x) {
      double power = 1;
      for (double& s : sum) s += power *= static_cast<double>(value);
      for (int t = 0; t < 3; ++t) beyond[t] += std::abs(value) > static_cast<float>(t + 1);
    }
    CHECK(std::abs(sum[0] / n) < 5 / root);
    CHECK(std::abs(sum[1] / n - 1) < 5 * std::sqrt(2.0) / root);
    CHECK(std::abs(sum[2] / n) < 5 * std::sqrt(15.0) / root);
    CHECK(std::abs(sum[3] / n - 3) < 5 * std::sqrt(96.0) / root);
    for (int t = 0; t < 3; ++t) {
      const double chance = std::erfc((t + 1) / std::sqrt(2.0));
      CHECK(std::abs(static_cast<double>(beyond[t]) / n - chance) < 5 * std::sqrt(chance * (1 - chance)) / root);
    }
  }
  const std::vector<float> unit = normals(1, 1, 8), scaled = normals(1, 1, 8, 0.5);
  for (std::size_t i = 0; i < unit.size(); ++i) CHECK(scaled[i] == Approx(unit[i] / 2).epsilon(1e-6));
}

TEST_CASE("uniforms and signs are fair", "[random]") {
  const double n = static_cast<double>(kMany);
  std::vector<double> uniforms(kMany);
  Random(1, 2).uniform(uniforms);
  double sum = 0, square = 0;
  for (const double u : uniforms) {
    if (!(u >= 0 && u < 1)) FAIL("uniform " << u);
    sum += u;
    square += u * u;
  }
  CHECK(std::abs(sum / n - 0.5) < 5 * std::sqrt(1 / 12.0 / n));
  CHECK(std::abs(square / n - 1 / 3.0) < 5 * std::sqrt(4 / 45.0 / n));
  std::vector<float> signs(kMany);
  Random(1, 3).sign(signs, 2);
  double balance = 0;
  for (const float s : signs) {
    if (std::abs(s) != 2) FAIL("sign " << s);
    balance += static_cast<double>(s) / 2;
  }
  CHECK(std::abs(balance) < 5 * std::sqrt(n));
}

TEST_CASE("below is uniform under its limit", "[random]") {
  const Random random(5, 6);
  CHECK(random.below(0, 1) == 0);
  std::array<int, 7> seen{};
  for (std::uint64_t i = 0; i < 70000; ++i) {
    const std::uint64_t value = random.below(i, seen.size());
    REQUIRE(value < seen.size());
    ++seen[value];
  }
  double chi = 0;
  for (const int count : seen) chi += std::pow(count - 10000, 2) / 10000.0;
  CHECK(chi < 35);  // 6 degrees of freedom: exceeded with probability 4e-6
  const std::uint64_t huge = UINT64_MAX;
  CHECK(random.below(1, huge) < huge);
}

TEST_CASE("streams and seeds are independent", "[random]") {
  const double bound = 5 / std::sqrt(static_cast<double>(kMany));
  const std::vector<float> base = normals(1, stream_of("q", 0), kMany);
  const std::vector<std::vector<float>> others{
      normals(2, stream_of("q", 0), kMany), normals(1, stream_of("q", 1), kMany), normals(1, stream_of("k", 0), kMany),
      normals(std::uint64_t{1} << 32, stream_of("q", 0), kMany)};
  for (const std::vector<float>& other : others) CHECK(std::abs(correlation(base, other)) < bound);
  // nor does a stream repeat itself a little later
  for (const std::size_t lag : {1, 2, 3, 4, 128}) {
    const std::vector<float> shifted(base.begin() + static_cast<std::ptrdiff_t>(lag), base.end());
    const std::vector<float> cut(base.begin(), base.end() - static_cast<std::ptrdiff_t>(lag));
    CHECK(std::abs(correlation(cut, shifted)) < bound * 1.01);
  }
  std::set<std::uint64_t> streams;
  for (const char* const name : {"", "q", "k", "hyperplanes", "signs", "shared_signs"})
    for (std::uint64_t number = 0; number < 1000; ++number) streams.insert(stream_of(name, number));
  CHECK(streams.size() == 6000);
}
