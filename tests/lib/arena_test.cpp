#include <yoso/arena.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <yoso/errors.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

// What an engine does: take what it needs, in some order.
void layout(Arena& arena) {
  arena.take<float>(1);
  arena.take<double>(100);
  arena.take<std::uint8_t>(65);
  arena.take<float>(0);
  arena.take<std::int32_t>(17);
}

}  // namespace

TEST_CASE("measuring and taking agree", "[arena]") {
  Arena measure;
  layout(measure);
  CHECK(measure.used() == 64 + 832 + 128 + 0 + 128);
  CHECK(measure.take<float>(3) == nullptr);

  Arena again;
  layout(again);
  const Buffer memory(again.used());
  Arena real(memory.bytes());
  layout(real);
  CHECK(real.used() == again.used());
  CHECK(real.peak() == again.peak());
}

TEST_CASE("what is taken is aligned, apart and inside", "[arena]") {
  alignas(Arena::kAlignment) std::byte memory[1024];
  Arena arena(memory);
  std::byte* end = memory;
  for (const std::int64_t count : {1, 7, 64, 65, 3}) {
    std::byte* at = arena.take<std::byte>(count);
    CHECK(reinterpret_cast<std::uintptr_t>(at) % Arena::kAlignment == 0);
    CHECK(at >= end);
    end = at + count;
    CHECK(end <= memory + sizeof(memory));
  }
}

TEST_CASE("taking more than there is throws and takes nothing", "[arena]") {
  alignas(Arena::kAlignment) std::byte memory[256];
  Arena arena(memory);
  CHECK(arena.take<float>(64) != nullptr);  // all of it
  CHECK_THROWS_AS(arena.take<std::byte>(1), std::logic_error);
  CHECK(arena.used() == 256);
  CHECK(arena.take<float>(0) != nullptr);
  arena.reset();
  CHECK_THROWS_AS(arena.take<float>(65), std::logic_error);
  CHECK(arena.used() == 0);
  Arena none{std::span<std::byte>()};
  CHECK_THROWS_AS(none.take<char>(1), std::logic_error);
}

TEST_CASE("the peak outlives a reset", "[arena]") {
  Arena arena;
  arena.take<std::byte>(500);
  CHECK(arena.peak() == 512);
  arena.reset();
  CHECK(arena.used() == 0);
  arena.take<std::byte>(10);
  CHECK(arena.used() == 64);
  CHECK(arena.peak() == 512);
}

TEST_CASE("a buffer is zeroed, writable and moves", "[arena]") {
  Buffer a(10 << 20);
  CHECK(a.size() == 10 << 20);
  CHECK(a.as<float>().size() == (10 << 20) / sizeof(float));
  CHECK(std::ranges::count(a.bytes(), std::byte{0}) == 10 << 20);
  a.bytes()[12345] = std::byte{7};
  a.touch();
  CHECK(a.bytes()[12345] == std::byte{7});
  const std::byte* const memory = a.bytes().data();
  Buffer b(std::move(a));
  CHECK(b.bytes().data() == memory);
  Buffer c(64);
  c = std::move(b);
  CHECK(c.bytes().data() == memory);
  CHECK(Buffer().size() == 0);
  CHECK(Buffer(0).bytes().empty());
}

TEST_CASE("memory that the system refuses is out of budget", "[arena]") {
  CHECK_THROWS_AS(Buffer(std::size_t{1} << 62), OutOfBudget);
}
