// Backward, from the output to the inputs: the equations and the names are those of backward.cpp.
#include "nystrom/backward_kernels.hpp"
#include "nystrom/cuda.hpp"

namespace yoso::nystrom::SIMT_NS {

Cuda::BackwardScratch Cuda::backward_layout(Arena& scratch) const {
  BackwardScratch s{};
  if (exact_) return s;
  const Cut cut = key_cut();
  const std::int64_t rows = shape_.rows(), all = rows * landmarks_;
  for (float** to : {&s.d_q, &s.d_k}) *to = scratch.take<float>(all * shape_.d);
  for (float** to : {&s.d_values, &s.d_summary}) *to = scratch.take<float>(all * shape_.d_v);
  for (float** to : {&s.product, &s.t, &s.u, &s.w, &s.d_kernel, &s.d_inverse, &s.d_next, &s.d_product, &s.d_w})
    *to = scratch.take<float>(all * landmarks_);
  s.means = scratch.take<float>(all);
  s.scales = scratch.take<double>(rows);
  s.alongs = scratch.take<double>(rows);
  s.x = scratch.take<float>(cut.largest());
  s.slopes = scratch.take<float>(cut.largest());
  s.parts = cut.parts() > 1 ? scratch.take<float>(cut.parts() * all * shape_.d) : s.d_q;
  return s;
}

void Cuda::backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
  const Factors f = factors(call.saved);
  BackwardScratch s = backward_layout(call.scratch);
  const FewKeysBackward queries(attention(in, f, nullptr), call.scratch);
  if (exact_) {
    call.phase("attend");
    queries.run(stream(), up.dout, grads.dq, grads.dk, grads.dv);
    return;
  }
  call.phase("query");
  queries.run(stream(), up.dout, grads.dq, s.d_k, s.d_values);
  call.phase("values");
  apply(true, 1.0f, iterate(f, iterations_), s.d_values, shape_.d_v, false, s.d_summary);
  summary_back(in, f, s, grads);
  call.phase("inverse");
  multiply(stream(), {.m = landmarks_,
                      .n = landmarks_,
                      .k = shape_.d_v,
                      .a = s.d_values,
                      .lda = shape_.d_v,
                      .step_a = landmarks_ * shape_.d_v,
                      .b = f.summary.values,
                      .b_transposed = true,
                      .ldb = shape_.d_v,
                      .step_b = landmarks_ * shape_.d_v,
                      .c = s.d_inverse,
                      .ldc = landmarks_,
                      .step_c = landmarks_ * landmarks_,
                      .count = shape_.rows()});
  simt::launch(a_block_a_row(), &scale_gradients, landmarks_, s.d_inverse, s.scales);
  invert_back(f, s);
  call.phase("kernel");
  simt::launch(over_landmarks(), &softmax_back, shape_.rows(), landmarks_, f.kernel, s.scales, s.d_kernel);
  apply(false, scale(), s.d_kernel, f.k.means, shape_.d, true, s.d_q);
  apply(true, scale(), s.d_kernel, f.q.means, shape_.d, true, s.d_k);
  call.phase("landmarks");
  const simt::Launch over_all = over_tokens(stream(), shape_.rows() * shape_.n_k);
  simt::launch(over_all, &average_back, shape_, in.keep_q, landmarks_, s.d_q, f.q.shares, grads.dq);
  simt::launch(over_all, &average_back, shape_, in.keep_k, landmarks_, s.d_k, f.k.shares, grads.dk);
}

// Through C V, from the gradients of its rows: dk and dv of all keys, and d_q of the landmarks.
void Cuda::summary_back(const Inputs& in, const Factors& f, const BackwardScratch& s, const Gradients& grads) const {
  const Cut cut = key_cut();
  const FeatureSums of_values{stream(), landmarks_, shape_.d_v}, of_keys{stream(), landmarks_, shape_.d};
  simt::launch(over_landmarks(), &along_landmarks, shape_, landmarks_, f.summary.values, s.d_summary, s.means);
  cut.each([&](const Piece& piece) {
    key_logits(in, f, piece, s.x);
    of_values.back(piece, shape_.n_k, in.v, s.d_summary, s.slopes);
    simt::launch(over_tokens(stream(), piece.tokens()), &key_slopes, shape_, piece, in.keep_k, landmarks_, f.summary,
                 s.means, s.x, s.slopes);
    of_values.query(piece, shape_.n_k, s.x, s.d_summary, grads.dv);
    of_keys.query(piece, shape_.n_k, s.slopes, f.q.means, grads.dk, scale());
    of_keys.add_up(cut, piece, shape_.n_k, s.slopes, in.k, s.parts, scale());
  });
  if (cut.parts() > 1)
    simt::launch(over_elements(stream(), shape_.rows() * landmarks_ * shape_.d), &add_parts<0>, s.parts, shape_.rows(),
                 cut.parts(), landmarks_ * shape_.d, s.d_q);
}

// A step Z' = Z W / 4, W = 13 I - P U, U = 15 I - P T, T = 7 I - P, P = B Z, backward:
//   dW = Z^T dZ' / 4,   dU = -P^T dW,   dT = -P^T dU,   dP = -dW U^T - dU T^T - dT,
//   dB += dP Z^T,       dZ = dZ' W^T / 4 + B^T dP
// and what Z_0 = B^T / |B|_1 adds to dB.
void Cuda::invert_back(const Factors& f, BackwardScratch& s) const {
  const std::int64_t rows = shape_.rows();
  for (std::int64_t step = iterations_ - 1; step >= 0; --step) {
    const float* const z = iterate(f, step);
    inner_factors(f, z, s.product, s.t);
    subtract_product(15.0f, s.product, s.t, s.u);
    subtract_product(13.0f, s.product, s.u, s.w);
    product(Turned::left, 0.25f, z, s.d_inverse, false, s.d_w);
    product(Turned::right, 0.25f, s.d_inverse, s.w, false, s.d_next);
    product(Turned::right, -1.0f, s.d_w, s.u, false, s.d_product);
    float* const d_u = s.w;  // of which no more is needed
    product(Turned::left, -1.0f, s.product, s.d_w, false, d_u);
    product(Turned::right, -1.0f, d_u, s.t, true, s.d_product);
    product(Turned::left, 1.0f, s.product, d_u, true, s.d_product);
    product(Turned::right, 1.0f, s.d_product, z, step < iterations_ - 1, s.d_kernel);
    product(Turned::left, 1.0f, f.kernel, s.d_product, true, s.d_next);
    std::swap(s.d_inverse, s.d_next);
  }
  simt::launch(a_block_a_row(), &along_guess, landmarks_, s.d_inverse, iterate(f, 0), s.scales, s.alongs);
  simt::launch(over_matrices(), &turn_over<true>, rows, landmarks_, f.norms, s.d_inverse, s.d_kernel);
  simt::launch({.grid = dim3(1), .block = dim3(kThreads), .stream = stream()}, &norm_back, rows, landmarks_,
               whole_tensor_, f.sums, f.norms, f.places, s.alongs, s.scales, s.d_kernel);
}

}  // namespace yoso::nystrom::SIMT_NS
