// YOSO's expectation as a rule of simt/attend.hpp: the chance of a collision, p(x) = (1 - acos(x) / pi)^tau, is a
// weight, where x = dot_scale <q, k> of unit rows.
#pragma once
#include "simt/attend_backward.hpp"
#include "simt/unit_rows.hpp"

namespace yoso::yoso_e::SIMT_NS {

using namespace yoso::SIMT_NS;

// Above this cosine a pair is computed again from the difference of its unit rows: p has a cusp at 1, where a dot
// product that is off by 1e-7 is off by 4e-4 in the angle.
constexpr float kNear = 0.998f;
constexpr float kMostInverse = 1e3f;  // of the sine of an angle, in the derivative

struct Rule {
  float query_scale = 1, dq_scale = 1, dk_scale = 1;
  float dot_scale = 1;
  int tau = 1;
  bool lower_bound = false;
  Norm norm = Norm::l2;
  float* kept = nullptr;  // [rows, n_q] or null: what backward needs of a row, as through_norms() reads it

  struct Angle {
    float base, inverse;  // 1 - angle / pi; 1 / sin(angle), at most kMostInverse
    bool same;            // rows are equal
  };

  // acos(a) = sqrt(1 - a) P(a) on [0, 1] (after Abramowitz and Stegun 4.4.46, with 1 / pi worked in). A negative x
  // needs no subtraction from 1, so that small chances keep their relative accuracy.
  static __device__ Angle angle_of(float x) {
    const float a = fminf(fabsf(x), 1.0f), below = 1 - a, root = below > 0 ? below * rsqrtf(below) : 0.0f;
    float p = -0.0003989876713603735f;
    p = p * a + 0.0021131373941898346f;
    p = p * a - 0.005425623618066311f;
    p = p * a + 0.009823918342590332f;
    p = p * a - 0.015967756509780884f;
    p = p * a + 0.028322357684373856f;
    p = p * a - 0.06830888986587524f;
    p = p * a + 0.5f;
    return {x < 0 ? root * p : 1 - root * p, fminf(rsqrtf(below * (1 + a)), kMostInverse), false};
  }

  // From |q - k| = 2 sin(angle / 2): with x = s cos(angle), (1 - x) / 2 = (1 - s) / 2 + s |q - k|^2 / 4.
  __device__ Angle near_angle(const float* q, const float* k, int depth) const {
    float square = 0;
    for (int c = 0; c < depth; ++c) square += (q[c] - k[c]) * (q[c] - k[c]);
    const float half = fminf(1.0f, (1 - dot_scale) / 2 + dot_scale * square / 4), root = sqrtf(half);
    return {1 - 0.636619772f * asinf(root), fminf(0.5f * rsqrtf(half * (1 - half)), kMostInverse), square == 0};
  }

  __device__ Angle angle(float dot, const float* q, const float* k, int depth) const {
    return dot > kNear ? near_angle(q, k, depth) : angle_of(dot_scale * dot);
  }

  static __device__ float power(float x, int exponent) {  // exponent < 32
    float y = 1;
    for (; exponent > 0; exponent >>= 1) {
      if (exponent & 1) y *= x;
      x *= x;
    }
    return y;
  }

  template <int kRows>
  struct State {
    float total[kRows] = {};  // of the keys that this thread saw
  };

  template <class T, class See>
  __device__ void weigh(State<T::kRows>& state, float (&s)[T::kRows][T::kColumns], const See& see,
                        float (&)[T::kRows][T::kOuts], const float* q, const float* k, int depth) const {
    SIMT_UNROLL
    for (int i = 0; i < T::kRows; ++i) {
      SIMT_UNROLL
      for (int c = 0; c < T::kColumns; ++c) {
        const Angle pair = angle(s[i][c], q + T::row(i) * T::kStride, k + (T::x() + 16 * c) * T::kStride, depth);
        s[i][c] = see(i, c) ? power(pair.base, tau) : 0.0f;
        state.total[i] += s[i][c];
      }
    }
  }

  template <class T>
  __device__ void finish(State<T::kRows>& state, int i, std::int64_t token, bool write, bool asked,
                         float (&sum)[T::kOuts]) const {
    float factor = asked ? 1.0f : 0.0f, divisor = 1, what = 0;
    if (norm == Norm::rowsum) {
      const float total = half_warp_sum(state.total[i]);  // by the whole warp, whose halves have different rows
      what = asked ? total : 0.0f;
      if (what > 0)
        divisor = what;
      else
        factor = 0;
    } else if (norm == Norm::l2) {
      double square = 0;  // in double, so that no row overflows
      SIMT_UNROLL
      for (int o = 0; o < T::kOuts; ++o)
        if (asked) square += static_cast<double>(sum[o]) * static_cast<double>(sum[o]);
      const double length = sqrt(half_warp_sum(square));
      factor *= static_cast<float>(1 / fmax(length, 1e-12));
      what = asked && length > 1e-12 ? static_cast<float>(1 / length) : 0.0f;
    }
    // not times an inverse: a total may be as small as a float can be
    SIMT_UNROLL
    for (int o = 0; o < T::kOuts; ++o) sum[o] = factor * sum[o] / divisor;
    if (write && kept && T::x() == 0) kept[token] = what;
  }

  // first: shift; second: left_of_division(), of the query. p'(x) = tau (1 - a / pi)^(tau - 1) / (pi sin a).
  __device__ void pair(float dot, float g, float first, float second, const float* q, const float* k, int depth,
                       float& weight, float& slope) const {
    const Angle pair = angle(dot, q, k, depth);
    const float below = power(pair.base, tau - 1);
    weight = below * pair.base * second;
    const float constant = dot_scale * second * static_cast<float>(tau);
    const float derivative = lower_bound ? 0.5f * pair.base : 0.318309886f * pair.inverse;
    slope = pair.same ? 0.0f : (g - first) * (below * constant * derivative);  // equal rows give each other nothing
  }
};

}  // namespace yoso::yoso_e::SIMT_NS
