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
    std::uint32_t* sizes;                // [threads, 2, kTokens]
    std::uint16_t* counts;               // [threads, tokens of the longer side]
  };
  Scratch layout(Arena& scratch) const;

  std::int64_t wave() const { return wave_; }  // rows that are sorted at a time
  // Sorts one hash of one side; `at` counts rows of the wave.
  void sort_queries(const Scratch& s, const Codes& codes, std::int64_t at, std::int64_t hash) const;
  void sort_keys(const Scratch& s, const Codes& codes, std::int64_t at, std::int64_t hash) const;
  Sorted queries(const Scratch& s, std::int64_t at) const;
  Sorted keys(const Scratch& s, std::int64_t at) const;

  // Tokens of one side of a row, and those of the other side that they meet.
  struct Side {
    const std::uint16_t* codes;  // [hashes, stride] of the tokens
    std::int64_t stride;
    const std::uint8_t* keep;  // of the tokens, or null
    Sorted others;
    std::int64_t n;  // others
  };
  static constexpr std::int64_t kTokens = 2048;  // that are best listed together

  // Calls f(token, count, others, times) for tokens [first, last), at most kTokens, in order: the tokens of the other
  // side that collide with it in any hash. times[other] says how often, or is null where each entry is one collision
  // and a token may be listed repeatedly. Whether it may does not depend on threads. `once`: never.
  template <class F>
  void for_each(const Scratch& s, int thread, const Side& side, std::int64_t first, std::int64_t last, bool once,
                const F& f) const;

 private:
  // sizes [last - first]: collisions of each token, or kMany.
  void count(const Side& side, std::int64_t first, std::int64_t last, std::uint32_t* sizes) const;
  // Writes the lists of tokens that have fewer than kMany one after the other; ends [last - first].
  void list(const Side& side, std::int64_t first, std::int64_t last, const std::uint32_t* sizes, std::uint32_t* ends,
            std::uint32_t* lists) const;
  // Lists the others of one token once each, and counts how often they were met.
  std::int64_t list_once(const Side& side, std::int64_t token, std::uint32_t* list, std::uint16_t* counts) const;
  static constexpr std::uint32_t kMany = 0xffffffff;
  static constexpr std::int64_t kSlack = 4;  // entries that list() copies at a time: it may run past the end of a list

  Shape shape_;
  Plan plan_;
  int threads_;
  std::int64_t wave_, longer_, capacity_;
};

template <class F>
void Collisions::for_each(const Scratch& s, int thread, const Side& side, std::int64_t first, std::int64_t last,
                          bool once, const F& f) const {
  std::uint32_t *const lists = s.lists + thread * capacity_, *const sizes = s.sizes + thread * 2 * kTokens;
  std::uint32_t* const ends = sizes + kTokens;
  std::uint16_t* const counts = s.counts + thread * longer_;
  if (once)
    std::fill_n(sizes, last - first, kMany);
  else
    count(side, first, last, sizes);
  for (std::int64_t i = first, next; i < last; i = next) {
    const std::uint32_t* const of = sizes + (i - first);
    if (*of == kMany) {
      next = i + 1;
      if (side.keep && !side.keep[i]) continue;
      f(i, list_once(side, i, lists, counts), lists, counts);
      continue;
    }
    std::int64_t listed = 0;
    for (next = i; next < last && of[next - i] != kMany && listed + of[next - i] <= capacity_ - kSlack; ++next)
      listed += of[next - i] + kSlack;
    list(side, i, next, of, ends, lists);
    for (std::int64_t t = i; t < next; ++t)
      f(t, std::int64_t{of[t - i]}, lists + (ends[t - i] - of[t - i]), static_cast<const std::uint16_t*>(nullptr));
  }
}

}  // namespace yoso::yoso_m
