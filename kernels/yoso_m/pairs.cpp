// Backward over colliding pairs, each visited from its query's side and from its key's side: whoever owns a gradient
// sums it alone, so threads never meet.
//
// Pairs lie anywhere, so from a few thousand tokens on rows come from beyond the second cache. Many tokens go together,
// first for the products with v (or dx), then for the sums of k (or q): half of the rows are in use at a time.
#include <yoso/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "primitives/yoso_gradient.hpp"
#include "yoso_m/cpu.hpp"

namespace yoso::yoso_m {
namespace {

// The derivative of a weight as the reference's second version has it: the exact one at 0.99 times the cosine, its
// three factors interpolated between 32 points, two of them cut off at 10.
class Interpolated {
 public:
  explicit Interpolated(std::int64_t tau) : tau_(static_cast<float>(tau)) {
    for (int i = 0; i < kPoints; ++i) {
      const double x = i / 31.0;
      angle_[i] = static_cast<float>(std::acos(2 * x - 1) / std::numbers::pi);
      power_[i] = static_cast<float>(std::min(10.0, std::pow(x + 1e-6, static_cast<double>(tau - 1))));
      inverse_sine_[i] = static_cast<float>(std::min(10.0, 1 / std::sqrt(x + 1e-6)));
    }
  }
  float operator()(float cosine) const {
    const float x = 0.99f * cosine;
    const float base = 1 - at(angle_, (1 + x) * 15.5f);
    return tau_ * at(power_, base * 31) / std::numbers::pi_v<float> * at(inverse_sine_, (1 - x * x) * 31);
  }

 private:
  static constexpr int kPoints = 32;
  static float at(const float* table, float x) {
    const float inside = std::clamp(x, 0.0f, 31.0f);
    const int i = std::min(30, static_cast<int>(inside));
    return table[i] + (inside - static_cast<float>(i)) * (table[i + 1] - table[i]);
  }
  float tau_, angle_[kPoints], power_[kPoints], inverse_sine_[kPoints];
};

// What pairs need of the tokens of one side of a row.
struct Side {
  const float* value;  // [n, d_v] v of keys, dx of queries
  const float* unit;   // [n, d]
  const float* shift;  // [n] of queries; null of keys, and where it is 0
};

}  // namespace

Cpu::Changes Cpu::layout_changes(Arena& scratch) const {
  return {scratch.take<float>(context_.threads * collisions_.capacity()),
          scratch.take<float>(context_.threads * collisions_.longer())};
}

void Cpu::sum_pairs(const Window& window, const BackwardScratch& s) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t d = shape_.d, d_v = shape_.d_v, m = plan_.hashes;
  const bool set = gradient_ == Gradient::set;
  const Interpolated slope(plan_.bits);
  const float factor = set ? 1.0f : slope_of_collision();
  const float share = 1 / static_cast<float>(m);

  // changes, of each entry: (dx . v - shift), times the slope of what their weight comes from; and dv of keys.
  const auto change = [&](const Collisions::Listed& listed, const Side& own, const Side& other, float* changes,
                          float* more, float* dv) {
    const std::int64_t first = listed.first;
    const RowLists& lists = listed.lists;
    const std::uint16_t* const times = listed.times;
    const float* const unit = own.unit + first * d;
    p.list_products(lists, d_v, own.value + first * d_v, d_v, other.value, d_v, changes, times ? nullptr : dv, d_v);
    const auto for_entries = [&](const auto& f) {
      for (std::int64_t t = 0; t < lists.count; ++t)
        for (std::uint32_t e = lists.ends[t] - lists.sizes[t]; e < lists.ends[t]; ++e) f(t, e);
    };
    if (own.shift) for_entries([&](std::int64_t t, std::uint32_t e) { changes[e] -= own.shift[first + t]; });
    if (other.shift) for_entries([&](std::int64_t, std::uint32_t e) { changes[e] -= other.shift[lists.at[e]]; });
    if (!times) return;
    if (set) {
      p.list_products(lists, d, unit, d, other.unit, d, more, nullptr, 0);
      for_entries([&](std::int64_t, std::uint32_t e) { changes[e] *= slope(more[e]); });
    }
    for_entries([&](std::int64_t, std::uint32_t e) { more[e] = times[lists.at[e]]; });
    if (!set) for_entries([&](std::int64_t, std::uint32_t e) { changes[e] *= more[e]; });
    if (dv) p.add_lists(lists, more, d_v, other.value, d_v, dv, d_v);
  };

  const std::int64_t pieces = collisions_.pieces();
  parallel_for(context_.threads, window.shape.rows() * 2 * pieces, [&](std::int64_t job, int thread) {
    const std::int64_t row = job / (2 * pieces), piece = job % pieces;
    const bool of_queries = job / pieces % 2 == 0;
    const Codes codes = window.kept.codes(window.shape, plan_, window.in, row);
    const Collisions::Side q{true, shape_.n_q, codes.q, codes.keep_q}, k{false, shape_.n_k, codes.k, codes.keep_k};
    const Side queries{s.dx + row * shape_.n_q * d_v, s.q + row * shape_.n_q * d,
                       norm_ == Norm::rowsum ? s.shift + row * shape_.n_q : nullptr};
    const Side keys{window.in.v + row * shape_.n_k * d_v, s.k + row * shape_.n_k * d, nullptr};
    const Side &own = of_queries ? queries : keys, &other = of_queries ? keys : queries;
    float* const g = of_queries ? window.grads.dq + row * shape_.n_q * d : window.grads.dk + row * shape_.n_k * d;
    float* const changes = s.changes.of_entries + thread * collisions_.capacity();
    float* const more = s.changes.more + thread * collisions_.longer();
    const auto add = [&](const Collisions::Listed& listed) {
      float* const to = g + listed.first * d;
      float* const dv = of_queries ? nullptr : window.grads.dv + (row * shape_.n_k + listed.first) * d_v;
      std::fill_n(to, listed.lists.count * d, 0.0f);
      if (dv) std::fill_n(dv, listed.lists.count * d_v, 0.0f);
      change(listed, own, other, changes, more, dv);
      p.add_lists(listed.lists, changes, d, other.unit, d, to, d);
      p.scale(factor, to, listed.lists.count * d);
      if (dv) p.scale(share, dv, listed.lists.count * d_v);
    };
    collisions_.for_lists(s.pairs, thread, of_queries ? q : k, of_queries ? k : q, piece, set, add);
  });
}

}  // namespace yoso::yoso_m
