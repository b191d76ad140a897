// The gradient of attention to a few keys (few_keys.hpp). With P as there and D_i the mean of dout_i . v_j under P_i:
//
//   dS = P * (dout V^T - D),  dq = scale dS K,  dk = scale dS^T Q,  dv = P^T dout
//
// Scores are in memory, a piece of the queries at a time: for so few keys the products are the vendor's, and what they
// read and write stays in the second-level cache.
#pragma once
#include <cmath>
#include <cstdint>

#include <yoso/arena.hpp>

#include "simt/blas.hpp"
#include "simt/cut.hpp"
#include "simt/few_keys.hpp"

namespace yoso::SIMT_NS {

// scores [tokens, count] of queries from `first` on become their weights P, and slopes, which hold dout V^T, become
// P * (slopes - D). Zeros for padded queries. A warp a query.
template <int>
__global__ void __launch_bounds__(kThreads)
    weigh_scores(const FewKeys a, std::int64_t first, std::int64_t tokens, float* scores, float* slopes) {
  if (this_token() >= tokens) return;
  const std::int64_t n = a.shape.n_q, token = first + this_token(), row = token / n, keys = a.count;
  float* const score = scores + this_token() * keys;
  float* const slope = slopes + this_token() * keys;
  const std::uint8_t* const gone = a.gone ? a.gone + row * keys : nullptr;
  float largest = -INFINITY;
  if (is_kept(a.keep_q, a.shape, row, n, token % n))
    for (std::int64_t j = this_lane(); j < keys; j += kWarp)
      if (!gone || !gone[j]) largest = fmaxf(largest, score[j]);
  largest = warp_max(largest);
  if (largest == -INFINITY) {
    for (std::int64_t j = this_lane(); j < keys; j += kWarp) score[j] = slope[j] = 0.0f;
    return;
  }
  float total = 0, mean = 0;
  for (std::int64_t j = this_lane(); j < keys; j += kWarp) {
    const float weight = gone && gone[j] ? 0.0f : expf(score[j] - largest);
    score[j] = weight;
    total += weight;
    mean = fmaf(weight, slope[j], mean);
  }
  const float share = 1.0f / warp_sum(total);
  // from the weights and not as dout . out, so that with one key slopes are exactly zero
  mean = warp_sum(mean) * share;
  for (std::int64_t j = this_lane(); j < keys; j += kWarp) {
    const float weight = score[j] * share;
    score[j] = weight;
    slope[j] = weight * (slope[j] - mean);
  }
}

class FewKeysBackward {
 public:
  // `a` needs no pointers to learn what is taken of `scratch`; its `out` is not asked.
  FewKeysBackward(const FewKeys& a, Arena& scratch) : a_(a), cut_(a.shape.rows(), a.shape.n_q, a.count) {
    const std::int64_t several = cut_.parts() > 1 ? a.shape.rows() * cut_.parts() * a.count : 0;
    weights_ = scratch.take<float>(cut_.largest());
    slopes_ = scratch.take<float>(cut_.largest());
    key_parts_ = scratch.take<float>(several * a.shape.d);
    value_parts_ = scratch.take<float>(several * a.shape.d_v);
  }

  // dk [rows, count, d], dv [rows, count, d_v]
  void run(void* stream, const float* dout, float* dq, float* dk, float* dv) const {
    const std::int64_t parts = cut_.parts(), d = a_.shape.d, d_v = a_.shape.d_v;
    cut_.each([&](const Piece& piece) {
      scores(stream, piece, d, a_.q, a_.k, a_.scale, weights_);
      scores(stream, piece, d_v, dout, a_.v, 1.0f, slopes_);
      simt::launch(over_tokens(stream, piece.tokens()), &weigh_scores<0>, a_, piece.token(a_.shape.n_q), piece.tokens(),
                   weights_, slopes_);
      query_gradients(stream, piece, dq);
      add_up(stream, piece, d, slopes_, a_.q, a_.scale, parts > 1 ? key_parts_ : dk);
      add_up(stream, piece, d_v, weights_, dout, 1.0f, parts > 1 ? value_parts_ : dv);
    });
    if (parts == 1) return;
    const auto fold = [&](const float* from, std::int64_t width, float* to) {
      simt::launch(over_elements(stream, a_.shape.rows() * a_.count * width), &add_parts<0>, from, a_.shape.rows(),
                   parts, a_.count * width, to);
    };
    fold(key_parts_, d, dk);
    fold(value_parts_, d_v, dv);
  }

 private:
  // y [tokens of the piece, count] = factor tokens keys^T, tokens [rows, n_q, width], keys [rows, count, width]
  void scores(void* stream, const Piece& piece, std::int64_t width, const float* tokens, const float* keys,
              float factor, float* y) const {
    multiply(stream, {.m = piece.count,
                      .n = a_.count,
                      .k = width,
                      .alpha = factor,
                      .a = tokens + piece.token(a_.shape.n_q) * width,
                      .lda = width,
                      .step_a = a_.shape.n_q * width,
                      .b = keys + piece.row * a_.count * width,
                      .b_transposed = true,
                      .ldb = width,
                      .step_b = a_.count * width,
                      .c = y,
                      .ldc = a_.count,
                      .step_c = piece.count * a_.count,
                      .count = piece.rows});
  }

  void query_gradients(void* stream, const Piece& piece, float* dq) const {
    const std::int64_t d = a_.shape.d;
    multiply(stream, {.m = piece.count,
                      .n = d,
                      .k = a_.count,
                      .alpha = a_.scale,
                      .a = slopes_,
                      .lda = a_.count,
                      .step_a = piece.count * a_.count,
                      .b = a_.k + piece.row * a_.count * d,
                      .ldb = d,
                      .step_b = a_.count * d,
                      .c = dq + piece.token(a_.shape.n_q) * d,
                      .ldc = d,
                      .step_c = a_.shape.n_q * d,
                      .count = piece.rows});
  }

  // What the piece's queries add: sums [rows, parts, count, width] of weights x tokens
  void add_up(void* stream, const Piece& piece, std::int64_t width, const float* weights, const float* tokens,
              float factor, float* sums) const {
    cut_.sum(stream, piece,
             {.m = a_.count,
              .n = width,
              .alpha = factor,
              .a = weights,
              .lda = a_.count,
              .step_a = piece.count * a_.count,
              .b = tokens + piece.token(a_.shape.n_q) * width,
              .ldb = width,
              .step_b = a_.shape.n_q * width,
              .c = sums});
  }

  FewKeys a_;
  Cut cut_;
  float *weights_, *slopes_;         // [a piece of the queries, count]
  float *key_parts_, *value_parts_;  // [rows, parts, count, ..], if there are several
};

}  // namespace yoso::SIMT_NS
