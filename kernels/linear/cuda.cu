// The engine on a GPU: features of a piece of tokens at a time, products by cuBLAS.
#include <cmath>

#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include "simt/blas.hpp"
#include "simt/columns.hpp"
#include "simt/cut.hpp"
#include "simt/feature_sums.hpp"

namespace yoso::linear {
namespace SIMT_NS {
namespace {

using namespace yoso::SIMT_NS;

constexpr float kEpsilon = 1e-6f;

__device__ inline float elu_plus_one(float x) { return x > 0 ? x + 1 : expf(x); }

// All kernels: a warp a token of a piece. x [tokens of the piece, d] becomes features.

// x = phi(k), zeros for padded keys
__global__ void __launch_bounds__(kThreads)
    key_features(const Shape s, const Piece piece, const std::uint8_t* keep, const float* k, float* x) {
  const std::int64_t at = this_token(), place = piece.token(s.n_k) + at;
  if (at >= piece.tokens()) return;
  const bool kept = is_kept(keep, s, place / s.n_k, s.n_k, place % s.n_k);
  for (std::int64_t c = this_lane(); c < s.d; c += kWarp)
    x[at * s.d + c] = kept ? elu_plus_one(k[place * s.d + c]) : 0.0f;
}

// x = phi(q) over the denominator, of which phi(q) . z is `total`; zeros for padded queries. Returns 1 / denominator.
__device__ inline float query_token(const Shape& s, const float* q, const float* mass, bool kept, float* x) {
  float total = 0;
  if (kept)
    for (std::int64_t c = this_lane(); c < s.d; c += kWarp) total = fmaf(elu_plus_one(q[c]), mass[c], total);
  const float share = kept ? 1.0f / (warp_sum(total) + kEpsilon) : 0.0f;
  for (std::int64_t c = this_lane(); c < s.d; c += kWarp) x[c] = kept ? elu_plus_one(q[c]) * share : 0.0f;
  return share;
}

__global__ void __launch_bounds__(kThreads) query_features(const Shape s, const Piece piece, const std::uint8_t* keep,
                                                           const float* q, const float* mass, float* x) {
  const std::int64_t at = this_token(), place = piece.token(s.n_q) + at, row = place / s.n_q;
  if (at >= piece.tokens()) return;
  query_token(s, q + place * s.d, mass + row * s.d, is_kept(keep, s, row, s.n_q, place % s.n_q), x + at * s.d);
}

// dq holds S dout_i and becomes the gradient, phi'(q) (S dout_i - (dout_i . out_i) z) / D_i; alongs = -dout . out.
__global__ void __launch_bounds__(kThreads)
    query_slopes(const Shape s, const Piece piece, const std::uint8_t* keep, const float* q, const float* mass,
                 const float* out, const float* dout, float* x, float* alongs, float* dq) {
  const std::int64_t at = this_token(), place = piece.token(s.n_q) + at, row = place / s.n_q;
  if (at >= piece.tokens()) return;
  const bool kept = is_kept(keep, s, row, s.n_q, place % s.n_q);
  const float share = query_token(s, q + place * s.d, mass + row * s.d, kept, x + at * s.d);
  float along = 0;
  if (kept)
    for (std::int64_t c = this_lane(); c < s.d_v; c += kWarp)
      along = fmaf(dout[place * s.d_v + c], out[place * s.d_v + c], along);
  along = -warp_sum(along);
  if (this_lane() == 0) alongs[at] = along;
  for (std::int64_t c = this_lane(); c < s.d; c += kWarp) {
    const float upstream = fmaf(share, dq[place * s.d + c], share * along * mass[row * s.d + c]);
    dq[place * s.d + c] = kept ? upstream * fminf(elu_plus_one(q[place * s.d + c]), 1.0f) : 0.0f;
  }
}

// dk holds dS v_j and becomes the gradient, phi'(k) (dS v_j + dz); x = phi(k), zeros for padded keys.
__global__ void __launch_bounds__(kThreads) key_slopes(const Shape s, const Piece piece, const std::uint8_t* keep,
                                                       const float* k, const float* dmass, float* x, float* dk) {
  const std::int64_t at = this_token(), place = piece.token(s.n_k) + at, row = place / s.n_k;
  if (at >= piece.tokens()) return;
  const bool kept = is_kept(keep, s, row, s.n_k, place % s.n_k);
  for (std::int64_t c = this_lane(); c < s.d; c += kWarp) {
    const float feature = kept ? elu_plus_one(k[place * s.d + c]) : 0.0f, slope = fminf(feature, 1.0f);
    x[at * s.d + c] = feature;
    dk[place * s.d + c] = kept ? slope * (dk[place * s.d + c] + dmass[row * s.d + c]) : 0.0f;
  }
}

struct Cuda {
  Shape shape;
  Context context;

