// The CPU engine of yoso-e.
#pragma once
#include <yoso/method.hpp>

#include "primitives/collision_gradient.hpp"
#include "primitives/yoso_family.hpp"

namespace yoso::yoso_e {

// Backward: the derivative of the weights, or the paper's lower bound of it.
enum class Gradient : std::uint8_t { exact, lower_bound };  // in the order of kGradientNames

inline constexpr std::string_view kGradientNames[] = {"true", "lower-bound"};

inline Gradient gradient_of(const Settings& settings) { return static_cast<Gradient>(settings.real("gradient")); }

class Cpu {
 public:
  Cpu(const Shape& shape, const Settings& settings, const Context& context);
  Needs needs() const;
  void forward(const Inputs& in, float* out, Call& call);
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call);

 private:
  struct Scratch {
    float* keys;     // of each row, panels [d, kPanel] of keys of unit length (the last one narrower)
    float* queries;  // [threads, kQueries, d] of unit length
    float* weights;  // [threads, kQueries, kKeys]
  };
  struct Saved {     // null where backward has no use for it
    float* inverse;  // [rows, n_q]: 1 / |X|, or 1 / the total of weights; 0 where there is nothing
    float* rows;     // [rows, n_q, d_v]: the output without its convolution
  };
  struct BackwardScratch {
    float *q, *k;                  // [rows, n, d] of unit length
    float *inverse_q, *inverse_k;  // [rows, n]
    float *dx, *shift;             // [rows, n_q, d_v], [rows, n_q]: see through_norm
    CollisionGradient::Scratch tiles;
  };
  struct Block {  // of queries, and the thread's memory
    std::int64_t row, first, size;
    float* queries;
    float* weights;
  };

  Scratch layout(Arena& scratch) const;
  Saved layout_saved(Arena& saved) const;
  BackwardScratch layout_backward(Arena& scratch) const;
  void attend(const Inputs& in, const float* keys, const Block& b, const Saved& saved, float* out) const;
  void refine(const float* q, const float* keys, std::int64_t first, std::int64_t size, float* w) const;
  void convolve(const Inputs& in, const float* kernel, const Block& b, float* out) const;

  Shape shape_;
  Context context_;
  int tau_;
  double dot_scale_;
  Norm norm_;
  std::int64_t conv_;
  float near_weight_;  // the weight at kNear
  CollisionGradient gradient_;
};

}  // namespace yoso::yoso_e
