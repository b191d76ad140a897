// The size of one attention problem, and the tensors that go into it.
#pragma once
#include <cstdint>
#include <string_view>

namespace yoso {

// q [batch, heads, n_q, d], k [batch, heads, n_k, d], v [batch, heads, n_k, d_v], out [batch, heads, n_q, d_v];
// all row-major f32. A "row" is one (batch, head) pair: an attention problem of its own.
struct Shape {
  std::int64_t batch = 1;
  std::int64_t heads = 1;
  std::int64_t n_q = 1;   // queries
  std::int64_t n_k = 1;   // keys and values
  std::int64_t d = 64;    // width of a query and of a key
  std::int64_t d_v = 64;  // width of a value and of an output row
  bool causal = false;    // query i sees keys j <= i + n_k - n_q: aligned at the end, as when decoding

  constexpr std::int64_t rows() const { return batch * heads; }
  constexpr std::int64_t q_size() const { return rows() * n_q * d; }
  constexpr std::int64_t k_size() const { return rows() * n_k * d; }
  constexpr std::int64_t v_size() const { return rows() * n_k * d_v; }
  constexpr std::int64_t out_size() const { return rows() * n_q * d_v; }
  constexpr bool square() const { return n_q == n_k && d == d_v; }
  bool operator==(const Shape&) const = default;

  // How many keys, counted from key 0, query i may see.
  constexpr std::int64_t visible(std::int64_t i) const {
    if (!causal) return n_k;
    const std::int64_t seen = i + 1 + n_k - n_q;
    return seen < 0 ? 0 : seen > n_k ? n_k : seen;
  }
};

// Throws BadSetting if a dimension is below 1, above 2^31 - 1, or if a tensor would exceed 2^40 elements.
void check(const Shape& shape);

// What q, k and v consist of. Outputs and gradients are f32 in any case.
enum class Element : std::uint8_t { f32, bf16 };
std::string_view name(Element element);
constexpr std::int64_t bytes_of(Element element) { return element == Element::bf16 ? 2 : 4; }

// Borrowed input tensors. Masks: 1 = a real token, 0 = padding, null = all real. Padded keys contribute to no method;
// padded queries have an output of zeros (plus the convolution, where a method has one).
// Values are finite and at most kLargestInput in magnitude: the harness refuses others, so that no engine needs to
// guard its sums against overflow.
template <class T>
struct InputsOf {
  const T* q = nullptr;                  // [batch, heads, n_q, d]
  const T* k = nullptr;                  // [batch, heads, n_k, d]
  const T* v = nullptr;                  // [batch, heads, n_k, d_v]
  const std::uint8_t* keep_q = nullptr;  // [batch, n_q]
  const std::uint8_t* keep_k = nullptr;  // [batch, n_k]

  // The same memory, which holds elements of another type: see Context::element.
  template <class Other>
  InputsOf<Other> as() const {
    return {reinterpret_cast<const Other*>(q), reinterpret_cast<const Other*>(k), reinterpret_cast<const Other*>(v),
            keep_q, keep_k};
  }
};
using Inputs = InputsOf<float>;

inline constexpr float kLargestInput = 1e9f;

}  // namespace yoso