  Cuda(const Shape& s, const Settings&, const Context& c) : shape(s), context(c) {
    if (s.causal) throw Unsupported("linear has no causal form here (it needs a prefix sum over states)");
    require_blas();
  }

  // S [rows, d, d_v] and z [rows, d]; or their gradients
  struct State {
    float *sums, *mass;
  };
  State state_in(Arena& arena, std::int64_t copies = 1) const {
    return {arena.take<float>(copies * shape.rows() * shape.d * shape.d_v),
            arena.take<float>(copies * shape.rows() * shape.d)};
  }

  Cut key_cut() const { return {shape.rows(), shape.n_k, shape.d}; }
  Cut query_cut() const { return {shape.rows(), shape.n_q, shape.d}; }

  struct Scratch {
    float* x;       // [a piece of the tokens, d]
    float* alongs;  // [a piece of the queries] (backward)
    State whole;    // (backward: gradients)
    State parts;    // [rows, parts, ..]; the whole, where there is one
  };
  Scratch layout(Arena& scratch, const Cut& summed, const State& whole) const {
    Scratch at{};
    at.x = scratch.take<float>(std::max(key_cut().largest(), query_cut().largest()));
    at.whole = whole;
    at.parts = summed.parts() > 1 ? state_in(scratch, summed.parts()) : whole;
    return at;
  }
  Scratch forward_layout(Arena& saved, Arena& scratch) const {
    return layout(scratch, key_cut(), state_in(context.pass == Pass::both ? saved : scratch));
  }
  Scratch backward_layout(Arena& scratch) const {
    const State whole = state_in(scratch);
    Scratch at = layout(scratch, query_cut(), whole);
    at.alongs = scratch.take<float>(query_cut().largest() / shape.d);
    return at;
  }

  Needs needs() const {
    Arena saved, forward, backward;
    forward_layout(saved, forward);
    if (context.pass == Pass::both) backward_layout(backward);
    return {saved.used(), std::max(forward.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Scratch at = forward_layout(call.saved, call.scratch);
    const Cut cut = key_cut();
    call.phase("state");
    cut.each([&](const Piece& piece) {
      simt::launch(over_tokens(stream(), piece.tokens()), &key_features, shape, piece, in.keep_k, in.k, at.x);
      products().add_up(cut, piece, shape.n_k, at.x, in.v, at.parts.sums);
      add_masses(cut, piece, at, nullptr);
    });
    fold(cut, at);
    call.phase("query");
    query_cut().each([&](const Piece& piece) {
      simt::launch(over_tokens(stream(), piece.tokens()), &query_features, shape, piece, in.keep_q, in.q, at.whole.mass,
                   at.x);
      products().query(piece, shape.n_q, at.x, at.whole.sums, out);
    });
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const State state = state_in(call.saved);
    const Scratch at = backward_layout(call.scratch);
    const Cut cut = query_cut();
    call.phase("query");
    cut.each([&](const Piece& piece) {
      products().back(piece, shape.n_q, up.dout, state.sums, grads.dq + piece.token(shape.n_q) * shape.d);
      simt::launch(over_tokens(stream(), piece.tokens()), &query_slopes, shape, piece, in.keep_q, in.q, state.mass,
                   up.out, up.dout, at.x, at.alongs, grads.dq);
      products().add_up(cut, piece, shape.n_q, at.x, up.dout, at.parts.sums);
      add_masses(cut, piece, at, at.alongs);
    });
    call.phase("keys");
    fold(cut, at);
    key_cut().each([&](const Piece& piece) {
      products().back(piece, shape.n_k, in.v, at.whole.sums, grads.dk + piece.token(shape.n_k) * shape.d);
      simt::launch(over_tokens(stream(), piece.tokens()), &key_slopes, shape, piece, in.keep_k, in.k, at.whole.mass,
                   at.x, grads.dk);
      products().query(piece, shape.n_k, at.x, at.whole.sums, grads.dv);
    });
  }

 private:
  void* stream() const { return context.device->stream(); }
  FeatureSums products() const { return {stream(), shape.d, shape.d_v}; }

  void add_masses(const Cut& cut, const Piece& piece, const Scratch& at, const float* weights) const {
    sum_columns(stream(), {.shape = shape,
                           .stretches = cut.stretches(piece),
                           .x = at.x,
                           .columns = shape.d,
                           .weights = weights,
                           .sums = at.parts.mass});
  }

  void fold(const Cut& cut, const Scratch& at) const {
    if (cut.parts() == 1) return;
    const auto one = [&](const float* parts, std::int64_t size, float* sum) {
      simt::launch(over_elements(stream(), shape.rows() * size), &add_parts<0>, parts, shape.rows(), cut.parts(), size,
                   sum);
    };
    one(at.parts.sums, shape.d * shape.d_v, at.whole.sums);
    one(at.parts.mass, shape.d, at.whole.mass);
  }
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::linear
