// Q, K and V of one attention layer: captured from a model, or made up (families.hpp).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <yoso/shape.hpp>

namespace yoso {

struct Capture {
  Shape shape;
  std::vector<float> q, k, v;                // as Inputs says
  std::vector<std::uint8_t> keep_q, keep_k;  // [batch, n_q], [batch, n_k]; empty: every token is real
  std::string name;
  std::map<std::string, std::string> metadata;
  bool shared_qk = false;  // q and k are the same bits, as methods see them: what Reformer needs to estimate softmax

  Inputs inputs() const;
  std::string fingerprint() const;  // a hash of q, k, v and masks
  // The first n tokens of every row: queries, keys and values (of a side that has fewer, all it has).
  // Throws BadSetting unless 1 <= n <= max(n_q, n_k).
  Capture first(std::int64_t n) const;
  // q, k and v become the nearest that elements of this type hold.
  void round_to(Element element);
};

// Reads a capture from
//   FILE.safetensors   tensors q, k, v, and optionally mask, or keep_q and keep_k
//   FOLDER             q.npy, k.npy, v.npy, and optionally the same masks; FOLDER/q.npy names the same capture
// q is [batch, heads, n_q, d], k and v are [batch, kv_heads, n_k, d or d_v] (or all three without the batch). Where
// kv_heads is a divisor of heads (grouped queries), k and v are repeated: query head h reads kv head h / (heads /
// kv_heads). Masks are [batch, n] (or [n] for a batch of one) of 0 and 1; `mask` stands for both sides.
//
// Every method divides logits by sqrt(d). Where the metadata's `logit_scale` is a number s other than 1/sqrt(d), q is
// multiplied by s sqrt(d), and the factor is recorded in the metadata as `q_scaled_by`.
//
// Where it says `causal` = true, the shape is causal.
//
// Throws BadInput, naming file and field, for everything that cannot be used, also a value beyond kLargestInput.
Capture read_capture(const std::string& path);

}  // namespace yoso
