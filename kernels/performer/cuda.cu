// The engine on a GPU: features of a piece of tokens at a time, which products of cuBLAS make, sum and query.
#include <cmath>

#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include "performer/features.hpp"
#include "simt/blas.hpp"
#include "simt/feature_sums.hpp"

namespace yoso::performer {
namespace SIMT_NS {
namespace {

struct Cuda {
  Shape shape;
  Context context;
  Kernel kernel;
  Sizes sizes;
  float scale;  // d^(-1/4), on queries and on keys

  Cuda(const Shape& s, const Settings& settings, const Context& c)
      : shape(s), context(c), kernel(kernel_of(settings)), scale(std::pow(static_cast<double>(s.d), -0.25)) {
    if (s.causal) throw Unsupported("performer has no causal form here: it sums over all keys at once");
    const std::int64_t drawn = draws_of(settings), features = drawn * (kernel == Kernel::hyperbolic ? 2 : 1);
    if (features != settings.integer("features"))
      throw Unsupported("hyperbolic features come in pairs: features must be even");
    require_blas();
    sizes = {s, drawn, features, 0.5f * scale * scale};
  }

  Cut key_cut() const { return {shape.rows(), shape.n_k, sizes.features}; }
  Cut query_cut() const { return {shape.rows(), shape.n_q, sizes.features}; }

  // In scratch, or in the saved arena where a backward pass follows.
  Summary summary(Arena& arena) const {
    const std::int64_t rows = shape.rows(), features = rows * sizes.features;
    const std::int64_t queries = context.pass == Pass::both ? rows * shape.n_q : 0;
    Summary s{arena.take<float>(features * shape.d_v),
              arena.take<float>(features),
              arena.take<float>(kernel == Kernel::hyperbolic ? features : 0),
              arena.take<float>(kernel == Kernel::softmax ? rows : 0),
              arena.take<float>(queries),
              arena.take<float>(queries)};
    if (queries == 0) s.query_shifts = s.query_shares = nullptr;
    return s;
  }

  struct Scratch {
    float* x;                 // [a piece of the tokens, features]
    float *halves, *largest;  // [a piece of the keys]
    KeyParts parts;
  };
  Scratch layout(Arena& scratch, const Summary& to) const {
    const Cut cut = key_cut();
    const std::int64_t parts = shape.rows() * cut.parts(), features = parts * sizes.features;
    const std::int64_t softmax = kernel == Kernel::softmax ? parts : 0;
    const std::int64_t peaks = kernel == Kernel::hyperbolic ? features : softmax;
    float* const x = scratch.take<float>(std::max(cut.largest(), query_cut().largest()));
    float* const halves = scratch.take<float>(cut.largest() / sizes.features);
    float* const largest = scratch.take<float>(cut.largest() / sizes.features);
    float* const values = scratch.take<float>(softmax * shape.d_v);
    float* const counts = scratch.take<float>(softmax);
    float* const of_peaks = scratch.take<float>(peaks);
    if (cut.parts() == 1) return {x, halves, largest, {to.sums, to.totals, of_peaks, values, counts}};
    float* const sums = scratch.take<float>(features * shape.d_v);
    return {x, halves, largest, {sums, scratch.take<float>(features), of_peaks, values, counts}};
  }

  struct BackwardScratch {
    float *x, *slopes;               // [a piece of the tokens, features]
    float* alongs;                   // [a piece of the queries]
    float *sums, *totals;            // [rows, features, d_v], [rows, features]: their gradients
    float *part_sums, *part_totals;  // the same of each part of the queries, if there are several
  };
  BackwardScratch backward_layout(Arena& scratch) const {
    const Cut cut = query_cut();
    const std::int64_t piece = std::max(cut.largest(), key_cut().largest());
    const std::int64_t features = shape.rows() * sizes.features, several = cut.parts() > 1 ? cut.parts() : 0;
    BackwardScratch at{};
    at.x = scratch.take<float>(piece);
    at.slopes = scratch.take<float>(piece);
    at.alongs = scratch.take<float>(cut.largest() / sizes.features);
    at.sums = scratch.take<float>(features * shape.d_v);
    at.totals = scratch.take<float>(features);
    at.part_sums = scratch.take<float>(several * features * shape.d_v);
    at.part_totals = scratch.take<float>(several * features);
    if (several == 0) {
      at.part_sums = at.sums;
      at.part_totals = at.totals;
    }
    return at;
  }

