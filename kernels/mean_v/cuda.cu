// The control on a GPU: sums of the values of each part of the keys, and what comes before a part.
//
// Forward and backward are the same computation: sources (values; upstream gradients over the number of keys that their
// query sees) are summed along the row, and targets (outputs; gradients of values) take the sum that they see. Causal,
// backward sums from the last query on: place u of a row then means token n - 1 - u on both sides.
#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include "simt/block.hpp"
#include "simt/clear.hpp"
#include "simt/columns.hpp"
#include "simt/cut.hpp"

namespace yoso::mean_v {
namespace SIMT_NS {
namespace {

using namespace yoso::SIMT_NS;

constexpr std::int64_t kPart = 128;  // sources that are summed by one piece of work
constexpr int kTogether = 8;         // of which so many are loaded before the first is used

// shares [batch, n_q]: 1 over the number of kept keys that a query sees; 0 if it is padded or sees none. A warp a
// sample.
__global__ void __launch_bounds__(kThreads)
    count_keys(const Shape s, const std::uint8_t* keep_q, const std::uint8_t* keep_k, float* shares) {
  const std::int64_t sample = this_token(), row = sample * s.heads;
  if (sample >= s.batch) return;
  const auto write = [&](std::int64_t query, std::int64_t count) {
    const bool answers = count > 0 && is_kept(keep_q, s, row, s.n_q, query);
    shares[sample * s.n_q + query] = answers ? 1.0f / static_cast<float>(count) : 0.0f;
  };
  std::int64_t before = 0;  // kept keys
  for (std::int64_t first = 0; first < s.n_k; first += kWarp) {
    const std::int64_t j = first + this_lane(), query = j + s.n_q - s.n_k;
    const unsigned kept = __ballot_sync(kWholeWarp, j < s.n_k && is_kept(keep_k, s, row, s.n_k, j));
    const int lanes = __popc(kept & (0xffffffffu >> (31 - this_lane())));
    if (s.causal && j < s.n_k && query >= 0) write(query, before + lanes);
    before += __popc(kept);
  }
  const std::int64_t blind = s.causal ? s.n_q - s.n_k : s.n_q;  // queries that see no key, or all see the same
  for (std::int64_t i = this_lane(); i < blind; i += kWarp) write(i, s.causal ? 0 : before);
}

// One side of the computation: x [rows, n, d_v] and the weight of each token.
struct Side {
  float* x;
  std::int64_t n;
  const std::uint8_t* keep;  // [batch, n], or null
  const float* shares;       // [batch, n], or null: then `keep` decides
  bool mirrored;             // places count from the end

