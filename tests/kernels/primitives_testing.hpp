// Words that the tests of the primitives share.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include <yoso/random.hpp>

#include "catch.hpp"
#include "primitives/primitives.hpp"

namespace yoso::testing {

// Around every vector width and register tile there is.
inline const std::vector<std::int64_t> kSizes{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130};

inline constexpr double kUnit = 0x1p-24;  // half of the distance from 1 to the next float

template <class Body>
void on_every_isa(const Body& body) {
  for (const Isa isa : isas_here()) {
    const Primitives& p = primitives(isa);
    CAPTURE(p.isa);
    body(p);
  }
}

inline std::vector<float> normals(std::int64_t count, std::uint64_t stream) {
  std::vector<float> x(static_cast<std::size_t>(count));
  Random(5, stream).normal(x);
  return x;
}

inline bool same_bits(const float* x, const float* y, std::int64_t n) {
  return std::memcmp(x, y, static_cast<std::size_t>(n) * sizeof(float)) == 0;
}

// An output of exactly `size` floats, off alignment, between cells that nobody may touch.
class Guarded {
 public:
  explicit Guarded(const std::vector<float>& content) : size_(content.size()), cells_(size_ + 2 * kGuard, kMark) {
    std::copy(content.begin(), content.end(), cells_.begin() + kGuard);
  }
  float* data() { return cells_.data() + kGuard; }
  float operator[](std::int64_t i) const { return cells_[kGuard + static_cast<std::size_t>(i)]; }
  bool intact() const {
    const auto marked = [](float x) { return x == kMark; };
    return std::all_of(cells_.begin(), cells_.begin() + kGuard, marked) &&
           std::all_of(cells_.end() - kGuard, cells_.end(), marked);
  }

 private:
  static constexpr std::ptrdiff_t kGuard = 37;
  static constexpr float kMark = 1234.5f;
  std::size_t size_;
  std::vector<float> cells_;
};

// Row-major, `pad` cells between its rows that hold `gap`, and none after the last row: a read past the extents meets a
// NaN or the address sanitizer.
struct Matrix {
  std::int64_t rows, columns, ld;
  std::vector<float> data;

  Matrix(std::int64_t r, std::int64_t c, std::int64_t pad, float gap = NAN)
      : rows(r), columns(c), ld(c + pad), data(static_cast<std::size_t>((r - 1) * ld + c), gap) {}
  float& at(std::int64_t i, std::int64_t j) { return data[static_cast<std::size_t>(i * ld + j)]; }
  float at(std::int64_t i, std::int64_t j) const { return data[static_cast<std::size_t>(i * ld + j)]; }
  Matrix transposed(std::int64_t pad) const {
    Matrix t(columns, rows, pad);
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j) t.at(j, i) = at(i, j);
    return t;
  }
};

inline Matrix random_matrix(std::int64_t rows, std::int64_t columns, std::int64_t pad, std::uint64_t stream,
                            float gap = NAN) {
  Matrix m(rows, columns, pad, gap);
  const std::vector<float> x = normals(rows * columns, stream);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) m.at(i, j) = x[static_cast<std::size_t>(i * columns + j)];
  return m;
}

}  // namespace yoso::testing
