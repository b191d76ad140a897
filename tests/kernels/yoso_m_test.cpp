// yoso-m given its draws: against its definition, its codes, its contracts.
#include <bit>
#include <set>

#include "yoso_codes.hpp"
#include "yoso_m/plan.hpp"

using namespace yoso;

namespace {

const Method& sampled() { return find(catalogue(), "yoso-m"); }

Instance instance_of(const Shape& shape, const Choices& choices, int threads = 1) {
  return Instance(sampled(), shape, settings_of(sampled(), shape, choices), Context{.threads = threads}, 3);
}

constexpr std::string_view kProjections[] = {"interleaved", "packed", "gaussian", "shared"};

// Projections of x on all hyperplanes in double, [hashes * bits], from the definition of a Hadamard matrix:
// H_ab = (-1)^popcount(a & b). Not the way in which the engine or the oracle computes them.
std::vector<double> projections(Instance& instance, std::int64_t row, const float* x) {
  const std::int64_t d = instance.shape().d, m = instance.settings().integer("hashes");
  const std::int64_t tau = instance.settings().integer("hash_bits");
  const std::string_view kind = instance.settings().choice("projection");
  const Tensors draws = instance.draws().tensors();
  std::vector<double> result;
  if (kind == "gaussian") {
    for (std::int64_t g = 0; g < m * tau; ++g) {
      double sum = 0;
      for (std::int64_t c = 0; c < d; ++c)
        sum += static_cast<double>(x[c]) * draws["hyperplanes"][(row * d + c) * m * tau + g];
      result.push_back(sum);
    }
    return result;
  }
  const std::int64_t width = std::max<std::int64_t>(32, static_cast<std::int64_t>(std::bit_ceil(std::uint64_t(d))));
  const auto round = [&](const std::vector<double>& in, const float* signs) {
    std::vector<double> out(in.size());
    for (std::size_t a = 0; a < in.size(); ++a)
      for (std::size_t b = 0; b < in.size(); ++b) out[a] += (std::popcount(a & b) % 2 ? -1 : 1) * signs[b] * in[b];
    return out;
  };
  const std::int64_t rotations = kind == "packed"
                                     ? (m + width / tau - 1) / (width / tau)
                                     : std::max((m * tau + width - 1) / width, std::min<std::int64_t>(tau, 4));
  std::vector<std::vector<double>> rotated;
  for (std::int64_t b = 0; b < rotations; ++b) {
    std::vector<double> y(x, x + d);
    y.resize(std::size_t(width));
    if (kind == "shared") {
      for (int r = 0; r < 2; ++r) y = round(y, draws["shared_signs"] + (row * 2 + r) * width);
      y = round(y, draws["signs"] + (row * rotations + b) * width);
    } else {
      for (int r = 0; r < 3; ++r) y = round(y, draws["signs"] + ((row * 3 + r) * rotations + b) * width);
    }
    rotated.push_back(y);
  }
  for (std::int64_t h = 0; h < m; ++h)
    for (std::int64_t t = 0; t < tau; ++t) {
      const std::int64_t per = width / tau, g = h * tau + t;
      result.push_back(kind == "packed" ? rotated[std::size_t(h / per)][std::size_t(h % per * tau + t)]
                                        : rotated[std::size_t(g % rotations)][std::size_t(g / rotations)]);
    }
  return result;
}

}  // namespace

TEST_CASE("yoso-m is its definition for every shape, mask, norm and projection", "[yoso-m]") {
  for (const Shape& shape : shapes_of_all_kinds())
    for (const std::string_view projection : kProjections)
      for (const Choices& choices :
           {Choices{{"hash_bits", "3"}}, Choices{{"norm", "rowsum"}, {"hash_bits", "auto"}, {"hashes", "30"}},
            Choices{{"norm", "none"}, {"hash_bits", "13"}, {"hashes", "3"}},
            Choices{{"norm", "rowsum"}, {"hash_bits", "1"}, {"hashes", "100"}}}) {
        CAPTURE(shape.n_q, shape.n_k, shape.d, shape.d_v, shape.causal, projection, choices);
        ProblemData data(shape);
        if (shape.n_q != 17) data.mask();
        Choices all = choices;
        all.emplace_back("projection", projection);
        Instance instance = instance_of(shape, all);
        require_close(run(instance, data), oracle(instance, data), 1e-5);
      }
}

