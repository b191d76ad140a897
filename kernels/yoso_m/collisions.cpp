#include "yoso_m/collisions.hpp"

#include <algorithm>

namespace yoso::yoso_m {
namespace {

// Tokens, or slots of a table, whose sorted order is in memory at a time, if no single row has more.
constexpr std::int64_t kWaveTokens = 16384;

constexpr std::int64_t kSlack = 4;  // entries that list_all copies at a time: it may run past the end of a list

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
      capacity_(longer_ + kSlack) {}

Collisions::Scratch Collisions::layout(Arena& scratch) const {
  const std::int64_t lists = wave_ * plan_.hashes, starts = lists * (plan_.slots() + 2);
  return {scratch.take<std::uint32_t>(lists * shape_.n_q + kSlack),
          scratch.take<std::uint32_t>(lists * shape_.n_k + kSlack),
          scratch.take<std::uint32_t>(starts),
          scratch.take<std::uint32_t>(starts),
          scratch.take<std::uint32_t>(threads_ * capacity_),
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

// Most slots hold fewer than kSlack tokens: copied without asking how many, there is hardly a branch to mispredict.
bool Collisions::list_all(const std::uint16_t* codes, std::int64_t stride, const Sorted& others, std::int64_t n,
                          std::uint32_t* list, std::int64_t& count) const {
  count = 0;
  for (std::int64_t h = 0; h < plan_.hashes; ++h) {
    const std::uint32_t* const starts = others.starts + h * (plan_.slots() + 2) + codes[h * stride];
    const std::uint32_t* const tokens = others.order + h * n + starts[0];
    const std::int64_t size = starts[1] - starts[0];
    if (count + size > n / 4) return false;
    std::int64_t at = 0;
    do std::copy_n(tokens + at, kSlack, list + count + at);
    while ((at += kSlack) < size);
    count += size;
  }
  return true;
}

}  // namespace yoso::yoso_m
