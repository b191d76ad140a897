// Forward softmax attention of bfloat16 tensors on tensor cores, sums and output in f32: rule.hpp's algorithm, with
// weights rounded to bfloat16 before they meet the values (as Dao 2023 does), so that an output is within 2^-8 of the
// largest |v| of what its rounded inputs define. No method has a knob for it yet: its test alone calls it.
#pragma once
#include <cstdint>

#include <yoso/shape.hpp>

#include "simt/simt.hpp"

namespace yoso::softmax::SIMT_NS {

// out [batch, heads, n_q, d_v] f32; the other tensors as in Inputs, but for their type. Rows of a multiple of eight
// elements are aligned to 16 bytes. Throws Unsupported for d or d_v beyond 256.
void forward_bf16(void* stream, const Shape& s, const simt::bf16* q, const simt::bf16* k, const simt::bf16* v,
                  const std::uint8_t* keep_q, const std::uint8_t* keep_k, float* out);

}  // namespace yoso::softmax::SIMT_NS
