// Nystrom attention on CUDA.
#include <algorithm>
#include <cmath>
#include <utility>

#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include "nystrom/gradients.hpp"

namespace yoso::nystrom {
namespace SIMT_NS {
namespace {

constexpr std::int64_t kPart = 256;  // tokens that a block of landmarks meets

// All queries and all kept keys. A block has tokens of one side, and meets those of the other, or a part of them.
struct Pairs {
  struct Own : OwnTokens {
    int mask = 0;  // of the row's keys
    int first = 0, from = 0, to = 0;
  };

  const std::uint8_t* keep = nullptr;  // of keys, [rows / heads, n_k]
  std::int64_t rows = 1, heads = 1;
  int n_own = 1, n_met = 1, n_k = 1, parts = 1, part = 1;

  std::int64_t blocks() const { return rows * ceil_div(n_own, kTile) * parts; }
  __device__ bool own(std::int64_t block, Own& o) const {
    const int which = static_cast<int>(block), tiles = (n_own + kTile - 1) / kTile, at = which % parts;  // a grid's x
    o.row = which / parts / tiles;
    o.mask = static_cast<int>(o.row / heads);
    o.first = which / parts % tiles * kTile;
    o.count = min(kTile, n_own - o.first);
    o.from = at * part;
    o.to = min(n_met, o.from + part);
    if (parts > 1) o.partial = (o.row * parts + at) * n_own + o.first;
    return true;
  }
  __device__ Entry query(const Own& o, int r) const { return {o.first + r}; }
  __device__ Entry key(const Own& o, int r) const { return kept(o, o.first + r); }
  __device__ int key_token(const Own& o, int r) const { return o.first + r; }
  __device__ int keys(const Own& o) const { return o.to - o.from; }
  __device__ int queries(const Own& o) const { return o.to - o.from; }
  __device__ Entry key_met(const Own& o, int at) const { return kept(o, o.from + at); }
  __device__ Entry query_met(const Own& o, int at) const { return {o.from + at}; }
  __device__ float logit(const Entry&, const Entry&, float product) const { return product; }
  __device__ bool constant(const Entry&, const Entry&) const { return false; }

 private:
  __device__ Entry kept(const Own& o, int token) const {
    return {!keep || keep[static_cast<std::int64_t>(o.mask) * n_k + token] ? token : -1};
  }
};

struct Cuda {
  Cuda(const Shape& shape, const Settings& settings, const Context& context)
      : shape_(shape),
        context_(context),
        landmarks_(std::min(settings.integer("landmarks"), shape.n_k)),
        iterations_(static_cast<int>(settings.integer("iterations"))),
        exact_(landmarks_ == shape.n_k),
        whole_tensor_(settings.is("pinv_init", "tensor")) {
    if (shape.causal) throw Unsupported("nystrom has no causal form: its landmarks average over the future");
    if (shape.n_q != shape.n_k) throw Unsupported("nystrom is self-attention: queries and keys share their segments");
    if (shape.d_v > kWidestValue) throw Unsupported("nystrom on cuda has values of at most 256 columns");
    small_ = landmarks_ <= kTile && context.device->info().shared_per_block >= static_cast<std::int64_t>(kInvertShared);
    if (!exact_ && (!small_ || context.pass == Pass::both)) require_blas();
  }

