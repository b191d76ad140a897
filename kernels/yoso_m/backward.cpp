// Backward of yoso-m: its output's norm, then one of four sums in the place of the derivative, then the lengths of
// queries and keys.
#include <yoso/parallel.hpp>

#include <algorithm>

#include "primitives/yoso_gradient.hpp"
#include "yoso_m/cpu.hpp"

namespace yoso::yoso_m {

std::int64_t Cpu::slice_floats() const {
  return std::max(slicing_.floats(shape_, plan_), key_slicing_.floats(shape_, plan_));
}

Cpu::BackwardScratch Cpu::layout_backward(Arena& scratch) const {
  const Shape& w = window_;
  BackwardScratch s{};
  s.q = scratch.take<float>(w.q_size());
  s.k = scratch.take<float>(w.k_size());
  s.inverse_q = scratch.take<float>(w.rows() * w.n_q);
  s.inverse_k = scratch.take<float>(w.rows() * w.n_k);
  s.dx = scratch.take<float>(w.out_size());
  s.shift = scratch.take<float>(w.rows() * w.n_q);
  if (gradient_ == Gradient::expectation) s.tiles = expectation_.layout(scratch);
  if (gradient_ == Gradient::tables || full_buckets_) s.work = scratch.take<float>(context_.threads * slice_floats());
  if (full_buckets_) {
    s.buckets = scratch.take<float>(context_.threads * bucket_floats());
    s.sorted_q = Sorted::layout(scratch, w.rows(), w.n_q, plan_.slots());
    s.sorted_k = Sorted::layout(scratch, w.rows(), w.n_k, plan_.slots());
    s.packed_q = scratch.take<float>(w.rows() * w.n_q * packed_.width);
    s.packed_k = scratch.take<float>(w.rows() * w.n_k * packed_.width);
  } else if (gradient_ == Gradient::lower_bound || gradient_ == Gradient::set) {
    s.pairs = collisions_.layout(scratch);
    s.changes = layout_changes(scratch);
  }
  return s;
}

// Whole batch items, or heads of one.
Cpu::Window Cpu::window(std::int64_t first, const Inputs& in, const Upstream& up, const Kept& kept,
                        const Gradients& grads) const {
  const std::int64_t item = first / shape_.heads, head = first % shape_.heads;
  Shape shape = window_;
  shape.batch = std::min(window_.batch, shape_.batch - item);
  shape.heads = std::min(window_.heads, shape_.heads - head);
  const auto from = [](auto* tensor, std::int64_t at) { return tensor ? tensor + at : nullptr; };
  const std::int64_t n_q = shape_.n_q, n_k = shape_.n_k, q = first * n_q, k = first * n_k;
  const std::int64_t d = shape_.d, d_v = shape_.d_v, codes = first * plan_.hashes;
  return {shape,
          {in.q + q * d, in.k + k * d, in.v + k * d_v, from(in.keep_q, item * n_q), from(in.keep_k, item * n_k)},
          {up.out + q * d_v, up.dout + q * d_v},
          {from(kept.q_codes, codes * stride(n_q)), from(kept.k_codes, codes * stride(n_k)), from(kept.inverse, q),
           from(kept.rows, q * d_v)},
          {grads.dq + q * d, grads.dk + k * d, grads.dv + k * d_v, {}}};
}

void Cpu::backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
  const Kept kept = layout_kept(call.saved, call.scratch, true);
  const BackwardScratch s = layout_backward(call.scratch);
  for (std::int64_t first = 0; first < shape_.rows();) {
    const Window w = window(first, in, up, kept, grads);
    run_window(w, s, call);
    first += w.shape.rows();
  }
  if (conv_ == 0) return;
  call.phase("convolution");
  through_convolution(primitives(context_.isa), context_.threads, shape_, conv_, in, call.parameters["conv_w"], up.dout,
                      grads.dv, grads.parameters[0]);
}

void Cpu::run_window(const Window& w, const BackwardScratch& s, Call& call) const {
  const Primitives& p = primitives(context_.isa);
  const int threads = context_.threads;
  const std::int64_t rows = w.shape.rows();
  call.phase("normalise");
  through_norms(p, threads, w.shape, norm_, w.kept.rows ? w.kept.rows : w.up.out, w.kept.inverse, w.up.dout,
                w.in.keep_q, s.dx, s.shift);
  to_unit_rows(p, threads, rows * shape_.n_q, shape_.d, w.in.q, s.q, s.inverse_q);
  to_unit_rows(p, threads, rows * shape_.n_k, shape_.d, w.in.k, s.k, s.inverse_k);
  if (gradient_ == Gradient::expectation) {
    call.phase("attend");
    expectation_.run({s.q, s.k, w.in.v, s.dx, s.shift, nullptr, w.in.keep_k}, s.tiles, w.grads.dq, w.grads.dk,
                     w.grads.dv);
  } else if (gradient_ == Gradient::tables) {
    call.phase("tables");
    sum_weighted_tables(w, s);
    sum_value_gradients(w, s);
  } else if (full_buckets_) {
    sum_buckets(w, s, call);
    call.phase("tables");
    sum_value_gradients(w, s);
  } else {
    call.phase("pairs");
    sum_pairs(w, s);
  }
  call.phase("lengths");
  through_lengths(p, threads, w.shape, norm_, {s.q, s.inverse_q, s.k, s.inverse_k}, w.grads);
}

