// Nystrom attention on CUDA, forward.
#include <algorithm>
#include <cmath>
#include <utility>

#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include "nystrom/landmarks.hpp"

namespace yoso::nystrom {
namespace SIMT_NS {
namespace {

constexpr std::int64_t kPart = 256;  // keys that a block of landmarks attends to, where they can be shared out

// All queries and all kept keys, the keys cut into parts.
struct Pairs {
  struct Own : OwnTokens {
    const std::uint8_t* keep = nullptr;
    int first = 0, from = 0, to = 0;
  };

  const std::uint8_t* keep = nullptr;  // of keys, [rows / heads, n_k]
  std::int64_t rows = 1, heads = 1;
  int n_q = 1, n_k = 1, parts = 1, part = 1;

  std::int64_t blocks() const { return rows * ceil_div(n_q, kTile) * parts; }
  __device__ bool own(std::int64_t block, Own& o) const {
    const std::int64_t tiles = ceil_div(n_q, kTile), at = block % parts;
    o.row = block / parts / tiles;
    if (keep) o.keep = keep + o.row / heads * n_k;
    o.first = static_cast<int>(block / parts % tiles) * kTile;
    o.count = min(kTile, n_q - o.first);
    o.from = static_cast<int>(at) * part;
    o.to = min(n_k, o.from + part);
    if (parts > 1) o.partial = (o.row * parts + at) * n_q + o.first;
    return true;
  }
  __device__ Entry query(const Own& o, int r) const { return {o.first + r}; }
  __device__ int keys(const Own& o) const { return o.to - o.from; }
  __device__ Entry key_met(const Own& o, int at) const { return {!o.keep || o.keep[o.from + at] ? o.from + at : -1}; }
  __device__ float logit(const Entry&, const Entry&, float product) const { return product; }
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
    if (!exact_ && !small_) require_blas();
  }

