// What is known of cuBLAS without a device.
#pragma once
#include <optional>
#include <string>

namespace simt {

struct BlasLibrary {
  std::optional<std::string> version;  // null: there is none
  std::string problem;                 // why, in the loader's words
};

// Opens it at the first call.
const BlasLibrary& blas_library();

}  // namespace simt
