// The engine on a GPU: cuda.cu has forward, backward.cu the other pass.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include "nystrom/landmarks.hpp"
#include "simt/blas.hpp"
#include "simt/feature_sums.hpp"
#include "simt/few_keys.hpp"
#include "simt/few_keys_backward.hpp"

namespace yoso::nystrom::SIMT_NS {

class Cuda {
 public:
  Cuda(const Shape& shape, const Settings& settings, const Context& context);
  Needs needs() const;
  void forward(const Inputs& in, float* out, Call& call);
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call);

 private:
  struct Landmarks {
    float* means = nullptr;        // [rows, L, d]
    std::uint8_t* gone = nullptr;  // [rows, L]
    float* shares = nullptr;       // [rows, L]: 1 / how many tokens there are
  };
  // What backward needs of forward; where none comes it is scratch memory too. Matrices are [rows, L, L].
  struct Factors {
    std::uint8_t* padded = nullptr;  // [rows, n]: padded keys (exact attention only)
    Landmarks q, k;
    float* kernel = nullptr;                  // B
    float* iterates = nullptr;                // [iterations + 1] matrices of each row (forward only: two, in turn)
    Summarised summary{};                     // C V
    float* values = nullptr;                  // [rows, L, d_v]: pinv(B) C V
    float *sums = nullptr, *norms = nullptr;  // [rows]: |B|_1; that of the guess
    int* places = nullptr;                    // [rows]: which column has it
  };
  struct Scratch {
    float *product, *t, *u;        // P, T, U of a step
    float* x;                      // [a piece of the keys, L]
    float *sums, *totals, *peaks;  // of C V, a part of the keys: [rows, parts, L, ..]
  };
  struct BackwardScratch {
    float *d_q, *d_k;             // [rows, L, d]: of the landmarks
    float *d_values, *d_summary;  // [rows, L, d_v]
    float *product, *t, *u, *w;
    float *d_kernel, *d_inverse, *d_next, *d_product, *d_w;
    float* means;             // [rows, L]
    double *scales, *alongs;  // [rows]
    float *x, *slopes;        // [a piece of the keys, L]
    float* parts;             // [rows, parts, L, d]
  };
  enum class Turned : std::uint8_t { none, left, right };  // which factor of a product is transposed

  Factors factors(Arena& arena) const;
  Scratch layout(Arena& scratch) const;
  BackwardScratch backward_layout(Arena& scratch) const;
  FewKeys attention(const Inputs& in, const Factors& f, float* out) const;
  Cut key_cut() const { return {shape_.rows(), shape_.n_k, landmarks_}; }
  float* iterate(const Factors& f, std::int64_t step) const {
    const std::int64_t kept = context_.pass == Pass::both ? step : step % 2;
    return f.iterates + kept * shape_.rows() * landmarks_ * landmarks_;
  }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(shape_.d)); }
  void* stream() const { return context_.device->stream(); }
  simt::Launch over_landmarks() const { return over_tokens(stream(), shape_.rows() * landmarks_); }
  simt::Launch over_matrices() const { return over_elements(stream(), shape_.rows() * landmarks_ * landmarks_); }
  simt::Launch a_block_a_row() const {
    return {.grid = dim3(static_cast<unsigned>(shape_.rows())), .block = dim3(kThreads), .stream = stream()};
  }

  // to [rows, L, width] (+)= factor op(a) b, a [rows, L, L]
  void apply(bool turned, float factor, const float* a, const float* b, std::int64_t width, bool add, float* to) const;
  // to (+)= factor a b, matrices, one of a and b transposed
  void product(Turned turned, float factor, const float* a, const float* b, bool add, float* to) const;
  void inner_factors(const Factors& f, const float* z, float* p, float* t) const;
  void subtract_product(float diagonal, const float* a, const float* b, float* to) const;
  // logits of a piece of the keys, x [tokens, L] = scale K Q~^T
  void key_logits(const Inputs& in, const Factors& f, const Piece& piece, float* x) const;

  void invert(const Factors& f, const Scratch& s) const;
  void summarise(const Inputs& in, const Factors& f, const Scratch& s) const;
  void summary_back(const Inputs& in, const Factors& f, const BackwardScratch& s, const Gradients& grads) const;
  void invert_back(const Factors& f, BackwardScratch& s) const;

  Shape shape_;
  Context context_;
  std::int64_t landmarks_, iterations_;
  bool exact_, whole_tensor_;
};

}  // namespace yoso::nystrom::SIMT_NS
