#include "yoso_m/collisions.hpp"

#include <algorithm>
#include <cstring>

namespace yoso::yoso_m {
namespace {

// Entries of lists up to which there is room for twice as many collisions as there are codes: a hash is sorted again
// for tokens that found no room.
constexpr std::int64_t kRoom = 1 << 20;

constexpr std::int64_t kLeastPiece = 64;  // tokens

}  // namespace

Sorted Sorted::layout(Arena& scratch, std::int64_t rows, std::int64_t n, std::int64_t slots) {
  return {scratch.take<std::uint32_t>(rows * (n + kSlack)), scratch.take<std::uint32_t>(rows * (slots + 2))};
}

Sorted Sorted::row(std::int64_t row, std::int64_t n, std::int64_t slots) const {
  return {order + row * (n + kSlack), starts + row * (slots + 2)};
}

// A counting sort. While it counts, code c has its place two further on; while it deals out, one further on.
void Sorted::sort(const std::uint16_t* codes, const std::uint8_t* keep, std::int64_t n, std::int64_t slots) const {
  std::fill_n(starts, slots + 2, 0u);
  for (std::int64_t i = 0; i < n; ++i) starts[codes[i] + 2] += !keep || keep[i];
  for (std::int64_t c = 2; c < slots + 2; ++c) starts[c] += starts[c - 1];
  for (std::int64_t i = 0; i < n; ++i)
    if (!keep || keep[i]) order[starts[codes[i] + 1]++] = static_cast<std::uint32_t>(i);
}

Collisions::Collisions(const Shape& shape, const Context& context, const Plan& plan)
    : shape_(shape), plan_(plan), threads_(std::max(1, context.threads)) {
  longer_ = std::max(shape.n_q, shape.n_k);
  // each piece sorts the other side itself, so no more than threads need
  pieces_ = std::clamp<std::int64_t>((threads_ + 2 * shape.rows() - 1) / (2 * shape.rows()), 1,
                                     std::max<std::int64_t>(1, std::min(shape.n_q, shape.n_k) / kLeastPiece));
  tokens_ = (longer_ + pieces_ - 1) / pieces_;
  const std::int64_t codes = plan.hashes * longer_;
  capacity_ = std::max(codes, std::min(2 * codes, kRoom)) + Sorted::kSlack + kListAhead;
}

Collisions::Scratch Collisions::layout(Arena& scratch) const {
  return {Sorted::layout(scratch, threads_, longer_, plan_.slots()), scratch.take<std::uint32_t>(threads_ * capacity_),
          scratch.take<std::uint32_t>(threads_ * 2 * tokens_), scratch.take<std::uint16_t>(threads_ * longer_)};
}

void Collisions::count(const Side& side, const Side& others, std::int64_t first, std::int64_t last,
                       std::uint32_t* counts, std::uint32_t* sizes) const {
  const std::int64_t n = last - first;
  std::fill_n(sizes, n, 0u);
  for (std::int64_t h = 0; h < plan_.hashes; ++h) {
    const std::uint16_t* const theirs = others.codes + h * stride(others.n);
    const std::uint16_t* const ours = side.codes + h * stride(side.n) + first;
    std::fill_n(counts, plan_.slots(), 0u);
    for (std::int64_t j = 0; j < others.n; ++j) counts[theirs[j]] += !others.keep || others.keep[j];
    for (std::int64_t t = 0; t < n; ++t) sizes[t] += counts[ours[t]];
  }
  for (std::int64_t t = 0; side.keep && t < n; ++t)
    if (!side.keep[first + t]) sizes[t] = 0;
}

// A bucket is copied kSlack entries at a time and may run past the end of a list: its size is then no branch that is
// mispredicted.
void Collisions::list(const Side& side, const Side& others, std::int64_t first, std::int64_t last, const Sorted& sorted,
                      std::uint32_t* sizes, std::uint32_t* ends, std::uint32_t* lists) const {
  const std::int64_t n = last - first;
  for (std::int64_t t = 0; t < n; ++t) ends[t] = t == 0 ? 0 : ends[t - 1] + sizes[t - 1] + Sorted::kSlack;
  for (std::int64_t h = 0; h < plan_.hashes; ++h) {
    sorted.sort(others.codes + h * stride(others.n), others.keep, others.n, plan_.slots());
    const std::uint16_t* const codes = side.codes + h * stride(side.n) + first;
    const std::uint8_t* const keep = side.keep ? side.keep + first : nullptr;
    for (std::int64_t t = 0; t < n; ++t) {
      if (keep && !keep[t]) continue;
      const std::uint32_t start = sorted.starts[codes[t]], size = sorted.starts[codes[t] + 1] - start;
      std::uint32_t at = 0;
      do std::memcpy(lists + ends[t] + at, sorted.order + start + at, Sorted::kSlack * sizeof *lists);
      while ((at += Sorted::kSlack) < size);
      ends[t] += size;
    }
  }
  std::fill_n(lists + ends[n - 1], kListAhead, 0u);
  for (std::int64_t t = 0; t < n; ++t) {
    std::fill_n(lists + ends[t], Sorted::kSlack, 0u);
    if (shape_.causal) ends[t] -= hide(side, first + t, lists + (ends[t] - sizes[t]), sizes + t);
  }
}

std::uint32_t Collisions::hide(const Side& side, std::int64_t token, std::uint32_t* list, std::uint32_t* size) const {
  std::uint32_t* const end = list + *size;
  const std::uint32_t* const left = std::remove_if(list, end, [&](std::uint32_t other) {
    return side.queries ? other >= shape_.visible(token) : token >= shape_.visible(other);
  });
  const auto gone = static_cast<std::uint32_t>(end - left);
  *size -= gone;
  return gone;
}

std::uint32_t Collisions::unite(std::uint32_t* list, std::uint32_t size, std::uint16_t* times) {
  std::uint32_t kept = 0;
  for (std::uint32_t e = 0; e < size; ++e) {
    const std::uint32_t other = list[e];
    list[kept] = other;
    kept += times[other]++ == 0;
  }
  return kept;
}

}  // namespace yoso::yoso_m
