// Who collides with whom, for backward passes that visit every colliding pair.
#pragma once
#include <yoso/arena.hpp>
#include <yoso/method.hpp>

#include <algorithm>
#include <span>

#include "primitives/primitives.hpp"
#include "yoso_m/plan.hpp"
#include "yoso_m/tables.hpp"

namespace yoso::yoso_m {

// The tokens of one side by their code in one hash, in ascending order within a code; padded ones are left out.
struct Sorted {
  std::uint32_t* order;   // [n + kSlack]
  std::uint32_t* starts;  // [slots + 2]: code c has [starts[c], starts[c + 1])
  static constexpr std::int64_t kSlack = 8;

  static Sorted layout(Arena& scratch, std::int64_t rows, std::int64_t n, std::int64_t slots);  // of the first row
  Sorted row(std::int64_t row, std::int64_t n, std::int64_t slots) const;
  void sort(const std::uint16_t* codes, const std::uint8_t* keep, std::int64_t n, std::int64_t slots) const;
  std::span<const std::uint32_t> operator[](std::int64_t code) const {
    return {order + starts[code], starts[code + 1] - starts[code]};
  }
};

// For every token of one side, a list of those of the other side that collide with it. Hash after hash is sorted and
// dealt out to the lists at once: what is read at random of a hash is still in the cache, and no hash is kept.
class Collisions {
 public:
  Collisions(const Shape& shape, const Context& context, const Plan& plan);

  struct Scratch {
    Sorted sorted;         // [threads]
    std::uint32_t* lists;  // [threads, capacity]
    std::uint32_t* sizes;  // [threads, 2, tokens of a piece]
    std::uint16_t* times;  // [threads, tokens of the longer side]
  };
  Scratch layout(Arena& scratch) const;

  // A side of a row is cut into pieces, for threads.
  std::int64_t pieces() const { return pieces_; }
  std::int64_t capacity() const { return capacity_; }  // entries of all lists of a thread at a time
  std::int64_t longer() const { return longer_; }      // entries of a list with `times`, at most

  struct Side {
    bool queries;
    std::int64_t n;
    const std::uint16_t* codes;  // [hashes, stride(n)]
    const std::uint8_t* keep;    // or null
  };
  // Tokens of one side, and their lists.
  struct Listed {
    std::int64_t first;          // token of the first list
    RowLists lists;              // of others
    const std::uint16_t* times;  // of an other: how often it was met; null where each entry is one collision, and an
                                 // other may be listed repeatedly
  };
  // Calls f(listed) for all tokens of a piece of `side`, in order. A padded token meets nobody, and a query no key of
  // its future. Whether an other may be listed repeatedly does not depend on threads. `once`: never.
  template <class F>
  void for_lists(const Scratch& s, int thread, const Side& side, const Side& others, std::int64_t piece, bool once,
                 const F& f) const;

 private:
  // sizes [last - first]: the collisions of each token.
  void count(const Side& side, const Side& others, std::int64_t first, std::int64_t last, std::uint32_t* counts,
             std::uint32_t* sizes) const;
  // Writes the lists of tokens one after the other; ends [last - first]. What is hidden is left out, and sizes say so.
  void list(const Side& side, const Side& others, std::int64_t first, std::int64_t last, const Sorted& sorted,
            std::uint32_t* sizes, std::uint32_t* ends, std::uint32_t* lists) const;
  // Takes out of a token's list the keys of its future, or the queries to which it is that.
  std::uint32_t hide(const Side& side, std::int64_t token, std::uint32_t* list, std::uint32_t* size) const;
  // Leaves each other in a list once, where it came first, and counts them in times, which are 0 before. Returns how
  // many are left.
  static std::uint32_t unite(std::uint32_t* list, std::uint32_t size, std::uint16_t* times);

  // A token with more collisions is listed alone, and those with each other token are counted.
  static std::int64_t most(std::int64_t others) { return std::min<std::int64_t>(others / 4, 1024); }

  Shape shape_;
  Plan plan_;
  int threads_;
  std::int64_t pieces_, longer_, tokens_, capacity_;
};

template <class F>
void Collisions::for_lists(const Scratch& s, int thread, const Side& side, const Side& others, std::int64_t piece,
                           bool once, const F& f) const {
  const std::int64_t first = side.n * piece / pieces_, last = side.n * (piece + 1) / pieces_;
  const auto most = once ? 0 : static_cast<std::uint32_t>(Collisions::most(others.n));
  const Sorted sorted = s.sorted.row(thread, longer_, plan_.slots());
  std::uint32_t *const lists = s.lists + thread * capacity_, *const sizes = s.sizes + thread * 2 * tokens_;
  std::uint32_t* const ends = sizes + tokens_;
  std::uint16_t* const times = s.times + thread * longer_;
  std::fill_n(times, others.n, std::uint16_t{0});
  count(side, others, first, last, sorted.starts, sizes);
  for (std::int64_t begin = 0, end; begin < last - first; begin = end) {
    std::int64_t listed = kListAhead;
    for (end = begin; end < last - first && listed + sizes[end] + Sorted::kSlack <= capacity_; ++end)
      listed += sizes[end] + Sorted::kSlack;
    list(side, others, first + begin, first + end, sorted, sizes + begin, ends + begin, lists);
    for (std::int64_t t = begin, next; t < end; t = next) {
      next = t + 1;
      if (!once && sizes[t] <= most) {
        while (next < end && sizes[next] <= most) ++next;
        f(Listed{first + t, {next - t, ends + t, sizes + t, lists}, nullptr});
        continue;
      }
      std::uint32_t* const list = lists + (ends[t] - sizes[t]);
      ends[t] = sizes[t] = unite(list, sizes[t], times);
      f(Listed{first + t, {1, ends + t, sizes + t, list}, times});
      for (std::uint32_t e = 0; e < sizes[t]; ++e) times[list[e]] = 0;
    }
  }
}

}  // namespace yoso::yoso_m
