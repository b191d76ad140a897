#include <yoso/weights.hpp>

#include <algorithm>
#include <numeric>

namespace yoso {
namespace {

constexpr std::int64_t kTop = 16;

// Of the keys that `exact` weighs most, the share that `got` weighs most too. Equal weights are in no order: a key that
// ties for the last places counts by its chance of getting one.
double recall(std::span<const float> got, std::span<const float> exact, std::int64_t top) {
  std::vector<std::size_t> order(exact.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::partial_sort(order.begin(), order.begin() + top, order.end(),
                    [&](std::size_t a, std::size_t b) { return exact[a] > exact[b]; });
  double found = 0;
  for (std::int64_t i = 0; i < top; ++i) {
    const float mine = got[order[static_cast<std::size_t>(i)]];
    const auto above = std::ranges::count_if(got, [&](float w) { return w > mine; });
    const auto equal = std::ranges::count(got, mine);
    found += std::clamp(static_cast<double>(top - above) / static_cast<double>(equal), 0.0, 1.0);
  }
  return found / static_cast<double>(top);
}

}  // namespace

std::vector<float> weights_of(Instance& instance, const Inputs& in, std::span<const std::int64_t> queries) {
  const Shape& s = instance.shape();
  const auto asked = static_cast<std::int64_t>(queries.size());
  std::vector<float> weights(static_cast<std::size_t>(s.rows() * asked * s.n_k));
  std::vector<float> values(static_cast<std::size_t>(s.v_size())), out(static_cast<std::size_t>(s.out_size()));
  Inputs probe = in;
  probe.v = values.data();
  for (std::int64_t first = 0; first < s.n_k; first += s.d_v) {
    const std::int64_t count = std::min(s.d_v, s.n_k - first);
    std::ranges::fill(values, 0.0f);
    for (std::int64_t row = 0; row < s.rows(); ++row)
      for (std::int64_t c = 0; c < count; ++c)
        values[static_cast<std::size_t>((row * s.n_k + first + c) * s.d_v + c)] = 1;
    instance.forward(probe, out.data());
    for (std::int64_t row = 0; row < s.rows(); ++row)
      for (std::int64_t i = 0; i < asked; ++i)
        std::copy_n(out.data() + (row * s.n_q + queries[static_cast<std::size_t>(i)]) * s.d_v, count,
                    weights.data() + (row * asked + i) * s.n_k + first);
  }
  return weights;
}

WeightResult compare_weights(const Shape& s, const Inputs& in, std::span<const std::int64_t> queries,
                             std::span<const float> weights, std::span<const float> exact) {
  const auto n = static_cast<std::size_t>(s.n_k);
  WeightResult result;
  result.top = std::min(kTop, s.n_k);
  double mass = 0, recalled = 0, used = 0;
  for (std::int64_t row = 0; row < s.rows(); ++row)
    for (std::size_t i = 0; i < queries.size(); ++i) {
      if (in.keep_q && !in.keep_q[row / s.heads * s.n_q + queries[i]]) continue;
      const std::size_t at = (static_cast<std::size_t>(row) * queries.size() + i) * n;
      const std::span<const float> mine = weights.subspan(at, n);
      mass += std::accumulate(mine.begin(), mine.end(), 0.0);
      recalled += recall(mine, exact.subspan(at, n), result.top);
      ++used;
    }
  if (used > 0) {
    result.row_mass = mass / used;
    result.topk_recall = recalled / used;
  }
  return result;
}

}  // namespace yoso
