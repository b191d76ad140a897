// The engine on a GPU. Products with E and F, and all of backward's, are the vendor's; forward's attention to the k
// projected rows is one kernel that keeps no scores.
#include <cmath>

#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include "simt/blas.hpp"
#include "simt/block.hpp"
#include "simt/cut.hpp"
#include "simt/few_keys.hpp"
#include "simt/few_keys_backward.hpp"

namespace yoso::linformer {
namespace SIMT_NS {
namespace {

using namespace yoso::SIMT_NS;

// emptied [rows, k]: whether projected row i had weight, and padding took all of it. A warp a projected row.
__global__ void __launch_bounds__(kThreads)
    find_emptied(const Shape s, const std::uint8_t* keep, std::int64_t k, const float* weights, std::uint8_t* emptied) {
  const std::int64_t at = this_token();
  if (at >= s.rows() * k) return;
  const std::int64_t row = at / k, n = s.n_k;
  const float* const own = weights + (row % s.heads * k + at % k) * n;
  const std::uint8_t* const mask = row_of_mask(keep, s, row, n);  // there is one, or nothing is emptied
  bool had = false;
  for (std::int64_t first = 0; first < n; first += kWarp) {
    const std::int64_t j = first + this_lane();
    const bool weighs = j < n && own[j] != 0.0f;
    if (__any_sync(kWholeWarp, weighs && mask[j])) {  // soon, if the projection is dense
      if (this_lane() == 0) emptied[at] = 0;
      return;
    }
    had = had || weighs;
  }
  had = __any_sync(kWholeWarp, had) != 0;
  if (this_lane() == 0) emptied[at] = had;
}

struct Cuda {
  Shape shape;
  Context context;
  std::int64_t k;
  bool share;

  Cuda(const Shape& s, const Settings& settings, const Context& c)
      : shape(s), context(c), k(settings.integer("k")), share(settings.is("share", "yes")) {
    if (s.causal) throw Unsupported("linformer mixes all positions into every projected row: it has no causal form");
    require_blas();
    FewKeys::require(s.d_v);
    if (settings.is("projection", "pool")) k = std::min(k, s.n_k);
  }

  // In scratch, or in the saved arena where a backward pass follows.
  struct Projected {
    float* keys;            // [rows, k, d]: E K
    float* values;          // [rows, k, d_v]: F V
    std::uint8_t* emptied;  // [rows, k]
  };
  Projected projected(Arena& arena) const {
    return {arena.take<float>(shape.rows() * k * shape.d), arena.take<float>(shape.rows() * k * shape.d_v),
            arena.take<std::uint8_t>(shape.rows() * k)};
  }

  // Few rows are projected in parts of their keys, or most of the device would be idle.
  bool in_parts() const { return shape.rows() <= kFewRows; }
  Cut key_cut() const { return {shape.rows(), shape.n_k, 1}; }
  std::int64_t widest() const { return std::max(shape.d, shape.d_v); }
  // Keys with zeros for padded ones, and values after them, wait in `out` until it is written, if there is room.
  bool staged_in_out() const { return shape.n_q * shape.d_v >= shape.n_k * widest(); }

  struct Scratch {
    float* masked;  // [rows, n_k, widest], if `out` has no room for it
    float* parts;   // [rows, parts, k, widest], if keys are projected in parts
  };
  Scratch layout(Arena& scratch) const {
    return {
        scratch.take<float>(staged_in_out() ? 0 : shape.rows() * shape.n_k * widest()),
        scratch.take<float>(in_parts() && key_cut().parts() > 1 ? shape.rows() * key_cut().parts() * k * widest() : 0)};
  }

  struct BackwardScratch {
    float *keys, *values;  // [rows, k, d], [rows, k, d_v]: dK', dV'
    FewKeysBackward attention;
  };
  BackwardScratch backward_layout(Arena& scratch, const FewKeys& a) const {
    float* const keys = scratch.take<float>(shape.rows() * k * shape.d);
    float* const values = scratch.take<float>(shape.rows() * k * shape.d_v);
    return {keys, values, {a, scratch}};
  }

  FewKeys attention(const Inputs& in, const Projected& to, float* out) const {
    return {.shape = shape,
            .count = k,
            .scale = 1.0f / std::sqrt(static_cast<float>(shape.d)),
            .q = in.q,
            .keep_q = in.keep_q,
            .k = to.keys,
            .v = to.values,
            .gone = in.keep_k ? to.emptied : nullptr,
            .out = out};
  }

