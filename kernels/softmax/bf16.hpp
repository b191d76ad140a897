// Forward softmax attention of bfloat16 tensors on tensor cores, sums and output in f32: rule.hpp's algorithm, with
// weights rounded to bfloat16 before they meet the values (as Dao 2023 does), so that an output is within 2^-8 of the
// largest |v| of what its rounded inputs define.
#pragma once
#include <yoso/device.hpp>
#include <yoso/shape.hpp>

#include "simt/simt.hpp"

namespace yoso::softmax::SIMT_NS {

// Throws Unsupported for d or d_v beyond 256, and for a device whose blocks have too little shared memory.
void require_bf16(const Device& device, const Shape& s);

// out [batch, heads, n_q, d_v] f32. Rows of a multiple of eight elements are aligned to 16 bytes. `largest` and `share`
// as in Rule, or null.
void forward_bf16(void* stream, const Shape& s, const InputsOf<simt::bf16>& in, float* largest, float* share,
                  float* out);

}  // namespace yoso::softmax::SIMT_NS
