#include "yoso_m/collisions.hpp"

#include <algorithm>

namespace yoso::yoso_m {
namespace {

// Tokens, or slots of a table, whose sorted order is in memory at a time, if no single row has more.
constexpr std::int64_t kWaveTokens = 16384;

// Entries of lists in memory at a time, unless one token has more.
constexpr std::int64_t kListed = 1 << 17;

// A token with more collisions is listed alone, and those of each other token are counted.
constexpr std::int64_t kMost = 1024;

// A counting sort. While it counts, code c has its place two further on; while it deals out, one further on.
void sort(const std::uint16_t* codes, const std::uint8_t* keep, std::int64_t n, std::int64_t slots,
          std::uint32_t* order, std::uint32_t* starts) {
  std::fill_n(starts, slots + 2, 0u);
  for (std::int64_t i = 0; i < n; ++i) starts[codes[i] + 2] += !keep || keep[i];
  for (std::int64_t c = 2; c < slots + 2; ++c) starts[c] += starts[c - 1];
  for (std::int64_t i = 0; i < n; ++i)
    if (!keep || keep[i]) order[starts[codes[i] + 1]++] = static_cast<std::uint32_t>(i);
}

}  // namespace

Collisions::Collisions(const Shape& shape, const Context& context, const Plan& plan)
    : shape_(shape),
      plan_(plan),
      threads_(std::max(1, context.threads)),
      wave_(std::clamp<std::int64_t>(kWaveTokens / std::max({shape.n_q, shape.n_k, plan.slots()}), 1, shape.rows())),
      longer_(std::max(shape.n_q, shape.n_k)),
      capacity_(std::max(longer_, kListed) + kSlack) {}

Collisions::Scratch Collisions::layout(Arena& scratch) const {
  const std::int64_t lists = wave_ * plan_.hashes, starts = lists * (plan_.slots() + 2);
  return {scratch.take<std::uint32_t>(lists * shape_.n_q + kSlack),
          scratch.take<std::uint32_t>(lists * shape_.n_k + kSlack),
          scratch.take<std::uint32_t>(starts),
          scratch.take<std::uint32_t>(starts),
          scratch.take<std::uint32_t>(threads_ * capacity_),
          scratch.take<std::uint32_t>(threads_ * 2 * kTokens),
          scratch.take<std::uint16_t>(threads_ * longer_)};
}

void Collisions::sort_queries(const Scratch& s, const Codes& codes, std::int64_t at, std::int64_t hash) const {
  const std::int64_t list = at * plan_.hashes + hash;
  sort(codes.q + hash * stride(shape_.n_q), codes.keep_q, shape_.n_q, plan_.slots(), s.q_order + list * shape_.n_q,
       s.q_starts + list * (plan_.slots() + 2));
}

void Collisions::sort_keys(const Scratch& s, const Codes& codes, std::int64_t at, std::int64_t hash) const {
  const std::int64_t list = at * plan_.hashes + hash;
  sort(codes.k + hash * stride(shape_.n_k), codes.keep_k, shape_.n_k, plan_.slots(), s.k_order + list * shape_.n_k,
       s.k_starts + list * (plan_.slots() + 2));
}

Collisions::Sorted Collisions::queries(const Scratch& s, std::int64_t at) const {
  return {s.q_order + at * plan_.hashes * shape_.n_q, s.q_starts + at * plan_.hashes * (plan_.slots() + 2)};
}

Collisions::Sorted Collisions::keys(const Scratch& s, std::int64_t at) const {
  return {s.k_order + at * plan_.hashes * shape_.n_k, s.k_starts + at * plan_.hashes * (plan_.slots() + 2)};
}

// Hash after hash for many tokens: what is read of a hash's slots stays in the cache. (Token after token was slower at
// every length.)
void Collisions::count(const Side& side, std::int64_t first, std::int64_t last, std::uint32_t* sizes) const {
  const std::int64_t n = last - first;
  std::fill_n(sizes, n, 0u);
  for (std::int64_t h = 0; h < plan_.hashes; ++h) {
    const std::uint32_t* const starts = side.others.starts + h * (plan_.slots() + 2);
    const std::uint16_t* const codes = side.codes + h * side.stride + first;
    for (std::int64_t t = 0; t < n; ++t) sizes[t] += starts[codes[t] + 1] - starts[codes[t]];
  }
  const auto most = static_cast<std::uint32_t>(std::min(side.n / 4, kMost));
  for (std::int64_t t = 0; t < n; ++t) {
    if (sizes[t] > most) sizes[t] = kMany;
    if (side.keep && !side.keep[first + t]) sizes[t] = kMany;
  }
}

void Collisions::list(const Side& side, std::int64_t first, std::int64_t last, const std::uint32_t* sizes,
                      std::uint32_t* ends, std::uint32_t* lists) const {
  const std::int64_t n = last - first;
  for (std::int64_t t = 0; t < n; ++t) ends[t] = t == 0 ? 0 : ends[t - 1] + sizes[t - 1] + kSlack;
  for (std::int64_t h = 0; h < plan_.hashes; ++h) {
    const std::uint32_t* const starts = side.others.starts + h * (plan_.slots() + 2);
    const std::uint32_t* const order = side.others.order + h * side.n;
    const std::uint16_t* const codes = side.codes + h * side.stride + first;
    for (std::int64_t t = 0; t < n; ++t) {
      const std::uint32_t start = starts[codes[t]], size = starts[codes[t] + 1] - start;
      std::uint32_t at = 0;
      do std::copy_n(order + start + at, kSlack, lists + ends[t] + at);
      while ((at += kSlack) < size);
      ends[t] += size;
    }
  }
}

std::int64_t Collisions::list_once(const Side& side, std::int64_t token, std::uint32_t* list,
                                   std::uint16_t* counts) const {
  std::int64_t count = 0;
  std::fill_n(counts, side.n, std::uint16_t{0});
  for (std::int64_t h = 0; h < plan_.hashes; ++h) {
    const std::uint32_t* const starts =
        side.others.starts + h * (plan_.slots() + 2) + side.codes[h * side.stride + token];
    const std::uint32_t* const order = side.others.order + h * side.n;
    for (std::uint32_t at = starts[0]; at < starts[1]; ++at) {
      list[count] = order[at];
      count += counts[order[at]]++ == 0;
    }
  }
  return count;
}

}  // namespace yoso::yoso_m
