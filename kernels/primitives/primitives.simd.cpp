// All primitives, written once with the vector extension of GCC and clang and compiled once for each instruction set
// (primitives.cmake says with which flags). YOSO_SIMD_ISA is the name of the table, YOSO_SIMD_LANES the floats in a
// vector. This file exports the table and nothing else.
#include "primitives/simd/attend.hpp"
#include "primitives/simd/calibration.hpp"
#include "primitives/simd/functions.hpp"
#include "primitives/simd/gathered.hpp"
#include "primitives/simd/gemm.hpp"
#include "primitives/simd/rotate.hpp"
#include "primitives/simd/rows.hpp"
#include "primitives/simd/tables.hpp"
#include "primitives/tables.hpp"

namespace yoso {

#define YOSO_TEXT_OF(x) #x
#define YOSO_TEXT(x) YOSO_TEXT_OF(x)

constinit const Primitives simd::YOSO_SIMD_ISA{
    .isa = YOSO_TEXT(YOSO_SIMD_ISA),
    .tokens = kLanes,
    .gemm_nn = gemm_nn,
    .gemm_nt = gemm_nt,
    .gemm_tn = gemm_tn,
    .project = project,
    .project_tn = project_tn,
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
    .dots = dots,
    .add_rows = add_rows,
    .products_at = products_at,
    .add_rows_at = add_rows_at,
    .list_products = list_products,
    .add_lists = add_lists,
    .extremes = extremes,
    .transpose = transpose_matrix,
    .max = max,
    .sum = sum,
    .exp_sum = exp_sum,
    .exp_tile = exp_tile,
    .score_gradients = score_gradients,
    .elu_plus_one = elu_plus_one,
    .chain = chain,
    .elu_chain = elu_chain,
    .collision = collision,
    .collision_gradient = collision_gradient,
    .to_columns = to_columns,
    .from_columns = from_columns,
    .hide = hide,
    .online_weights = online_weights,
    .column_dots = column_dots,
    .online_gradients = online_gradients,
    .scale_columns = scale_columns,
    .gather = gather,
    .rotate = rotate,
    .finish_to_bits = finish_to_bits,
    .rotate_to_bits = rotate_to_bits,
    .signs_to_bits = signs_to_bits,
    .pack_codes = pack_codes,
    .unit_rows = unit_rows,
    .insert = insert,
    .look_up = look_up,
};

}  // namespace yoso
