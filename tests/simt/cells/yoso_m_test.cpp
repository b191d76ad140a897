// What yoso-m's CUDA cell promises beyond agreeing with the definition: the CPU's codes bit for bit, integer tables
// that equal plain loops exactly, and no dependence on the order in which warps run.
#include <map>

#include <yoso/instance.hpp>

#include "catch.hpp"
#include "conformance/walk.hpp"
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
          Case{600, 1, "2", "3"}}) {
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

TEST_CASE("integer tables equal plain loops exactly", "[slice][yoso-m]") {
  using namespace yoso::yoso_m::SIMT_NS;
  std::int64_t overflows = 0, different = 0;
  // so many rows that all hashes are summed by one block: no float is added to another
  const Shape shape{.batch = 16, .heads = 4, .n_q = 7, .n_k = 50, .d = 8, .d_v = 18};
  constexpr std::int64_t kHashes = 6, kBits = 4;
  for (const Values values : {Values::normal, Values::duplicates}) {
    Problem problem(shape, values, Masks::holes);
    for (std::size_t i = 0; i < problem.v.size(); i += 7) problem.v[i] *= 1e6f;
    const Knobs knobs{{"sums", "fixed"}, {"norm", "none"}, {"hashes", "6"}, {"hash_bits", "4"}};
    const Result got = run(shape, knobs, problem.inputs(), device());
    const auto& q = got.codes.found.at("q_codes");
    const auto& k = got.codes.found.at("k_codes");
    const auto kept = [&](std::int64_t row, std::int64_t j) {
      return problem.keep_k[static_cast<std::size_t>(row / shape.heads * shape.n_k + j)] != 0;
    };
    const auto code = [&](const std::vector<std::int32_t>& codes, std::int64_t n, std::int64_t row, std::int64_t i,
                          std::int64_t h) { return codes[static_cast<std::size_t>((row * n + i) * kHashes + h)]; };
    for (std::int64_t row = 0; row < shape.rows(); ++row) {
      int fullest = 0;
      for (std::int64_t h = 0; h < kHashes; ++h)
        for (int slot = 0; slot < 1 << kBits; ++slot) {
          int count = 0;
          for (std::int64_t j = 0; j < shape.n_k; ++j) count += kept(row, j) && code(k, shape.n_k, row, j, h) == slot;
          fullest = std::max(fullest, count);
        }
      for (std::int64_t c = 0; c < shape.d_v; ++c) {
        const auto value = [&](std::int64_t j) {
          return problem.v[static_cast<std::size_t>((row * shape.n_k + j) * shape.d_v + c)];
        };
        float largest = 0;
        for (std::int64_t j = 0; j < shape.n_k; ++j)
          if (kept(row, j)) largest = std::max(largest, std::abs(value(j)));
        for (std::int64_t i = 0; i < shape.n_q; ++i) {
          std::int64_t sum = 0;
          for (std::int64_t h = 0; h < kHashes; ++h) {
            std::int32_t table = 0;  // 32 bits are enough, whatever the data
            for (std::int64_t j = 0; j < shape.n_k; ++j)
              if (kept(row, j) && code(k, shape.n_k, row, j, h) == code(q, shape.n_q, row, i, h))
                overflows += __builtin_add_overflow(table, to_fixed(value(j), fixed_scale(fullest, largest)), &table);
            sum += table;
          }
          const float x = static_cast<float>(sum) * fixed_unit(fullest, largest);
          const float want = problem.keeps_query(shape, row, i) ? static_cast<float>(x * (1.0 / kHashes)) : 0.0f;
          different += got.out[static_cast<std::size_t>((row * shape.n_q + i) * shape.d_v + c)] != want;
        }
      }
    }
  }
  CHECK(overflows == 0);
  CHECK(different == 0);
}

TEST_CASE("no bit depends on the order in which warps run", "[slice][yoso-m]") {
  const Shape shape{.batch = 1, .heads = 2, .n_q = 60, .n_k = 70, .d = 20, .d_v = 20};
  const Problem problem(shape, Values::normal, Masks::none);
  for (const char* sums : {"fixed", "sorted"})
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
