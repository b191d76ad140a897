// Words for the masked rows of a problem.
#pragma once
#include <algorithm>
#include <cstdint>

#include <yoso/shape.hpp>

namespace yoso {

// The part of a mask [batch, n] that belongs to a (batch, head) row, from token `first` on; null: everything is kept.
inline const std::uint8_t* mask_of_row(const std::uint8_t* mask, const Shape& shape, std::int64_t row, std::int64_t n,
                                       std::int64_t first = 0) {
  return mask ? mask + row / shape.heads * n + first : nullptr;
}

// Of a mask that may be null (all kept): whether any of tokens [first, last) is kept, or padded.
inline bool any_kept(const std::uint8_t* keep, std::int64_t first, std::int64_t last) {
  return !keep || std::any_of(keep + first, keep + last, [](std::uint8_t kept) { return kept != 0; });
}
inline bool any_padded(const std::uint8_t* keep, std::int64_t first, std::int64_t last) {
  return keep && std::find(keep + first, keep + last, 0) != keep + last;
}

// Positions [first, last).
struct KeyRange {
  std::int64_t first = 0, last = 0;
};

// The keys and values of one row: k [n, d], v [n, d_v], keep [n] or null.
struct KeyRow {
  const float* k = nullptr;
  const float* v = nullptr;
  const std::uint8_t* keep = nullptr;
};

inline KeyRow key_row(const Inputs& in, const Shape& s, std::int64_t row) {
  return {in.k + row * s.n_k * s.d, in.v + row * s.n_k * s.d_v, mask_of_row(in.keep_k, s, row, s.n_k)};
}

}  // namespace yoso
