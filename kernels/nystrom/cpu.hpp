// The engine.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/parts.hpp"
#include "primitives/softmax_backward.hpp"

namespace yoso::nystrom {

class Cpu {
 public:
  Cpu(const Shape& shape, const Settings& settings, const Context& context);
  Needs needs() const;
  void forward(const Inputs& in, float* out, Call& call);
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call);

 private:
  static constexpr std::int64_t kBlock = 64;  // rows of a landmark matrix that one thread computes at a time

  // The landmark means of q or of k: [rows, L, d], of which the first count[row] exist (empty segments have none).
  struct Landmarks {
    float* means = nullptr;
    std::int64_t* slots = nullptr;   // [rows, L] where the mean of a segment goes, -1 when no token of it is kept
    std::int64_t* counts = nullptr;  // [rows]
  };
  // What backward needs of forward; where none comes it is scratch memory too. Matrices are [rows, L, L], with L floats
  // from row to row however many landmarks there are.
  struct Factors {
    Landmarks q = {}, k = {};
    float* kernel = nullptr;
    float* iterates = nullptr;                                // [iterations + 1, rows, L, L] (of both passes only)
    float* summary = nullptr;                                 // [rows, L, d_v] third factor times V
    float* values = nullptr;                                  // [rows, L, d_v] pseudo-inverse times that
    float *largest_column = nullptr, *largest_row = nullptr;  // [rows]
    RowStatistics first = {}, third = {};                     // [rows, n], [rows, L] (of both passes only)
  };
  struct Scratch : Factors {
    OnlineSoftmax tiles;
    float *inverse = nullptr, *next = nullptr, *product = nullptr, *t = nullptr, *u = nullptr;
    float* column = nullptr;  // [rows, L] column sums of the kernel
  };
  struct BackwardScratch : Factors {
    SoftmaxBackward tiles;
    float* parts =
        nullptr;  // [rows, parts, L (d + d_v)]: gradients of landmarks and values; the first becomes their sum
    float *d_q = nullptr, *d_k = nullptr;                                // [rows, L, d]: of the landmarks
    float *d_values = nullptr, *d_summary = nullptr;                     // [rows, L, d_v]
    float *product = nullptr, *t = nullptr, *u = nullptr, *w = nullptr;  // P, 7 I - P, 15 I - P T, 13 I - P U
    float *d_kernel = nullptr, *d_inverse = nullptr, *d_next = nullptr, *d_product = nullptr, *d_w = nullptr;
    float* column = nullptr;    // [rows, L]
    double* scales = nullptr;   // [rows]: of the matrices' gradients, which are kept near 1
    double* guesses = nullptr;  // [rows]: sum of dZ_0 * Z_0
  };
  enum class Turned : std::uint8_t { none, left, right };  // which factor of a product is transposed

  Factors factors(Arena& arena) const;
  Scratch layout(Arena& saved, Arena& scratch) const;
  BackwardScratch backward_layout(Arena& saved, Arena& scratch) const;
  Parts parts() const { return Parts(shape.rows(), shape.n_k, OnlineSoftmax::kQueries); }
  std::int64_t part_size() const { return landmarks * (shape.d + shape.d_v); }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(shape.d)); }
  float* matrix(float* all, std::int64_t row, std::int64_t first = 0) const {
    return all + (row * landmarks + first) * landmarks;
  }
  float* iterate(const Factors& f, std::int64_t step) const {
    return f.iterates + step * shape.rows() * landmarks * landmarks;
  }
  std::int64_t begin_of(std::int64_t segment) const { return segment * shape.n_k / landmarks; }  // lengths differ by 1

  // Calls body(row, first, m, thread) for blocks of `size` of the counts[row] landmarks of every row.
  template <class Body>
  void over_landmarks(const std::int64_t* counts, std::int64_t size, const Body& body) const {
    const std::int64_t blocks = (landmarks + size - 1) / size;
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / blocks, first = piece % blocks * size, m = std::min(size, counts[row] - first);
      if (m > 0) body(row, first, m, thread);
    });
  }

  void average(const Primitives& p, const float* x, const std::uint8_t* keep, const Landmarks& to) const;
  void kernel(const Primitives& p, const Scratch& s) const;
  void invert(const Primitives& p, Scratch& s) const;
  void inner_factors(const Primitives& p, const Factors& f, float* inverse, float* product, float* t) const;
  void subtract_product(const Primitives& p, const std::int64_t* counts, float diagonal, float* a, float* b,
                        float* to) const;
  void summarise(const Primitives& p, const Inputs& in, const Scratch& s) const;
  void query(const Primitives& p, const Inputs& in, const Scratch& s, float* out, const float* means,
             const float* values, const std::int64_t* counts) const;

  // backward.cpp
  void exact_back(const Primitives& p, const Inputs& in, const Upstream& up, const Gradients& grads,
                  const BackwardScratch& s) const;
  void query_back(const Primitives& p, const Inputs& in, const Upstream& up, const Gradients& grads,
                  const BackwardScratch& s) const;
  void summary_back(const Primitives& p, const Inputs& in, const Gradients& grads, const BackwardScratch& s) const;
  void add_parts(const Primitives& p, const BackwardScratch& s, std::int64_t size, std::int64_t width, float* first,
                 float* second) const;
  void multiply(const Primitives& p, const std::int64_t* rows, const std::int64_t* columns, const std::int64_t* depth,
                Turned turned, float alpha, float* a, float* b, bool accumulate, float* to) const;
  void scale_inverse_gradients(const BackwardScratch& s) const;
  void invert_back(const Primitives& p, BackwardScratch& s) const;
  void guess_back(const Primitives& p, const BackwardScratch& s) const;
  void kernel_back(const Primitives& p, const BackwardScratch& s) const;
  void average_back(const Primitives& p, const std::uint8_t* keep, const Landmarks& of, const float* means,
                    float* dx) const;

  Shape shape;
  Context context;
  std::int64_t landmarks, iterations;
  bool exact, whole_tensor;
};

}  // namespace yoso::nystrom
