// Which hyperplane is which bit of which hash. Shared by the declaration of the draws, the cost model and the engines;
// the oracle has its own.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>

#include <yoso/cpu.hpp>
#include <yoso/knobs.hpp>
#include <yoso/shape.hpp>

namespace yoso::yoso_m {

enum class Projection : std::uint8_t { interleaved, packed, gaussian, shared };  // in the order of kProjectionNames

inline constexpr std::string_view kProjectionNames[] = {"interleaved", "packed", "gaussian", "shared"};

// A rotation is three rounds of (sign diagonal, Hadamard matrix) on a vector padded with zeros to a power of two; each
// of its rows is one hyperplane.
struct Plan {
  Projection projection;
  std::int64_t d, hashes, bits;
  std::int64_t padded;         // d'
  std::int64_t rotations = 0;  // none for gaussian
  std::int64_t per_part = 0;   // packed: hashes cut from one rotation

  Plan(const Shape& shape, const Settings& settings)
      : projection(static_cast<Projection>(settings.real("projection"))),
        d(shape.d),
        hashes(settings.integer("hashes")),
        bits(settings.integer("hash_bits")),
        padded(static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(32, d))))) {
    if (projection == Projection::packed) {
      per_part = padded / bits;  // bits <= 16 < 32 <= padded
      rotations = (hashes + per_part - 1) / per_part;
    } else if (projection != Projection::gaussian) {
      rotations = std::max((planes() + padded - 1) / padded, std::min<std::int64_t>(bits, 4));
    }
  }

  std::int64_t planes() const { return hashes * bits; }
  std::int64_t slots() const { return std::int64_t{1} << bits; }  // of a table

  // Row r of a rotation is plane first_plane(rotation) + r * plane_step(), and plane hash * bits + t is bit t of a
  // hash.
  //
  // packed, the reference's layout: hash after hash, each from consecutive rows of one rotation, as many whole hashes
  // as fit; the rows left over are overwritten by the next rotation. Rows of a rotation are orthogonal, so the bits of
  // a hash are negatively dependent and it collides too seldom. interleaved: plane g is row g / B of rotation g mod B,
  // so the bits of a hash come from min(bits, B) rotations in shares that differ by at most one; no rotation runs out
  // of rows, since B d' >= planes().
  std::int64_t first_plane(std::int64_t rotation) const {
    return projection == Projection::packed ? rotation * per_part * bits : rotation;
  }
  std::int64_t plane_step() const { return projection == Projection::packed ? 1 : rotations; }
  // Rows that writing all rotations in order touches: more than planes().
  std::int64_t plane_rows() const { return first_plane(rotations - 1) + (padded - 1) * plane_step() + 1; }
};

inline constexpr std::int64_t kLine = 16;  // floats of a cache line: a narrower slice would waste what it loads

// Floats of the tables in the cache at a time: a quarter of the second level, which they share with the streams of
// values and codes, but a slice of one table at least.
inline std::int64_t tables_in_flight(const Plan& plan) {
  return std::max(second_level_cache() / 4 / static_cast<std::int64_t>(sizeof(float)), plan.slots() * kLine);
}

// Whether gradients over colliding pairs go bucket by bucket: with fewer tokens a slot it is token by token.
inline bool full_buckets(const Shape& shape, const Plan& plan) {
  return std::max(shape.n_q, shape.n_k) >= 4 * plan.slots();
}

}  // namespace yoso::yoso_m
