// The CPU engine of yoso-m.
#pragma once
#include <yoso/method.hpp>

#include <span>

#include "primitives/collision_gradient.hpp"
#include "primitives/yoso_family.hpp"
#include "yoso_m/collisions.hpp"
#include "yoso_m/hash.hpp"
#include "yoso_m/plan.hpp"
#include "yoso_m/settings.hpp"
#include "yoso_m/tables.hpp"

namespace yoso::yoso_m {

class Cpu {
 public:
  Cpu(const Shape& shape, const Settings& settings, const Context& context);
  Needs needs() const;
  void forward(const Inputs& in, float* out, Call& call);
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call);

 private:
  struct Kept {                        // from forward to backward, where there is one; null where nobody needs it
    std::uint16_t *q_codes, *k_codes;  // [rows, hashes, stride(n)]
    float* inverse;                    // [rows, n_q]: 1 / |X|, or hashes / collisions; 0 where there is nothing
    float* rows;                       // [rows, n_q, d_v]: the output without its convolution
    Codes codes(const Shape& shape, const Plan& plan, const Inputs& in, std::int64_t row) const;
  };
  struct Scratch {
    float* work;               // [threads, work_floats_]: hashing, then packed values, sums and tables
    std::uint16_t* bits;       // [threads, hash_size_.bits]
    std::uint32_t* counts;     // rowsum: [threads, group, slots] keys in a slot
    std::int64_t* collisions;  // rowsum: [rows, n_q] over all hashes
  };
  Kept layout_kept(Arena& saved, Arena& scratch, bool for_backward) const;
  Scratch layout(Arena& scratch) const;

  void hash_tokens(const Inputs& in, const Call& call, const Kept& kept, const Scratch& s) const;
  void sum_values(const Inputs& in, const Call& call, const Kept& kept, const Scratch& s, float* out) const;
  void sum_slice(const Inputs& in, const Call& call, const Codes& codes, std::int64_t row, std::int64_t slice,
                 bool watched, float* work, float* out) const;
  void count_collisions(const Codes& codes, std::uint32_t* counts, std::int64_t* collisions) const;
  void normalise(const Inputs& in, const Call& call, const Kept& kept, const Scratch& s, float* out) const;
  void show_codes(const Call& call, const Kept& kept) const;

  // Some rows of a problem, as a problem of their own: what backward makes of its inputs is in memory for so many.
  struct Window {
    Shape shape;
    Inputs in;
    Upstream up;
    Kept kept;
    Gradients grads;
  };
  struct Changes {      // of the weights of pairs
    float* of_entries;  // [threads, entries of lists]
    float* more;        // [threads, n]: what else a list needs whose entries were met several times
  };
  struct BackwardScratch {             // rows: of a window
    float *q, *k;                      // [rows, n, d] of unit length
    float *inverse_q, *inverse_k;      // [rows, n]
    float *dx, *shift;                 // [rows, n_q, d_v], [rows, n_q]: see through_norm
    float* work;                       // tables: [threads, floats of a slice]
    Collisions::Scratch pairs;         // lower-bound and set, unless buckets are full
    Changes changes;                   // likewise
    float* buckets;                    // full buckets: [threads, bucket_floats()]
    Sorted sorted_q, sorted_k;         // likewise: [rows]
    float *packed_q, *packed_k;        // likewise: [rows, n, packed_.width]
    CollisionGradient::Scratch tiles;  // expectation
  };
  // What a full bucket needs of a token lies together: dx or v, its unit row, and the sum of its gradient.
  struct Packed {
    std::int64_t unit, sum, width;  // where they begin, and the distance between tokens
    explicit Packed(const Shape& shape)
        : unit((shape.d_v + kLine - 1) / kLine * kLine),
          sum(unit + (shape.d + kLine - 1) / kLine * kLine),
          width(2 * sum - unit) {}
  };
  BackwardScratch layout_backward(Arena& scratch) const;
  Window window(std::int64_t first, const Inputs& in, const Upstream& up, const Kept& kept,
                const Gradients& grads) const;
  void run_window(const Window& w, const BackwardScratch& s, Call& call) const;
  std::int64_t slice_floats() const;  // of a thread
  // The paper's lower bound of a weight's derivative is this times a pair's collisions: tau / 2 m.
  float slope_of_collision() const { return static_cast<float>(plan_.bits) / static_cast<float>(2 * plan_.hashes); }
  void sum_weighted_tables(const Window& w, const BackwardScratch& s) const;
  void sum_value_gradients(const Window& w, const BackwardScratch& s) const;

  Changes layout_changes(Arena& scratch) const;
  void sum_pairs(const Window& w, const BackwardScratch& s) const;

  struct Row;
  std::int64_t bucket_floats() const;
  void pack_tokens(std::int64_t tokens, const float* values, const float* units, float* packed) const;
  void sum_bucket(const Row& row, std::span<const std::uint32_t> queries, std::span<const std::uint32_t> keys,
                  float* work) const;
  void sum_packed_bucket(const Row& row, std::span<const std::uint32_t> queries, std::span<const std::uint32_t> keys,
                         float* work) const;
  void hide(const Row& row, std::span<const std::uint32_t> queries, std::span<const std::uint32_t> keys,
            std::int64_t ld, float* changes) const;
  void sort_tokens(const Window& w, const BackwardScratch& s, std::int64_t hash) const;
  void sum_buckets(const Window& w, const BackwardScratch& s, Call& call) const;

  Shape shape_;
  Shape window_;  // the largest one
  Context context_;
  Plan plan_;
  Norm norm_;
  Gradient gradient_;
  std::int64_t conv_;
  HashSize hash_size_;
  Slicing slicing_;      // of values
  Slicing key_slicing_;  // of queries and keys
  Collisions collisions_;
  CollisionGradient expectation_;
  bool full_buckets_;  // lower-bound: bucket by bucket, or token by token
  Packed packed_;
  std::int64_t work_floats_;
};

}  // namespace yoso::yoso_m
