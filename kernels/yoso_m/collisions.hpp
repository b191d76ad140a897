// Who collides with whom, for backward passes that visit every colliding pair: for each hash, the tokens of either side
// sorted by their codes.
#pragma once
#include <yoso/arena.hpp>
#include <yoso/method.hpp>

#include "yoso_m/plan.hpp"
#include "yoso_m/tables.hpp"

namespace yoso::yoso_m {

class Collisions {
 public:
  static constexpr std::int64_t kBatch =
      128;  // pairs that are worked on together: their numbers stay in the first cache

  Collisions(const Shape& shape, const Context& context, const Plan& plan);

  // The tokens of one side of one row.
  struct Sorted {
    const std::uint32_t* order;   // [hashes, n] tokens by code, in ascending order within one; padded ones left out
    const std::uint32_t* starts;  // [hashes, slots + 2]: code c has [starts[c], starts[c + 1])
  };
  struct Scratch {
    std::uint32_t *q_order, *k_order;    // [wave, hashes, n]
    std::uint32_t *q_starts, *k_starts;  // [wave, hashes, slots + 2]
    std::uint32_t* lists;                // [threads, capacity]
    std::uint16_t* counts;               // [threads, tokens of the longer side]
  };
  Scratch layout(Arena& scratch) const;

  std::int64_t wave() const { return wave_; }  // rows that are sorted at a time
  // Sorts one hash of one side; `at` counts rows of the wave.
  void sort_queries(const Scratch& s, const Codes& codes, std::int64_t at, std::int64_t hash) const;
  void sort_keys(const Scratch& s, const Codes& codes, std::int64_t at, std::int64_t hash) const;
  Sorted queries(const Scratch& s, std::int64_t at) const;
  Sorted keys(const Scratch& s, std::int64_t at) const;

  // The tokens of the other side, n of them, in [first, last) that collide with token i in any hash, in batches
  // f(count, tokens, counts): counts[token] says how often, or is null where each entry is one collision and a token
  // may be listed repeatedly. Whether it may does not depend on threads. `once`: never.
  template <class F>
  void visit(const Scratch& s, int thread, const std::uint16_t* codes, std::int64_t stride, std::int64_t i,
             const Sorted& others, std::int64_t n, std::int64_t first, std::int64_t last, bool once, const F& f) const;

 private:
  struct Range {
    const std::uint32_t *begin, *end;
  };
  Range range(const Sorted& others, std::int64_t n, std::int64_t hash, std::uint16_t code, std::int64_t first,
              std::int64_t last) const;

  Shape shape_;
  Plan plan_;
  int threads_;
  std::int64_t wave_, longer_, capacity_;
};

inline Collisions::Range Collisions::range(const Sorted& others, std::int64_t n, std::int64_t hash, std::uint16_t code,
                                           std::int64_t first, std::int64_t last) const {
  const std::uint32_t* const order = others.order + hash * n;
  const std::uint32_t* const starts = others.starts + hash * (plan_.slots() + 2) + code;
  Range r{order + starts[0], order + starts[1]};
  if (!shape_.causal) return r;
  while (r.begin < r.end && *r.begin < first) ++r.begin;
  while (r.begin < r.end && r.end[-1] >= last) --r.end;
  return r;
}

template <class F>
void Collisions::visit(const Scratch& s, int thread, const std::uint16_t* codes, std::int64_t stride, std::int64_t i,
                       const Sorted& others, std::int64_t n, std::int64_t first, std::int64_t last, bool once,
                       const F& f) const {
  std::uint32_t* const list = s.lists + thread * capacity_;
  std::int64_t total = 0;
  for (std::int64_t h = 0; h < plan_.hashes; ++h) {
    const Range r = range(others, n, h, codes[h * stride + i], first, last);
    total += r.end - r.begin;
  }
  std::int64_t count = 0;
  if (!once && total < n / 4) {  // few, so hardly any twice
    for (std::int64_t h = 0; h < plan_.hashes; ++h) {
      const Range r = range(others, n, h, codes[h * stride + i], first, last);
      for (const std::uint32_t* at = r.begin; at < r.end; ++at) list[count++] = *at;
    }
    for (std::int64_t at = 0; at < count; at += kBatch) f(std::min(kBatch, count - at), list + at, nullptr);
    return;
  }
  std::uint16_t* const counts = s.counts + thread * longer_;
  std::fill_n(counts, n, std::uint16_t{0});
  for (std::int64_t h = 0; h < plan_.hashes; ++h) {
    const Range r = range(others, n, h, codes[h * stride + i], first, last);
    for (const std::uint32_t* at = r.begin; at < r.end; ++at) {
      list[count] = *at;
      count += counts[*at]++ == 0;
    }
  }
  for (std::int64_t at = 0; at < count; at += kBatch) f(std::min(kBatch, count - at), list + at, counts);
}

}  // namespace yoso::yoso_m
