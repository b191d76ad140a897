// Declared tensors: the random draws and the learned parameters of a method.
//
// A method declares what it needs; the harness fills it from a counter-based generator (draws.hpp), so that a seed
// means the same numbers on every backend and for any thread count, or a test injects its own. Engines never draw.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <yoso/shape.hpp>

namespace yoso {

// Over what the copies of a declared tensor are independent: one for each (batch, head), one a head, or one for all.
enum class Axis : std::uint8_t { row, head, all };

// How a declared tensor is filled.
enum class Law : std::uint8_t {
  normal,       // independent N(0, scale^2)
  sign,         // independent, -scale or +scale with equal chance
  orthogonal,   // [m, d]: blocks of d orthonormal rows, each row rescaled to the norm of a fresh N(0, I_d) vector
  permutation,  // [n]: 0 .. n-1 in random order
  pool,  // [k, n]: row i averages the i-th of k runs of neighbours, whose lengths differ by at most one; not random
};

struct TensorSpec {
  std::string_view name;  // also the key under which the engine finds it
  Axis axis = Axis::row;
  std::vector<std::int64_t> shape;  // of one copy
  Law law = Law::normal;
  double scale = 1;

  std::int64_t copies(const Shape& s) const { return axis == Axis::row ? s.rows() : axis == Axis::head ? s.heads : 1; }
  std::int64_t copy_size() const {
    std::int64_t size = 1;
    for (const std::int64_t extent : shape) size *= extent;
    return size;
  }
  std::int64_t size(const Shape& s) const { return copies(s) * copy_size(); }
};

// Borrowed f32 tensors, found by name.
class Tensors {
 public:
  void set(std::string_view name, std::span<const float> data);
  const float* operator[](std::string_view name) const;  // throws std::logic_error when it was never declared
  bool has(std::string_view name) const;

 private:
  struct Entry {
    std::string_view name;
    std::span<const float> data;
  };
  std::vector<Entry> entries_;
};

// A typed view of an inner value that an engine shows to a Probe (hash codes, buckets, ...).
enum class Dtype : std::uint8_t { f32, i32 };
struct TensorView {
  const void* data = nullptr;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
};

}  // namespace yoso
