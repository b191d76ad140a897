#include <yoso/plan.hpp>

#include <yoso/catalogue.hpp>

#include "catch.hpp"

using namespace yoso;
using Counts = std::vector<std::int64_t>;

TEST_CASE("lists of counts", "[plan]") {
  const auto parse_n = [](const char* text) { return parse_counts("-n", text, 1, 1 << 20); };
  CHECK(parse_n("512") == Counts{512});
  CHECK(parse_n("512,1k,2k") == Counts{512, 1024, 2048});
  CHECK(parse_n("512..4k*2") == Counts{512, 1024, 2048, 4096});
  CHECK(parse_n("512..2000*2") == Counts{512, 1024});
  CHECK(parse_n("512..2k+512") == Counts{512, 1024, 1536, 2048});
  CHECK(parse_n("7,8..32*4,1m") == Counts{7, 8, 32, 1 << 20});
  for (const char* bad : {"", "0", "-1", "1.5", "k", "1kk", "512..", "..512", "512..1k", "512..1k*1", "512..1k*0",
                          "1k..512*2", "1..8+0", "1,,2", "2m", "99999999999999999999", "9223372036854775807k"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_n(bad), BadSetting);
  }
  CHECK_THROWS_AS(parse_n("1..1m+1"), BadSetting);  // a slip, not a plan
}

TEST_CASE("sizes and numbers", "[plan]") {
  CHECK(parse_bytes("b", "512M") == 512u << 20);
  CHECK(parse_bytes("b", "2G") == 2ull << 30);
  CHECK(parse_bytes("b", "77") == 77);
  for (const char* bad : {"", "0", "-1", "1.5G", "G", "99999999999G"})
    CHECK_THROWS_AS(parse_bytes("b", bad), BadSetting);
  CHECK(parse_number("x", "0.5", 0, 1) == 0.5);
  for (const char* bad : {"", "nan", "inf", "2", "0.5x"}) CHECK_THROWS_AS(parse_number("x", bad, 0, 1), BadSetting);
}

TEST_CASE("methods are selected once, in the order given", "[plan]") {
  const auto chosen = select(catalogue(), {"yoso-m", "softmax", "yoso-m"});
  REQUIRE(chosen.size() == 2);
  CHECK(chosen[0]->name == "yoso-m");
  CHECK(chosen[1]->name == "softmax");
  CHECK(select(catalogue(), {"all"}).size() == catalogue().size());
  CHECK_THROWS_AS(select(catalogue(), {"none"}), BadSetting);
}

TEST_CASE("knob lists span their product, for the methods that have them", "[plan]") {
  KnobLists lists;
  lists.shared["hashes"] = {"8", "16"};
  parse_own_knob(catalogue(), "yoso-m.hash-bits=6,7,8", lists);
  const Shape shape{.n_q = 64, .n_k = 64};
  const auto members = expand(select(catalogue(), {"softmax", "yoso-m"}), lists, shape, false);
  REQUIRE(members.size() == 1 + 2 * 3);
  CHECK(members[1].settings.integer("hashes") == 8);
  CHECK(members[1].settings.integer("hash_bits") == 6);
  CHECK(members[6].settings.integer("hashes") == 16);
  CHECK(members[6].settings.integer("hash_bits") == 8);
  CHECK(members[1].settings.is("norm", "l2"));
  CHECK(expand(select(catalogue(), {"yoso-m"}), {}, shape, true)[0].settings.is("norm", "rowsum"));
}

TEST_CASE("a knob's values may be ranges", "[plan]") {
  using Texts = std::vector<std::string>;
  CHECK(parse_values("--hashes", "8..32*2,7") == Texts{"8", "16", "32", "7"});
  CHECK(parse_values("--norm", "l2,rowsum") == Texts{"l2", "rowsum"});
  CHECK(parse_values("--dot-scale", "0.5,1") == Texts{"0.5", "1"});
  CHECK_THROWS_AS(parse_values("--hashes", "8..x*2"), BadSetting);
}

TEST_CASE("auto is resolved for the shape", "[plan]") {
  KnobLists lists;
  lists.shared["hash_bits"] = {"auto"};
  for (const auto& [n, tau] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {1, 1}, {2, 1}, {3, 2}, {1024, 10}, {1025, 11}, {1 << 20, 16}}) {
    CAPTURE(n);
    CHECK(expand(select(catalogue(), {"yoso-m"}), lists, Shape{.n_q = n, .n_k = n}, false)[0].settings.integer(
              "hash_bits") == tau);
  }
}
