// Backward. With P = softmax(Q K'^T / sqrt(d)), D_i the mean of dout_i V'^T under P_i, and padded rows of K and
// V zeros as in forward:
//
//   dS = P * (dout V'^T - D),  dQ = dS K' / sqrt(d),  dK' = dS^T Q / sqrt(d),  dV' = P^T dout   (attend)
//   dK = E^T dK',  dV = F^T dV',  dE = dK' K^T,  dF = dV' V^T                                    (project)
//
// What all queries add to dK' and dV' is summed in parts, each of a stretch of queries that the shape alone decides,
// and the parts in their order.
#include <cmath>

#include <yoso/parallel.hpp>

#include "linformer/cpu.hpp"
#include "primitives/masks.hpp"

namespace yoso::linformer {
namespace {

constexpr std::int64_t kBlock = 64;   // keys of one piece of work: a panel of products
constexpr std::int64_t kDepth = 256;  // projected rows whose weights are copied together
constexpr std::int64_t kPart = 256;   // least queries of a part ...
constexpr std::int64_t kPieces = 16;  // ... and pieces of work that are enough

}  // namespace

struct Cpu::Backward {
  std::int64_t parts;       // of the queries of a row
  float* keys;              // [rows, k, d]: E K as it is
  float* values;            // [rows, panels, d_v, panel]: F V transposed, as forward keeps E K
  float* sums;              // [rows, parts, k, d + d_v]: dK' and dV' side by side; in the end the first part has all
  float *weights, *slopes;  // [threads, queries, k]
  float* dout;              // [threads, queries, d_v]: divided by totals
  float *totals, *means;    // [threads, queries]
  float* copied;            // [threads, kDepth, kBlock]: weights of a projection
  float* tokens;            // [threads, kBlock, d + d_v]: keys and values, padded ones zero
};

Cpu::Backward Cpu::backward_layout(Arena& scratch) const {
  const std::int64_t rows = shape_.rows(), threads = context_.threads, d = shape_.d, d_v = shape_.d_v;
  const std::int64_t parts = std::clamp((kPieces + rows - 1) / rows, std::int64_t{1}, (shape_.n_q + kPart - 1) / kPart);
  return {parts,
          scratch.take<float>(rows * k_ * d),
          scratch.take<float>(rows * panels() * d_v * panel()),
          scratch.take<float>(rows * parts * k_ * (d + d_v)),
          scratch.take<float>(threads * queries() * k_),
          scratch.take<float>(threads * queries() * k_),
          scratch.take<float>(threads * queries() * d_v),
          scratch.take<float>(threads * queries()),
          scratch.take<float>(threads * queries()),
          scratch.take<float>(threads * kDepth * kBlock),
          scratch.take<float>(threads * kBlock * (d + d_v))};
}

Needs Cpu::needs() const {
  Arena saved, scratch, backward;
  projected(context_.pass == Pass::both ? saved : scratch);
  layout(scratch);
  if (context_.pass == Pass::both) backward_layout(backward);
  return {saved.used(), std::max(scratch.used(), backward.used())};
}

void Cpu::backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
  const Primitives& p = primitives(context_.isa);
  const Projected to = projected(call.saved);
  const Backward at = backward_layout(call.scratch);
  const std::int64_t rows = shape_.rows(), d = shape_.d, d_v = shape_.d_v;
  call.phase("attend");
  parallel_for(context_.threads, rows * panels(), [&](std::int64_t piece, int) {
    const std::int64_t row = piece / panels(), first = piece % panels() * kProjected;
    const std::int64_t m = std::min(kProjected, k_ - first);
    p.transpose(d, m, to.keys + piece * d * panel(), panel(), at.keys + (row * k_ + first) * d, d);
    p.transpose(m, d_v, to.values + (row * k_ + first) * d_v, d_v, at.values + piece * d_v * panel(), panel());
  });
  parallel_for(context_.threads, rows * at.parts,
               [&](std::int64_t piece, int thread) { attend_back(p, in, up, to, at, piece, thread, grads.dq); });
  parallel_for(context_.threads, rows * panels(), [&](std::int64_t piece, int) {
    const std::int64_t width = d + d_v, first = piece % panels() * kProjected;
    float* const sum = at.sums + (piece / panels() * at.parts * k_ + first) * width;
    for (std::int64_t part = 1; part < at.parts; ++part)
      p.add(sum + part * k_ * width, sum, std::min(kProjected, k_ - first) * width);
  });
  call.phase("project");
  const std::int64_t blocks = (shape_.n_k + kBlock - 1) / kBlock;
  parallel_for(context_.threads, shape_.heads * blocks,
               [&](std::int64_t piece, int thread) { project_back(p, in, call, grads, at, piece, thread); });
}

