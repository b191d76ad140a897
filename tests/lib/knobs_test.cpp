#include <yoso/knobs.hpp>

#include <array>
#include <limits>
#include <string>

#include <fmt/format.h>

#include <yoso/errors.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

constexpr std::array<std::string_view, 3> kNorms{"l2", "rowsum", "none"};
constexpr std::array<Knob, 4> kKnobs{
    Knob{.name = "hash_bits",
         .lowest = 1,
         .highest = 16,
         .usual = "auto",
         .automatic = [](const Shape& s) { return s.n_k / 100; },
         .out_of_range = [](double value) { return fmt::format("a table of 2^{:.0f} rows", value); }},
    Knob{.name = "features", .lowest = 1, .highest = 1 << 20, .usual = "256"},
    Knob{.name = "dot_scale", .kind = Knob::Kind::real, .lowest = 0, .highest = 1, .usual = "1"},
    Knob{.name = "norm", .kind = Knob::Kind::choice, .choices = kNorms, .usual = "l2"},
};
const Shape kShape{.n_q = 1000, .n_k = 1000};

std::string refusal(std::string_view knob, std::string_view text) {
  Settings settings(kKnobs, kShape);
  try {
    settings.set(knob, text);
  } catch (const BadSetting& error) {
    return error.what();
  }
  return "";
}

bool says(const std::string& message, std::string_view part) { return message.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("settings start at the usual values, auto resolved for the shape", "[knobs]") {
  const Settings settings(kKnobs, kShape);
  CHECK(settings.integer("hash_bits") == 10);
  CHECK(settings.text("hash_bits") == "10");
  CHECK(settings.integer("features") == 256);
  CHECK(settings.real("dot_scale") == 1);
  CHECK(settings.choice("norm") == "l2");
  CHECK(settings.is("norm", "l2"));
  CHECK_FALSE(settings.is("norm", "none"));
  CHECK(settings.has("norm"));
  CHECK_FALSE(settings.has("rounds"));
}

TEST_CASE("values are set as they are typed", "[knobs]") {
  Settings settings(kKnobs, kShape);
  for (const auto& [text, value] :
       {std::pair<std::string, std::int64_t>{"8", 8}, {"2k", 2048}, {"2K", 2048}, {"1m", 1 << 20}}) {
    settings.set("features", text);
    CHECK(settings.integer("features") == value);
  }
  CHECK(settings.text("features") == "1048576");
  settings.set("hash_bits", "16");
  CHECK(settings.integer("hash_bits") == 16);
  settings.set("hash_bits", "auto");
  CHECK(settings.integer("hash_bits") == 10);
  settings.set("dot_scale", "0.98");
  CHECK(settings.real("dot_scale") == 0.98);
  CHECK(settings.text("dot_scale") == "0.98");
  settings.set("norm", "rowsum");
  CHECK(settings.text("norm") == "rowsum");
}

TEST_CASE("a value out of range is refused with knob, range and value", "[knobs]") {
  for (const std::string text : {"0", "-1", "1m1", "1.5", "", "k", "2m", "abc", "auto", "99999999999999999999", " 8"}) {
    const std::string message = refusal("features", text);
    CAPTURE(text, message);
    CHECK(says(message, "--features must be an integer in [1, 1048576]"));
    CHECK(says(message, "'" + text + "'"));
  }
  CHECK(refusal("hash_bits", "17") ==
        "--hash-bits must be an integer in [1, 16] or auto, got '17': a table of 2^17 rows");
  for (const std::string text : {"-0.1", "1.0001", "nan", "inf", "1k", ""}) {
    const std::string message = refusal("dot_scale", text);
    CAPTURE(text, message);
    CHECK(says(message, "--dot-scale must be a number in [0, 1], got '" + text + "'"));
  }
  CHECK(says(refusal("norm", "l1"), "--norm must be one of l2, rowsum, none, got 'l1'; did you mean l2?"));
  CHECK(says(refusal("norm", "zzzzzzzzz"), "got 'zzzzzzzzz'"));
  CHECK_FALSE(says(refusal("norm", "zzzzzzzzz"), "did you mean"));
}

TEST_CASE("an unknown knob names the nearest known one", "[knobs]") {
  CHECK(says(refusal("hash_bit", "3"), "did you mean hash_bits?"));
  CHECK(says(refusal("feat", "3"), "did you mean features?"));
  CHECK(says(refusal("qqqq", "3"), "this method has hash_bits, features, dot_scale, norm"));
  Settings none({}, kShape);
  CHECK_THROWS_AS(none.set("x", "1"), BadSetting);
  CHECK_THROWS_AS(none.integer("x"), BadSetting);
}

TEST_CASE("nearest finds a typing mistake and a beginning, and no far word", "[knobs]") {
  const std::vector<std::string> known{"softmax", "softmax-naive", "yoso-e", "yoso-m"};
  CHECK(nearest("sofmax", known) == "softmax");
  CHECK(nearest("yosom", known) == "yoso-m");
  CHECK(nearest("softmax-n", known) == "softmax-naive");
  CHECK(nearest("transformer", known).empty());
  CHECK(nearest("anything", {}).empty());
}

TEST_CASE("a knob knows its flag", "[knobs]") {
  CHECK(kKnobs[0].flag() == "--hash-bits");
  CHECK(kKnobs[0].range() == "an integer in [1, 16] or auto");
  CHECK(kKnobs[2].range() == "a number in [0, 1]");
  CHECK(kKnobs[3].range() == "one of l2, rowsum, none");
  CHECK(dashes("a_b_c") == "a-b-c");
}
