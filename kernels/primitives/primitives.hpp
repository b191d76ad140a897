// The arithmetic that CPU engines share: one table of functions for each instruction set, chosen at run time.
//
// All matrices are row-major f32; `ld*` is the distance between rows in elements. No function allocates or throws, none
// uses threads, and none reads or writes past the extents given, so engines call them on disjoint tiles from many
// threads.
#pragma once
#include <cstdint>
#include <string_view>

#include <yoso/cpu.hpp>

namespace yoso {

// Where the derivative of a collision probability is cut off: it is unbounded where the angle is 0.
inline constexpr float kLeastSine = 1e-3f;

// Lists of rows: list t has entries [ends[t] - sizes[t], ends[t]) of `at`. The kListAhead entries after a list's end
// can be read and name rows too: those that are fetched in advance.
struct RowLists {
  std::int64_t count;
  const std::uint32_t *ends, *sizes, *at;
};
inline constexpr std::int64_t kListAhead = 16;

struct Primitives {
  std::string_view isa;
  std::int64_t tokens;  // floats of a vector: what is done with one token in each lane takes so many at a time

  // C [M, N] = alpha * A * B (+ C when accumulate). Each element is summed over k in ascending order.
  //   gemm_nn: A [M, K], B [K, N]     gemm_nt: A [M, K], B [N, K] (dot products of rows)     gemm_tn: A [K, M], B [K,
  //   N]
  // k is taken in blocks: the sum of a block starts from 0, is multiplied by alpha once, and is added to what C holds
  // by then. An element has the same bits wherever in C it lies, however C is cut into calls. C may not overlap A or B.
  // Without accumulate C is not read; with K = 0 it becomes 0.
  using Gemm = void (*)(std::int64_t M, std::int64_t N, std::int64_t K, float alpha, const float* A, std::int64_t lda,
                        const float* B, std::int64_t ldb, bool accumulate, float* C, std::int64_t ldc);
  Gemm gemm_nn, gemm_nt, gemm_tn;

  // C [M, N] = A [M, K] * B [K, N], every element a chain of fused multiply-adds over ascending k: the same bits on
  // every instruction set and on the GPU. For hashing, where a sign must not depend on the machine.
  void (*project)(std::int64_t M, std::int64_t N, std::int64_t K, const float* A, std::int64_t lda, const float* B,
                  std::int64_t ldb, float* C, std::int64_t ldc);
  void (*project_tn)(std::int64_t M, std::int64_t N, std::int64_t K, const float* A, std::int64_t lda, const float* B,
                     std::int64_t ldb, float* C, std::int64_t ldc);  // A [K, M]

  // What the machine can do at best with these instructions, for `env --calibrate`. Each repeats its work `rounds`
  // times (at most 2^24) and returns what it did, so that the work can be neither dropped nor mistaken: the number of
  // multiply-adds or additions; the sum of e^x over all rounds, for x in [-87, 0]; the sum of all words read. n is a
  // multiple of 128.
  double (*multiply_adds)(std::int64_t rounds);    // chains of x * 1 + 1 in registers
  double (*additions)(std::int64_t rounds);        // chains of x + 1 in registers
  double (*mixed_additions)(std::int64_t rounds);  // half of the chains as multiply-adds: faster with separate adders
  double (*exponentials)(const float* x, std::int64_t n, std::int64_t rounds);
  std::uint32_t (*read_words)(const std::uint32_t* x, std::int64_t n, std::int64_t rounds);
  void (*update_words)(std::uint32_t* x, std::int64_t n, std::int64_t rounds);  // adds 1 to each word, in place

