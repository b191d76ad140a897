// The matrix products of attention through features: sums [rows, features, d_v] over tokens of feature x value, and
// what is read of them. x [tokens of a piece, features] are features of a piece of the tokens [rows, n].
#pragma once
#include <cstdint>

#include "simt/blas.hpp"
#include "simt/cut.hpp"

namespace yoso::SIMT_NS {

struct FeatureSums {
  void* stream;
  std::int64_t features, d_v;

  // The sums of each part of the piece, into sums [rows, parts, features, d_v]: factor x^T values, values [rows, n,
  // d_v]
  void add_up(const Cut& cut, const Piece& piece, std::int64_t n, const float* x, const float* values, float* sums,
              float factor = 1) const {
    cut.sum(stream, piece,
            {.m = features,
             .n = d_v,
             .alpha = factor,
             .a = x,
             .lda = features,
             .step_a = piece.count * features,
             .b = values + piece.token(n) * d_v,
             .ldb = d_v,
             .step_b = n * d_v,
             .c = sums});
  }

  // y [rows, n, d_v] = factor x sums
  void query(const Piece& piece, std::int64_t n, const float* x, const float* sums, float* y, float factor = 1) const {
    multiply(stream, {.m = piece.count,
                      .n = d_v,
                      .k = features,
                      .alpha = factor,
                      .a = x,
                      .lda = features,
                      .step_a = piece.count * features,
                      .b = sums + piece.row * features * d_v,
                      .ldb = d_v,
                      .step_b = features * d_v,
                      .c = y + piece.token(n) * d_v,
                      .ldc = d_v,
                      .step_c = n * d_v,
                      .count = piece.rows});
  }

  // y [tokens of the piece, features] = values sums^T, values [rows, n, d_v]
  void back(const Piece& piece, std::int64_t n, const float* values, const float* sums, float* y) const {
    multiply(stream, {.m = piece.count,
                      .n = features,
                      .k = d_v,
                      .a = values + piece.token(n) * d_v,
                      .lda = d_v,
                      .step_a = n * d_v,
                      .b = sums + piece.row * features * d_v,
                      .b_transposed = true,
                      .ldb = d_v,
                      .step_b = features * d_v,
                      .c = y,
                      .ldc = features,
                      .step_c = piece.count * features,
                      .count = piece.rows});
  }
};

}  // namespace yoso::SIMT_NS
