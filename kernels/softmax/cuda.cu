// Exact attention on CUDA, tiled: never more than a tile of scores.
#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include <cmath>

#include "softmax/bf16.hpp"
#include "softmax/rule.hpp"

namespace yoso::softmax {
namespace SIMT_NS {
namespace {

constexpr int kThreads = 128;

// D_i = share_i dout_i . out_i, a thread a query: summed in the order of dX V^T, so that a query that sees a single key
// has gradients of exactly zero.
static __global__ void __launch_bounds__(kThreads)
    means_kernel(std::int64_t tokens, std::int64_t n, const float* __restrict__ out, const float* __restrict__ dout,
                 const float* __restrict__ share, float* __restrict__ means) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= tokens) return;
  const float mine = share[i];
  float sum = 0;
  for (std::int64_t c = 0; mine != 0 && c < n; ++c) sum += out[i * n + c] * (mine * dout[i * n + c]);
  means[i] = sum;
}

struct Cuda {
  static constexpr Bf16 kBf16 = Bf16::rounded;
  Shape shape;
  Context context;

  Cuda(const Shape& s, const Settings&, const Context& c) : shape(s), context(c) {
    if (c.element == Element::bf16)
      require_bf16(*c.device, s);
    else
      require_attend(*c.device, s);
    if (c.pass == Pass::both) require_attend_backward(*c.device, s);
  }

  Rule kept(Arena& saved) const {
    if (context.pass == Pass::forward) return Rule(shape);
    float* const largest = saved.take<float>(shape.rows() * shape.n_q);
    return Rule(shape, largest, saved.take<float>(shape.rows() * shape.n_q));
  }
  float* means(Arena& scratch) const {
    return context.pass == Pass::both ? scratch.take<float>(shape.rows() * shape.n_q) : nullptr;
  }

  Needs needs() const {
    Arena saved, scratch;
    kept(saved);
    means(scratch);
    return {saved.used(), scratch.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Rule rule = kept(call.saved);
    call.phase("attend");
    if (context.element == Element::bf16)
      forward_bf16(context.device->stream(), shape, in.as<simt::bf16>(), rule.largest, rule.share, out);
    else
      attend(context.device->stream(), shape, in, rule, out);
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const Rule rule = kept(call.saved);
    float* const mean = means(call.scratch);
    void* const stream = context.device->stream();
    const std::int64_t tokens = shape.rows() * shape.n_q;
    call.phase("attend");
    simt::launch({grid_of(ceil_div(tokens, kThreads)), dim3(kThreads), 0, stream}, means_kernel, tokens, shape.d_v,
                 up.out, up.dout, static_cast<const float*>(rule.share), mean);
    const AttendGradient from{up.dout, rule.share, rule.largest, mean};
    if (context.element == Element::bf16)
      attend_backward(stream, shape, in.as<simt::bf16>(), from, RoundedRule{rule}, grads.dq, grads.dk, grads.dv);
    else
      attend_backward(stream, shape, in, from, rule, grads.dq, grads.dk, grads.dv);
  }
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::softmax