  float (*dot)(const float* x, const float* y, std::int64_t n);
  void (*axpy)(float a, const float* x, float* y, std::int64_t n);  // y += a x
  void (*scale)(float a, float* x, std::int64_t n);                 // x *= a
  void (*add)(const float* x, float* y, std::int64_t n);            // y += x
  // result[i] = dot of rows i of x and of y (all the same row when ldy = 0), each with the bits of `dot`.
  void (*dots)(std::int64_t rows, std::int64_t n, const float* x, std::int64_t ldx, const float* y, std::int64_t ldy,
               float* result);
  // y [columns] += the sum of the rows of x [rows, columns], taken in their order.
  void (*add_rows)(std::int64_t rows, std::int64_t columns, const float* x, std::int64_t ld, float* y);
  // Rows of x and y [.., n] that lists name.
  // result[i * count + j] = x[at_x[i]] . y[at_y[j]], i < m, j < count
  void (*products_at)(std::int64_t m, const std::uint32_t* at_x, std::int64_t count, const std::uint32_t* at_y,
                      std::int64_t n, const float* x, std::int64_t ldx, const float* y, std::int64_t ldy,
                      float* result);
  // y[at_y[i]] += sum over j of weights[i * row_step + j * step] * x[at_x[j]], in ascending order; no two
  // of at_y are the same
  void (*add_rows_at)(std::int64_t m, const std::uint32_t* at_y, std::int64_t count, const std::uint32_t* at_x,
                      const float* weights, std::int64_t row_step, std::int64_t step, std::int64_t n, const float* x,
                      std::int64_t ldx, float* y, std::int64_t ldy);
  // A row of x for each list: result[e] = x[t] . y[at[e]], e in list t. If totals is there, totals[t] = the sum of
  // y[at[e]].
  void (*list_products)(const RowLists& lists, std::int64_t n, const float* x, std::int64_t ldx, const float* y,
                        std::int64_t ldy, float* result, float* totals, std::int64_t ld_totals);
  // y[t] += sum over e of weights[e] * x[at[e]], in ascending order
  void (*add_lists)(const RowLists& lists, const float* weights, std::int64_t n, const float* x, std::int64_t ldx,
                    float* y, std::int64_t ldy);
  // Of every column of x [rows, columns]: the largest and the smallest element, and in which rows, counted from
  // `first`, they came first. They replace what is in high and low only where they exceed it.
  void (*extremes)(std::int64_t rows, std::int64_t columns, const float* x, std::int64_t ld, std::int32_t first,
                   float* high, std::int32_t* high_at, float* low, std::int32_t* low_at);
  // y [columns, rows] = the transpose of x [rows, columns]
  void (*transpose)(std::int64_t rows, std::int64_t columns, const float* x, std::int64_t ldx, float* y,
                    std::int64_t ldy);
  float (*max)(const float* x, std::int64_t n);  // -infinity when n = 0
  float (*sum)(const float* x, std::int64_t n);

  // x = exp(x - shift), returns the sum of the results. x - shift, rounded to f32, is at most 88; anything below -87
  // gives exactly 0. Relative error below 2e-7.
  float (*exp_sum)(float shift, float* x, std::int64_t n);

  // x [rows, columns] = exp((x - row_shift[row]) - column_shift[column]), as exp_sum has it; a null shift is 0, and one
  // of +infinity makes its row or column 0.
  void (*exp_tile)(std::int64_t rows, std::int64_t columns, const float* row_shift, const float* column_shift, float* x,
                   std::int64_t ld);

  // x [rows, columns] = weights (x - mean[row]): from gradients of a softmax's weights to gradients of its scores.
  void (*score_gradients)(std::int64_t rows, std::int64_t columns, const float* weights, std::int64_t ldw,
                          const float* mean, float* x, std::int64_t ldx);

  // y [rows, columns] = elu(x) + 1 = max(x, 0) + exp(min(x, 0)), the exponential as in exp_sum.
  void (*elu_plus_one)(std::int64_t rows, std::int64_t columns, const float* x, std::int64_t ldx, float* y,
                       std::int64_t ldy);

  // The chain rule through an exponential and a quotient: x [rows, columns] = e * (x + row[i] * column[j]), and sums[i]
  // += the sum of row i of the results. A null row or column is all ones, null sums are not asked for.
  void (*chain)(std::int64_t rows, std::int64_t columns, const float* e, std::int64_t lde, const float* row,
                const float* column, float* x, std::int64_t ldx, float* sums);
  // The same through elu + 1, whose value is e: its slope is min(e, 1).
  void (*elu_chain)(std::int64_t rows, std::int64_t columns, const float* e, std::int64_t lde, const float* row,
                    const float* column, float* x, std::int64_t ldx);

  // x = (1 - acos(clamp(x, -1, 1)) / pi)^tau, tau >= 1: the collision probability of tau sign hyperplanes (YOSO).
  // Exactly 1 at x >= 1 and 0 at x <= -1; the relative error is below tau * 2.5e-7. Returns the largest result.
  float (*collision)(int tau, float* x, std::int64_t n);

  // For the gradient of sums weighted so: x becomes the weight p(x), and g becomes factor * p'(x) * (g - shift), with
  // p'(x) = tau (1 - acos(x) / pi)^(tau - 1) / (pi max(sqrt(1 - x^2), kLeastSine)), or tau / 2 p(x) for the lower bound
  // of it. Relative error of the weight as above, of factor * p' below (tau + 3) * 2.5e-7. Returns the largest
  // weight.
  float (*collision_gradient)(int tau, bool lower_bound, float factor, float shift, float* x, float* g, std::int64_t n);

