#include <yoso/shape.hpp>

#include <string>

#include <yoso/errors.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

std::string refusal(const Shape& shape) {
  try {
    check(shape);
  } catch (const BadSetting& error) {
    return error.what();
  }
  return "";
}

constexpr std::int64_t kHuge = std::int64_t{1} << 31;

}  // namespace

TEST_CASE("sizes follow the extents", "[shape]") {
  const Shape s{.batch = 2, .heads = 3, .n_q = 5, .n_k = 7, .d = 11, .d_v = 13};
  CHECK(s.rows() == 6);
  CHECK(s.q_size() == 6 * 5 * 11);
  CHECK(s.k_size() == 6 * 7 * 11);
  CHECK(s.v_size() == 6 * 7 * 13);
  CHECK(s.out_size() == 6 * 5 * 13);
  CHECK_FALSE(s.square());
  CHECK(Shape{}.square());
  CHECK(refusal(s).empty());
  CHECK(refusal({.n_q = kHuge - 1, .n_k = 1, .d = 1, .d_v = 1}).empty());
}

TEST_CASE("an extent below 1 or above 2^31 - 1 is refused by name", "[shape]") {
  for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{-1}, kHuge, INT64_MAX, INT64_MIN}) {
    const std::pair<std::string, Shape> cases[]{{"batch", {.batch = bad}}, {"heads", {.heads = bad}},
                                                {"n_q", {.n_q = bad}},     {"n_k", {.n_k = bad}},
                                                {"d ", {.d = bad}},        {"d_v", {.d_v = bad}}};
    for (const auto& [name, shape] : cases) {
      CAPTURE(bad, name);
      CHECK(refusal(shape).starts_with(name));
      CHECK(refusal(shape).find("got " + std::to_string(bad)) != std::string::npos);
    }
  }
}

TEST_CASE("a tensor beyond 2^40 elements is refused, however far its size overflows", "[shape]") {
  const std::int64_t m = std::int64_t{1} << 20;
  CHECK(refusal({.n_q = m, .n_k = 1, .d = m, .d_v = 1}).empty());  // exactly 2^40
  CHECK(refusal({.n_q = m, .n_k = 1, .d = m + 1, .d_v = 1}).starts_with("q of"));
  CHECK(refusal({.batch = 2, .n_q = 1, .n_k = m, .d = m, .d_v = 1}).starts_with("k of"));
  CHECK(refusal({.n_q = 1, .n_k = m, .d = 1, .d_v = 2 * m}).starts_with("v of"));
  CHECK(refusal({.n_q = m, .n_k = 1, .d = 1, .d_v = 2 * m}).starts_with("out of"));
  const std::int64_t most = kHuge - 1;  // the product of four of these overflows 64 bits
  CHECK(refusal({.batch = most, .heads = most, .n_q = most, .n_k = most, .d = most, .d_v = most}).find("2^40") !=
        std::string::npos);
}

TEST_CASE("causal queries see the keys up to their own place, aligned at the end", "[shape]") {
  const Shape full{.n_q = 3, .n_k = 5}, square{.n_q = 4, .n_k = 4, .causal = true},
      decoding{.n_q = 2, .n_k = 5, .causal = true}, early{.n_q = 5, .n_k = 2, .causal = true};
  CHECK(full.visible(0) == 5);
  for (std::int64_t i = 0; i < 4; ++i) CHECK(square.visible(i) == i + 1);
  CHECK(decoding.visible(0) == 4);
  CHECK(decoding.visible(1) == 5);
  CHECK(early.visible(0) == 0);
  CHECK(early.visible(2) == 0);
  CHECK(early.visible(3) == 1);
  CHECK(early.visible(4) == 2);
}
