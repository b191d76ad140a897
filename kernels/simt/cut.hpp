// How the tokens of many (batch, head) rows are cut for products whose operands are made on the way: features or scores
// that a kernel writes and the next product reads, a piece of them at a time, so that they stay in the second-level
// cache and memory does not grow with the length.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include "simt/blas.hpp"
#include "simt/block.hpp"

namespace yoso::SIMT_NS {

// Rows [row, row + rows), tokens [first, first + count) of each. Several rows are whole ones, so that in memory the
// tokens of a piece follow each other.
struct Piece {
  std::int64_t row, rows, first, count;
  __host__ __device__ std::int64_t tokens() const { return rows * count; }
  __host__ __device__ std::int64_t token(std::int64_t n) const { return row * n + first; }  // the first, of [rows, n]
};

// The parts that a piece consists of, for kernels: a block, or several, for each.
struct Stretches {
  Piece piece;
  std::int64_t part, parts;  // tokens of a part; parts of a row

  __host__ __device__ std::int64_t of_row() const { return ceil_div(piece.count, part); }
  __host__ __device__ std::int64_t count() const { return piece.rows * of_row(); }
  struct One {
    std::int64_t row;    // of all
    std::int64_t slot;   // of [rows, parts]
    std::int64_t first;  // of the row's tokens
    std::int64_t at;     // the first one's place in the piece
    std::int64_t count;
  };
  __device__ One one(std::int64_t i) const {
    const std::int64_t row = i / of_row(), first = i % of_row() * part;
    return {piece.row + row, (piece.row + row) * parts + (piece.first + first) / part, piece.first + first,
            row * piece.count + first, min(part, piece.count - first)};
  }
};

// Decided by the shape alone, and with it the order of every sum.
class Cut {
 public:
  // Pieces of at most `most` floats, `width` a token (but always one token at least).
  Cut(std::int64_t rows, std::int64_t tokens, std::int64_t width, std::int64_t most = kMost)
      : rows_(rows), tokens_(tokens), width_(width) {
    const std::int64_t fitting = std::max<std::int64_t>(1, most / width);
    // a power of two divides many a length, and equal parts need one product for all rows
    const auto busy = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(ceil_div(kBusy, rows))));
    const std::int64_t wanted = std::clamp<std::int64_t>(busy, 1, ceil_div(tokens, kFew));
    part_ = std::min(ceil_div(tokens, wanted), fitting);
    piece_rows_ = std::clamp<std::int64_t>(fitting / tokens, 1, rows);
    piece_tokens_ = tokens <= fitting ? tokens : fitting / part_ * part_;
  }

  // Sums over tokens are made in parts of a row, and these added in their order: one product over all tokens of few
  // rows would leave most of the device idle.
  std::int64_t part() const { return part_; }  // tokens
  std::int64_t parts() const { return ceil_div(tokens_, part_); }
  Stretches stretches(const Piece& piece) const { return {piece, part_, parts()}; }
  std::int64_t first_part(const Piece& piece) const { return piece.row * parts() + piece.first / part_; }
  std::int64_t largest() const { return piece_rows_ * piece_tokens_ * width_; }  // floats of a piece

  template <class F>
  void each(const F& f) const {
    for (std::int64_t row = 0; row < rows_; row += piece_rows_)
      for (std::int64_t first = 0; first < tokens_; first += piece_tokens_)
        f(Piece{row, std::min(piece_rows_, rows_ - row), first, std::min(piece_tokens_, tokens_ - first)});
  }

  // c [rows, parts, M, N] = alpha * sum over the tokens of each part of a_t [M] b_t [N]. The product's a [.., M] and b
  // [.., N] are the piece's first tokens, steps between rows; its c is that of row 0.
  void sum(void* stream, const Piece& piece, Product p) const {
    const std::int64_t size = p.m * p.n, stretches = ceil_div(piece.count, part_);
    p.a_transposed = true;
    p.ldc = p.n;
    p.c += first_part(piece) * size;
    if (stretches == 1) {
      p.k = piece.count;
      p.count = piece.rows;
      p.step_c = parts() * size;
      multiply(stream, p);
      return;
    }
    const std::int64_t whole = piece.count / part_, step_a = p.step_a, step_b = p.step_b;
    p.step_a = part_ * p.lda;
    p.step_b = part_ * p.ldb;
    p.step_c = size;
    if (whole == parts() && step_a == whole * p.step_a && step_b == whole * p.step_b) {
      p.k = part_;
      p.count = piece.rows * whole;
      multiply(stream, p);
      return;
    }
    for (std::int64_t row = 0; row < piece.rows; ++row) {
      Product of_row = p;
      of_row.a += row * step_a;
      of_row.b += row * step_b;
      of_row.c += row * parts() * size;
      of_row.k = part_;
      of_row.count = whole;
      multiply(stream, of_row);
      if (whole == stretches) continue;
      of_row.a += whole * of_row.step_a;
      of_row.b += whole * of_row.step_b;
      of_row.c += whole * size;
      of_row.k = piece.count - whole * part_;
      of_row.count = 1;
      multiply(stream, of_row);
    }
  }

 private:
  static constexpr std::int64_t kMost = std::int64_t{1} << 22;  // two such pieces fit the L2 of an A100 or H100
  static constexpr std::int64_t kBusy = 128;                    // parts that keep a device busy ...
  static constexpr std::int64_t kFew = 512;                     // ... none shorter than this without need
  std::int64_t rows_, tokens_, width_, part_, piece_rows_, piece_tokens_;
};

