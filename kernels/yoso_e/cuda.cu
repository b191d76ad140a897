// yoso-e on CUDA: unit rows, tiles of weights, and the norm of an output row in the kernel that sums it.
#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include <algorithm>

#include "primitives/convolution.hpp"
#include "simt/clear.hpp"
#include "simt/convolution.hpp"
#include "yoso_e/cpu.hpp"
#include "yoso_e/rule.hpp"

namespace yoso::yoso_e {
namespace SIMT_NS {
namespace {

constexpr int kThreads = 256;

// x[i] = left_of_division(kept[i])
static __global__ void __launch_bounds__(kThreads)
    left_kernel(std::int64_t size, const float* __restrict__ kept, float* __restrict__ x) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < size) x[i] = kept ? left_of_division(kept[i]) : 1.0f;
}

struct Cuda {
  Shape shape;
  Context context;
  Rule rule;
  std::int64_t conv;

  Cuda(const Shape& s, const Settings& settings, const Context& c)
      : shape(s), context(c), conv(settings.integer("conv")) {
    require_convolution(s, settings);
    require_attend(*c.device, s);
    if (c.pass == Pass::both) require_attend_backward(*c.device, s);
    rule.dot_scale = static_cast<float>(settings.real("dot_scale"));
    rule.tau = static_cast<int>(settings.integer("hash_bits"));
    rule.lower_bound = gradient_of(settings) == Gradient::lower_bound;
    rule.norm = norm_of(settings);
  }

  struct Unit {
    float *q, *k;                  // [rows, n, d] of unit length
    float *inverse_q, *inverse_k;  // [rows, n]; null but for a backward pass
  };
  Unit unit(Arena& scratch, bool inverses) const {
    const std::int64_t queries = shape.rows() * shape.n_q, keys = shape.rows() * shape.n_k;
    float* const q = scratch.take<float>(shape.q_size());
    float* const k = scratch.take<float>(shape.k_size());
    if (!inverses) return {q, k, nullptr, nullptr};
    float* const inverse_q = scratch.take<float>(queries);
    return {q, k, inverse_q, scratch.take<float>(keys)};
  }

  struct Saved {  // as on the CPU
    float *kept, *rows;
  };
  Saved layout_saved(Arena& saved) const {
    if (context.pass == Pass::forward || rule.norm == Norm::none) return {nullptr, nullptr};
    float* const kept = saved.take<float>(shape.rows() * shape.n_q);
    return {kept, conv > 0 ? saved.take<float>(shape.out_size()) : nullptr};
  }

  struct Backward {
    Unit unit;
    float *dx, *shift, *left;  // [rows, n_q, d_v], [rows, n_q]
    double* partial;
  };
  Backward layout_backward(Arena& scratch) const {
    const Unit rows = unit(scratch, true);
    float* const dx = scratch.take<float>(shape.out_size());
    float* const shift = scratch.take<float>(shape.rows() * shape.n_q);
    float* const left = scratch.take<float>(shape.rows() * shape.n_q);
    return {rows, dx, shift, left, conv > 0 ? scratch.take<double>(convolution_scratch(shape, conv)) : nullptr};
  }

  Needs needs() const {
    Arena saved, scratch, backward;
    layout_saved(saved);
    unit(scratch, false);
    if (context.pass == Pass::both) layout_backward(backward);
    return {saved.used(), std::max(scratch.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    void* const stream = context.device->stream();
    const Unit rows = unit(call.scratch, false);
    const Saved saved = layout_saved(call.saved);
    call.phase("unit");
    to_unit(in, rows);
    call.phase("attend");
    Rule here = rule;
    here.kept = saved.kept;
    attend(stream, shape, of_unit_length(in, rows), here, out, saved.rows);
    if (conv > 0) add_convolution(stream, shape, conv, call.parameters["conv_w"], in.v, in.keep_k, out);
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    void* const stream = context.device->stream();
    const std::int64_t queries = shape.rows() * shape.n_q;
    const Saved saved = layout_saved(call.saved);
    const Backward s = layout_backward(call.scratch);
    call.phase("normalise");
    through_norms(stream, shape, rule.norm, saved.rows ? saved.rows : up.out, saved.kept, up.dout, in.keep_q, s.dx,
                  s.shift);
    const float* const totals = rule.norm == Norm::rowsum ? saved.kept : nullptr;
    simt::launch(threads(queries), left_kernel, queries, totals, s.left);
    to_unit(in, s.unit);
    call.phase("attend");
    attend_backward(stream, shape, of_unit_length(in, s.unit), {s.dx, nullptr, s.shift, s.left}, rule, grads.dq,
                    grads.dk, grads.dv);
    call.phase("lengths");
    if (shape.n_k == 1 && rule.norm != Norm::none) {  // the norm divides the weight of an only key out again
      clear(stream, grads.dq, shape.q_size());
      clear(stream, grads.dk, shape.k_size());
    } else {
      through_unit_rows(stream, queries, shape.d, s.unit.q, s.unit.inverse_q, grads.dq);
      through_unit_rows(stream, shape.rows() * shape.n_k, shape.d, s.unit.k, s.unit.inverse_k, grads.dk);
    }
    if (conv == 0) return;
    call.phase("convolution");
    add_convolution_gradient(stream, shape, conv, call.parameters["conv_w"], up.dout, in.keep_k, grads.dv);
    convolution_kernel_gradient(stream, shape, conv, in.v, up.dout, in.keep_k, s.partial, grads.parameters[0]);
  }

 private:
  simt::Launch threads(std::int64_t size) const {
    return {grid_of(ceil_div(size, kThreads)), dim3(kThreads), 0, context.device->stream()};
  }
  void to_unit(const Inputs& in, const Unit& rows) const {
    void* const stream = context.device->stream();
    unit_rows(stream, shape.rows() * shape.n_q, shape.d, in.q, rows.q, rows.inverse_q);
    unit_rows(stream, shape.rows() * shape.n_k, shape.d, in.k, rows.k, rows.inverse_k);
  }
  static Inputs of_unit_length(const Inputs& in, const Unit& rows) {
    Inputs unit = in;
    unit.q = rows.q;
    unit.k = rows.k;
    return unit;
  }
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::yoso_e
