// A tensor as it was read from a file: values widened to f32.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace yoso {

struct Array {
  std::vector<std::int64_t> shape;
  std::vector<float> values;  // row-major, finite
  std::string dtype;          // as the file spells it: "<f2", "BF16"
  bool real = true;           // false when the file held integers or booleans
};

// The values of the 16-bit formats, exactly: every one of them is an f32 too.
float from_half(std::uint16_t bits);      // IEEE 754 binary16
float from_bfloat16(std::uint16_t bits);  // the upper half of an f32

}  // namespace yoso