  Needs needs() const {
    Arena saved, scratch, backward;
    projected(context.pass == Pass::both ? saved : scratch);
    layout(scratch);
    if (context.pass == Pass::both) backward_layout(backward, attention({}, {}, nullptr));
    return {saved.used(), std::max(scratch.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    void* const stream = context.device->stream();
    const Projected to = projected(context.pass == Pass::both ? call.saved : call.scratch);
    const Scratch at = layout(call.scratch);
    const float* const e = call.parameters["E"];
    float* const masked = staged_in_out() ? out : at.masked;
    call.phase("project");
    project(e, kept(in, in.k, shape.d, masked), shape.d, at.parts, to.keys);
    project(share ? e : call.parameters["F"], kept(in, in.v, shape.d_v, masked), shape.d_v, at.parts, to.values);
    if (in.keep_k)
      simt::launch(over_tokens(stream, shape.rows() * k), &find_emptied, shape, in.keep_k, k, e, to.emptied);
    call.phase("attend");
    attention(in, to, out).attend(stream);
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const BackwardScratch at = backward_layout(call.scratch, attention(in, projected(call.saved), nullptr));
    call.phase("attend");
    at.attention.run(stream(), up.dout, grads.dq, at.keys, at.values);
    call.phase("project");
    const float* const e = call.parameters["E"];
    // dk and dv hold the masked keys and values until these have been used
    float* const de = grads.parameters[0];
    weight_gradients(at.keys, kept(in, in.k, shape.d, grads.dk), shape.d, false, de);
    weight_gradients(at.values, kept(in, in.v, shape.d_v, grads.dv), shape.d_v, share,
                     share ? de : grads.parameters[1]);
    token_gradients(in, e, at.keys, shape.d, grads.dk);
    token_gradients(in, share ? e : call.parameters["F"], at.values, shape.d_v, grads.dv);
  }

 private:
  static constexpr std::int64_t kFewRows = 32;

  void* stream() const { return context.device->stream(); }

  void sum_parts(const float* parts, std::int64_t count, std::int64_t size, float* sum) const {
    simt::launch(over_elements(stream(), shape.rows() * size), &add_parts<0>, parts, shape.rows(), count, size, sum);
  }

  // x [rows, n_k, width] with zeros for padded tokens: itself where there are none, or a copy in `to`.
  const float* kept(const Inputs& in, const float* x, std::int64_t width, float* to) const {
    if (!in.keep_k) return x;
    simt::launch(over_tokens(stream(), shape.rows() * shape.n_k), &copy_kept<0>, shape, in.keep_k, shape.n_k, width, x,
                 to);
    return to;
  }

  // A product between the projection of a head, if `a_is_weights` its first factor, and something of each row: all
  // samples of a head at once, or all heads of a sample, whichever needs fewer launches. Steps are between rows.
  void for_all_rows(Product p, std::int64_t weights_step) const {
    const bool by_head = shape.heads < shape.batch;
    const std::int64_t launches = by_head ? shape.heads : shape.batch, apart = by_head ? 1 : shape.heads;
    const std::int64_t step = by_head ? shape.heads : 1;
    const Product first = p;
    p.count = by_head ? shape.batch : shape.heads;
    p.step_a = by_head ? 0 : weights_step;
    p.step_b = step * first.step_b;
    p.step_c = step * first.step_c;
    for (std::int64_t i = 0; i < launches; ++i) {
      p.a = first.a + (by_head ? i * weights_step : 0);
      p.b = first.b + i * apart * first.step_b;
      p.c = first.c + i * apart * first.step_c;
      multiply(stream(), p);
    }
  }

  // y [rows, k, width] = weights x, x [rows, n_k, width]
  void project(const float* weights, const float* x, std::int64_t width, float* parts, float* y) const {
    const std::int64_t n = shape.n_k;
    Product p{.m = k,
              .n = width,
              .k = n,
              .a = weights,
              .lda = n,
              .b = x,
              .ldb = width,
              .step_b = n * width,
              .c = y,
              .ldc = width,
              .step_c = k * width};
    const Cut cut = key_cut();
    if (!in_parts() || cut.parts() == 1) {
      for_all_rows(p, k * n);
      return;
    }
    const std::int64_t each = cut.part(), whole = n / each;
    for (std::int64_t row = 0; row < shape.rows(); ++row) {
      Product of_row = p;
      of_row.a += row % shape.heads * k * n;
      of_row.b += row * n * width;
      of_row.c = parts + row * cut.parts() * k * width;
      of_row.k = each;
      of_row.step_a = each;
      of_row.step_b = each * width;
      of_row.count = whole;
      multiply(stream(), of_row);
      if (whole == cut.parts()) continue;
      of_row.a += whole * each;
      of_row.b += whole * each * width;
      of_row.c += whole * k * width;
      of_row.k = n - whole * each;
      of_row.count = 1;
      multiply(stream(), of_row);
    }
    sum_parts(parts, cut.parts(), k * width, y);
  }

  // dweights [heads, k, n_k] (+)= the sum over the batch of dy x^T, dy [rows, k, width], x [rows, n_k, width]
  void weight_gradients(const float* dy, const float* x, std::int64_t width, bool add, float* dweights) const {
    const std::int64_t n = shape.n_k;
    for (std::int64_t i = 0; i < shape.batch; ++i)
      multiply(stream(), {.m = k,
                          .n = n,
                          .k = width,
                          .beta = add || i > 0 ? 1.0f : 0.0f,
                          .a = dy + i * shape.heads * k * width,
                          .lda = width,
                          .step_a = k * width,
                          .b = x + i * shape.heads * n * width,
                          .b_transposed = true,
                          .ldb = width,
                          .step_b = n * width,
                          .c = dweights,
                          .ldc = n,
                          .step_c = k * n,
                          .count = shape.heads});
  }

  // dx [rows, n_k, width] = weights^T dy, zeros for padded tokens
  void token_gradients(const Inputs& in, const float* weights, const float* dy, std::int64_t width, float* dx) const {
    const std::int64_t n = shape.n_k;
    for_all_rows({.m = n,
                  .n = width,
                  .k = k,
                  .a = weights,
                  .a_transposed = true,
                  .lda = n,
                  .b = dy,
                  .ldb = width,
                  .step_b = k * width,
                  .c = dx,
                  .ldc = width,
                  .step_c = n * width},
                 k * n);
    if (in.keep_k)
      simt::launch(over_tokens(stream(), shape.rows() * n), &clear_padded<0>, shape, in.keep_k, n, width, dx);
  }
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::linformer