  __device__ std::int64_t token(std::int64_t place) const { return mirrored ? n - 1 - place : place; }
  __device__ float weight(std::int64_t sample, std::int64_t token) const {
    return shares ? shares[sample * n + token] : !keep || keep[sample * n + token] ? 1.0f : 0.0f;
  }
  // A weighted token's element.
  __device__ float term(const Shape& s, std::int64_t row, std::int64_t sample, std::int64_t place,
                        std::int64_t column) const {
    const float factor = weight(sample, token(place));
    return factor != 0 ? factor * __ldg(x + (row * n + token(place)) * s.d_v + column) : 0.0f;
  }
};

// sums [rows, parts, d_v] of the weighted sources of each part, 32 columns a block
__global__ void __launch_bounds__(kThreads)
    sum_part(const Shape s, const Side from, const std::int64_t parts, float* sums) {
  __shared__ float shared[kThreads];
  const std::int64_t across = ceil_div(s.d_v, kColumns), slot = blockIdx.x / across, row = slot / parts;
  const std::int64_t column = blockIdx.x % across * kColumns + threadIdx.x % kColumns, first = slot % parts * kPart;
  const std::int64_t end = min(first + kPart, from.n);
  float sum = 0;
  if (column < s.d_v)
    for (std::int64_t place = first + threadIdx.x / kColumns; place < end; place += kTokenLanes)
      sum += from.term(s, row, row / s.heads, place, column);
  sum = join_lanes(sum, shared, [](float p, float q) { return p + q; });
  if (threadIdx.x < kColumns && column < s.d_v) sums[slot * s.d_v + column] = sum;
}

// sums become those of all parts before, totals [rows, d_v] those of all. A thread a column of a row.
__global__ void __launch_bounds__(kThreads)
    sum_before(const Shape s, const std::int64_t parts, float* sums, float* totals) {
  const std::int64_t i = this_element();
  if (i >= s.rows() * s.d_v) return;
  float* const own = sums + i / s.d_v * parts * s.d_v + i % s.d_v;
  float before = 0;
  for (std::int64_t part = 0; part < parts; ++part) {
    const float sum = own[part * s.d_v];
    own[part * s.d_v] = before;
    before += sum;
  }
  totals[i] = before;
}

// All targets take the sum of all, by their weight. A warp a target.
__global__ void __launch_bounds__(kThreads) spread(const Shape s, const Side to, const float* totals) {
  const std::int64_t at = this_token(), row = at / to.n;
  if (at >= s.rows() * to.n) return;
  const float weight = to.weight(row / s.heads, at % to.n);
  for (std::int64_t c = this_lane(); c < s.d_v; c += kWarp)
    to.x[at * s.d_v + c] = weight != 0 ? weight * totals[row * s.d_v + c] : 0.0f;
}

// Target u takes the sum of sources [0, u + ahead]. A warp a part of the sources and 32 columns.
__global__ void __launch_bounds__(kThreads)
    scan(const Shape s, const Side from, const Side to, const std::int64_t ahead, const std::int64_t parts,
         const float* before) {
  const std::int64_t across = ceil_div(s.d_v, kColumns), slot = this_token() / across, row = slot / parts;
  const std::int64_t column = this_token() % across * kColumns + this_lane(), part = slot % parts;
  if (row >= s.rows() || column >= s.d_v) return;
  const std::int64_t sample = row / s.heads, end = min((part + 1) * kPart, from.n);
  float sum = before[slot * s.d_v + column];
  const auto take = [&](std::int64_t place) {
    const std::int64_t token = to.token(place);
    const float weight = to.weight(sample, token);
    to.x[(row * to.n + token) * s.d_v + column] = weight != 0 ? weight * sum : 0.0f;
  };
  if (part == 0)
    for (std::int64_t place = 0; place < min(-ahead, to.n); ++place) take(place);  // they see nothing
  for (std::int64_t first = part * kPart; first < end; first += kTogether) {
    float terms[kTogether];
    SIMT_UNROLL
    for (int i = 0; i < kTogether; ++i)
      terms[i] = first + i < end ? from.term(s, row, sample, first + i, column) : 0.0f;
    SIMT_UNROLL
    for (int i = 0; i < kTogether; ++i) {
      sum += terms[i];
      const std::int64_t place = first + i - ahead;
      if (first + i < end && place >= 0 && place < to.n) take(place);
    }
  }
  if (part == parts - 1)
    for (std::int64_t place = max(from.n - ahead, std::int64_t{0}); place < to.n; ++place) take(place);  // all of it
}

struct Cuda {
  Shape shape;
  Context context;

  Cuda(const Shape& s, const Settings&, const Context& c) : shape(s), context(c) {}

  struct Scratch {
    float* shares;  // [batch, n_q]
    float* sums;    // [rows, parts, d_v]
    float* totals;  // [rows, d_v]
  };
  Scratch layout(Arena& scratch, std::int64_t sources) const {
    return {scratch.take<float>(shape.batch * shape.n_q),
            scratch.take<float>(shape.rows() * ceil_div(sources, kPart) * shape.d_v),
            scratch.take<float>(shape.rows() * shape.d_v)};
  }

  Needs needs() const {
    Arena forward, backward;
    layout(forward, shape.n_k);
    if (context.pass == Pass::both) layout(backward, shape.n_q);
    return {0, std::max(forward.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Scratch at = layout(call.scratch, shape.n_k);
    run(in, at, {const_cast<float*>(in.v), shape.n_k, in.keep_k, nullptr, false},
        {out, shape.n_q, nullptr, at.shares, false}, shape.n_k - shape.n_q);
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const Scratch at = layout(call.scratch, shape.n_q);
    clear(stream(), grads.dq, shape.q_size());
    clear(stream(), grads.dk, shape.k_size());
    run(in, at, {const_cast<float*>(up.dout), shape.n_q, nullptr, at.shares, true},
        {grads.dv, shape.n_k, in.keep_k, nullptr, true}, 0);
  }

 private:
  void* stream() const { return context.device->stream(); }

  void run(const Inputs& in, const Scratch& at, const Side& from, const Side& to, std::int64_t ahead) const {
    const std::int64_t parts = ceil_div(from.n, kPart), pieces = shape.rows() * parts * ceil_div(shape.d_v, kColumns);
    simt::launch(over_tokens(stream(), shape.batch), &count_keys, shape, in.keep_q, in.keep_k, at.shares);
    simt::launch({.grid = grid_of(pieces), .block = dim3(kThreads), .stream = stream()}, &sum_part, shape, from, parts,
                 at.sums);
    simt::launch(over_elements(stream(), shape.rows() * shape.d_v), &sum_before, shape, parts, at.sums, at.totals);
    if (shape.causal)
      simt::launch(over_tokens(stream(), pieces), &scan, shape, from, to, ahead, parts, at.sums);
    else
      simt::launch(over_tokens(stream(), shape.rows() * to.n), &spread, shape, to, at.totals);
  }
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::mean_v
