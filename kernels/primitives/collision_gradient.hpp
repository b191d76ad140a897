// The gradient of X_i = sum_j p(x_ij) v_j, where x_ij = dot_scale <q_i, k_j> of unit rows and p is the chance of a
// collision, tile by tile: no n x n matrix exists. What yoso-e needs, and yoso-m to follow its expectation.
//
//   dV = P^T dX      T_ij = (dX_i . v_j - shift_i) dot_scale p'(x_ij)      dQ = T K      dK = T^T Q
//
// Where q_i and k_j are almost parallel, p' is large and what of T_ij k_j survives the gradient of q's normalisation is
// small. Of these pairs the normalisation's share is taken out beforehand: T_ij (k_j - q_i), T_ij (q_i - k_j).
#pragma once
#include <yoso/method.hpp>

#include "primitives/primitives.hpp"

namespace yoso {

class CollisionGradient {
 public:
  // lower_bound: tau / 2 p for p', the paper's surrogate
  CollisionGradient(const Shape& shape, const Context& context, int tau, double dot_scale, bool lower_bound);

  struct Scratch {
    float* keys;      // [threads, kKeys, d] of a tile, in panels [d, kPanel]
    float* values;    // [threads, kKeys, d_v] likewise
    float* weights;   // [threads, kQueries, kKeys]
    float* slopes;    // [threads, kQueries, kKeys]: T
    float* partials;  // [parts - 1, rows, n_q, d]: dQ of all parts of the keys but the first
  };
  Scratch layout(Arena& scratch) const;

  struct Rows {
    const float *q, *k;          // [rows, n, d], of unit length
    const float* v;              // [rows, n_k, d_v]
    const float* dx;             // [rows, n_q, d_v]; zeros for padded queries
    const float* shift;          // [rows, n_q]
    const float* totals;         // [rows, n_q] what outputs were divided by, where it may be tiny; else null
    const std::uint8_t* keep_k;  // [batch, n_k] or null
  };
  // dq and dk [rows, n, d] with respect to the unit rows; all overwritten.
  void run(const Rows& rows, const Scratch& s, float* dq, float* dk, float* dv) const;

 private:
  struct Tile;  // of keys, and the thread's memory
  void add_part(const Rows& rows, const Scratch& s, std::int64_t row, std::int64_t part, int thread, float* dq,
                float* dk, float* dv) const;
  void add_block(const Tile& t, std::int64_t first, std::int64_t size) const;
  void add_near(const Tile& t, std::int64_t i, float* weights, float* slopes) const;

  Shape shape_;
  Context context_;
  int tau_;
  double dot_scale_;
  bool lower_bound_;
  float near_weight_;  // the weight of almost parallel rows
  std::int64_t tiles_, parts_;
};

}  // namespace yoso
