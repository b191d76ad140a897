// Exact attention on CUDA that materialises all scores: the vendor's matrix products, and a pass over rows between.
#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include <cmath>

#include "simt/blas.hpp"
#include "simt/block.hpp"

namespace yoso::softmax_naive {
namespace SIMT_NS {
namespace {

using namespace yoso::SIMT_NS;

constexpr int kThreads = 128, kWarps = kThreads / kWarp;

// Over the block, the same bits in all threads. `room` [kWarps] may be used again after the next barrier.
static __device__ float block_sum(float x, float* room) {
  x = warp_sum(x);
  if (threadIdx.x % kWarp == 0) room[threadIdx.x / kWarp] = x;
  __syncthreads();
  float sum = 0;
  for (int w = 0; w < kWarps; ++w) sum += room[w];
  return sum;
}
static __device__ float block_max(float x, float* room) {
  x = warp_max(x);
  if (threadIdx.x % kWarp == 0) room[threadIdx.x / kWarp] = x;
  __syncthreads();
  float most = room[0];
  for (int w = 1; w < kWarps; ++w) most = fmaxf(most, room[w]);
  return most;
}

// scores [rows, n_q, n_k], times log2 e, become weights; a block a row. Two readings: largest and total come together
// (Milakov and Gimelshein 2018, algorithm 3).
static __global__ void __launch_bounds__(kThreads)
    softmax_kernel(Shape s, const std::uint8_t* __restrict__ keep_q, const std::uint8_t* __restrict__ keep_k,
                   float* __restrict__ scores) {
  __shared__ float tops[kWarps], totals[kWarps];
  const std::int64_t row = blockIdx.x / s.n_q, i = blockIdx.x % s.n_q;
  const std::int64_t visible = is_kept(keep_q, s, row, s.n_q, i) ? s.visible(i) : 0;
  if (keep_k) keep_k += row / s.heads * s.n_k;
  float* const x = scores + static_cast<std::int64_t>(blockIdx.x) * s.n_k;
  float top = -INFINITY, total = 0;
  for (std::int64_t j = threadIdx.x; j < visible; j += kThreads) {
    if (keep_k && !keep_k[j]) continue;
    const float score = x[j], larger = fmaxf(top, score);
    total = total * exp2f(top - larger) + exp2f(score - larger);
    top = larger;
  }
  const float largest = block_max(top, tops);
  total = block_sum(total > 0 ? total * exp2f(top - largest) : 0.0f, totals);
  const float share = total > 0 ? 1 / total : 0.0f;
  for (std::int64_t j = threadIdx.x; j < s.n_k; j += kThreads)
    x[j] = j < visible && (!keep_k || keep_k[j]) ? exp2f(x[j] - largest) * share : 0.0f;
}

// slopes := weights * (slopes - their mean), a block a row of n. The mean is not dout . out: of a query that sees one
// key nothing is to remain.
static __global__ void __launch_bounds__(kThreads)
    slopes_kernel(std::int64_t n, const float* __restrict__ weights, float* __restrict__ slopes) {
  __shared__ float sums[kWarps];
  weights += static_cast<std::int64_t>(blockIdx.x) * n;
  slopes += static_cast<std::int64_t>(blockIdx.x) * n;
  float mean = 0;
  for (std::int64_t j = threadIdx.x; j < n; j += kThreads) mean += weights[j] * slopes[j];
  mean = block_sum(mean, sums);
  for (std::int64_t j = threadIdx.x; j < n; j += kThreads) slopes[j] = weights[j] * (slopes[j] - mean);
}

struct Cuda {
  Shape shape;
  Context context;
  float scale;

  Cuda(const Shape& s, const Settings&, const Context& c)
      : shape(s), context(c), scale(1 / std::sqrt(static_cast<float>(s.d))) {
    require_blas();
    if (s.rows() * s.n_q > 0x7fffffff) throw Unsupported("more than 2^31 queries in all on cuda");
  }

  // [rows, n_q, n_k]: as on the CPU, the weights are kept for backward, which has another such tensor.
  float* pairs(Arena& arena) const { return arena.take<float>(shape.rows() * shape.n_q * shape.n_k); }

  Needs needs() const {
    Arena arena;
    pairs(arena);
    return {context.pass == Pass::both ? arena.used() : 0, arena.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    constexpr float kLog2E = 1.44269504f;
    float* const weights = pairs(context.pass == Pass::both ? call.saved : call.scratch);
    call.phase("scores");
    to_pairs(scale * kLog2E, in.q, in.k, shape.d, weights);
    call.phase("softmax");
    simt::launch(by_queries(), softmax_kernel, shape, in.keep_q, in.keep_k, weights);
    call.phase("values");
    to_queries(1, weights, in.v, shape.d_v, out);
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const float* const weights = pairs(call.saved);
    float* const slopes = pairs(call.scratch);  // gradients of the weights, then of the scores
    call.phase("values");
    to_keys(1, weights, up.dout, shape.d_v, grads.dv);
    to_pairs(1, up.dout, in.v, shape.d_v, slopes);
    call.phase("softmax");
    simt::launch(by_queries(), slopes_kernel, shape.n_k, weights, slopes);
    call.phase("scores");
    to_queries(scale, slopes, in.k, shape.d, grads.dq);
    to_keys(scale, slopes, in.q, shape.d, grads.dk);
  }

 private:
  simt::Launch by_queries() const {
    return {grid_of(shape.rows() * shape.n_q), dim3(kThreads), 0, context.device->stream()};
  }

  // In every row: pairs [n_q, n_k] = factor * x [n_q, width] y [n_k, width]^T
  void to_pairs(float factor, const float* x, const float* y, std::int64_t width, float* pairs) const {
    Product p = product(factor, shape.n_q, shape.n_k, width);
    p.a = x, p.lda = width, p.step_a = shape.n_q * width;
    p.b = y, p.ldb = width, p.step_b = shape.n_k * width, p.b_transposed = true;
    p.c = pairs, p.ldc = shape.n_k, p.step_c = shape.n_q * shape.n_k;
    multiply(context.device->stream(), p);
  }

  // x [n_q, width] = factor * pairs [n_q, n_k] y [n_k, width]
  void to_queries(float factor, const float* pairs, const float* y, std::int64_t width, float* x) const {
    Product p = product(factor, shape.n_q, width, shape.n_k);
    p.a = pairs, p.lda = shape.n_k, p.step_a = shape.n_q * shape.n_k;
    p.b = y, p.ldb = width, p.step_b = shape.n_k * width;
    p.c = x, p.ldc = width, p.step_c = shape.n_q * width;
    multiply(context.device->stream(), p);
  }

  // y [n_k, width] = factor * pairs [n_q, n_k]^T x [n_q, width]
  void to_keys(float factor, const float* pairs, const float* x, std::int64_t width, float* y) const {
    Product p = product(factor, shape.n_k, width, shape.n_q);
    p.a = pairs, p.lda = shape.n_k, p.step_a = shape.n_q * shape.n_k, p.a_transposed = true;
    p.b = x, p.ldb = width, p.step_b = shape.n_q * width;
    p.c = y, p.ldc = width, p.step_c = shape.n_k * width;
    multiply(context.device->stream(), p);
  }

  Product product(float factor, std::int64_t m, std::int64_t n, std::int64_t k) const {
    Product p;
    p.m = m, p.n = n, p.k = k, p.alpha = factor, p.count = shape.rows();
    return p;
  }
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::softmax_naive
