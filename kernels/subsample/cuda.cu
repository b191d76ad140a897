// The control on a GPU: the drawn keys are copied together, and attended to as Linformer's projected ones are.
#include <cmath>

#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include "simt/blas.hpp"
#include "simt/clear.hpp"
#include "simt/cut.hpp"
#include "simt/few_keys.hpp"
#include "simt/few_keys_backward.hpp"
#include "subsample/rule.hpp"

namespace yoso::subsample {
namespace SIMT_NS {
namespace {

using namespace yoso::SIMT_NS;

// places [rows, keys]: the first kept keys of the row's order; gone: 1 where there are no more. A warp a row.
__global__ void __launch_bounds__(kThreads) draw(const Shape s, const std::uint8_t* keep, const std::int64_t keys,
                                                 const float* order, int* places, std::uint8_t* gone) {
  const std::int64_t row = this_token();
  if (row >= s.rows()) return;
  const std::uint8_t* const mask = row_of_mask(keep, s, row, s.n_k);
  std::int64_t count = 0;
  for (std::int64_t first = 0; first < s.n_k && count < keys; first += kWarp) {
    const std::int64_t t = first + this_lane();
    const int place = t < s.n_k ? static_cast<int>(order[row * s.n_k + t]) : -1;
    const bool kept = place >= 0 && is_kept(mask, place);
    const unsigned all = __ballot_sync(kWholeWarp, kept);
    const std::int64_t to = count + __popc(all & ((1u << this_lane()) - 1));
    if (kept && to < keys) places[row * keys + to] = place;
    count += __popc(all);
  }
  for (std::int64_t t = this_lane(); t < keys; t += kWarp) gone[row * keys + t] = t >= count;
}

// few [rows, keys, width] = the drawn of all [rows, n_k, width], zeros where there are no more. A warp a drawn key.
__global__ void __launch_bounds__(kThreads)
    gather(const Shape s, const std::int64_t keys, const int* places, const std::uint8_t* gone, std::int64_t width,
           const float* all, float* few) {
  const std::int64_t at = this_token();
  if (at >= s.rows() * keys) return;
  const float* const from = all + (gone[at] ? 0 : at / keys * s.n_k + places[at]) * width;
  for (std::int64_t c = this_lane(); c < width; c += kWarp) few[at * width + c] = gone[at] ? 0.0f : from[c];
}

// The way back: no two drawn keys are the same one.
__global__ void __launch_bounds__(kThreads)
    scatter(const Shape s, const std::int64_t keys, const int* places, const std::uint8_t* gone, std::int64_t width,
            const float* few, float* all) {
  const std::int64_t at = this_token();
  if (at >= s.rows() * keys || gone[at]) return;
  float* const to = all + (at / keys * s.n_k + places[at]) * width;
  for (std::int64_t c = this_lane(); c < width; c += kWarp) to[c] = few[at * width + c];
}

struct Cuda {
  Shape shape;
  Context context;
  std::int64_t keys;

  Cuda(const Shape& s, const Settings& settings, const Context& c)
      : shape(s), context(c), keys(std::min(settings.integer("keys"), s.n_k)) {
    require_order(s);
    FewKeys::require(s.d_v);
    if (c.pass == Pass::both) require_blas();
  }

  // In scratch, or in the saved arena where a backward pass follows.
  struct Drawn {
    float *k, *v;        // [rows, keys, d], [rows, keys, d_v]
    int* places;         // [rows, keys]: which keys these are
    std::uint8_t* gone;  // [rows, keys]: 1 where there are no more
  };
  Drawn drawn(Arena& arena) const {
    const std::int64_t count = shape.rows() * keys;
    return {arena.take<float>(count * shape.d), arena.take<float>(count * shape.d_v), arena.take<int>(count),
            arena.take<std::uint8_t>(count)};
  }

  FewKeys attention(const Inputs& in, const Drawn& few, float* out) const {
    return {.shape = shape,
            .count = keys,
            .scale = 1.0f / std::sqrt(static_cast<float>(shape.d)),
            .q = in.q,
            .keep_q = in.keep_q,
            .k = few.k,
            .v = few.v,
            .gone = few.gone,
            .out = out};
  }

  struct BackwardScratch {
    float *dk, *dv;  // of the drawn keys
    FewKeysBackward attention;
  };
  BackwardScratch backward_layout(Arena& scratch, const FewKeys& a) const {
    float* const dk = scratch.take<float>(shape.rows() * keys * shape.d);
    float* const dv = scratch.take<float>(shape.rows() * keys * shape.d_v);
    return {dk, dv, {a, scratch}};
  }

  Needs needs() const {
    Arena saved, scratch, backward;
    drawn(context.pass == Pass::both ? saved : scratch);
    if (context.pass == Pass::both) backward_layout(backward, attention({}, {}, nullptr));
    return {saved.used(), std::max(scratch.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Drawn few = drawn(context.pass == Pass::both ? call.saved : call.scratch);
    const simt::Launch over_drawn = over_tokens(stream(), shape.rows() * keys);
    call.phase("gather");
    simt::launch(over_tokens(stream(), shape.rows()), &draw, shape, in.keep_k, keys, call.draws["order"], few.places,
                 few.gone);
    simt::launch(over_drawn, &gather, shape, keys, few.places, few.gone, shape.d, in.k, few.k);
    simt::launch(over_drawn, &gather, shape, keys, few.places, few.gone, shape.d_v, in.v, few.v);
    call.phase("attend");
    attention(in, few, out).attend(stream());
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const Drawn few = drawn(call.saved);
    const BackwardScratch at = backward_layout(call.scratch, attention(in, few, nullptr));
    const simt::Launch over_drawn = over_tokens(stream(), shape.rows() * keys);
    call.phase("attend");
    at.attention.run(stream(), up.dout, grads.dq, at.dk, at.dv);
    call.phase("scatter");
    clear(stream(), grads.dk, shape.k_size());
    clear(stream(), grads.dv, shape.v_size());
    simt::launch(over_drawn, &scatter, shape, keys, few.places, few.gone, shape.d, at.dk, grads.dk);
    simt::launch(over_drawn, &scatter, shape, keys, few.places, few.gone, shape.d_v, at.dv, grads.dv);
  }

 private:
  void* stream() const { return context.device->stream(); }
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::subsample
