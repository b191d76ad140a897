// The engine.
#pragma once
#include <algorithm>
#include <cstdint>

#include <yoso/method.hpp>

#include "primitives/primitives.hpp"

namespace yoso::linformer {

// `k`, which pooling clamps to the number of keys.
inline std::int64_t projected_rows(const Shape& shape, const Settings& settings) {
  const std::int64_t k = settings.integer("k");
  return settings.is("projection", "pool") ? std::min(k, shape.n_k) : k;
}

class Cpu {
 public:
  Cpu(const Shape& shape, const Settings& settings, const Context& context);
  Needs needs() const;
  void forward(const Inputs& in, float* out, Call& call);
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call);

 private:
  static constexpr std::int64_t kProjected = 64;  // projected rows one piece of work makes: a panel
  static constexpr std::int64_t kKeys = 256;      // keys masked and multiplied at a time
  static constexpr std::int64_t kQueries = 64;    // queries of one piece of work ...
  static constexpr std::int64_t kScores = 65536;  // ... fewer when their scores would be more than this

  // In scratch, or in the saved arena where a backward pass follows.
  struct Projected {
    float* keys;            // [rows, panels, d, panel]: E K, a panel of its rows at a time and transposed
    float* values;          // [rows, k, d_v]: F V
    std::uint8_t* emptied;  // [rows, k]: 1 where padding took away all that a projected row had
  };
  struct Layout {
    float* projected;  // [threads, panel, d]: a panel before it is transposed
    float* masked;     // [threads, kKeys, max(d, d_v)]
    float* scores;     // [threads, queries, k]
  };
  struct Backward;

  std::int64_t queries() const { return std::clamp(kScores / k_, std::int64_t{4}, kQueries); }
  std::int64_t panel() const { return std::min(kProjected, k_); }
  std::int64_t panels() const { return (k_ + kProjected - 1) / kProjected; }
  std::int64_t widest() const { return std::max(shape_.d, shape_.d_v); }

  Projected projected(Arena& arena) const;
  Layout layout(Arena& scratch) const;
  Backward backward_layout(Arena& scratch) const;
  void project(const Primitives& p, const float* weights, const std::uint8_t* keep, const float* x, std::int64_t width,
               std::int64_t j, std::int64_t m, float* masked, float* y) const;
  bool emptied(const float* weights, const std::uint8_t* keep) const;
  void weigh(const Primitives& p, const Inputs& in, const Projected& to, std::int64_t row, std::int64_t first,
             std::int64_t m, float* scores, float* totals) const;
  void attend(const Primitives& p, const Inputs& in, const Projected& to, std::int64_t row, std::int64_t first,
              std::int64_t m, float* scores, float* out) const;
  void attend_back(const Primitives& p, const Inputs& in, const Upstream& up, const Projected& to, const Backward& at,
                   std::int64_t piece, int thread, float* dq) const;
  void project_back(const Primitives& p, const Inputs& in, const Call& call, const Gradients& grads, const Backward& at,
                    std::int64_t piece, int thread) const;

  Shape shape_;
  Context context_;
  std::int64_t k_;
  bool share_;
};

}  // namespace yoso::linformer
