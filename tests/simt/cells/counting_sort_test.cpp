#include "simt/counting_sort.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "catch.hpp"
#include "simt/emulator.hpp"

namespace {

using yoso::SIMT_NS::CountingSort, yoso::SIMT_NS::sort_codes, yoso::SIMT_NS::sort_passes;
constexpr std::int32_t kUnwritten = -7;

// Two batch items, three sequences each, and room after each sequence's codes.
template <class Code>
void check(std::int64_t n, std::int64_t slots, std::int64_t used_slots, bool masked, bool asks_starts) {
  CAPTURE(n, slots, used_slots, masked, asks_starts);
  constexpr std::int64_t kSequences = 6, kPerMask = 3;
  const std::int64_t stride = n + 5;
  std::mt19937 random(static_cast<unsigned>(n * 31 + slots));
  const auto size = [](std::int64_t x) { return static_cast<std::size_t>(x); };
  std::vector<Code> codes(size(kSequences * stride), static_cast<Code>(-1));
  for (std::int64_t s = 0; s < kSequences; ++s)
    for (std::int64_t i = 0; i < n; ++i)  // those in use lie at the far end
      codes[size(s * stride + i)] =
          static_cast<Code>(slots - 1 - static_cast<std::int64_t>(random()) % std::min(slots, used_slots));
  std::vector<std::uint8_t> keep(size(2 * n));
  for (std::uint8_t& kept : keep) kept = random() % 4 != 0;
  std::vector<std::int32_t> starts(size(kSequences * (slots + 1)), kUnwritten);
  std::vector<std::int32_t> order(size(kSequences * n), kUnwritten);
  std::vector<std::int32_t> spare(size(sort_passes(slots) > 1 ? kSequences * n : 0));

  sort_codes<Code>(nullptr, {.sequences = kSequences,
                             .n = n,
                             .slots = slots,
                             .codes = codes.data(),
                             .stride = stride,
                             .keep = masked ? keep.data() : nullptr,
                             .sequences_per_mask = kPerMask,
                             .starts = asks_starts ? starts.data() : nullptr,
                             .order = order.data(),
                             .spare = spare.empty() ? nullptr : spare.data()});

  for (std::int64_t s = 0; s < kSequences; ++s) {
    const Code* const own = codes.data() + s * stride;
    std::vector<std::int32_t> want(size(n));
    std::iota(want.begin(), want.end(), 0);
    if (masked) std::erase_if(want, [&](std::int32_t i) { return !keep[size(s / kPerMask * n + i)]; });
    std::stable_sort(want.begin(), want.end(), [&](std::int32_t a, std::int32_t b) { return own[a] < own[b]; });
    std::vector<std::int32_t> want_starts(size(slots + 1));
    for (const std::int32_t i : want) ++want_starts[size(static_cast<std::int64_t>(own[i]) + 1)];
    std::partial_sum(want_starts.begin(), want_starts.end(), want_starts.begin());
    want.resize(size(n), kUnwritten);
    REQUIRE(std::equal(want.begin(), want.end(), order.begin() + s * n));
    if (asks_starts) REQUIRE(std::equal(want_starts.begin(), want_starts.end(), starts.begin() + s * (slots + 1)));
  }
}

}  // namespace

TEST_CASE("tokens are sorted by their codes as std::stable_sort sorts them", "[slice][sort]") {
  for (const simt::Order order : {simt::Order::forward, simt::Order::reverse, simt::Order::random}) {
    const simt::WithOptions scheduled({.order = order, .seed = 3, .preempt_percent = 10});
    for (const std::int64_t n : {1, 31, 130, 1000})
      for (const bool masked : {false, true}) {
        check<std::uint16_t>(n, 1, 1, masked, true);
        check<std::uint16_t>(n, 8, 8, masked, true);
        check<std::int32_t>(n, 256, 3, masked, true);
        check<std::int32_t>(n, 257, 257, masked, false);
        check<std::uint16_t>(n, 65536, 65536, masked, n == 130);
      }
    check<std::uint16_t>(3000, 512, 40, true, true);
    check<std::int32_t>(200, (1 << 20) + 1, 1 << 20, false, false);  // three passes
  }
}
