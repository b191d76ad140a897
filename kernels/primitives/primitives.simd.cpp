// All primitives, written once with the vector extension of GCC and clang and compiled once for each instruction set
// (primitives.cmake says with which flags). YOSO_SIMD_ISA is the name of the table, YOSO_SIMD_LANES the floats in a
// vector. This file exports the table and nothing else.
#include "primitives/simd/calibration.hpp"
#include "primitives/simd/functions.hpp"
#include "primitives/simd/gemm.hpp"
#include "primitives/simd/hadamard.hpp"
#include "primitives/simd/rows.hpp"
#include "primitives/tables.hpp"

namespace yoso {

#define YOSO_TEXT_OF(x) #x
#define YOSO_TEXT(x) YOSO_TEXT_OF(x)

constinit const Primitives simd::YOSO_SIMD_ISA{
    .isa = YOSO_TEXT(YOSO_SIMD_ISA),
    .gemm_nn = gemm_nn,
    .gemm_nt = gemm_nt,
    .gemm_tn = gemm_tn,
    .project = project,
    .multiply_adds = multiply_adds,
    .additions = additions,
    .mixed_additions = mixed_additions,
    .exponentials = exponentials,
    .read_words = read_words,
    .update_words = update_words,
    .dot = dot,
    .axpy = axpy,
    .scale = scale,
    .add = add,
    .max = max,
    .sum = sum,
    .exp_sum = exp_sum,
    .collision = collision,
    .hadamard = hadamard,
};

}  // namespace yoso