// A part of a row's queries: all of their dq, and what they add to the gradients of projected rows.
void Cpu::attend_back(const Primitives& p, const Inputs& in, const Upstream& up, const Projected& to,
                      const Backward& at, std::int64_t piece, int thread, float* dq) const {
  const std::int64_t row = piece / at.parts, d = shape_.d, d_v = shape_.d_v, width = d + d_v, most = queries();
  const std::int64_t each = ((shape_.n_q + at.parts - 1) / at.parts + most - 1) / most * most;
  const std::int64_t begin = piece % at.parts * each, end = std::min(shape_.n_q, begin + each);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  float *const weights = at.weights + thread * most * k_, *const slopes = at.slopes + thread * most * k_;
  float *const dout = at.dout + thread * most * d_v, *const sums = at.sums + piece * k_ * width;
  float *const totals = at.totals + thread * most, *const means = at.means + thread * most;
  std::fill_n(sums, k_ * width, 0.0f);
  for (std::int64_t first = begin; first < end; first += most) {
    const std::int64_t m = std::min(most, end - first), query = row * shape_.n_q + first;
    const std::uint8_t* const keep = mask_of_row(in.keep_q, shape_, row, shape_.n_q, first);
    weigh(p, in, to, row, first, m, weights, totals);
    for (std::int64_t i = 0; i < m; ++i) {
      std::fill_n(dout + i * d_v, d_v, 0.0f);
      if (totals[i] > 0 && (!keep || keep[i]))
        p.axpy(1.0f / totals[i], up.dout + (query + i) * d_v, dout + i * d_v, d_v);
    }
    for (std::int64_t i = 0; i < panels(); ++i)
      p.gemm_nn(m, std::min(kProjected, k_ - i * kProjected), d_v, 1.0f, dout, d_v,
                at.values + (row * panels() + i) * d_v * panel(), panel(), false, slopes + i * kProjected, k_);
    // D from the weights and not as dout . out: what cancels in dout V'^T - D then does so to the last digit, as it
    // must where there is one projected row
    p.dots(m, k_, weights, k_, slopes, k_, means);
    for (std::int64_t i = 0; i < m; ++i) means[i] = totals[i] > 0 ? means[i] / totals[i] : 0.0f;
    p.score_gradients(m, k_, weights, k_, means, slopes, k_);
    p.gemm_tn(k_, d, m, scale, slopes, k_, in.q + query * d, d, true, sums, width);
    p.gemm_tn(k_, d_v, m, 1.0f, weights, k_, dout, d_v, true, sums + d, width);
    p.gemm_nn(m, d, k_, scale, slopes, k_, at.keys + row * k_ * d, d, false, dq + query * d, d);
  }
}

// A block of one head's keys, in every sample of the batch: their gradients, and those of their columns of E and F.
void Cpu::project_back(const Primitives& p, const Inputs& in, const Call& call, const Gradients& grads,
                       const Backward& at, std::int64_t piece, int thread) const {
  const std::int64_t blocks = (shape_.n_k + kBlock - 1) / kBlock, head = piece / blocks, n = shape_.n_k;
  const std::int64_t first = piece % blocks * kBlock, m = std::min(kBlock, n - first);
  const std::int64_t d = shape_.d, d_v = shape_.d_v, width = d + d_v, column = head * k_ * n + first;
  float *const tokens = at.tokens + thread * kBlock * width, *const copied = at.copied + thread * kDepth * kBlock;
  const float* const e = call.parameters["E"] + column;
  const float* const f = share_ ? e : call.parameters["F"] + column;
  float* const de = grads.parameters[0] + column;
  for (std::int64_t batch = 0; batch < shape_.batch; ++batch) {
    const std::int64_t row = batch * shape_.heads + head, key = row * n + first;
    const std::uint8_t* const keep = mask_of_row(in.keep_k, shape_, row, n, first);
    for (std::int64_t j = 0; j < m; ++j) {
      float* const to = tokens + j * width;
      std::fill_n(to, width, 0.0f);
      if (keep && !keep[j]) continue;
      std::copy_n(in.k + (key + j) * d, d, to);
      std::copy_n(in.v + (key + j) * d_v, d_v, to + d);
    }
    const float* const sums = at.sums + row * at.parts * k_ * width;
    if (share_) {
      p.gemm_nt(k_, m, width, 1.0f, sums, width, tokens, width, batch > 0, de, n);
    } else {
      p.gemm_nt(k_, m, d, 1.0f, sums, width, tokens, width, batch > 0, de, n);
      p.gemm_nt(k_, m, d_v, 1.0f, sums + d, width, tokens + d, width, batch > 0, grads.parameters[1] + column, n);
    }
    for (std::int64_t r = 0; r < k_; r += kDepth) {
      const std::int64_t depth = std::min(kDepth, k_ - r);
      // where they lie the columns of a projection are n apart, which caches hate if n is a power of two
      const auto copy = [&](const float* weights) {
        for (std::int64_t i = 0; i < depth; ++i) std::copy_n(weights + (r + i) * n, m, copied + i * m);
      };
      copy(e);
      p.gemm_tn(m, d, depth, 1.0f, copied, m, sums + r * width, width, r > 0, grads.dk + key * d, d);
      if (!share_) copy(f);
      p.gemm_tn(m, d_v, depth, 1.0f, copied, m, sums + r * width + d, width, r > 0, grads.dv + key * d_v, d_v);
    }
    for (std::int64_t j = 0; keep && j < m; ++j) {
      if (keep[j]) continue;
      std::fill_n(grads.dk + (key + j) * d, d, 0.0f);
      std::fill_n(grads.dv + (key + j) * d_v, d_v, 0.0f);
    }
  }
}

}  // namespace yoso::linformer
