// Longformer on CUDA: the pairs of a band and of global tokens, by the tiles of simt/pairs.hpp.
//
// A block of 64 tokens meets the global ones and its band. Global tokens meet all, which would be a block as long as
// the row beside many short ones, so they meet parts of the row in blocks of their own, and what those found is joined.
#include <algorithm>
#include <cmath>

#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include "simt/pairs.hpp"

namespace yoso::longformer {
namespace SIMT_NS {
namespace {

using namespace yoso::SIMT_NS;

constexpr std::int64_t kPart = 128;  // tokens that a block of global ones meets: about those of a usual window

// Whoever sees is seen: the same for queries and keys.
struct Pairs {
  struct Own : OwnTokens {
    const std::uint8_t* keep = nullptr;  // of keys
    int first = 0;                       // token
    int met_globals = 0;                 // that it meets
    int from = 0, to = 0;                // other tokens that it meets
  };

  const std::uint8_t* keep = nullptr;  // [batch, n]
  std::int64_t rows = 1, heads = 1;
  int n = 1, reach = 1, globals = 0, parts = 1, part = 1;

  __host__ __device__ std::int64_t global_blocks() const { return ceil_div(globals, kTile) * parts; }  // of a row
  std::int64_t blocks() const { return rows * (global_blocks() + ceil_div(n - globals, kTile)); }

  // Those of global tokens come first, because they may be the longer ones.
  __device__ bool own(std::int64_t block, Own& o) const {
    o.row = block % rows;
    if (keep) o.keep = keep + o.row / heads * n;
    const int at = static_cast<int>(block / rows), global = static_cast<int>(global_blocks());
    if (at < global) {
      o.first = at / parts * kTile;
      o.count = min(kTile, globals - o.first);
      o.from = at % parts * part;
      o.to = min(n, o.from + part);
      if (parts > 1) o.partial = (o.row * parts + at % parts) * globals + o.first;
    } else {
      o.first = globals + (at - global) * kTile;
      o.count = min(kTile, n - o.first);
      o.met_globals = globals;
      o.from = max(globals, o.first - reach);
      o.to = min(n, o.first + o.count + reach);
    }
    return true;
  }

  __device__ Entry query(const Own& o, int r) const { return {o.first + r}; }
  __device__ Entry key(const Own& o, int r) const { return kept(o, o.first + r); }
  __device__ int key_token(const Own& o, int r) const { return o.first + r; }
  __device__ int keys(const Own& o) const { return o.met_globals + o.to - o.from; }
  __device__ int queries(const Own& o) const { return keys(o); }
  __device__ Entry query_met(const Own& o, int at) const {
    return {at < o.met_globals ? at : o.from + at - o.met_globals};
  }
  __device__ Entry key_met(const Own& o, int at) const { return kept(o, query_met(o, at).token); }

  __device__ float logit(const Entry& query, const Entry& key, float product) const {
    const int apart = query.token - key.token;
    const bool near = apart <= reach && -apart <= reach;
    return near || query.token < globals || key.token < globals ? product : -INFINITY;
  }
  __device__ bool constant(const Entry&, const Entry&) const { return false; }

 private:
  __device__ static Entry kept(const Own& o, int token) { return {!o.keep || o.keep[token] ? token : -1}; }
};

// Joins what the parts of the row found for a global query. A warp takes a query.
static __global__ void __launch_bounds__(kTileThreads) join_queries(Pairs pairs, Attention a) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * (kTileThreads / kWarp) + threadIdx.x / kWarp;
  if (at >= pairs.rows * pairs.globals) return;
  const std::int64_t row = at / pairs.globals, i = at % pairs.globals, first = row * pairs.parts * pairs.globals + i;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float largest = -INFINITY, total = 0;
  for (int p = lane; p < pairs.parts; p += kWarp)
    largest = fmaxf(largest, a.partial_largest[first + static_cast<std::int64_t>(p) * pairs.globals]);
  largest = warp_max(largest);
  const float base = largest > -INFINITY ? largest : 0.0f;
  for (int p = lane; p < pairs.parts; p += kWarp) {
    const std::int64_t found = first + static_cast<std::int64_t>(p) * pairs.globals;
    total = fmaf(a.partial_totals[found], exp2f(a.partial_largest[found] - base), total);
  }
  total = warp_sum(total);
  const bool answered = total > 0.0f && (!a.keep_q || a.keep_q[row / a.heads * a.n_q + i]);
  const float share = answered ? 1.0f / total : 0.0f;
  const std::int64_t query = row * a.n_q + i;
  for (int c = lane; c < a.d_v; c += kWarp) {
    float sum = 0;
    for (int p = 0; answered && p < pairs.parts; ++p) {
      const std::int64_t found = first + static_cast<std::int64_t>(p) * pairs.globals;
      sum = fmaf(exp2f(a.partial_largest[found] - base), a.partial[found * a.d_v + c], sum);
    }
    a.out[query * a.d_v + c] = share * sum;
  }
  if (lane != 0 || !a.largest) return;
  a.largest[query] = answered ? largest : INFINITY;
  a.totals[query] = share;
}

// Gradients of the global tokens of x [rows, n, width] from those of the parts, in their order.
static __global__ void __launch_bounds__(kTileThreads)
    join_gradients(Pairs pairs, int width, const float* partial, float* to) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kTileThreads + threadIdx.x;
  const std::int64_t size = static_cast<std::int64_t>(pairs.globals) * width;  // of a row's part
  if (at >= pairs.rows * size) return;
  const std::int64_t row = at / size, i = at % size;
  float sum = 0;
  for (int p = 0; p < pairs.parts; ++p) sum += partial[(row * pairs.parts + p) * size + i];
  to[row * pairs.n * width + i] = sum;
}

struct Cuda {
  Cuda(const Shape& shape, const Settings& settings, const Context& context) : shape_(shape), context_(context) {
    if (shape.causal) throw Unsupported("longformer has no causal form: its global tokens see the future");
    if (shape.n_q != shape.n_k) throw Unsupported("longformer is self-attention: its window needs n_q = n_k");
    if (shape.d_v > kWidestValue) throw Unsupported("longformer on cuda has values of at most 256 columns");
    const std::int64_t n = shape.n_q, globals = std::min(settings.integer("global"), n);
    // parts of whole tiles, and no more of them than leave partial results below the size of a tensor
    const std::int64_t most = globals > 0 ? std::max(n / globals, std::int64_t{1}) : 1;
    const std::int64_t wanted = std::clamp(ceil_div(n, kPart), std::int64_t{1}, most);
    const std::int64_t part = ceil_div(ceil_div(n, wanted), kTile) * kTile;
    pairs_.rows = shape.rows();
    pairs_.heads = shape.heads;
    pairs_.n = static_cast<int>(n);
    pairs_.reach = static_cast<int>(std::min(settings.integer("window") / 2, n));
    pairs_.globals = static_cast<int>(globals);
    pairs_.parts = static_cast<int>(ceil_div(n, part));
    pairs_.part = static_cast<int>(part);
  }