// dQ_i = tau / 2m sum_h sum_c dX_ic T_hc[code_h(q_i)],   T_hc[code] = sum of v_jc k_j over the keys of that code, and
// dK_j likewise: a round of tables for each column c of the values.
void Cpu::sum_weighted_tables(const Window& window, const BackwardScratch& s) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t d = shape_.d, d_v = shape_.d_v, width = key_slicing_.width, slices = key_slicing_.slices;
  const std::int64_t floats = slice_floats();
  const float factor = slope_of_collision();
  const std::int64_t rounds = d_v + (norm_ == Norm::rowsum ? 1 : 0);  // the last one for what is not in dX . v
  parallel_for(context_.threads, window.shape.rows() * 2 * slices, [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / (2 * slices), column = piece % slices * width, real = std::min(width, d - column);
    const bool of_queries = piece / slices % 2 == 0;
    const Codes codes = window.kept.codes(window.shape, plan_, window.in, row);
    const SliceWork w(shape_, key_slicing_, s.work + thread * floats);
    const float* const q = s.q + row * shape_.n_q * d + column;
    const float* const k = s.k + row * shape_.n_k * d + column;
    const auto value = [&](std::int64_t j, std::int64_t c) {
      if (codes.keep_k && !codes.keep_k[j]) return 0.0f;
      return c < d_v ? window.in.v[(row * shape_.n_k + j) * d_v + c] : 1.0f;
    };
    const auto gradient = [&](std::int64_t i, std::int64_t c) {
      return c < d_v ? s.dx[(row * shape_.n_q + i) * d_v + c] : -s.shift[row * shape_.n_q + i];
    };
    float* const g =
        (of_queries ? window.grads.dq + row * shape_.n_q * d : window.grads.dk + row * shape_.n_k * d) + column;
    const std::int64_t n = of_queries ? shape_.n_q : shape_.n_k;
    for (std::int64_t i = 0; i < n; ++i) std::fill_n(g + i * d, real, 0.0f);
    for (std::int64_t c = 0; c < rounds; ++c) {
      std::fill_n(w.queries, shape_.n_q * width, 0.0f);
      std::fill_n(w.keys, shape_.n_k * width, 0.0f);
      if (of_queries) {
        for (std::int64_t j = 0; j < shape_.n_k; ++j) p.axpy(value(j, c), k + j * d, w.keys + j * width, real);
        Tables(p, shape_, plan_, key_slicing_).to_queries(codes, w, [](const char*) {});
        for (std::int64_t i = 0; i < n; ++i) p.axpy(gradient(i, c), w.queries + i * width, g + i * d, real);
      } else {
        for (std::int64_t i = 0; i < shape_.n_q; ++i) p.axpy(gradient(i, c), q + i * d, w.queries + i * width, real);
        Tables(p, shape_, plan_, key_slicing_).to_keys(codes, w);
        for (std::int64_t j = 0; j < n; ++j) p.axpy(value(j, c), w.keys + j * width, g + j * d, real);
      }
    }
    for (std::int64_t i = 0; i < n; ++i) p.scale(factor, g + i * d, real);
  });
}

// dV_j = 1/m sum_h T_h[code_h(k_j)],   T_h[code] = sum of dX_i over the queries of that code
void Cpu::sum_value_gradients(const Window& window, const BackwardScratch& s) const {
  float* const dv = window.grads.dv;
  const Primitives& p = primitives(context_.isa);
  const std::int64_t d_v = shape_.d_v, width = slicing_.width;
  const std::int64_t floats = slice_floats();
  parallel_for(context_.threads, window.shape.rows() * slicing_.slices, [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / slicing_.slices, column = piece % slicing_.slices * width;
    const std::int64_t real = std::min(width, d_v - column);
    const Codes codes = window.kept.codes(window.shape, plan_, window.in, row);
    const SliceWork w(shape_, slicing_, s.work + thread * floats);
    for (std::int64_t i = 0; i < shape_.n_q; ++i) {
      std::copy_n(s.dx + (row * shape_.n_q + i) * d_v + column, real, w.queries + i * width);
      std::fill_n(w.queries + i * width + real, width - real, 0.0f);
    }
    std::fill_n(w.keys, shape_.n_k * width, 0.0f);
    Tables(p, shape_, plan_, slicing_).to_keys(codes, w);
    for (std::int64_t j = 0; j < shape_.n_k; ++j) {
      float* const to = dv + (row * shape_.n_k + j) * d_v + column;
      std::fill_n(to, real, 0.0f);
      if (!codes.keep_k || codes.keep_k[j]) p.axpy(1 / static_cast<float>(plan_.hashes), w.keys + j * width, to, real);
    }
  });
}

}  // namespace yoso::yoso_m
