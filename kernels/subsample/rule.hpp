// What no backend of subsample does.
#pragma once
#include <cstdint>

#include <yoso/errors.hpp>
#include <yoso/shape.hpp>

namespace yoso::subsample {

inline constexpr std::int64_t kLongestOrder = std::int64_t{1} << 24;  // the largest whole number before f32 has gaps

inline void require_order(const Shape& s) {
  if (s.causal) throw Unsupported("subsample has no causal form: a random key may lie in the future");
  if (s.n_k > kLongestOrder) throw Unsupported("subsample draws its order of keys in f32, exact up to 2^24 keys");
}

}  // namespace yoso::subsample
