// The engine.
#pragma once
#include <algorithm>
#include <cstdint>

#include <yoso/method.hpp>

#include "performer/settings.hpp"
#include "primitives/primitives.hpp"

namespace yoso::performer {

class Cpu {
 public:
  Cpu(const Shape& shape, const Settings& settings, const Context& context);
  Needs needs() const;
  void forward(const Inputs& in, float* out, Call& call);

 private:
  // Key features are never all in memory: each is added to these sums at once. With exponential kernels they are kept
  // relative to exp(peak), so that nothing overflows: the peak of a slice of features is enough for softmax, whose 1e-4
  // hides what underflows beside it; hyperbolic needs one a feature.
  struct Layout {
    float* panels;       // [slices, d, kSlice]: the projections, transposed
    float* sums;         // [rows, features, d_v]: sum over keys of feature x value
    float* totals;       // [rows, features]: sum over keys of the feature
    float* peaks;        // [rows, features]: largest exponent of the feature (hyperbolic)
    float* stabilisers;  // [rows, slices]: largest projection of any key, by slice of features (softmax)
    float* value_sums;   // [rows, d_v]: sum of the kept values (softmax)
    float* floors;       // [rows, d_v + 1]: what 1e-4 in every feature of a query adds to its sums (softmax)
    std::int64_t* kept;  // [rows]: how many keys there are
    float* key_tiles;    // [threads, sides, kKeys, kSlice]
    float* query_tiles;  // [threads, queries, features]
    float* shifts;       // [threads, kKeys]
  };
  struct Keys;

  Layout layout(Arena& scratch) const;
  void transpose_projections(const Primitives& p, const float* projection, const Layout& at) const;
  void count_keys(const Primitives& p, const Inputs& in, const Layout& at) const;
  void add_keys(const Primitives& p, const Inputs& in, const Layout& at, std::int64_t row, std::int64_t slice,
                int thread) const;
  void add_softmax(const Primitives& p, const Keys& keys, const Layout& at, float* x) const;
  void add_hyperbolic(const Primitives& p, const Keys& keys, const Layout& at, float* x) const;
  void add_relu(const Primitives& p, const Keys& keys, const Layout& at, float* x) const;
  void add_features(const Primitives& p, const Keys& keys, std::int64_t feature, const Layout& at,
                    const float* x) const;
  void fold_softmax(const Primitives& p, const Layout& at, std::int64_t row) const;
  void query(const Primitives& p, const Inputs& in, const Layout& at, float* out, std::int64_t row, std::int64_t first,
             int thread) const;
  float features_of_query(const Primitives& p, float half_norm, const float* peaks, float* x) const;

  Shape shape_;
  Context context_;
  Kernel kernel_;
  std::int64_t drawn_;     // projections
  std::int64_t sides_;     // features of each projection
  std::int64_t features_;  // sides x drawn: all exp(+w.x), then all exp(-w.x)
  std::int64_t slices_;
  std::int64_t queries_;  // queries of one piece of work
  float scale_;           // d^(-1/4), on queries and on keys
};

}  // namespace yoso::performer
