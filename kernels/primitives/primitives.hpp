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

struct Primitives {
  std::string_view isa;

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
  float (*max)(const float* x, std::int64_t n);                     // -infinity when n = 0
  float (*sum)(const float* x, std::int64_t n);

  // x = exp(x - shift), returns the sum of the results. x - shift, rounded to f32, is at most 88; anything below -87
  // gives exactly 0. Relative error below 2e-7.
  float (*exp_sum)(float shift, float* x, std::int64_t n);

  // x = (1 - acos(clamp(x, -1, 1)) / pi)^tau, tau >= 1: the collision probability of tau sign hyperplanes (YOSO).
  // Exactly 1 at x >= 1 and 0 at x <= -1; the relative error is below tau * 2.5e-7.
  void (*collision)(int tau, float* x, std::int64_t n);

  // In place, natural-order, unnormalised Walsh-Hadamard transform of each of `rows` rows of `size` (a power of two)
  // elements, `ld` apart. Only additions and subtractions in a fixed order: the same bits on every instruction set.
  void (*hadamard)(float* x, std::int64_t rows, std::int64_t size, std::int64_t ld);
};

// The table of an instruction set. Throws DeviceError when this machine cannot run it.
const Primitives& primitives(Isa isa);

}  // namespace yoso
