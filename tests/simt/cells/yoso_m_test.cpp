// What yoso-m's CUDA cell promises beyond agreeing with the definition: the CPU's codes bit for bit, integer tables
// that equal plain loops exactly, and no dependence on the order in which warps run.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include <yoso/instance.hpp>

#include "catch.hpp"
#include "conformance/examine.hpp"
#include "simt/testing.hpp"
#include "yoso_m/fixed.hpp"

using namespace conformance;

namespace {

const Method& yoso_m() { return yoso::find(methods(), "yoso-m"); }

struct Codes final : yoso::Probe {
  std::map<std::string, std::vector<std::int32_t>, std::less<>> found;
  void see(std::string_view name, const yoso::TensorView& value) override {
    std::int64_t size = 1;
    for (const std::int64_t extent : value.shape) size *= extent;
    const auto* const from = static_cast<const std::int32_t*>(value.data);
    found[std::string(name)].assign(from, from + size);
  }
};

struct Result {
  std::vector<float> out;
  Codes codes;
};

Result run(const Shape& shape, const Knobs& knobs, const yoso::Inputs& in, yoso::Device* where) {
  yoso::Instance instance(yoso_m(), shape, settings(yoso_m(), shape, knobs), {.device = where}, 5);
  Result result;
  result.out.resize(static_cast<std::size_t>(shape.out_size()));
  instance.forward(in, result.out.data(), nullptr, &result.codes);
  return result;
}

}  // namespace

TEST_CASE("codes are the CPU's, bit for bit", "[slice][yoso-m]") {
  struct Case {
    std::int64_t d;  // 32, 64 and 128 fill a thread's registers, more are a warp's
    float scale;
    const char *hashes, *bits;
  };
  for (const char* projection : {"interleaved", "packed", "shared", "gaussian"})
    for (const auto& [d, scale, hashes, bits] :
         {Case{3, 1, "5", "9"}, Case{32, 1, "40", "1"}, Case{64, 1, "5", "9"}, Case{64, 1e-30f, "2", "16"},
          Case{64, 1e9f, "2", "7"}, Case{100, 1, "3", "16"}, Case{200, 1, "3", "9"}, Case{300, 1e9f, "2", "5"},
          Case{600, 1, "2", "3"}, Case{1100, 1e9f, "3", "9"}}) {
      const Shape shape{.batch = 2, .heads = 2, .n_q = d > 128 ? 9 : 37, .n_k = 3, .d = d, .d_v = 4};
      CAPTURE(projection, d, scale, hashes, bits);
      Problem problem(shape, Values::some_zero, Masks::holes);
      for (std::vector<float>* x : {&problem.q, &problem.k})
        for (float& e : *x) e *= scale / 8;
      const Knobs knobs{{"projection", projection}, {"hashes", hashes}, {"hash_bits", bits}};
      const Result here = run(shape, knobs, problem.inputs(), nullptr);
      const Result there = run(shape, knobs, problem.inputs(), device());
      REQUIRE(there.codes.found.at("q_codes") == here.codes.found.at("q_codes"));
      REQUIRE(there.codes.found.at("k_codes") == here.codes.found.at("k_codes"));
    }
}

namespace {

using namespace yoso::yoso_m::SIMT_NS;

// sums=fixed or fixed16 with norm=none, against the same sums in plain loops.
void expect_plain_loops(const Shape& shape, const std::string& sums, std::int64_t hashes, int bits, Values values) {
  CAPTURE(sums, hashes, bits, name(values));
  Problem problem(shape, values, Masks::holes);
  for (std::size_t i = 0; i < problem.v.size(); i += 7) problem.v[i] *= 1e6f;
  const Knobs knobs{
      {"sums", sums}, {"norm", "none"}, {"hashes", std::to_string(hashes)}, {"hash_bits", std::to_string(bits)}};
  const Result got = run(shape, knobs, problem.inputs(), device());
  const auto& q = got.codes.found.at("q_codes");
  const auto& k = got.codes.found.at("k_codes");
  const auto kept = [&](std::int64_t row, std::int64_t j) {
    return problem.keep_k[static_cast<std::size_t>(row / shape.heads * shape.n_k + j)] != 0;
  };
  const auto code = [&](const std::vector<std::int32_t>& codes, std::int64_t n, std::int64_t row, std::int64_t i,
                        std::int64_t h) {
    return static_cast<std::size_t>(codes[static_cast<std::size_t>((row * n + i) * hashes + h)]);
  };
  std::int64_t overflows = 0, different = 0;
  using Table = std::vector<std::int32_t>;
  for (std::int64_t row = 0; row < shape.rows(); ++row) {
    int fullest = 0;
    for (std::int64_t h = 0; h < hashes; ++h) {
      Table counts(std::size_t{1} << bits);
      for (std::int64_t j = 0; j < shape.n_k; ++j) counts[code(k, shape.n_k, row, j, h)] += kept(row, j);
      fullest = std::max(fullest, std::ranges::max(counts));
    }
    for (std::int64_t c = 0; c < shape.d_v; ++c) {
      const auto value = [&](std::int64_t j) {
        return problem.v[static_cast<std::size_t>((row * shape.n_k + j) * shape.d_v + c)];
      };
      float largest = 0;
      for (std::int64_t j = 0; j < shape.n_k; ++j)
        if (kept(row, j)) largest = std::max(largest, std::abs(value(j)));
      std::vector<Table> tables(static_cast<std::size_t>(hashes), Table(std::size_t{1} << bits));
      for (std::int64_t h = 0; h < hashes; ++h) {
        Table& table = tables[static_cast<std::size_t>(h)];  // 32 bits are enough, whatever the data
        for (std::int64_t j = 0; j < shape.n_k; ++j) {
          std::int32_t& slot = table[code(k, shape.n_k, row, j, h)];
          if (kept(row, j))
            overflows += __builtin_add_overflow(slot, to_fixed(value(j), fixed_scale(fullest, largest)), &slot);
        }
      }
      for (std::int64_t i = 0; i < shape.n_q; ++i) {
        std::int64_t whole = 0;
        float narrowed = 0;
        for (std::size_t h = 0; h < tables.size(); ++h) {
          const std::int32_t found = tables[h][code(q, shape.n_q, row, i, static_cast<std::int64_t>(h))];
          whole += found;
          narrowed += std::ldexp(static_cast<float>(narrow(found, narrow_shift(found))), narrow_shift(found));
        }
        const float x = (sums == "fixed" ? static_cast<float>(whole) : narrowed) * fixed_unit(fullest, largest);
        const float want =
            problem.keeps_query(shape, row, i) ? static_cast<float>(x * (1.0 / static_cast<double>(hashes))) : 0.0f;
        different += got.out[static_cast<std::size_t>((row * shape.n_q + i) * shape.d_v + c)] != want;
      }
    }
  }
  CHECK(overflows == 0);
  CHECK(different == 0);
}

}  // namespace

