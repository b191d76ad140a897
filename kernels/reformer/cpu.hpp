// The engine.
#pragma once
#include <algorithm>
#include <cstdint>

#include <yoso/method.hpp>

#include "primitives/primitives.hpp"
#include "reformer/settings.hpp"

namespace yoso::reformer {

class Cpu {
 public:
  Cpu(const Shape& shape, const Settings& settings, const Context& context);
  Needs needs() const;
  void forward(const Inputs& in, float* out, Call& call);
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call);

 private:
  static constexpr std::int64_t kQueries = 64;  // list entries that one piece of work attends for
  static constexpr std::int64_t kKeys = 128;    // list entries attended to at a time

  // "The list" of a row is its rounds x n entries in sorted order; entry e belongs to round e / n. What backward needs
  // of forward lies in the saved arena when a backward pass comes.
  struct Sorted {
    float* key_scales;   // [rows, n]: what turns x into a key
    std::int32_t* list;  // [rows, rounds, n]: positions
    float* peaks;        // [rows, n]: running maximum of each query's logits; for backward, infinity if it has none
    float* totals;       // [rows, n]: sum of exp(logit - peak) over the rounds done; for backward, its inverse or 0
  };
  struct Layout : Sorted {
    std::int32_t* buckets;  // [rows, rounds, n]: ids
    std::int32_t* counts;   // [threads, buckets + 1]
    float* projections;     // [threads, 2, kTokens, kColumns]: and transposed
    float* queries;         // [threads, kQueries, d]
    float* keys;            // [threads, kKeys, d]
    float* values;          // [threads, kKeys, d_v]
    float* scores;          // [threads, kQueries, kKeys]
    float* outputs;         // [threads, kQueries, d_v]
  };
  struct BackwardLayout : Sorted {
    float* memory;  // [threads, backward_size()]
  };

  // Queries of one piece of work: a run of list entries of one chunk and one round, so that no token comes twice.
  struct Tile {
    std::int64_t row, first, count;  // list entries [first, first + count)
    const std::int32_t* positions;
    float *queries, *keys, *values, *scores, *outputs;
  };

  // List entries that are attended to at a time.
  struct Keys {
    std::int64_t count = 0;
    // All visible to every query, but that query i is key own_first + i, if that is in [0, own_last). Otherwise `self`
    // and `from` have to be asked about every pair.
    bool plain = true;
    std::int64_t own_first = 0, own_last = 0;
    std::int32_t self[kKeys];  // the query position that this key is to itself
    std::int32_t from[kKeys];  // the first query position that sees this key
    std::int32_t at[kKeys];    // where in the sequence it stands
  };
  struct Back;  // what a piece of backward works on

  Sorted sorted(Arena& arena) const;
  Layout layout(Arena& saved, Arena& scratch) const;
  void scale_keys(const Primitives& p, const Inputs& in, const Layout& at) const;
  void hash(const Primitives& p, const Inputs& in, const float* rotations, const Layout& at) const;
  void sort(const Layout& at) const;
  void attend(const Primitives& p, const Inputs& in, const Layout& at, float* out, std::int64_t row, std::int64_t first,
              std::int64_t last, int thread) const;
  void gather(const Inputs& in, const Sorted& at, const Tile& tile, std::int64_t first, std::int64_t last,
              Keys& keys) const;
  void add_keys(const Primitives& p, const Layout& at, const Tile& tile, const Keys& keys) const;
  void finish(const Primitives& p, const Inputs& in, const Layout& at, float* out) const;

  // backward.cpp
  std::int64_t backward_size() const;
  BackwardLayout backward_layout(Arena& saved, Arena& scratch) const;
  Back piece(const BackwardLayout& at, int thread) const;
  void chunk_back(const Primitives& p, const Inputs& in, const Upstream& up, const Gradients& grads, const Back& back,
                  std::int64_t row, std::int64_t round, std::int64_t chunk) const;
  template <class EachKeys>
  void queries_back(const Primitives& p, const Inputs& in, const Upstream& up, const Gradients& grads, Back back,
                    std::int64_t row, std::int64_t first, std::int64_t last, const EachKeys& each_keys) const;
  void keys_back(const Primitives& p, const Gradients& grads, const Back& back, const Keys& keys) const;
  void mask(const Back& back, const Keys& keys) const;
  void finish_back(const Primitives& p, const Inputs& in, const BackwardLayout& at, const Gradients& grads) const;

  Shape shape_;
  Context context_;
  std::int64_t n_;
  bool hf_;
  bool full_;
  std::int64_t rounds_;  // 1 when full
  std::int64_t chunk_;   // n when full
  std::int64_t buckets_;
  float query_scale_;
  float self_;  // logit of a token with itself
};

}  // namespace yoso::reformer
