// The engine.
#pragma once
#include <algorithm>
#include <cstdint>

#include <yoso/method.hpp>

#include "performer/settings.hpp"
#include "primitives/parts.hpp"
#include "primitives/primitives.hpp"

namespace yoso::performer {

inline constexpr float kSoftmaxEpsilon = 1e-4f;
inline constexpr float kReluEpsilon = 1e-3f;
inline constexpr float kHyperbolicEpsilon = 1e-6f;  // in the denominator

class Cpu {
 public:
  Cpu(const Shape& shape, const Settings& settings, const Context& context);
  Needs needs() const;
  void forward(const Inputs& in, float* out, Call& call);
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call);

 private:
  static constexpr std::int64_t kSlice = 64;  // projections whose sums one piece of work makes
  static constexpr std::int64_t kTile = 64;   // tokens of which backward has the features of a slice

  // Key features are never all in memory: each is added to these sums at once. With exponential kernels they are kept
  // relative to exp(peak), so that nothing overflows: the peak of a slice of features is enough for softmax, whose 1e-4
  // hides what underflows beside it; hyperbolic needs one a feature. All that backward needs of forward is here, so it
  // lies in the saved arena when a backward pass comes.
  struct Summary {
    float* sums;          // [rows, features, d_v]: sum over keys of feature x value
    float* totals;        // [rows, features]: sum over keys of the feature
    float* peaks;         // [rows, features]: largest exponent of the feature (hyperbolic)
    float* stabilisers;   // [rows, slices]: largest projection of any key, by slice of features (softmax)
    std::int64_t* kept;   // [rows]: how many keys there are
    float* query_shifts;  // [rows, n_q]: what a query's exponents are relative to (of both passes only)
    float* query_shares;  // [rows, n_q]: 1 / denominator, 0 for padded queries (of both passes only)
  };
  struct Layout : Summary {
    float* panels;       // [slices, d, kSlice]: the projections, transposed
    float* value_sums;   // [rows, d_v]: sum of the kept values (softmax)
    float* floors;       // [rows, d_v + 1]: what 1e-4 in every feature of a query adds to its sums (softmax)
    float* key_tiles;    // [threads, sides, kKeys, kSlice]
    float* query_tiles;  // [threads, queries, features]
    float* shifts;       // [threads, kKeys]
  };
  struct BackwardLayout : Summary {
    float* panels;    // as above
    float* turned;    // [rows, sides, slices, d_v, kSlice]: the sums transposed, then their gradients
    float* parts;     // [rows, parts, part_size()]: gradients of the sums and totals; the first part becomes their sum
    float* floors;    // [rows, d_v]: what 1e-4 in every feature of a key adds to a value's gradient (softmax)
    float* features;  // [threads, sides, kTile, kSlice]
    float* slopes;    // [threads, sides, kTile, kSlice]: gradients of the features, then of their exponents
    float* shares;    // [threads, kTile, d_v]: upstream gradients over the denominators
  };
  struct Tokens;
  struct Keys;

  Summary summary(Arena& arena) const;
  Layout layout(Arena& saved, Arena& scratch) const;
  void transpose_projections(const Primitives& p, const float* projection, float* panels) const;
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
  float features_of_query(const Primitives& p, float& half_norm, const float* peaks, float* x) const;

  // backward.cpp
  BackwardLayout backward_layout(Arena& saved, Arena& scratch) const;
  Parts query_parts() const;
  std::int64_t part_size() const { return features_ * (shape_.d_v + 1) + shape_.d_v + 1; }
  void turn_sums(const Primitives& p, const float* sums, std::int64_t apart, float* turned) const;
  void features_of_tile(const Primitives& p, const BackwardLayout& at, const Tokens& tokens, std::int64_t slice) const;
  void slopes_of_tile(const Primitives& p, const Tokens& tokens, std::int64_t side, std::int64_t width,
                      const float* rows, const float* columns, float* sums) const;
  void add_slopes(const Primitives& p, const float* projection, const Tokens& tokens, std::int64_t slice,
                  float* gradient) const;
  void finish_slopes(const Primitives& p, const Tokens& tokens, const float* sums, float* gradient) const;
  void queries_back(const Primitives& p, const Inputs& in, const Upstream& up, const float* projection,
                    const BackwardLayout& at, std::int64_t row, std::int64_t first, std::int64_t count, int thread,
                    float* part, float* dq) const;
  void add_parts(const Primitives& p, const BackwardLayout& at) const;
  void keys_back(const Primitives& p, const Inputs& in, const float* projection, const BackwardLayout& at,
                 std::int64_t row, std::int64_t first, std::int64_t count, int thread, const Gradients& grads) const;

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
