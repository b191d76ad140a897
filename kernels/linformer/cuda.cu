// The engine on a GPU. Products with E and F, and all of backward's, are the vendor's; forward's attention to the k
// projected rows is one kernel that keeps no scores.
#include <cmath>

#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include "simt/blas.hpp"
#include "simt/block.hpp"
#include "simt/cut.hpp"
#include "simt/few_keys.hpp"

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
  bool had = false;
  for (std::int64_t first = 0; first < n; first += kWarp) {
    const std::int64_t j = first + this_lane();
    const bool weighs = j < n && own[j] != 0.0f;
    if (__any_sync(kWholeWarp, weighs && is_kept(keep, s, row, n, j))) {  // soon, if the projection is dense
      if (this_lane() == 0) emptied[at] = 0;
      return;
    }
    had = had || weighs;
  }
  had = __any_sync(kWholeWarp, had) != 0;
  if (this_lane() == 0) emptied[at] = had;
}

// scores [tokens, k] of queries from `first` on become their weights P, and slopes, which hold dout V'^T, become
// P * (slopes - D), D the mean of slopes under P. Zeros for padded queries. A warp a query.
__global__ void __launch_bounds__(kThreads)
    weigh(const Shape s, const std::uint8_t* keep_q, const std::uint8_t* emptied, std::int64_t k, std::int64_t first,
          std::int64_t tokens, float* scores, float* slopes) {
  if (this_token() >= tokens) return;
  const std::int64_t token = first + this_token(), row = token / s.n_q;
  float* const score = scores + this_token() * k;
  float* const slope = slopes + this_token() * k;
  const std::uint8_t* const gone = emptied ? emptied + row * k : nullptr;
  float largest = -INFINITY;
  if (is_kept(keep_q, s, row, s.n_q, token % s.n_q))
    for (std::int64_t j = this_lane(); j < k; j += kWarp)
      if (!gone || !gone[j]) largest = fmaxf(largest, score[j]);
  largest = warp_max(largest);
  if (largest == -INFINITY) {
    for (std::int64_t j = this_lane(); j < k; j += kWarp) score[j] = slope[j] = 0.0f;
    return;
  }
  float total = 0, mean = 0;
  for (std::int64_t j = this_lane(); j < k; j += kWarp) {
    const float weight = gone && gone[j] ? 0.0f : expf(score[j] - largest);
    score[j] = weight;
    total += weight;
    mean = fmaf(weight, slope[j], mean);
  }
  const float share = 1.0f / warp_sum(total);
  // from the weights and not as dout . out, so that with one projected row slopes are exactly zero
  mean = warp_sum(mean) * share;
  for (std::int64_t j = this_lane(); j < k; j += kWarp) {
    const float weight = score[j] * share;
    score[j] = weight;
    slope[j] = weight * (slope[j] - mean);
  }
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
    float *weights, *slopes;         // [a piece of the queries, k]
    float *keys, *values;            // [rows, k, d], [rows, k, d_v]: dK', dV'
    float *key_parts, *value_parts;  // [rows, parts, k, ..], if there are several
  };
  Cut query_cut() const { return {shape.rows(), shape.n_q, k}; }
  BackwardScratch backward_layout(Arena& scratch) const {
    const Cut cut = query_cut();
    const std::int64_t several = cut.parts() > 1 ? cut.parts() : 0;
    const auto rows_of = [&](std::int64_t width) { return scratch.take<float>(shape.rows() * k * width); };
    return {
        scratch.take<float>(cut.largest()), scratch.take<float>(cut.largest()), rows_of(shape.d), rows_of(shape.d_v),
        rows_of(several * shape.d),         rows_of(several * shape.d_v)};
  }

  Needs needs() const {
    Arena saved, scratch, backward;
    projected(context.pass == Pass::both ? saved : scratch);
    layout(scratch);
    if (context.pass == Pass::both) backward_layout(backward);
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
    FewKeys{.shape = shape,
            .count = k,
            .scale = scale(),
            .q = in.q,
            .keep_q = in.keep_q,
            .k = to.keys,
            .v = to.values,
            .gone = in.keep_k ? to.emptied : nullptr,
            .out = out}
        .attend(stream);
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const Projected to = projected(call.saved);
    const BackwardScratch at = backward_layout(call.scratch);
    call.phase("attend");
    query_cut().each([&](const Piece& piece) { attend_back(in, up, to, at, piece, grads.dq); });
    const std::int64_t parts = query_cut().parts();
    if (parts > 1) {
      sum_parts(at.key_parts, parts, k * shape.d, at.keys);
      sum_parts(at.value_parts, parts, k * shape.d_v, at.values);
    }
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

  float scale() const { return 1.0f / std::sqrt(static_cast<float>(shape.d)); }
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

  // A piece of the queries: all of their dq, and what they add to the gradients of projected rows.
  void attend_back(const Inputs& in, const Upstream& up, const Projected& to, const BackwardScratch& at,
                   const Piece& piece, float* dq) const {
    const std::int64_t d = shape.d, d_v = shape.d_v, first = piece.row * shape.n_q + piece.first;
    const float* const q = in.q + first * d;
    const float* const dout = up.dout + first * d_v;
    const auto with_rows = [&](std::int64_t width, const float* tokens, const float* rows, float factor, float* y) {
      multiply(stream(), {.m = piece.count,
                          .n = k,
                          .k = width,
                          .alpha = factor,
                          .a = tokens,
                          .lda = width,
                          .step_a = shape.n_q * width,
                          .b = rows + piece.row * k * width,
                          .b_transposed = true,
                          .ldb = width,
                          .step_b = k * width,
                          .c = y,
                          .ldc = k,
                          .step_c = piece.count * k,
                          .count = piece.rows});
    };
    with_rows(d, q, to.keys, scale(), at.weights);
    with_rows(d_v, dout, to.values, 1.0f, at.slopes);
    simt::launch(over_tokens(stream(), piece.tokens()), &weigh, shape, in.keep_q, in.keep_k ? to.emptied : nullptr, k,
                 first, piece.tokens(), at.weights, at.slopes);
    multiply(stream(), {.m = piece.count,
                        .n = d,
                        .k = k,
                        .alpha = scale(),
                        .a = at.slopes,
                        .lda = k,
                        .step_a = piece.count * k,
                        .b = to.keys + piece.row * k * d,
                        .ldb = d,
                        .step_b = k * d,
                        .c = dq + first * d,
                        .ldc = d,
                        .step_c = shape.n_q * d,
                        .count = piece.rows});
    const Cut cut = query_cut();
    const auto add_up = [&](const float* weights, std::int64_t width, const float* tokens, float factor, float* sums) {
      cut.sum(stream(), piece,
              {.m = k,
               .n = width,
               .alpha = factor,
               .a = weights,
               .lda = k,
               .step_a = piece.count * k,
               .b = tokens,
               .ldb = width,
               .step_b = shape.n_q * width,
               .c = sums});
    };
    add_up(at.slopes, d, q, scale(), cut.parts() > 1 ? at.key_parts : at.keys);
    add_up(at.weights, d_v, dout, 1.0f, cut.parts() > 1 ? at.value_parts : at.values);
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