  Needs needs() const {
    Arena scratch;
    layout(scratch);
    return {0, scratch.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    void* const stream = context_.device->stream();
    const std::int64_t rows = shape_.rows();
    const Sizes s{rows,
                  shape_.heads,
                  shape_.n_k,
                  static_cast<int>(landmarks_),
                  static_cast<int>(shape_.d),
                  static_cast<int>(shape_.d_v)};
    if (exact_) {
      call.phase("attend");
      Attention a = attention(in.q, in.k, in.v, shape_.n_q, shape_.n_k);
      a.keep_q = in.keep_q;
      a.out = out;
      const Pairs pairs = pairs_of(shape_.n_q, shape_.n_k, in.keep_k, shape_.heads);
      return attend(stream, pairs.blocks(), pairs, a);
    }
    const Layout at = layout(call.scratch);
    call.phase("landmarks");
    const auto average = [&](const float* x, const std::uint8_t* keep, float* means, std::uint8_t* there) {
      simt::launch(blocks_of(stream, ceil_div(rows * landmarks_, kTileThreads / kWarp)), average_segments, s, x, keep,
                   means, there);
    };
    average(in.q, in.keep_q, at.q, at.q_there);
    average(in.k, in.keep_k, at.k, at.k_there);
    call.phase("kernel");
    weigh(s, at, stream);
    call.phase("values");
    Attention a = attention(at.q, in.k, in.v, landmarks_, shape_.n_k);
    a.keep_q = at.q_there;
    a.heads = 1;
    a.out = at.summary;
    a.partial = at.partial;
    a.partial_largest = at.partial_largest;
    a.partial_totals = at.partial_totals;
    Pairs pairs = pairs_of(landmarks_, shape_.n_k, in.keep_k, shape_.heads);
    pairs.part = static_cast<int>(kPart);
    pairs.parts = static_cast<int>(parts());
    attend(stream, pairs.blocks(), pairs, a);
    if (parts() > 1) join_parts(stream, rows, landmarks_, pairs.parts, a);
    call.phase("inverse");
    if (small_)
      simt::launch(blocks_of(stream, rows, kInvertShared), invert, s, iterations_, at.kernel, at.norms, at.summary,
                   at.values);
    else
      invert_by_products(s, at, stream);
    call.phase("query");
    a = attention(in.q, at.k, at.values, shape_.n_q, landmarks_);
    a.keep_q = in.keep_q;
    a.out = out;
    const Pairs to_landmarks = pairs_of(shape_.n_q, landmarks_, at.k_there, 1);
    attend(stream, to_landmarks.blocks(), to_landmarks, a);
  }

 private:
  struct Layout {
    float *q, *k;                                       // [rows, L, d]: means
    std::uint8_t *q_there, *k_there;                    // [rows, L]
    float *kernel, *norms;                              // [rows, L, L], [rows, 2]
    float *summary, *values;                            // [rows, L, d_v]: C V, and pinv(B) times that
    float *partial, *partial_largest, *partial_totals;  // of the summary
    float *inverse, *next, *product, *t, *u, *w;        // [rows, L, L], if by products
  };

  void weigh(const Sizes& s, const Layout& at, void* stream) const {
    if (small_) {
      simt::launch(blocks_of(stream, s.rows, kWeighShared), weigh_landmarks, s, query_scale(), at.q, at.k, at.q_there,
                   at.k_there, at.kernel, at.norms);
    } else {
      multiply(stream, {.m = landmarks_,
                        .n = landmarks_,
                        .k = shape_.d,
                        .alpha = query_scale(),
                        .a = at.q,
                        .lda = shape_.d,
                        .step_a = landmarks_ * shape_.d,
                        .b = at.k,
                        .b_transposed = true,
                        .ldb = shape_.d,
                        .step_b = landmarks_ * shape_.d,
                        .c = at.kernel,
                        .ldc = landmarks_,
                        .step_c = landmarks_ * landmarks_,
                        .count = s.rows});
      simt::launch(blocks_of(stream, ceil_div(s.rows * landmarks_, kTileThreads / kWarp)), weigh_logits, s, at.q_there,
                   at.k_there, at.kernel);
      simt::launch(small_blocks_of(stream, s.rows), find_norms, s, at.kernel, at.norms);
    }
    if (whole_tensor_) simt::launch(small_blocks_of(stream, 1), widen_norms, s.rows, at.norms);
  }

  void invert_by_products(const Sizes& s, const Layout& at, void* stream) const {
    const std::int64_t size = landmarks_ * landmarks_, elements = ceil_div(s.rows * size, kTileThreads);
    // c [L, width] = alpha a b + beta c, a [L, L]
    const auto product = [&](float alpha, const float* a, const float* b, float beta, float* c, std::int64_t width) {
      multiply(stream, {.m = landmarks_,
                        .n = width,
                        .k = landmarks_,
                        .alpha = alpha,
                        .beta = beta,
                        .a = a,
                        .lda = landmarks_,
                        .step_a = size,
                        .b = b,
                        .ldb = width,
                        .step_b = landmarks_ * width,
                        .c = c,
                        .ldc = width,
                        .step_c = landmarks_ * width,
                        .count = s.rows});
    };
    float *z = at.inverse, *next = at.next;
    simt::launch(blocks_of(stream, elements), guess_inverse, s, at.kernel, at.norms, z);
    for (int step = 0; step < iterations_; ++step) {
      product(1.0f, at.kernel, z, 0.0f, at.product, landmarks_);
      simt::launch(blocks_of(stream, elements), begin_step, s, at.product, at.t, at.u, at.w);
      product(-1.0f, at.product, at.t, 1.0f, at.u, landmarks_);
      product(-1.0f, at.product, at.u, 1.0f, at.w, landmarks_);
      product(0.25f, z, at.w, 0.0f, next, landmarks_);
      std::swap(z, next);
    }
    product(1.0f, z, at.summary, 0.0f, at.values, shape_.d_v);
  }

  std::int64_t parts() const { return ceil_div(shape_.n_k, kPart); }
  float query_scale() const { return kLog2E / std::sqrt(static_cast<float>(shape_.d)); }

  Layout layout(Arena& scratch) const {
    if (exact_) return {};
    const std::int64_t rows = shape_.rows(), all = rows * landmarks_, partials = parts() > 1 ? all * parts() : 0;
    Layout at;
    at.q = scratch.take<float>(all * shape_.d);
    at.k = scratch.take<float>(all * shape_.d);
    at.q_there = scratch.take<std::uint8_t>(all);
    at.k_there = scratch.take<std::uint8_t>(all);
    at.kernel = scratch.take<float>(all * landmarks_);
    at.norms = scratch.take<float>(2 * rows);
    at.summary = scratch.take<float>(all * shape_.d_v);
    at.values = scratch.take<float>(all * shape_.d_v);
    at.partial = scratch.take<float>(partials * shape_.d_v);
    at.partial_largest = scratch.take<float>(partials);
    at.partial_totals = scratch.take<float>(partials);
    for (float** const matrix : {&at.inverse, &at.next, &at.product, &at.t, &at.u, &at.w})
      *matrix = scratch.take<float>(small_ ? 0 : all * landmarks_);
    return at;
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

  Pairs pairs_of(std::int64_t n_q, std::int64_t n_k, const std::uint8_t* keep, std::int64_t heads) const {
    Pairs pairs;
    pairs.keep = keep;
    pairs.rows = shape_.rows();
    pairs.heads = heads;
    pairs.n_q = static_cast<int>(n_q);
    pairs.n_k = pairs.part = static_cast<int>(n_k);
    return pairs;
  }

  static simt::Launch blocks_of(void* stream, std::int64_t blocks, std::size_t shared = 0) {
    return {.grid = dim3(static_cast<unsigned>(blocks)),
            .block = dim3(kTileThreads),
            .shared_bytes = shared,
            .stream = stream};
  }

  static simt::Launch small_blocks_of(void* stream, std::int64_t blocks) {
    return {.grid = dim3(static_cast<unsigned>(blocks)),
            .block = dim3(kTile),
            .shared_bytes = simt::Carver::bytes<float>(4),
            .stream = stream};
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