  Needs needs() const {
    Arena saved, scratch, backward;
    const Summary to = summary(context.pass == Pass::both ? saved : scratch);
    layout(scratch, to);
    if (context.pass == Pass::both) backward_layout(backward);
    return {saved.used(), std::max(scratch.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Summary to = summary(context.pass == Pass::both ? call.saved : call.scratch);
    const Scratch at = layout(call.scratch, to);
    const float* const projection = call.draws["projection"];
    call.phase("keys");
    key_cut().each([&](const Piece& piece) { add_keys(in, projection, at, piece); });
    with_kernel([&]<Kernel kKernel>() {
      simt::launch(over_tokens(stream(), shape.rows() * sizes.features), &fold_parts<kKernel>, sizes, key_cut().parts(),
                   at.parts, to);
    });
    call.phase("queries");
    query_cut().each([&](const Piece& piece) {
      project(in.q, shape.n_q, projection, piece, at.x);
      with_kernel([&]<Kernel kKernel>() {
        simt::launch(over_tokens(stream(), piece.tokens()), &query_features<kKernel>, sizes, piece, in.keep_q, in.q, to,
                     at.x);
      });
      products().query(piece, shape.n_q, at.x, to.sums, out);
    });
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const Summary s = summary(call.saved);
    const BackwardScratch at = backward_layout(call.scratch);
    const float* const projection = call.draws["projection"];
    const Cut cut = query_cut();
    call.phase("queries");
    cut.each([&](const Piece& piece) {
      project(in.q, shape.n_q, projection, piece, at.x);
      products().back(piece, shape.n_q, up.dout, s.sums, at.slopes);
      with_kernel([&]<Kernel kKernel>() {
        const Slopes slopes{piece, in.keep_q, in.q, shape.n_q, s.totals, s.peaks, at.x, at.slopes, grads.dq};
        simt::launch(over_tokens(stream(), piece.tokens()), &query_slopes<kKernel>, sizes, slopes, s, up.out, up.dout,
                     at.alongs);
      });
      to_tokens(at.slopes, projection, piece, shape.n_q, grads.dq);
      products().add_up(cut, piece, shape.n_q, at.x, up.dout, at.part_sums);
      sum_columns(stream(), {.shape = shape,
                             .stretches = cut.stretches(piece),
                             .x = at.x,
                             .columns = sizes.features,
                             .weights = at.alongs,
                             .sums = at.part_totals});
    });
    call.phase("keys");
    if (cut.parts() > 1) {
      fold(at.part_sums, sizes.features * shape.d_v, at.sums);
      fold(at.part_totals, sizes.features, at.totals);
    }
    key_cut().each([&](const Piece& piece) {
      project(in.k, shape.n_k, projection, piece, at.x);
      products().back(piece, shape.n_k, in.v, at.sums, at.slopes);
      with_kernel([&]<Kernel kKernel>() {
        const Slopes slopes{piece, in.keep_k, in.k, shape.n_k, at.totals, s.peaks, at.x, at.slopes, grads.dk};
        simt::launch(over_tokens(stream(), piece.tokens()), &key_slopes<kKernel>, sizes, slopes, s);
      });
      to_tokens(at.slopes, projection, piece, shape.n_k, grads.dk);
      products().query(piece, shape.n_k, at.x, at.sums, grads.dv);
    });
  }

 private:
  void* stream() const { return context.device->stream(); }

  FeatureSums products() const { return {stream(), sizes.features, shape.d_v}; }

  template <class F>
  void with_kernel(const F& f) const {
    if (kernel == Kernel::softmax)
      f.template operator()<Kernel::softmax>();
    else if (kernel == Kernel::relu)
      f.template operator()<Kernel::relu>();
    else
      f.template operator()<Kernel::hyperbolic>();
  }

  void fold(const float* parts, std::int64_t size, float* sum) const {
    simt::launch(over_elements(stream(), shape.rows() * size), &::yoso::SIMT_NS::add_parts<0>, parts, shape.rows(),
                 query_cut().parts(), size, sum);
  }

  // x [tokens, features], the first `drawn` of each = d^(-1/4) tokens projection^T
  void project(const float* tokens, std::int64_t n, const float* projection, const Piece& piece, float* x) const {
    multiply(stream(), {.m = piece.tokens(),
                        .n = sizes.drawn,
                        .k = shape.d,
                        .alpha = scale,
                        .a = tokens + piece.token(n) * shape.d,
                        .lda = shape.d,
                        .b = projection,
                        .b_transposed = true,
                        .ldb = shape.d,
                        .c = x,
                        .ldc = sizes.features});
  }

  // dx (+)= d^(-1/4) slopes projection: to what |x|^2 / 2 has left there
  void to_tokens(const float* slopes, const float* projection, const Piece& piece, std::int64_t n, float* dx) const {
    multiply(stream(), {.m = piece.tokens(),
                        .n = shape.d,
                        .k = sizes.drawn,
                        .alpha = scale,
                        .beta = kernel == Kernel::relu ? 0.0f : 1.0f,
                        .a = slopes,
                        .lda = sizes.features,
                        .b = projection,
                        .ldb = shape.d,
                        .c = dx + piece.token(n) * shape.d,
                        .ldc = shape.d});
  }

  void add_keys(const Inputs& in, const float* projection, const Scratch& at, const Piece& piece) const {
    const Cut cut = key_cut();
    const Stretches stretches = cut.stretches(piece);
    const simt::Launch over_keys = over_tokens(stream(), piece.tokens());
    const float* const values = in.v + piece.token(shape.n_k) * shape.d_v;
    project(in.k, shape.n_k, projection, piece, at.x);
    if (kernel != Kernel::relu)
      simt::launch(over_keys, &measure_keys, sizes, piece, in.keep_k, in.k, at.x, at.halves, at.largest);
    if (kernel == Kernel::softmax) {
      simt::launch({.grid = grid_of(stretches.count()), .block = dim3(kThreads), .stream = stream()}, &peak_of_part,
                   sizes, stretches, in.keep_k, at.largest, at.parts.peaks, at.parts.counts);
      sum_columns(stream(), {.shape = shape,
                             .stretches = stretches,
                             .x = values,
                             .columns = shape.d_v,
                             .keep = in.keep_k,
                             .n = shape.n_k,
                             .sums = at.parts.values});
    }
    if (kernel == Kernel::hyperbolic)
      simt::launch(over_columns(stream(), stretches, sizes.drawn), &peak_of_features, sizes, stretches, in.keep_k, at.x,
                   at.halves, at.parts.peaks);
    with_kernel([&]<Kernel kKernel>() {
      simt::launch(over_keys, &key_features<kKernel>, sizes, stretches, in.keep_k, at.halves, at.parts.peaks, at.x);
    });
    products().add_up(cut, piece, shape.n_k, at.x, in.v, at.parts.sums);
    sum_columns(
        stream(),
        {.shape = shape, .stretches = stretches, .x = at.x, .columns = sizes.features, .sums = at.parts.totals});
  }
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::performer