  Needs needs() const {
    Arena saved, forward, again, backward;
    layout(saved, forward);
    if (context_.pass == Pass::both) backward_layout(again, backward);
    return {saved.used(), std::max(forward.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    void* const stream = context_.device->stream();
    Attention a = layout(call.saved, call.scratch);
    take_inputs(in, a);
    a.out = out;
    const Pairs pairs = pairs_of(in);
    call.phase("attend");
    attend(stream, pairs.blocks(), pairs, a);
    if (partials() == 0) return;
    simt::launch(blocks_of(stream, ceil_div(pairs.rows * pairs.globals, kTileThreads / kWarp)), join_queries, pairs, a);
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    void* const stream = context_.device->stream();
    BackwardLayout at = backward_layout(call.saved, call.scratch);
    take_inputs(in, at.a);
    at.a.out = const_cast<float*>(up.out);
    at.b.dout = up.dout;
    at.b.dq = grads.dq;
    at.b.dk = grads.dk;
    at.b.dv = grads.dv;
    const Pairs pairs = pairs_of(in);
    call.phase("attend");
    find_means(stream, pairs.rows * pairs.n, at.a, up.dout, at.means);
    find_query_gradients(stream, pairs.blocks(), pairs, at.a, at.b);
    find_key_gradients(stream, pairs.blocks(), pairs, at.a, at.b);
    if (partials() == 0) return;
    const auto join = [&](std::int64_t width, const float* partial, float* to) {
      simt::launch(blocks_of(stream, ceil_div(pairs.rows * pairs.globals * width, kTileThreads)), join_gradients, pairs,
                   static_cast<int>(width), partial, to);
    };
    join(shape_.d, at.b.partial_q, grads.dq);
    join(shape_.d, at.b.partial_k, grads.dk);
    join(shape_.d_v, at.b.partial_v, grads.dv);
  }

 private:
  struct BackwardLayout {
    Attention a;
    Backward b;
    float* means;
  };

  // Rows of partial results.
  std::int64_t partials() const { return pairs_.parts > 1 ? pairs_.rows * pairs_.parts * pairs_.globals : 0; }

  Attention kept(Arena& saved) const {
    Attention a;
    if (context_.pass == Pass::forward) return a;
    a.largest = saved.take<float>(shape_.rows() * shape_.n_q);
    a.totals = saved.take<float>(shape_.rows() * shape_.n_q);
    return a;
  }

  Attention layout(Arena& saved, Arena& scratch) const {
    Attention a = kept(saved);
    a.partial = scratch.take<float>(partials() * shape_.d_v);
    a.partial_largest = scratch.take<float>(partials());
    a.partial_totals = scratch.take<float>(partials());
    return a;
  }

  BackwardLayout backward_layout(Arena& saved, Arena& scratch) const {
    BackwardLayout at{kept(saved), {}, scratch.take<float>(shape_.rows() * shape_.n_q)};
    at.b.means = at.means;
    at.b.partial_q = scratch.take<float>(partials() * shape_.d);
    at.b.partial_k = scratch.take<float>(partials() * shape_.d);
    at.b.partial_v = scratch.take<float>(partials() * shape_.d_v);
    return at;
  }

  void take_inputs(const Inputs& in, Attention& a) const {
    a.q = in.q;
    a.k = in.k;
    a.v = in.v;
    a.keep_q = in.keep_q;
    a.heads = shape_.heads;
    a.n_q = a.n_k = static_cast<int>(shape_.n_q);
    a.d = static_cast<int>(shape_.d);
    a.d_v = static_cast<int>(shape_.d_v);
    a.query_scale = kLog2E / std::sqrt(static_cast<float>(shape_.d));
  }

  Pairs pairs_of(const Inputs& in) const {
    Pairs pairs = pairs_;
    pairs.keep = in.keep_k;
    return pairs;
  }

  static simt::Launch blocks_of(void* stream, std::int64_t blocks) {
    return {.grid = dim3(static_cast<unsigned>(blocks)), .block = dim3(kTileThreads), .stream = stream};
  }

  Shape shape_;
  Context context_;
  Pairs pairs_;
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::longformer
