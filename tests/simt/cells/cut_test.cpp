// How rows of tokens are cut: every token once, no piece too long, and sums that are those of all tokens.
#include "simt/cut.hpp"

#include <vector>

#include "catch.hpp"
#include "conformance/examine.hpp"

using namespace conformance;
using namespace yoso::emu_impl;

TEST_CASE("pieces hold every token once, and their parts add up to the sum over all", "[simt]") {
  constexpr std::int64_t kM = 3, kN = 2;
  struct Case {
    std::int64_t rows, tokens, most;
  };
  for (const auto& [rows, tokens, most] : {Case{1, 1, 100000},
                                           {3, 7, 100000},
                                           {3, 7, 14 * kM},
                                           {2, 1024, 100000},
                                           {2, 1300, 100000},
                                           {2, 1300, 1300 * kM},
                                           {2, 1300, 500 * kM},
                                           {1, 1300, 1000 * kM},
                                           {200, 5, 37 * kM},
                                           {2, 9, 1}}) {
    CAPTURE(rows, tokens, most);
    const Cut cut(rows, tokens, kM, most);
    std::vector<float> a(static_cast<std::size_t>(rows * tokens * kM)), b(static_cast<std::size_t>(rows * tokens * kN));
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i * 7 % 11);
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i * 5 % 13);
    std::vector<int> seen(static_cast<std::size_t>(rows * tokens));
    std::vector<float> parts(static_cast<std::size_t>(rows * cut.parts() * kM * kN), -1),
        sum(static_cast<std::size_t>(rows * kM * kN));
    cut.each([&](const Piece& piece) {
      REQUIRE(piece.tokens() * kM <= std::max(most, kM));
      REQUIRE(piece.tokens() * kM <= cut.largest());
      REQUIRE((piece.rows == 1 || piece.count == tokens));
      for (std::int64_t row = 0; row < piece.rows; ++row)
        for (std::int64_t t = 0; t < piece.count; ++t)
          ++seen[static_cast<std::size_t>((piece.row + row) * tokens + piece.first + t)];
      cut.sum(nullptr, piece,
              {.m = kM,
               .n = kN,
               .a = a.data() + piece.token(tokens) * kM,
               .lda = kM,
               .step_a = piece.count * kM,
               .b = b.data() + piece.token(tokens) * kN,
               .ldb = kN,
               .step_b = tokens * kN,
               .c = parts.data()});
    });
    for (const int times : seen) REQUIRE(times == 1);
    simt::launch(over_elements(nullptr, rows * kM * kN), &add_parts<0>, parts.data(), rows, cut.parts(), kM * kN,
                 sum.data());
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t m = 0; m < kM; ++m)
        for (std::int64_t n = 0; n < kN; ++n) {
          float want = 0;  // whole numbers: exact in any order
          for (std::int64_t t = row * tokens; t < (row + 1) * tokens; ++t)
            want += a[static_cast<std::size_t>(t * kM + m)] * b[static_cast<std::size_t>(t * kN + n)];
          REQUIRE(sum[static_cast<std::size_t>((row * kM + m) * kN + n)] == want);
        }
  }
}

// Longer than a part, and no multiple of one.
TEST_CASE("problems that are summed in parts agree with the definition", "[slice]") {
  const Shape shape{.batch = 1, .heads = 1, .n_q = 601, .n_k = 601, .d = 6, .d_v = 5};
  for (const Method* method : methods()) {
    CAPTURE(method->name);
    const Knobs small = small_knobs(*method, shape);
    examine(*method, shape, small, Values::normal, Masks::holes);
    if (method->cuda.backward) examine_gradients(*method, shape, small, Values::normal, Masks::holes, true);
  }
}
