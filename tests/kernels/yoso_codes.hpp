// Listens for the hash codes of yoso-m.
#pragma once
#include "yoso_problem.hpp"

namespace yoso {

struct Codes final : Probe {
  std::vector<std::int32_t> q, k;  // [rows, n, hashes]

  void see(std::string_view name, const TensorView& value) override {
    REQUIRE(value.dtype == Dtype::i32);
    std::int64_t size = 1;
    for (const std::int64_t extent : value.shape) size *= extent;
    const auto* const at = static_cast<const std::int32_t*>(value.data);
    (name == "q_codes" ? q : k).assign(at, at + size);
  }
};

}  // namespace yoso
