// Settings resolved: what the declaration of the draws, the engine and the oracle must agree on.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include <yoso/method.hpp>

namespace yoso::reformer {

// Short sequences fit one chunk: they get full attention by the same rules, and nothing is random.
inline bool is_full(const Shape& shape, const Settings& settings) { return shape.n_k <= settings.integer("bucket"); }

// How many hash buckets a round has unless told: the rule of the form.
inline std::int64_t usual_buckets(const Shape& shape, const Settings& settings) {
  const std::int64_t length = settings.integer("bucket");
  if (settings.is("form", "lucidrains")) return 2 * std::max((shape.n_k + length) / (2 * length), std::int64_t{1});
  const auto twice = static_cast<std::uint64_t>(2 * (shape.n_k / length));
  return std::max(static_cast<std::int64_t>(std::bit_floor(twice)), std::int64_t{2});
}

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);
void expectation(const Problem& problem, std::span<const std::int64_t> queries, double* out);

}  // namespace yoso::reformer
