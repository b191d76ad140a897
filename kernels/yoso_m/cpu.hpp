// The CPU engine of yoso-m.
#pragma once
#include <yoso/method.hpp>

#include "primitives/yoso_family.hpp"
#include "yoso_m/hash.hpp"
#include "yoso_m/plan.hpp"

namespace yoso::yoso_m {

class Cpu {
 public:
  Cpu(const Shape& shape, const Settings& settings, const Context& context);
  Needs needs() const;
  void forward(const Inputs& in, float* out, Call& call);

 private:
  // Values are summed in column slices of `width`, with the tables of `group` hashes in the cache at once; every slice
  // of every row is an independent piece of work. No sum depends on the choice: each is over tokens, then hashes, in
  // ascending order.
  struct Slicing {
    std::int64_t width, slices, group;
  };
  struct Scratch {
    std::uint16_t *q_codes, *k_codes;  // [rows, hashes, stride(n)]
    float* work;                       // [threads, work_floats_]: hashing, then packed values, sums and tables
    std::uint16_t* bits;               // [threads, hash_size_.bits]
    std::uint32_t* counts;             // rowsum: [threads, group, slots] keys in a slot
    std::int64_t* collisions;          // rowsum: [rows, n_q] over all hashes
  };
  // One (batch, head) row during the summation.
  struct Codes {
    const std::uint16_t *q, *k;           // [hashes, stride(n)]
    const std::uint8_t *keep_q, *keep_k;  // [n]
  };
  Codes codes_of(const Inputs& in, const Scratch& s, std::int64_t row) const;

  Scratch layout(Arena& scratch) const;
  void hash_tokens(const Inputs& in, const Call& call, const Scratch& s) const;
  void sum_values(const Inputs& in, const Call& call, const Scratch& s, float* out) const;
  void sum_slice(const Inputs& in, const Call& call, const Codes& codes, std::int64_t row, std::int64_t slice,
                 bool watched, float* work, float* out) const;
  void count_collisions(const Codes& codes, std::uint32_t* counts, std::int64_t* collisions) const;
  void normalise(const Inputs& in, const Call& call, const Scratch& s, float* out) const;
  void show_codes(const Call& call, const Scratch& s) const;
  template <class Clear>
  void clear_tables(const std::uint16_t* q, const std::uint16_t* k, std::int64_t group, const Clear& clear) const;

  Shape shape_;
  Context context_;
  Plan plan_;
  Norm norm_;
  std::int64_t conv_;
  HashSize hash_size_;
  Slicing slicing_;
  std::int64_t work_floats_;
};

}  // namespace yoso::yoso_m