TEST_CASE("yoso-m adds the convolution, to padded queries too", "[yoso-m]") {
  const Shape shape{.batch = 2, .heads = 3, .n_q = 70, .n_k = 70, .d = 16, .d_v = 20};
  ProblemData data(shape);
  data.mask();
  Instance instance = instance_of(shape, {{"conv", "5"}, {"hash_bits", "5"}});
  require_close(run(instance, data), oracle(instance, data), 1e-5);
}

TEST_CASE("yoso-m codes are the signs of the defined projections", "[yoso-m]") {
  for (const std::string_view projection : kProjections)
    for (const std::int64_t d : {12, 32, 100}) {
      CAPTURE(projection, d);
      const Shape shape{.batch = 2, .heads = 2, .n_q = 9, .n_k = 70, .d = d, .d_v = 2};
      ProblemData data(shape);
      Instance instance = instance_of(shape, {{"projection", projection}, {"hash_bits", "7"}, {"hashes", "21"}});
      Codes codes;
      run(instance, data, &codes);
      REQUIRE(codes.q.size() == 4 * 9 * 21);
      REQUIRE(codes.k.size() == 4 * 70 * 21);
      int near_zero = 0;
      const auto compare = [&](const std::vector<float>& x, const std::vector<std::int32_t>& got, std::int64_t n) {
        for (std::int64_t token = 0; token < 4 * n; ++token) {
          const std::vector<double> want = projections(instance, token / n, x.data() + token * d);
          double square = 0;
          for (const double e : want) square += e * e / static_cast<double>(want.size());
          for (std::size_t g = 0; g < want.size(); ++g) {
            if (std::abs(want[g]) < 1e-5 * std::sqrt(square)) {
              ++near_zero;  // rounding decides
              continue;
            }
            const bool bit = got[std::size_t(token) * 21 + g / 7] >> (g % 7) & 1;
            if (bit != (want[g] > 0)) FAIL("bit " << g << " of token " << token << " is wrong");
          }
        }
      };
      compare(data.q, codes.q, 9);
      compare(data.k, codes.k, 70);
      CHECK(near_zero < 20);  // of 46452 bits; 0.4 expected
    }
}

TEST_CASE("yoso-m spreads the bits of a hash over rotations and uses no row twice", "[yoso-m]") {
  for (const std::string_view projection : {"interleaved", "packed", "shared"})
    for (const std::int64_t d : {1, 32, 64, 200})
      for (const int hashes : {1, 3, 32, 128, 1000})
        for (int bits = 1; bits <= 16; ++bits) {
          CAPTURE(projection, d, hashes, bits);
          const Shape shape{.d = d};
          const yoso_m::Plan plan(shape, settings_of(sampled(), shape,
                                                     {{"projection", projection},
                                                      {"hashes", std::to_string(hashes)},
                                                      {"hash_bits", std::to_string(bits)}}));
          std::vector<std::int64_t> owner(std::size_t(plan.plane_rows()), -1);  // of each plane: rotation, row
          for (std::int64_t rotation = 0; rotation < plan.rotations; ++rotation)
            for (std::int64_t row = 0; row < plan.padded; ++row)
              owner.at(std::size_t(plan.first_plane(rotation) + row * plan.plane_step())) =
                  rotation * plan.padded + row;
          REQUIRE(plan.planes() <= plan.plane_rows());
          const std::set<std::int64_t> used(owner.begin(), owner.begin() + plan.planes());
          CHECK(std::int64_t(used.size()) == plan.planes());
          CHECK(*used.begin() >= 0);
          std::vector<int> spread(std::size_t(plan.rotations * hashes));
          for (std::int64_t plane = 0; plane < plan.planes(); ++plane)
            ++spread[std::size_t(plane / bits * plan.rotations + owner[std::size_t(plane)] / plan.padded)];
          const int most = *std::ranges::max_element(spread);
          CHECK(most == (projection == "packed" ? bits : (bits + plan.rotations - 1) / plan.rotations));
        }
}

