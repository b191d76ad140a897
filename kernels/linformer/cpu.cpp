#include "linformer/cpu.hpp"

#include <cmath>

#include <yoso/parallel.hpp>

#include "primitives/masks.hpp"

namespace yoso::linformer {

Cpu::Cpu(const Shape& s, const Settings& settings, const Context& c)
    : shape_(s), context_(c), k_(projected_rows(s, settings)), share_(settings.is("share", "yes")) {
  if (s.causal) throw Unsupported("linformer mixes all positions into every projected row: it has no causal form");
}

Cpu::Projected Cpu::projected(Arena& arena) const {
  const std::int64_t rows = shape_.rows();
  return {arena.take<float>(rows * panels() * shape_.d * panel()), arena.take<float>(rows * k_ * shape_.d_v),
          arena.take<std::uint8_t>(rows * k_)};
}

Cpu::Layout Cpu::layout(Arena& scratch) const {
  const std::int64_t threads = context_.threads;
  return {scratch.take<float>(threads * panel() * shape_.d), scratch.take<float>(threads * kKeys * widest()),
          scratch.take<float>(threads * queries() * k_)};
}

void Cpu::forward(const Inputs& in, float* out, Call& call) {
  const Primitives& p = primitives(context_.isa);
  const Projected to = projected(context_.pass == Pass::both ? call.saved : call.scratch);
  const Layout at = layout(call.scratch);
  const float* const e = call.parameters["E"];
  const float* const f = share_ ? e : call.parameters["F"];
  call.phase("project");
  parallel_for(context_.threads, shape_.rows() * panels(), [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / panels(), first = piece % panels() * kProjected;
    const std::int64_t m = std::min(kProjected, k_ - first), weights = (row % shape_.heads * k_ + first) * shape_.n_k;
    const std::uint8_t* const keep = mask_of_row(in.keep_k, shape_, row, shape_.n_k);
    float* const masked = at.masked + thread * kKeys * widest();
    float* const keys = at.projected + thread * panel() * shape_.d;
    // keys and values in turn: with E = F the same weights serve both while they are near
    for (std::int64_t j = 0; j < shape_.n_k; j += kKeys) {
      project(p, e + weights, keep, in.k + row * shape_.n_k * shape_.d, shape_.d, j, m, masked, keys);
      project(p, f + weights, keep, in.v + row * shape_.n_k * shape_.d_v, shape_.d_v, j, m, masked,
              to.values + (row * k_ + first) * shape_.d_v);
    }
    // here and not in gemm_nt, which would transpose for every block of queries: 8 % of the product
    p.transpose(m, shape_.d, keys, shape_.d, to.keys + piece * shape_.d * panel(), panel());
    for (std::int64_t i = 0; i < m; ++i)
      to.emptied[row * k_ + first + i] = keep && emptied(e + weights + i * shape_.n_k, keep);
  });
  call.phase("attend");
  const std::int64_t blocks = (shape_.n_q + queries() - 1) / queries();
  parallel_for(context_.threads, shape_.rows() * blocks, [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / blocks, first = piece % blocks * queries();
    attend(p, in, to, row, first, std::min(queries(), shape_.n_q - first), at.scores + thread * queries() * k_, out);
  });
}

// y [m, width] += weights [m, n_k] * x [n_k, width] for rows j, j + 1, .., j + kKeys - 1 of x (= for the first),
// padded ones taken as zeros. Always a dense product: a trained projection has no zeros to skip, so skipping those of
// `pool` would time something nobody can use.
void Cpu::project(const Primitives& p, const float* weights, const std::uint8_t* keep, const float* x,
                  std::int64_t width, std::int64_t j, std::int64_t m, float* masked, float* y) const {
  const std::int64_t count = std::min(kKeys, shape_.n_k - j);
  const float* source = x + j * width;
  if (any_padded(keep, j, j + count)) {
    for (std::int64_t i = 0; i < count; ++i) {
      if (keep[j + i])
        std::copy_n(source + i * width, width, masked + i * width);
      else
        std::fill_n(masked + i * width, width, 0.0f);
    }
    source = masked;
  }
  p.gemm_nn(m, width, count, 1.0f, weights + j, shape_.n_k, source, width, j > 0, y, width);
}

bool Cpu::emptied(const float* weights, const std::uint8_t* keep) const {
  bool had = false;
  for (std::int64_t j = 0; j < shape_.n_k; ++j) {
    if (weights[j] == 0.0f) continue;
    if (keep[j]) return false;
    had = true;
  }
  return had;
}

// scores [m, k] = exp(s - the row's largest) of queries [first, first + m), totals their sums. Zeros where there is
// nothing to attend to.
void Cpu::weigh(const Primitives& p, const Inputs& in, const Projected& to, std::int64_t row, std::int64_t first,
                std::int64_t m, float* scores, float* totals) const {
  const float scale = 1.0f / std::sqrt(static_cast<float>(shape_.d));
  const std::uint8_t* const gone = to.emptied + row * k_;
  const bool all_there = std::find(gone, gone + k_, 1) == gone + k_;
  for (std::int64_t i = 0; i < panels(); ++i)
    p.gemm_nn(m, std::min(kProjected, k_ - i * kProjected), shape_.d, scale,
              in.q + (row * shape_.n_q + first) * shape_.d, shape_.d,
              to.keys + (row * panels() + i) * shape_.d * panel(), panel(), false, scores + i * kProjected, k_);
  for (std::int64_t i = 0; i < m; ++i) {
    float* const s = scores + i * k_;
    if (!all_there)
      for (std::int64_t j = 0; j < k_; ++j)
        if (gone[j]) s[j] = -INFINITY;
    const float largest = p.max(s, k_);
    totals[i] = largest == -INFINITY ? 0.0f : p.exp_sum(largest, s, k_);
    if (totals[i] == 0.0f) std::fill_n(s, k_, 0.0f);
  }
}

void Cpu::attend(const Primitives& p, const Inputs& in, const Projected& to, std::int64_t row, std::int64_t first,
                 std::int64_t m, float* scores, float* out) const {
  const std::uint8_t* const keep = mask_of_row(in.keep_q, shape_, row, shape_.n_q, first);
  float totals[kQueries];
  weigh(p, in, to, row, first, m, scores, totals);
  float* const o = out + (row * shape_.n_q + first) * shape_.d_v;
  p.gemm_nn(m, shape_.d_v, k_, 1.0f, scores, k_, to.values + row * k_ * shape_.d_v, shape_.d_v, false, o, shape_.d_v);
  for (std::int64_t i = 0; i < m; ++i) {
    if (totals[i] == 0.0f || (keep && !keep[i]))
      std::fill_n(o + i * shape_.d_v, shape_.d_v, 0.0f);
    else
      p.scale(1.0f / totals[i], o + i * shape_.d_v, shape_.d_v);
  }
}

}  // namespace yoso::linformer
