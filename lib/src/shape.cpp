#include <yoso/shape.hpp>

#include <fmt/format.h>

#include <yoso/errors.hpp>

namespace yoso {
namespace {

constexpr std::int64_t kLargestExtent = (std::int64_t{1} << 31) - 1;
constexpr std::int64_t kLargestTensor = std::int64_t{1} << 40;

void extent(const char* name, std::int64_t value) {
  if (value < 1 || value > kLargestExtent)
    throw BadSetting(fmt::format("{} must lie in [1, {}], got {}", name, kLargestExtent, value));
}

// Multiplies step by step, so that the product itself cannot overflow.
void tensor(const char* name, const Shape& s, std::int64_t n, std::int64_t width) {
  std::int64_t size = 1;
  for (const std::int64_t factor : {s.batch, s.heads, n, width}) {
    if (size > kLargestTensor / factor)
      throw BadSetting(fmt::format("{} of batch {} x heads {} x n {} x width {} would exceed 2^40 elements", name,
                                   s.batch, s.heads, n, width));
    size *= factor;
  }
}

}  // namespace

std::string_view name(Element element) { return element == Element::bf16 ? "bf16" : "f32"; }

void check(const Shape& s) {
  extent("batch", s.batch);
  extent("heads", s.heads);
  extent("n_q", s.n_q);
  extent("n_k", s.n_k);
  extent("d", s.d);
  extent("d_v", s.d_v);
  tensor("q", s, s.n_q, s.d);
  tensor("k", s, s.n_k, s.d);
  tensor("v", s, s.n_k, s.d_v);
  tensor("out", s, s.n_q, s.d_v);
}

}  // namespace yoso
