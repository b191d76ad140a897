// Sums over hash tables: what collides with each token, for a slice of columns.
#pragma once
#include <cstdint>

#include <yoso/cpu.hpp>
#include <yoso/shape.hpp>

#include "primitives/primitives.hpp"
#include "yoso_m/plan.hpp"

namespace yoso::yoso_m {

// From the codes of one hash to those of the next: a line more than n, because hashing writes all hashes of a token at
// once, and at a power of two apart they would meet in one set of the cache.
inline std::int64_t stride(std::int64_t n) { return (n + 31) / 32 * 32 + 32; }

// The codes of one (batch, head) row.
struct Codes {
  const std::uint16_t *q, *k;           // [hashes, stride(n)]
  const std::uint8_t *keep_q, *keep_k;  // [n] or null
};

// Columns are summed in slices of `width`, with the tables of `group` hashes in the cache at once; every slice of every
// row is an independent piece of work. No sum depends on the choice: each is over tokens, then hashes, in one order.
struct Slicing {
  std::int64_t width, slices, group;
  Slicing(const Shape& shape, const Plan& plan, int threads, std::int64_t columns);
  std::int64_t floats(const Shape& shape, const Plan& plan) const;  // of a slice: values, sums and tables
};

// Memory of one slice: rows of values and of sums [n, width], and tables [group, slots, width].
struct SliceWork {
  float *keys, *queries, *tables;
  SliceWork(const Shape& shape, const Slicing& slicing, float* work)
      : keys(work), queries(keys + shape.n_k * slicing.width), tables(queries + shape.n_q * slicing.width) {}
};

class Tables {
 public:
  Tables(const Primitives& p, const Shape& shape, const Plan& plan, const Slicing& slicing)
      : p_(p), shape_(shape), plan_(plan), slicing_(slicing) {}

  // work.queries [i] += sum over hashes and the keys j that i sees and collides with of work.keys [j], in ascending
  // order of keys; or the reverse, in descending order of queries where masks of the future matter. `phase` is told
  // "build" and "query".
  template <class Phase>
  void to_queries(const Codes& codes, const SliceWork& work, const Phase& phase) const;
  void to_keys(const Codes& codes, const SliceWork& work) const;

  // Calls clear(first, count) for the slots of tables [group, slots] that keys k and queries q [group, n] may use.
  template <class Clear>
  void clear(const std::uint16_t* q, const std::uint16_t* k, std::int64_t group, const Clear& clear) const;

 private:
  // f(codes of the queries, codes of the keys, how many hashes) for groups of hashes, their tables emptied.
  template <class F>
  void for_groups(const Codes& codes, float* tables, const F& f) const;

  const Primitives& p_;
  const Shape& shape_;
  const Plan& plan_;
  const Slicing& slicing_;
};

template <class Clear>
void Tables::clear(const std::uint16_t* q, const std::uint16_t* k, std::int64_t group, const Clear& clear) const {
  if (shape_.n_q + shape_.n_k >= plan_.slots()) return clear(0, group * plan_.slots());
  for (std::int64_t g = 0; g < group; ++g) {  // most slots will not be touched
    for (std::int64_t i = 0; i < shape_.n_q; ++i) clear(g * plan_.slots() + q[g * stride(shape_.n_q) + i], 1);
    for (std::int64_t j = 0; j < shape_.n_k; ++j) clear(g * plan_.slots() + k[g * stride(shape_.n_k) + j], 1);
  }
}

template <class F>
void Tables::for_groups(const Codes& codes, float* tables, const F& f) const {
  for (std::int64_t first = 0; first < plan_.hashes; first += slicing_.group) {
    const std::int64_t group = std::min(slicing_.group, plan_.hashes - first);
    const std::uint16_t* const q = codes.q + first * stride(shape_.n_q);
    const std::uint16_t* const k = codes.k + first * stride(shape_.n_k);
    f(q, k, group, [&] {
      clear(q, k, group, [&](std::int64_t at, std::int64_t size) {
        std::fill_n(tables + at * slicing_.width, size * slicing_.width, 0.0f);
      });
    });
  }
}

template <class Phase>
void Tables::to_queries(const Codes& codes, const SliceWork& work, const Phase& phase) const {
  for_groups(
      codes, work.tables, [&](const std::uint16_t* q, const std::uint16_t* k, std::int64_t group, const auto& empty) {
        const auto insert = [&](std::int64_t from, std::int64_t to) {
          p_.insert(slicing_.width, from, to, k, stride(shape_.n_k), group, plan_.slots(), work.keys, work.tables);
        };
        const auto look_up = [&](std::int64_t from, std::int64_t to) {
          p_.look_up(slicing_.width, from, to, q, stride(shape_.n_q), group, plan_.slots(), work.tables, work.queries);
        };
        phase("build");
        empty();
        if (!shape_.causal) {
          insert(0, shape_.n_k);
          phase("query");
          return look_up(0, shape_.n_q);
        }
        std::int64_t inserted = 0;  // keys join as queries come to see them, so the tables hold a prefix
        for (std::int64_t i = 0; i < shape_.n_q; ++i) {
          insert(inserted, shape_.visible(i));
          inserted = std::max(inserted, shape_.visible(i));
          look_up(i, i + 1);
        }
      });
}

}  // namespace yoso::yoso_m