  // Softmax with one query in each lane. `width` is a multiple of `tokens`, and matrices are [.., width].
  //
  // columns [d, ld] = factor * x [count, d] transposed; zeros in columns from count to the next multiple of `tokens`.
  void (*to_columns)(std::int64_t count, std::int64_t d, const float* x, float factor, float* columns, std::int64_t ld);
  // x [count, d] = columns [d, ld] transposed, row i times factors[i]. factors exist up to a multiple of `tokens`.
  void (*from_columns)(std::int64_t count, std::int64_t d, const float* columns, std::int64_t ld, const float* factors,
                       float* x);
  // scores [keys, width]: -infinity where key j is not in [from, to) of the lane.
  void (*hide)(std::int64_t keys, std::int64_t width, const std::int32_t* from, const std::int32_t* to, float* scores);
  // A tile of the online softmax, base 2. largest := max(largest, scores), decay = 2^(old largest - new),
  // scores := 2^(scores - largest), total := total * decay + their sum; largest begins at -infinity and total at 0.
  // With `hidden`, scores of -infinity give exactly 0. Relative error of a power: below 2.4e-7, 2^-126 for anything
  // smaller.
  void (*online_weights)(std::int64_t keys, std::int64_t width, bool hidden, float* scores, float* largest,
                         float* total, float* decay);
  // result[i] = dot of columns i of x and y [rows, width], each with the bits that an element of gemm_nn has: where a
  // difference of the two cancels on paper, it does so to the last digit.
  void (*column_dots)(std::int64_t rows, std::int64_t width, const float* x, const float* y, float* result);
  // Backward of a tile whose queries are done. scores := w = 2^(scores - largest), slopes := w (slopes - mean). Scores
  // are at most `largest`, which is +infinity for a query without weights; w < 2^-100 is exactly 0.
  void (*online_gradients)(std::int64_t keys, std::int64_t width, const float* largest, const float* mean,
                           float* scores, float* slopes);
  void (*scale_columns)(std::int64_t rows, std::int64_t width, const float* factors,
                        float* x);  // x[r][i] *= factors[i]

  // Hashing (yoso-m). A batch is [width, tokens]: one token in each lane, coordinate by coordinate.

  // batch [width, ld] = x [count, d] transposed; a row whose largest magnitude is not in [2^-64, 2^64] is multiplied by
  // the power of two that brings that into [1/2, 1). Zeros for rows that are not kept (keep: [count] or null), for
  // coordinates from d to width, and for columns up to the next multiple of `tokens`. width >= d; ld >= that multiple.
  void (*gather)(std::int64_t count, std::int64_t d, const float* x, const std::uint8_t* keep, std::int64_t width,
                 float* batch, std::int64_t ld);

  // out = H D1 H D0 in of a batch [size, tokens]: D0 and D1 [size] are diagonals of signs, H is the natural-order,
  // unnormalised Walsh-Hadamard matrix, size >= 32 a power of two. Only additions and subtractions, the stages of the
  // first H in ascending order (pairs 1, 2, ..., size / 2 apart), those of the second in descending order: the same
  // bits on every instruction set. out may be in.
  void (*rotate)(const float* in, const float* d0, const float* d1, std::int64_t size, float* out);
  // The third round, stages ascending: bits[r * step * tokens + lane] = 0xffff where row r of H D2 in is positive, else
  // 0. work is a batch.
  void (*finish_to_bits)(const float* in, const float* d2, std::int64_t size, float* work, std::int64_t step,
                         std::uint16_t* bits);
  // All three rounds: faster than one after the other, with the same bits.
  void (*rotate_to_bits)(const float* in, const float* d0, const float* d1, const float* d2, std::int64_t size,
                         float* work, std::int64_t step, std::uint16_t* bits);
  // bits[i] = 0xffff where x[i] > 0, else 0; count a multiple of `tokens`.
  void (*signs_to_bits)(const float* x, std::int64_t count, std::uint16_t* bits);
  // codes[h * stride + i] = sum_t [bits[(h * tau + t) * ld + i]] 2^t for i < count; bits [hashes * tau, ld] exist up to
  // the next multiple of `tokens`.
  void (*pack_codes)(std::int64_t count, std::int64_t hashes, std::int64_t tau, const std::uint16_t* bits,
                     std::int64_t ld, std::uint16_t* codes, std::int64_t stride);

  // x [rows, n]: each row = row * share, divided by max(its length, 1e-12); a zero row stays zero. Nothing overflows or
  // is lost on the way; relative error below 1e-6 for rows of less than 1000 elements.
  void (*unit_rows)(std::int64_t rows, std::int64_t n, double share, float* x);

  // Tables of sums (yoso-m): tables [hashes, slots, width], width 16, 32 or 64; codes[h * stride + token].
  // Each token of [first, last) in turn: its row of v [.., width] is added to its slot in every table.
  void (*insert)(std::int64_t width, std::int64_t first, std::int64_t last, const std::uint16_t* codes,
                 std::int64_t stride, std::int64_t hashes, std::int64_t slots, const float* v, float* tables);
  // Its slots in all tables are added to its row of out [.., width], hash after hash.
  void (*look_up)(std::int64_t width, std::int64_t first, std::int64_t last, const std::uint16_t* codes,
                  std::int64_t stride, std::int64_t hashes, std::int64_t slots, const float* tables, float* out);
};

// The table of an instruction set. Throws DeviceError when this machine cannot run it.
const Primitives& primitives(Isa isa);

}  // namespace yoso