constexpr int kThreads = 256;  // of kernels that go over elements, or a warp a token

inline dim3 blocks_for(std::int64_t threads) { return grid_of(ceil_div(threads, kThreads)); }
inline simt::Launch over_elements(void* stream, std::int64_t count) {
  return {.grid = blocks_for(count), .block = dim3(kThreads), .stream = stream};
}
inline simt::Launch over_tokens(void* stream, std::int64_t count) {
  return {.grid = blocks_for(count * kWarp), .block = dim3(kThreads), .stream = stream};
}
__device__ inline std::int64_t this_element() { return static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; }
__device__ inline std::int64_t this_token() { return this_element() / kWarp; }
__device__ inline int this_lane() { return static_cast<int>(threadIdx.x % kWarp); }

// sum [rows, size] = the parts [rows, parts, size] in their order
template <int>
__global__ void __launch_bounds__(kThreads)
    add_parts(const float* parts, std::int64_t rows, std::int64_t count, std::int64_t size, float* sum) {
  const std::int64_t i = this_element();
  if (i >= rows * size) return;
  const float* const at = parts + i / size * count * size + i % size;
  float total = at[0];
  for (std::int64_t part = 1; part < count; ++part) total += at[part * size];
  sum[i] = total;
}

// y [rows, n, width] = x, zeros for padded tokens. A warp a token.
template <int>
__global__ void __launch_bounds__(kThreads)
    copy_kept(const Shape s, const std::uint8_t* keep, std::int64_t n, std::int64_t width, const float* x, float* y) {
  const std::int64_t token = this_token();
  if (token >= s.rows() * n) return;
  const bool kept = is_kept(keep, s, token / n, n, token % n);
  for (std::int64_t c = this_lane(); c < width; c += kWarp) y[token * width + c] = kept ? x[token * width + c] : 0.0f;
}

// Zeros for the padded tokens of x [rows, n, width]. A warp a token.
template <int>
__global__ void __launch_bounds__(kThreads)
    clear_padded(const Shape s, const std::uint8_t* keep, std::int64_t n, std::int64_t width, float* x) {
  const std::int64_t token = this_token();
  if (token >= s.rows() * n || is_kept(keep, s, token / n, n, token % n)) return;
  for (std::int64_t c = this_lane(); c < width; c += kWarp) x[token * width + c] = 0.0f;
}

}  // namespace yoso::SIMT_NS
