// Reader of NumPy's .npy files.
#pragma once
#include <string>

#include <yoso/array.hpp>

namespace yoso {

// Versions 1.0 to 3.0; little-endian <f2, <f4, <f8, <i4, <i8, and |u1, |b1; C order. The file is not trusted: whatever
// is wrong with it, also a NaN or an infinity, throws BadInput naming the file and the field, and nothing is allocated
// that the file's own size does not justify.
Array read_npy(const std::string& path);

}  // namespace yoso
