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

 private:
  // "The list" of a row is its rounds x n entries in sorted order; entry e belongs to round e / n.
  struct Layout {
    float* key_scales;      // [rows, n]: what turns x into a key
    std::int32_t* buckets;  // [rows, rounds, n]: ids
    std::int32_t* list;     // [rows, rounds, n]: positions
    float* peaks;           // [rows, n]: running maximum of each query's logits ...
    float* totals;          // [rows, n]: ... and sum of exp(logit - peak), over the rounds done
    std::int32_t* counts;   // [threads, buckets + 1]
    float* projections;     // [threads, 2, kTokens, kColumns]: and transposed
    float* queries;         // [threads, kQueries, d]
    float* keys;            // [threads, kKeys, d]
    float* values;          // [threads, kKeys, d_v]
    float* scores;          // [threads, kQueries, kKeys]
    float* outputs;         // [threads, kQueries, d_v]
  };
  struct Tile;
  struct Keys;

  Layout layout(Arena& scratch) const;
  void scale_keys(const Primitives& p, const Inputs& in, const Layout& at) const;
  void hash(const Primitives& p, const Inputs& in, const float* rotations, const Layout& at) const;
  void sort(const Layout& at) const;
  void attend(const Primitives& p, const Inputs& in, const Layout& at, float* out, std::int64_t row, std::int64_t first,
              std::int64_t last, int thread) const;
  void gather(const Inputs& in, const Layout& at, const Tile& tile, std::int64_t first, std::int64_t last,
              Keys& keys) const;
  void add_keys(const Primitives& p, const Layout& at, const Tile& tile, const Keys& keys) const;
  void finish(const Primitives& p, const Inputs& in, const Layout& at, float* out) const;

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
