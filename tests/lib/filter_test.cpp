#include <yoso/filter.hpp>

#include <map>

#include <yoso/errors.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

bool holds(const char* text, const std::map<std::string, std::string>& fields) {
  return Filter("--where", text)([&](const std::string& name) -> std::optional<std::string> {
    const auto found = fields.find(name);
    return found == fields.end() ? std::nullopt : std::optional(found->second);
  });
}

const std::map<std::string, std::string> kRow{
    {"method", "yoso-m"}, {"n", "1024"}, {"hashes", "128"}, {"input", "clustered:0.5"}, {"norm", "l2"}};

}  // namespace

TEST_CASE("filter: arithmetic compares numbers", "[filter]") {
  CHECK(holds("hashes<=n/8", kRow));
  CHECK_FALSE(holds("hashes < n/8", kRow));
  CHECK(holds("hashes * 8 == 1k", kRow));
  CHECK(holds("(n + 1) * 2 - 2 >= 2k", kRow));
  CHECK(holds("n - 24 = 1000", kRow));
  CHECK_FALSE(holds("n != 1024", kRow));
  CHECK(holds("n - 1025 == -1 && -n < -2 * 500", kRow));
}

TEST_CASE("filter: words compare as text", "[filter]") {
  CHECK(holds("method==yoso-m", kRow));
  CHECK_FALSE(holds("method!=yoso-m", kRow));
  CHECK(holds("input == clustered:0.5", kRow));
  CHECK(holds("method == 'yoso-m' && norm != rowsum", kRow));
  CHECK(holds("method == softmax || norm == l2", kRow));
  CHECK_FALSE(holds("method == softmax || norm == l2 && hashes > 128", kRow));
}

TEST_CASE("filter: what does not belong to a point does not exclude it", "[filter]") {
  CHECK(holds("features <= 4", kRow));
  CHECK(holds("features <= 4 && hashes == 128", kRow));
  CHECK_FALSE(holds("features <= 4 && hashes == 64", kRow));
}

TEST_CASE("filter: an alternative that says nothing does not win over one that is false", "[filter]") {
  CHECK_FALSE(holds("features == 4 || hashes == 64", kRow));
  CHECK(holds("features == 4 || hashes == 128", kRow));
  CHECK(holds("features == 4 || keys == 64", kRow));
}

TEST_CASE("filter: tells which words have to be names", "[filter]") {
  const Filter filter("--where", "hashes<=n/8 && method!=softmax || d == d_v + 1");
  CHECK(filter.names() == std::vector<std::string>{"hashes", "n", "method", "d", "d_v"});
}

TEST_CASE("filter: what cannot be read is refused", "[filter]") {
  for (const char* text : {"", "hashes", "hashes <", "< 3", "hashes <= (n", "hashes <= 3 n", "a == 'b", "1 == 2 &&",
                           "hashes ~ 3", "3x < 4", "n <= 4 & n > 2"})
    CHECK_THROWS_AS(Filter("--where", text), BadSetting);
  CHECK_THROWS_WITH(Filter("--where", "hashes <= 3 n"), Catch::Contains("--where") && Catch::Contains("'n'"));
}
