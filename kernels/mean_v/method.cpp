// The control "no attention at all": every query gets the mean of the values it may see.
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "oracle.hpp"
#include "primitives/masks.hpp"
#include "primitives/primitives.hpp"

namespace yoso::mean_v {
namespace {

struct Cpu {
  Shape shape;
  Context context;

  Cpu(const Shape& s, const Settings&, const Context& c) : shape(s), context(c) {}

  // dv_j = sum of dout_i / (keys that i sees) over the queries i that see key j: from the last query on, more and more
  // keys drop out of what is seen, so one running sum is enough.
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const Primitives& p = primitives(context.isa);
    float* const all_sums = sums(call.scratch);
    std::fill_n(grads.dq, shape.q_size(), 0.0f);
    std::fill_n(grads.dk, shape.k_size(), 0.0f);
    std::fill_n(grads.dv, shape.v_size(), 0.0f);
    parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int thread) {
      float* const sum = all_sums + thread * shape.d_v;
      const std::uint8_t* keep_q = mask_of_row(in.keep_q, shape, row, shape.n_q);
      const std::uint8_t* keep_k = mask_of_row(in.keep_k, shape, row, shape.n_k);
      std::fill_n(sum, shape.d_v, 0.0f);
      const auto kept = [&](std::int64_t j) { return !keep_k || keep_k[j]; };
      std::int64_t seen = 0, left = shape.n_k;  // keys [left, n_k) have their gradient
      for (std::int64_t j = 0; j < shape.n_k; ++j) seen += kept(j);
      const auto settle = [&](std::int64_t until) {
        while (left > until) {
          if (!kept(--left)) continue;
          std::copy_n(sum, shape.d_v, grads.dv + (row * shape.n_k + left) * shape.d_v);
          --seen;
        }
      };
      for (std::int64_t i = shape.n_q - 1; i >= 0; --i) {
        settle(shape.visible(i));
        if (seen > 0 && (!keep_q || keep_q[i]))
          p.axpy(1.0f / static_cast<float>(seen), up.dout + (row * shape.n_q + i) * shape.d_v, sum, shape.d_v);
      }
      settle(0);
    });
  }

  // [threads, d_v] running sums
  float* sums(Arena& scratch) const { return scratch.take<float>(context.threads * shape.d_v); }

  Needs needs() const {
    Arena scratch;
    sums(scratch);
    return {0, scratch.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    float* const all_sums = sums(call.scratch);
    parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int thread) {
      float* const sum = all_sums + thread * shape.d_v;
      const std::uint8_t* keep_q = mask_of_row(in.keep_q, shape, row, shape.n_q);
      const std::uint8_t* keep_k = mask_of_row(in.keep_k, shape, row, shape.n_k);
      std::fill_n(sum, shape.d_v, 0.0f);
      std::int64_t summed = 0, kept = 0;
      for (std::int64_t i = 0; i < shape.n_q; ++i) {
        for (; summed < shape.visible(i); ++summed) {
          if (keep_k && !keep_k[summed]) continue;
          p.add(in.v + (row * shape.n_k + summed) * shape.d_v, sum, shape.d_v);
          ++kept;
        }
        float* const o = out + (row * shape.n_q + i) * shape.d_v;
        std::fill_n(o, shape.d_v, 0.0f);
        if (kept > 0 && (!keep_q || keep_q[i])) p.axpy(1.0f / static_cast<float>(kept), sum, o, shape.d_v);
      }
    });
  }
};

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    return oracles::softmax_average(problem, head, i, [](std::int64_t) { return 0.0; });
  });
}

Work work(const Shape& s, const Settings&) {
  return {static_cast<double>(s.v_size() + s.out_size()), 4.0 * static_cast<double>(s.v_size() + s.out_size())};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "mean-v",
    .title = "control: the mean of V, no attention at all",
    .paper = "control",
    .equation = "out_i = mean_j v_j",
    .control = true,
    .work = work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::mean_v
