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
  // The list of collisions, or false when it would be longer than a quarter of the tokens.
  bool list_all(const std::uint16_t* codes, std::int64_t stride, const Sorted& others, std::int64_t n,
                std::uint32_t* list, std::int64_t& count) const;
  // Calls f(token) for all of them.
  template <class F>
  void for_all(const std::uint16_t* codes, std::int64_t stride, const Sorted& others, std::int64_t n, const F& f) const;

  Shape shape_;
  Plan plan_;
  int threads_;
  std::int64_t wave_, longer_, capacity_;
};

template <class F>
void Collisions::for_all(const std::uint16_t* codes, std::int64_t stride, const Sorted& others, std::int64_t n,
                         const F& f) const {
  for (std::int64_t h = 0; h < plan_.hashes; ++h) {
    const std::uint32_t* const starts = others.starts + h * (plan_.slots() + 2) + codes[h * stride];
    const std::uint32_t* const order = others.order + h * n;
    for (std::uint32_t at = starts[0]; at < starts[1]; ++at) f(order[at]);
  }
}

template <class F>
void Collisions::visit(const Scratch& s, int thread, const std::uint16_t* codes, std::int64_t stride, std::int64_t i,
                       const Sorted& others, std::int64_t n, std::int64_t first, std::int64_t last, bool once,
                       const F& f) const {
  std::uint32_t* const list = s.lists + thread * capacity_;
  std::int64_t count = 0;
  const auto in_batches = [&](const std::uint16_t* counts) {
    if (first > 0 || last < n)
      count = std::remove_if(list, list + count, [&](std::uint32_t token) { return token < first || token >= last; }) -
              list;
    for (std::int64_t at = 0; at < count; at += kBatch) f(std::min(kBatch, count - at), list + at, counts);
  };
  if (!once && list_all(codes + i, stride, others, n, list, count)) return in_batches(nullptr);
  std::uint16_t* const counts = s.counts + thread * longer_;
  std::fill_n(counts, n, std::uint16_t{0});
  count = 0;
  for_all(codes + i, stride, others, n, [&](std::uint32_t token) {
    list[count] = token;
    count += counts[token]++ == 0;
  });
  in_batches(counts);
}

}  // namespace yoso::yoso_m
