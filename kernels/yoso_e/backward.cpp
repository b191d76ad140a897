// Backward of yoso-e: its output's norm, then tiles of weights and their slopes, then the lengths of queries and keys.
#include "primitives/yoso_gradient.hpp"
#include "yoso_e/cpu.hpp"

namespace yoso::yoso_e {

Cpu::BackwardScratch Cpu::layout_backward(Arena& scratch) const {
  return {scratch.take<float>(shape_.q_size()),
          scratch.take<float>(shape_.k_size()),
          scratch.take<float>(shape_.rows() * shape_.n_q),
          scratch.take<float>(shape_.rows() * shape_.n_k),
          scratch.take<float>(shape_.out_size()),
          scratch.take<float>(shape_.rows() * shape_.n_q),
          gradient_.layout(scratch)};
}

void Cpu::backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
  const Primitives& p = primitives(context_.isa);
  const int threads = context_.threads;
  const std::int64_t queries = shape_.rows() * shape_.n_q, keys = shape_.rows() * shape_.n_k;
  const Saved saved = layout_saved(call.saved);
  const BackwardScratch s = layout_backward(call.scratch);
  call.phase("normalise");
  through_norms(p, threads, shape_, norm_, saved.rows ? saved.rows : up.out, saved.inverse, up.dout, in.keep_q, s.dx,
                s.shift);
  to_unit_rows(p, threads, queries, shape_.d, in.q, s.q, s.inverse_q);
  to_unit_rows(p, threads, keys, shape_.d, in.k, s.k, s.inverse_k);
  call.phase("attend");
  gradient_.run({s.q, s.k, in.v, s.dx, s.shift, norm_ == Norm::rowsum ? saved.inverse : nullptr, in.keep_k}, s.tiles,
                grads.dq, grads.dk, grads.dv);
  call.phase("lengths");
  through_lengths(p, threads, shape_, norm_, {s.q, s.inverse_q, s.k, s.inverse_k}, grads);
  if (conv_ == 0) return;
  call.phase("convolution");
  through_convolution(p, threads, shape_, conv_, in, call.parameters["conv_w"], up.dout, grads.dv, grads.parameters[0]);
}

}  // namespace yoso::yoso_e