  Needs needs() const {
    Arena saved, forward, again, backward;
    layout(saved, forward);
    if (context_.pass == Pass::both) backward_layout(again, backward);
    return {saved.used(), std::max(forward.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    void* const stream = context_.device->stream();
    const Layout at = layout(call.saved, call.scratch);
    if (exact_) {
      call.phase("attend");
      const Pairs pairs = pairs_of(shape_.n_q, shape_.n_k, in.keep_k);
      return attend(stream, pairs.blocks(), pairs, of_queries(in, at, out));
    }
    const Sizes s = sizes();
    call.phase("landmarks");
    const auto average = [&](const float* x, const std::uint8_t* keep, const Landmarks& to) {
      simt::launch(blocks_of(stream, s.rows * ceil_div(landmarks_, kTileThreads / kWarp)), average_segments, s, x, keep,
                   to.means, to.there, to.shares);
    };
    average(in.q, in.keep_q, at.q);
    average(in.k, in.keep_k, at.k);
    call.phase("kernel");
    weigh(s, at, stream);
    call.phase("values");
    const Attention a = of_landmarks(in, at);
    const Pairs pairs = in_parts(pairs_of(landmarks_, shape_.n_k, in.keep_k));
    attend(stream, pairs.blocks(), pairs, a);
    if (parts() > 1) join_parts(stream, s.rows, landmarks_, pairs.parts, a);
    call.phase("inverse");
    if (small_)
      simt::launch(blocks_of(stream, s.rows, kInvertShared), invert, s, iterations_, at.kernel, at.norms, at.summary,
                   at.values, at.iterates);
    else
      invert_by_products(s, at, stream);
    call.phase("query");
    const Pairs to_landmarks = landmark_keys(pairs_of(shape_.n_q, landmarks_, at.k.there));
    attend(stream, to_landmarks.blocks(), to_landmarks, of_queries(in, at, out));
  }

  // From the output to the inputs, by the equations of the README.
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    void* const stream = context_.device->stream();
    BackwardLayout at = backward_layout(call.saved, call.scratch);
    const Sizes s = sizes();
    const Attention queries = of_queries(in, at, const_cast<float*>(up.out));
    Backward b{.dout = up.dout, .means = at.means, .dq = grads.dq, .dk = grads.dk, .dv = grads.dv};
    call.phase(exact_ ? "attend" : "query");
    find_means(stream, s.rows * s.n, queries, up.dout, at.means);
    if (exact_) {
      const Pairs pairs = pairs_of(shape_.n_q, shape_.n_k, in.keep_k);
      find_query_gradients(stream, pairs.blocks(), pairs, queries, b);
      return find_key_gradients(stream, pairs.blocks(), pairs, queries, b);
    }
    const Pairs to_landmarks = landmark_keys(pairs_of(shape_.n_q, landmarks_, at.k.there));
    find_query_gradients(stream, to_landmarks.blocks(), to_landmarks, queries, b);
    b.dk = at.d_k;
    b.dv = at.d_values;
    b.partial_k = at.partial_k;
    b.partial_v = at.partial_v;
    const Pairs from_landmarks = in_parts(landmark_keys(pairs_of(landmarks_, shape_.n_q, at.k.there)));
    find_key_gradients(stream, from_landmarks.blocks(), from_landmarks, queries, b);
    if (parts() > 1) {
      join_gradients(stream, s.rows, landmarks_, landmarks_, from_landmarks.parts, shape_.d, b.partial_k, at.d_k);
      join_gradients(stream, s.rows, landmarks_, landmarks_, from_landmarks.parts, shape_.d_v, b.partial_v,
                     at.d_values);
    }
    call.phase("values");
    product(stream, Turned::left, shape_.d_v, 1.0f, iterate(at, iterations_), at.d_values, 0.0f, at.d_summary);
    const Attention landmarks = of_landmarks(in, at);
    find_means(stream, s.rows * landmarks_, landmarks, at.d_summary, at.means);
    b = {.dout = at.d_summary, .means = at.means, .dq = at.d_q, .dk = grads.dk, .dv = grads.dv};
    b.partial_q = at.partial_k;
    const Pairs to_keys = in_parts(pairs_of(landmarks_, shape_.n_k, in.keep_k));
    find_query_gradients(stream, to_keys.blocks(), to_keys, landmarks, b);
    if (parts() > 1)
      join_gradients(stream, s.rows, landmarks_, landmarks_, to_keys.parts, shape_.d, b.partial_q, at.d_q);
    Pairs from_keys = pairs_of(shape_.n_k, landmarks_, in.keep_k);
    from_keys.n_k = static_cast<int>(shape_.n_k);
    find_key_gradients(stream, from_keys.blocks(), from_keys, landmarks, b);
    call.phase("inverse");
    invert_back(s, at, stream);
    call.phase("kernel");
    simt::launch(blocks_of(stream, ceil_div(s.rows * landmarks_, kTileThreads / kWarp)), logit_gradients, s, at.kernel,
                 at.scales, at.guesses, at.d_kernel);
    const float scale = query_scale() * kLn2;
    product(stream, Turned::none, shape_.d, scale, at.d_kernel, at.k.means, 1.0f, at.d_q);
    product(stream, Turned::left, shape_.d, scale, at.d_kernel, at.q.means, 1.0f, at.d_k);
    call.phase("landmarks");
    const auto share = [&](const std::uint8_t* keep, const Landmarks& of, const float* d_means, float* dx) {
      simt::launch(blocks_of(stream, ceil_div(s.rows * s.n, kTileThreads / kWarp)), share_means, s, keep, of.shares,
                   d_means, dx);
    };
    share(in.keep_q, at.q, at.d_q, grads.dq);
    share(in.keep_k, at.k, at.d_k, grads.dk);
  }

 private:
  struct Landmarks {
    float* means = nullptr;         // [rows, L, d]
    std::uint8_t* there = nullptr;  // [rows, L]: whether a token of the segment is kept
    float* shares = nullptr;        // [rows, L]: of one of them in the mean
  };
  // What backward needs of forward.
  struct Factors {
    float *first_largest = nullptr, *first_totals = nullptr;  // [rows, n], of both passes only
    Landmarks q, k;
    float *kernel = nullptr, *norms = nullptr;                // [rows, L, L], [rows, 2]
    float *summary = nullptr, *values = nullptr;              // [rows, L, d_v]: C V, and pinv(B) times that
    float *third_largest = nullptr, *third_totals = nullptr;  // [rows, L], of both passes only
    float* iterates = nullptr;                                // [iterations + 1, rows, L, L], of both passes only
    float *partial = nullptr, *partial_largest = nullptr, *partial_totals = nullptr;  // of the summary: scratch
  };
  struct Layout : Factors {
    float *inverse, *next, *product, *t, *u, *w;  // [rows, L, L], if by products
  };
  struct BackwardLayout : Factors {
    float* means;                                                                  // [rows, n]
    float *d_q, *d_k;                                                              // [rows, L, d]: of the landmarks
    float *d_values, *d_summary;                                                   // [rows, L, d_v]
    float *partial_k, *partial_v;                                                  // of d_k, d_q; of d_values
    float *product, *t, *u, *w, *d_kernel, *d_inverse, *d_next, *d_product, *d_w;  // [rows, L, L]
    double* scales;                                                                // [rows]
    Guess* guesses;                                                                // [rows]
  };
  enum class Turned : std::uint8_t { none, left, right };  // which factor of a product is transposed

  Sizes sizes() const {
    return {shape_.rows(),
            shape_.heads,
            shape_.n_k,
            static_cast<int>(landmarks_),
            static_cast<int>(shape_.d),
            static_cast<int>(shape_.d_v)};
  }

  float* iterate(const Factors& at, std::int64_t step) const {
    return at.iterates + step * shape_.rows() * landmarks_ * landmarks_;
  }

  // c [rows, L, width] = alpha a b + beta c, a [rows, L, L]; b is square where it is transposed.
  void product(void* stream, Turned turned, std::int64_t width, float alpha, const float* a, const float* b, float beta,
               float* c, std::int64_t depth = 0) const {
    const std::int64_t inner = depth > 0 ? depth : landmarks_;
    multiply(stream, {.m = landmarks_,
                      .n = width,
                      .k = inner,
                      .alpha = alpha,
                      .beta = beta,
                      .a = a,
                      .a_transposed = turned == Turned::left,
                      .lda = inner,
                      .step_a = landmarks_ * inner,
                      .b = b,
                      .b_transposed = turned == Turned::right,
                      .ldb = turned == Turned::right ? inner : width,
                      .step_b = landmarks_ * (turned == Turned::right ? inner : width),
                      .c = c,
                      .ldc = width,
                      .step_c = landmarks_ * width,
                      .count = shape_.rows()});
  }

  // U = 15 I - P T and W = 13 I - P U, after P = B Z and T = 7 I - P.
  template <class At>
  void find_factors(const Sizes& s, const At& at, const float* z, void* stream) const {
    const std::int64_t elements = ceil_div(s.rows * landmarks_ * landmarks_, kTileThreads);
    product(stream, Turned::none, landmarks_, 1.0f, at.kernel, z, 0.0f, at.product);
    simt::launch(blocks_of(stream, elements), begin_step, s, at.product, at.t, at.u, at.w);
    product(stream, Turned::none, landmarks_, -1.0f, at.product, at.t, 1.0f, at.u);
    product(stream, Turned::none, landmarks_, -1.0f, at.product, at.u, 1.0f, at.w);
  }

  void weigh(const Sizes& s, const Layout& at, void* stream) const {
    if (small_) {
      simt::launch(blocks_of(stream, s.rows, kWeighShared), weigh_landmarks, s, query_scale(), at.q.means, at.k.means,
                   at.q.there, at.k.there, at.kernel, at.norms);
    } else {
      product(stream, Turned::right, landmarks_, query_scale(), at.q.means, at.k.means, 0.0f, at.kernel, shape_.d);
      simt::launch(blocks_of(stream, ceil_div(s.rows * landmarks_, kTileThreads / kWarp)), weigh_logits, s, at.q.there,
                   at.k.there, at.kernel);
      simt::launch(small_blocks_of(stream, s.rows), find_norms, s, at.kernel, at.norms);
    }
    if (whole_tensor_) simt::launch(small_blocks_of(stream, 1), widen_norms, s.rows, at.norms);
  }

  void invert_by_products(const Sizes& s, const Layout& at, void* stream) const {
    float *z = at.iterates ? iterate(at, 0) : at.inverse, *next = at.iterates ? iterate(at, 1) : at.next;
    simt::launch(blocks_of(stream, ceil_div(s.rows * landmarks_ * landmarks_, kTileThreads)), guess_inverse, s,
                 at.kernel, at.norms, z);
    for (int step = 0; step < iterations_; ++step) {
      find_factors(s, at, z, stream);
      product(stream, Turned::none, landmarks_, 0.25f, z, at.w, 0.0f, next);
      std::swap(z, next);
      if (at.iterates) next = iterate(at, std::min(step + 2, iterations_));
    }
    product(stream, Turned::none, shape_.d_v, 1.0f, z, at.summary, 0.0f, at.values);
  }

  // A step Z' = Z W / 4, backward:
  //   dW = Z^T dZ' / 4,   dU = -P^T dW,   dT = -P^T dU,   dP = -dW U^T - dU T^T - dT,
  //   dB += dP Z^T,       dZ = dZ' W^T / 4 + B^T dP
  void invert_back(const Sizes& s, BackwardLayout& at, void* stream) const {
    constexpr std::size_t kEight = simt::Carver::bytes<double>(kTileThreads / kWarp);
    product(stream, Turned::right, landmarks_, 1.0f, at.d_values, at.summary, 0.0f, at.d_inverse, shape_.d_v);
    simt::launch(blocks_of(stream, s.rows, kEight), scale_gradients, s, at.d_inverse, at.scales);
    const auto times = [&](Turned turned, float alpha, const float* a, const float* b, float beta, float* c) {
      product(stream, turned, landmarks_, alpha, a, b, beta, c);
    };
    for (int step = iterations_ - 1; step >= 0; --step) {
      const float* const z = iterate(at, step);
      find_factors(s, at, z, stream);
      times(Turned::left, 0.25f, z, at.d_inverse, 0.0f, at.d_w);
      times(Turned::right, 0.25f, at.d_inverse, at.w, 0.0f, at.d_next);
      times(Turned::right, -1.0f, at.d_w, at.u, 0.0f, at.d_product);
      float* const d_u = at.w;  // of which no more is needed
      times(Turned::left, -1.0f, at.product, at.d_w, 0.0f, d_u);
      times(Turned::right, -1.0f, d_u, at.t, 1.0f, at.d_product);
      times(Turned::left, 1.0f, at.product, d_u, 1.0f, at.d_product);
      times(Turned::right, 1.0f, at.d_product, z, step == iterations_ - 1 ? 0.0f : 1.0f, at.d_kernel);
      times(Turned::left, 1.0f, at.kernel, at.d_product, 1.0f, at.d_next);
      std::swap(at.d_inverse, at.d_next);
    }
    simt::launch(blocks_of(stream, s.rows,
                           kEight + simt::Carver::bytes<float>(kTileThreads) + simt::Carver::bytes<int>(kTileThreads)),
                 guess_gradients, s, at.kernel, at.norms, iterate(at, 0), at.d_inverse, at.scales, at.d_kernel,
                 at.guesses);
    simt::launch(blocks_of(stream, whole_tensor_ ? 1 : ceil_div(s.rows, kTileThreads)), share_guesses, s, whole_tensor_,
                 at.norms, at.scales, at.guesses);
  }

  std::int64_t parts() const { return ceil_div(shape_.n_k, kPart); }
  float query_scale() const { return kLog2E / std::sqrt(static_cast<float>(shape_.d)); }

  Factors factors(Arena& arena) const {
    Factors at;
    const bool both = context_.pass == Pass::both;
    const std::int64_t rows = shape_.rows(), all = rows * landmarks_;
    if (both) at.first_largest = arena.take<float>(rows * shape_.n_q);
    if (both) at.first_totals = arena.take<float>(rows * shape_.n_q);
    if (exact_) return at;
    for (Landmarks* const side : {&at.q, &at.k}) {
      side->means = arena.take<float>(all * shape_.d);
      side->there = arena.take<std::uint8_t>(all);
      side->shares = arena.take<float>(all);
    }
    at.kernel = arena.take<float>(all * landmarks_);
    at.norms = arena.take<float>(2 * rows);
    at.summary = arena.take<float>(all * shape_.d_v);
    at.values = arena.take<float>(all * shape_.d_v);
    if (!both) return at;
    at.third_largest = arena.take<float>(all);
    at.third_totals = arena.take<float>(all);
    at.iterates = arena.take<float>((iterations_ + 1) * all * landmarks_);
    return at;
  }

  std::int64_t partials() const { return parts() > 1 ? shape_.rows() * landmarks_ * parts() : 0; }

  Layout layout(Arena& saved, Arena& scratch) const {
    Layout at{factors(context_.pass == Pass::both ? saved : scratch), {}, {}, {}, {}, {}, {}};
    if (exact_) return at;
    at.partial = scratch.take<float>(partials() * shape_.d_v);
    at.partial_largest = scratch.take<float>(partials());
    at.partial_totals = scratch.take<float>(partials());
    if (small_) return at;
    const std::int64_t matrix = shape_.rows() * landmarks_ * landmarks_;
    for (float** const to : {&at.product, &at.t, &at.u, &at.w}) *to = scratch.take<float>(matrix);
    if (at.iterates || context_.pass == Pass::both) return at;
    for (float** const to : {&at.inverse, &at.next}) *to = scratch.take<float>(matrix);
    return at;
  }

  BackwardLayout backward_layout(Arena& saved, Arena& scratch) const {
    BackwardLayout at{factors(saved), {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    at.means = scratch.take<float>(shape_.rows() * shape_.n_q);
    if (exact_) return at;
    const std::int64_t all = shape_.rows() * landmarks_;
    for (float** const to : {&at.d_q, &at.d_k}) *to = scratch.take<float>(all * shape_.d);
    for (float** const to : {&at.d_values, &at.d_summary}) *to = scratch.take<float>(all * shape_.d_v);
    at.partial_k = scratch.take<float>(partials() * shape_.d);
    at.partial_v = scratch.take<float>(partials() * shape_.d_v);
    for (float** const to :
         {&at.product, &at.t, &at.u, &at.w, &at.d_kernel, &at.d_inverse, &at.d_next, &at.d_product, &at.d_w})
      *to = scratch.take<float>(all * landmarks_);
    at.scales = scratch.take<double>(shape_.rows());
    at.guesses = scratch.take<Guess>(shape_.rows());
    return at;
  }

  // A: of queries to landmarks, with values pinv(B) (C V); or to the keys themselves.
  Attention of_queries(const Inputs& in, const Factors& at, float* out) const {
    Attention a = exact_ ? attention(in.q, in.k, in.v, shape_.n_q, shape_.n_k)
                         : attention(in.q, at.k.means, at.values, shape_.n_q, landmarks_);
    a.keep_q = in.keep_q;
    a.out = out;
    a.largest = at.first_largest;
    a.totals = at.first_totals;
    return a;
  }

  // C: of landmarks to keys.
  Attention of_landmarks(const Inputs& in, const Factors& at) const {
    Attention a = attention(at.q.means, in.k, in.v, landmarks_, shape_.n_k);
    a.keep_q = at.q.there;
    a.heads = 1;
    a.out = at.summary;
    a.largest = at.third_largest;
    a.totals = at.third_totals;
    a.partial = at.partial;
    a.partial_largest = at.partial_largest;
    a.partial_totals = at.partial_totals;
    return a;
  }

  Attention attention(const float* q, const float* k, const float* v, std::int64_t n_q, std::int64_t n_k) const {
    Attention a;
    a.q = q;
    a.k = k;
    a.v = v;
    a.heads = shape_.heads;
    a.n_q = static_cast<int>(n_q);
    a.n_k = static_cast<int>(n_k);
    a.d = static_cast<int>(shape_.d);
    a.d_v = static_cast<int>(shape_.d_v);
    a.query_scale = query_scale();
    return a;
  }

  // `keep`: of keys, which are those that are met.
  Pairs pairs_of(std::int64_t n_own, std::int64_t n_met, const std::uint8_t* keep) const {
    Pairs pairs;
    pairs.keep = keep;
    pairs.rows = shape_.rows();
    pairs.heads = shape_.heads;
    pairs.n_own = static_cast<int>(n_own);
    pairs.n_met = pairs.n_k = pairs.part = static_cast<int>(n_met);
    return pairs;
  }
  Pairs landmark_keys(Pairs pairs) const {  // which have a mask for each row
    pairs.heads = 1;
    pairs.n_k = static_cast<int>(landmarks_);
    return pairs;
  }
  Pairs in_parts(Pairs pairs) const {
    pairs.part = static_cast<int>(kPart);
    pairs.parts = static_cast<int>(parts());
    return pairs;
  }

  static simt::Launch blocks_of(void* stream, std::int64_t blocks, std::size_t shared = 0) {
    return {.grid = grid_of(blocks), .block = dim3(kTileThreads), .shared_bytes = shared, .stream = stream};
  }

  static simt::Launch small_blocks_of(void* stream, std::int64_t blocks) {
    return {
        .grid = grid_of(blocks), .block = dim3(kTile), .shared_bytes = simt::Carver::bytes<float>(4), .stream = stream};
  }

  Shape shape_;
  Context context_;
  std::int64_t landmarks_;
  int iterations_;
  bool exact_, whole_tensor_;
  bool small_ = false;  // the iteration of a row fits a block
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::nystrom
