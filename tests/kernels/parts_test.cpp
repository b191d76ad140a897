// How sums over tokens are cut between threads.
#include "primitives/parts.hpp"

#include "catch.hpp"

using yoso::Parts;

TEST_CASE("parts hold every token once, in order, and begin at whole blocks", "[parts]") {
  for (const std::int64_t rows : {1, 3, 16, 100})
    for (const std::int64_t block : {1, 64, 128})
      for (const std::int64_t tokens : {1, 63, 64, 65, 511, 512, 513, 4096, 100000}) {
        CAPTURE(rows, block, tokens);
        const Parts parts(rows, tokens, block);
        std::int64_t next = 0;
        for (std::int64_t part = 0; part < parts.count(); ++part) {
          REQUIRE(parts.begin(part) == next);
          REQUIRE(parts.begin(part) % block == 0);
          REQUIRE(parts.end(part) > next);
          next = parts.end(part);
        }
        REQUIRE(next == tokens);
      }
}

TEST_CASE("one long row has parts for many threads, many rows have one each", "[parts]") {
  CHECK(Parts(1, 16384, 64).count() == 16);
  CHECK(Parts(4, 16384, 64).count() == 4);
  CHECK(Parts(16, 16384, 64).count() == 1);
  CHECK(Parts(1, 300, 64).count() == 1);  // too few tokens to be worth a sum
}
