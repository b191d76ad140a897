// Softmax as a rule of simt/attend.hpp: online (Milakov and Gimelshein 2018, algorithm 3; Dao et al. 2022, algorithms 1
// and 4), with log2 e in the scale of the queries, so that powers are of two.
#pragma once
#include <cmath>

#include "simt/attend_backward.hpp"

namespace yoso::softmax::SIMT_NS {

using namespace yoso::SIMT_NS;

constexpr float kLog2E = 1.44269504f, kLn2 = 0.693147181f;

struct Rule {
  float query_scale;         // log2 e / sqrt(d)
  float dq_scale, dk_scale;  // 1 / sqrt(d), and what makes that of the scaled queries
  // [rows, n_q], or null: the largest score, and 1 over the total beside it. Two numbers, because beside a huge score
  // the logarithm of a total would be rounded away. Where there is nothing to attend to: infinity and 0.
  float *largest, *share;

  explicit Rule(const Shape& s, float* largest_ = nullptr, float* share_ = nullptr)
      : query_scale(kLog2E / std::sqrt(static_cast<float>(s.d))),
        dq_scale(1 / std::sqrt(static_cast<float>(s.d))),
        dk_scale(kLn2),
        largest(largest_),
        share(share_) {}

  template <int kRows>
  struct State {
    float top[kRows], total[kRows];  // the total of the keys that this thread saw
    __device__ State() {
      SIMT_UNROLL
      for (int i = 0; i < kRows; ++i) top[i] = -INFINITY, total[i] = 0;
    }
  };

  template <class T, class See>
  __device__ void weigh(State<T::kRows>& state, float (&s)[T::kRows][T::kColumns], const See& see,
                        float (&sum)[T::kRows][T::kOuts], const float*, const float*, int) const {
    SIMT_UNROLL
    for (int i = 0; i < T::kRows; ++i) {
      float top = state.top[i];
      SIMT_UNROLL
      for (int c = 0; c < T::kColumns; ++c) {
        s[i][c] = see(i, c) ? s[i][c] : -INFINITY;
        top = fmaxf(top, s[i][c]);
      }
      top = half_warp_max(top);
      const float base = top == -INFINITY ? 0.0f : top, decay = exp2f(state.top[i] - base);
      float total = state.total[i] * decay;
      SIMT_UNROLL
      for (int c = 0; c < T::kColumns; ++c) {
        s[i][c] = exp2f(s[i][c] - base);
        total += s[i][c];
      }
      SIMT_UNROLL
      for (int o = 0; o < T::kOuts; ++o) sum[i][o] *= decay;
      state.top[i] = top;
      state.total[i] = total;
    }
  }

  template <class T>
  __device__ void finish(State<T::kRows>& state, int i, std::int64_t token, bool write, bool kept,
                         float (&sum)[T::kOuts]) const {
    const float total = half_warp_sum(state.total[i]), mine = kept && total > 0 ? 1 / total : 0.0f;
    SIMT_UNROLL
    for (int o = 0; o < T::kOuts; ++o) sum[o] *= mine;
    if (!write || !share || T::x() != 0) return;
    share[token] = mine;
    largest[token] = mine > 0 ? state.top[i] : INFINITY;
  }

  // first: the largest score; second: D_i = dout_i . out_i. The share is in dX.
  __device__ void pair(float dot, float g, float first, float second, const float*, const float*, int, float& weight,
                       float& slope) const {
    weight = exp2f(dot - first);
    slope = weight * (g - second);
  }
};

// Of scores whose largest was found by tensor cores (bf16.hpp), which add in another order: none is above it, so that
// no weight overflows where scores have no digits left.
struct RoundedRule : Rule {
  __device__ void pair(float dot, float g, float first, float second, const float* q, const float* k, int depth,
                       float& weight, float& slope) const {
    Rule::pair(fminf(dot, first), g, first, second, q, k, depth, weight, slope);
  }
};

}  // namespace yoso::softmax::SIMT_NS
