// memory --max-batch: how many instances fit a budget.
#pragma once
#include <vector>

#include "bench.hpp"

namespace yoso::app {

inline constexpr std::int64_t kLargestBatch = std::int64_t{1} << 20;  // where the search ends

// Groups of one member each, with the largest batch whose predicted peak is within --budget, and what of it is known
// beside each. The search only predicts; weigh_group() then runs what it found. A member that not even one instance of
// fits, or that has no such pass, keeps a batch of 1 and gets its status from there.
struct Searched {
  Group group;
  MaxBatch found;
};
std::vector<Searched> search_batches(const Options& options, const std::vector<Group>& groups);

}  // namespace yoso::app