TEST_CASE("yoso-m codes depend on directions only", "[yoso-m]") {
  const Shape shape{.batch = 1, .heads = 1, .n_q = 40, .n_k = 40, .d = 24, .d_v = 4};
  for (const std::string_view projection : kProjections) {
    CAPTURE(projection);
    Instance instance = instance_of(shape, {{"projection", projection}});
    ProblemData data(shape);
    for (float& e : data.q) e = std::round(e * 16) / 16;  // few bits, so that they stay exact as subnormal numbers
    Codes codes, scaled;
    run(instance, data, &codes);
    for (int i = 0; i < 40; ++i)
      for (int c = 0; c < 24; ++c) {
        float& q = data.q[std::size_t(i * 24 + c)];
        float& k = data.k[std::size_t(i * 24 + c)];
        q = std::ldexp(q, 4 * i - 140);
        k = std::ldexp(k, 27 - 3 * i);
      }
    run(instance, data, &scaled);
    CHECK(scaled.q == codes.q);
    CHECK(scaled.k == codes.k);
  }
}

TEST_CASE("yoso-m: zero vectors and padding have code 0", "[yoso-m]") {
  const Shape shape{.batch = 2, .heads = 2, .n_q = 30, .n_k = 30, .d = 24, .d_v = 4};
  for (const std::string_view projection : kProjections) {
    CAPTURE(projection);
    Instance instance = instance_of(shape, {{"projection", projection}});
    ProblemData data(shape);
    data.mask();
    for (std::size_t c = 0; c < 24; ++c) data.q[c] = -0.0f;
    data.keep_q[0] = 1;
    Codes codes;
    run(instance, data, &codes);
    for (std::size_t h = 0; h < 32; ++h) CHECK(codes.q[h] == 0);
    int others = 0;
    for (std::size_t at = 0; at < codes.k.size(); ++at) {
      const std::size_t token = at / 32, batch = token / 60;
      if (data.keep_k[batch * 30 + token % 30])
        others += codes.k[at] != 0;
      else
        REQUIRE(codes.k[at] == 0);
    }
    CHECK(others > 0);
  }
}

TEST_CASE("yoso-m: nothing about a padded key matters", "[yoso-m]") {
  const Shape shape{.batch = 2, .heads = 2, .n_q = 30, .n_k = 50, .d = 24, .d_v = 4};
  for (const std::string_view norm : {"l2", "rowsum", "none"}) {
    Instance instance = instance_of(shape, {{"norm", norm}, {"hash_bits", "3"}});
    ProblemData data(shape);
    data.mask();
    const std::vector<float> want = run(instance, data);
    for (std::size_t token = 0; token < 200; ++token)
      if (!data.keep_k[token / 100 * 50 + token % 50]) {
        for (std::size_t c = 0; c < 24; ++c) data.k[token * 24 + c] = 1e9f;
        for (std::size_t c = 0; c < 4; ++c) data.v[token * 4 + c] = -1e9f;
      }
    CHECK(run(instance, data) == want);
  }
}