TEST_CASE("tokens wider than registers train as narrow ones do", "[slice][yoso-m]") {
  const Shape shape{.batch = 1, .heads = 2, .n_q = 20, .n_k = 23, .d = 300, .d_v = 270};
  for (const char* norm : {"l2", "rowsum"})
    for (const Masks masks : {Masks::none, Masks::holes}) {
      const Knobs knobs{{"hashes", "4"}, {"hash_bits", "2"}, {"norm", norm}};
      CHECK(examine(yoso_m(), shape, knobs, Values::normal, masks));
      CHECK(examine_gradients(yoso_m(), shape, knobs, Values::normal, masks, true));
    }
}

TEST_CASE("integer tables equal plain loops exactly", "[slice][yoso-m]") {
  // so many rows that all hashes are summed by one block: no float is added to another
  const Shape many{.batch = 16, .heads = 4, .n_q = 7, .n_k = 50, .d = 8, .d_v = 18};
  // 4 tables of 12 bits fit a block of the emulator: the others go on from their sums
  const Shape few{.batch = 1, .heads = 2, .n_q = 9, .n_k = 50, .d = 8, .d_v = 6};
  for (const Values values : {Values::normal, Values::duplicates}) {
    expect_plain_loops(many, "fixed", 6, 4, values);
    expect_plain_loops(many, "fixed16", 6, 4, values);
    expect_plain_loops(few, "fixed16", 13, 12, values);
    expect_plain_loops({.batch = 1, .heads = 1, .n_q = 600, .n_k = 700, .d = 8, .d_v = 3}, "fixed16", 3, 1, values);
  }
}

TEST_CASE("a sum in 16 bits is off by 1 / 32767 of it, or by two units", "[slice][yoso-m]") {
  for (int bit = 0; bit <= 30; ++bit)
    for (const int off : {-(1 << bit >> 16), -1, 0, 1})
      for (const int sign : {-1, 1}) {
        const int sum = sign * (bit == 30 ? (1 << bit) - std::abs(off) : (1 << bit) + off);
        const int shift = narrow_shift(sum);
        const std::int64_t kept = narrow(sum, shift), error = std::abs((kept << shift) - sum);
        CAPTURE(sum, shift, kept);
        CHECK((shift >= kLeastShift && shift < kLeastShift + 16));
        CHECK(std::abs(kept) <= 32767);
        CHECK((error <= 2 || 32767 * error <= std::abs(std::int64_t{sum})));
      }
}

TEST_CASE("no bit depends on the order in which warps run", "[slice][yoso-m]") {
  const Shape shape{.batch = 1, .heads = 2, .n_q = 60, .n_k = 70, .d = 20, .d_v = 20};
  const Problem problem(shape, Values::normal, Masks::none);
  for (const char* sums : {"fixed", "fixed16", "sorted"})
    for (const char* norm : {"l2", "rowsum"}) {
      const Knobs knobs{{"sums", sums}, {"norm", norm}, {"hashes", "8"}, {"hash_bits", "3"}};
      std::vector<float> first;
      for (const simt::Options& schedule : simt::testing::schedules()) {
        CAPTURE(sums, norm, static_cast<int>(schedule.order), schedule.seed);
        const simt::WithOptions with(schedule);
        const Result result = run(shape, knobs, problem.inputs(), device());
        if (first.empty()) first = result.out;
        REQUIRE(result.out == first);
      }
    }
}