TEST_CASE("yoso-m gives the same bits for any thread count", "[yoso-m]") {
  for (const std::int64_t heads : {1, 3})
    for (const std::string_view bits : {"4", "11"})
      for (const std::string_view norm : {"l2", "rowsum"}) {
        const Shape shape{.batch = 1, .heads = heads, .n_q = 150, .n_k = 140, .d = 20, .d_v = 70};
        CAPTURE(heads, bits, norm);
        ProblemData data(shape);
        data.mask();
        Instance one = instance_of(shape, {{"hash_bits", bits}, {"norm", norm}});
        const std::vector<float> want = run(one, data);
        for (const int threads : {2, 5, 16}) {  // the last two slice the values more finely
          Instance many = instance_of(shape, {{"hash_bits", bits}, {"norm", norm}}, threads);
          CHECK(run(many, data) == want);
        }
      }
}

TEST_CASE("yoso-m stays finite for the largest and the smallest inputs", "[yoso-m]") {
  const Shape shape{.batch = 1, .heads = 1, .n_q = 33, .n_k = 270, .d = 20, .d_v = 20};
  for (const std::string_view projection : kProjections)
    for (const std::string_view norm : {"l2", "rowsum", "none"})
      for (const float size : {kLargestInput, 1e-42f}) {
        CAPTURE(projection, norm, size);
        ProblemData data(shape);
        for (auto* x : {&data.q, &data.k, &data.v})
          for (float& e : *x) e = e > 0 ? size : -size;
        Instance instance = instance_of(shape, {{"norm", norm}, {"projection", projection}, {"hash_bits", "4"}});
        require_close(run(instance, data), oracle(instance, data),
                      norm == "l2" ? 1e-5 : 1e-5 * size + 2e-45);  // a subnormal step
      }
}

TEST_CASE("yoso-m refuses what it cannot compute, and says how large a table would be", "[yoso-m]") {
  const Shape square{.batch = 1, .heads = 1, .n_q = 8, .n_k = 8, .d = 8, .d_v = 8};
  Shape wide = square;
  wide.n_k = 9;
  CHECK_THROWS_AS(instance_of(square, {{"conv", "4"}}), BadSetting);
  CHECK_THROWS_AS(instance_of(wide, {{"conv", "3"}}), Unsupported);
  const auto refusal = [&](std::string_view bits) -> std::string {
    try {
      instance_of(square, {{"hash_bits", bits}});
    } catch (const BadSetting& e) {
      return e.what();
    }
    return "accepted";
  };
  CHECK(refusal("16") == "accepted");
  CHECK(refusal("17").find("2^17 = 131072 rows of 4 d_v bytes a hash, 33554432 bytes at d_v = 64") !=
        std::string::npos);
  CHECK(refusal("0").find("2^0 = 1 rows") != std::string::npos);
  CHECK(refusal("1000000").find("2^1000000 rows") != std::string::npos);
  CHECK(refusal("-1").find("[1, 16]") != std::string::npos);
}

TEST_CASE("yoso-m needs memory linear in the number of tokens, and tables of a few hashes at a time", "[yoso-m]") {
  const auto scratch = [](std::int64_t n, std::string_view hashes, std::string_view bits) {
    const Shape shape{.batch = 1, .heads = 1, .n_q = n, .n_k = n, .d = 64, .d_v = 64};
    const Settings settings = settings_of(sampled(), shape, {{"hashes", hashes}, {"hash_bits", bits}});
    return Instance::predict(sampled(), shape, settings, Context{}).scratch;
  };
  const auto linear = [](std::size_t n) {  // codes, and a slice of values and sums, of 32 columns
    return n * 2 * (32 * sizeof(std::uint16_t) + 32 * sizeof(float));
  };
  const auto tables = static_cast<std::size_t>(second_level_cache() / 4);
  CHECK(scratch(8192, "32", "9") - scratch(4096, "32", "9") == linear(4096));
  CHECK(scratch(1024, "32", "9") < linear(1024) + tables + 64 * 1024);
  CHECK(scratch(64, "4096", "16") < tables + 8u * 1024 * 1024);  // all tables at once: 64 GiB
}
