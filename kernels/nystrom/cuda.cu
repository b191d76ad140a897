// Nystrom attention on CUDA, forward.
//
// Segments without a kept token are no landmarks; their rows and columns of B are zeros, which the iteration leaves
// zeros, so that every row of the problem has matrices of one size. They fit shared memory, so that a block does the
// whole iteration of a row: 4 products of 64 x 64 a step would otherwise be a launch each.
#include <algorithm>
#include <cmath>

#include <yoso/device.hpp>
#include <yoso/method.hpp>

#include "simt/pairs.hpp"

namespace yoso::nystrom {
namespace SIMT_NS {
namespace {

using namespace yoso::SIMT_NS;

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

struct Sizes {
  std::int64_t rows, heads, n;
  int landmarks, d, d_v;
};

// Means of the kept tokens of each segment [l n / L, (l + 1) n / L), and whether there are any. A warp takes a segment.
static __global__ void __launch_bounds__(kTileThreads)
    average_segments(Sizes s, const float* x, const std::uint8_t* keep, float* means, std::uint8_t* there) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * (kTileThreads / kWarp) + threadIdx.x / kWarp;
  if (at >= s.rows * s.landmarks) return;
  const std::int64_t row = at / s.landmarks, segment = at % s.landmarks;
  const std::int64_t begin = segment * s.n / s.landmarks, end = (segment + 1) * s.n / s.landmarks;
  const std::uint8_t* const mask = keep ? keep + row / s.heads * s.n : nullptr;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  x += row * s.n * s.d;
  int kept = 0;
  for (std::int64_t i = begin; i < end; ++i) kept += !mask || mask[i];
  const float share = kept > 0 ? 1.0f / static_cast<float>(kept) : 0.0f;
  for (int c = lane; c < s.d; c += kWarp) {
    float sum = 0;
    for (std::int64_t i = begin; i < end; ++i)
      if (!mask || mask[i]) sum += x[i * s.d + c];
    means[at * s.d + c] = share * sum;
  }
  if (lane == 0) there[at] = kept > 0;
}

// The thread's 4 x 4 of a product into a tile, as diagonal * I + factor * sum.
__device__ void put_product(float* tile, float diagonal, float factor, const float (&sum)[4][4]) {
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    float* const to = tile + (4 * seat_y() + i) * kLine + 4 * seat_x();
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) to[j] = fmaf(factor, sum[i][j], 4 * seat_y() + i == 4 * seat_x() + j ? diagonal : 0.0f);
  }
}

// The largest of what the 64 first threads bring, in shared memory for all.
__device__ float largest_of(float own, float* two) {
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < 2 * kWarp) {
    const float most = warp_max(own);
    if (thread % kWarp == 0) two[thread / kWarp] = most;
  }
  __syncthreads();
  return fmaxf(two[0], two[1]);
}

// B = softmax(q~ k~^T / sqrt(d)) of a row, [rows, L, L], and its largest column and row sums: norms [rows, 2].
static __global__ void __launch_bounds__(kTileThreads, 2)
    weigh_landmarks(Sizes s, float scale, const float* q, const float* k, const std::uint8_t* q_there,
                    const std::uint8_t* k_there, float* kernel, float* norms) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const mine = carver.take<float>(kTileFloats);
  float* const theirs = carver.take<float>(kTileFloats);
  int* const queries = carver.take<int>(kTile);
  int* const keys = carver.take<int>(kTile);
  float* const two = carver.take<float>(4);
  const std::int64_t row = blockIdx.x, first = row * s.landmarks;
  const int thread = static_cast<int>(threadIdx.x), x = seat_x(), y = seat_y();
  if (thread < kTile) {
    queries[thread] = thread < s.landmarks && q_there[first + thread] ? thread : -1;
    keys[thread] = thread < s.landmarks && k_there[first + thread] ? thread : -1;
  }
  float b[4][4] = {};
  SIMT_ROLLED
  for (int c = 0; c < s.d; c += kTile) {
    __syncthreads();
    load_rows(mine, queries, q + first * s.d, s.d, c, nullptr, scale);
    load_rows(theirs, keys, k + first * s.d, s.d, c, nullptr, 1.0f);
    __syncthreads();
    add_products(mine, theirs, tile_width(s.d, c), kTile, b);
  }
  __syncthreads();
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int r = 4 * y + i;
    float most = -INFINITY, total = 0;
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) {
      if (queries[r] < 0 || keys[x + kSeats * j] < 0) b[i][j] = -INFINITY;
      most = fmaxf(most, b[i][j]);
    }
    most = row_max(most);
    const float base = most > -INFINITY ? most : 0.0f;
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) total += b[i][j] = exp2f(b[i][j] - base);
    total = row_sum(total);
    const float share = total > 0.0f ? 1.0f / total : 0.0f;
    SIMT_UNROLL
    for (int j = 0; j < 4; ++j) {
      const int column = x + kSeats * j;
      mine[r * kLine + column] = share * b[i][j];
      if (r < s.landmarks && column < s.landmarks) kernel[(first + r) * s.landmarks + column] = share * b[i][j];
    }
  }
  __syncthreads();
  float column = 0, sum = 0;
  for (int i = 0; thread < kTile && i < kTile; ++i) {
    column += mine[i * kLine + thread];
    sum += mine[thread * kLine + i];
  }
  const float columns = largest_of(column, two), rows = largest_of(sum, two + 2);
  if (thread != 0) return;
  norms[2 * row] = columns;
  norms[2 * row + 1] = rows;
}

// Z = pinv(B) by `iterations` steps Z <- Z (13 I - P (15 I - P (7 I - P))) / 4, P = B Z, from B^T over its two norms
// (over the largest of all rows, if `whole`); then values = Z summary, for one row.
static __global__ void __launch_bounds__(kTileThreads, 2)
    invert(Sizes s, int iterations, bool whole, const float* kernel, const float* norms, const float* summary,
           float* values) {
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const b = carver.take<float>(kTileFloats);
  float* const z = carver.take<float>(kTileFloats);
  float* const p = carver.take<float>(kTileFloats);
  float* const t = carver.take<float>(kTileFloats);
  int* const tokens = carver.take<int>(kTile);
  float* const two = carver.take<float>(4);
  const std::int64_t row = blockIdx.x, first = row * s.landmarks;
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < kTile) tokens[thread] = thread < s.landmarks ? thread : -1;
  float columns = 0, rows = 0;
  for (std::int64_t at = whole ? thread : row; thread < kTile && at < (whole ? s.rows : row + 1); at += kTile) {
    columns = fmaxf(columns, norms[2 * at]);
    rows = fmaxf(rows, norms[2 * at + 1]);
  }
  const float norm = largest_of(columns, two) * largest_of(rows, two + 2), guess = norm > 0.0f ? 1.0f / norm : 0.0f;
  for (int at = thread; at < kTile * kTile; at += kTileThreads) {
    const int i = at / kTile, j = at % kTile;
    const float e = i < s.landmarks && j < s.landmarks ? kernel[(first + i) * s.landmarks + j] : 0.0f;
    b[i * kLine + j] = e;
    z[j * kLine + i] = guess * e;
  }
  __syncthreads();
  const int count = s.landmarks;
  SIMT_ROLLED
  for (int step = 0; step < iterations; ++step) {
    {
      float sum[4][4] = {};
      add_weighted<4>(b, z, kLine, count, sum);
      put_product(p, 0.0f, 1.0f, sum);
      put_product(t, 7.0f, -1.0f, sum);
    }
    SIMT_ROLLED
    for (int turn = 0; turn < 2; ++turn) {  // U = 15 I - P T, W = 13 I - P U, where T was
      float sum[4][4] = {};
      __syncthreads();
      add_weighted<4>(p, t, kLine, count, sum);
      __syncthreads();
      put_product(t, turn == 0 ? 15.0f : 13.0f, -1.0f, sum);
    }
    float sum[4][4] = {};
    __syncthreads();
    add_weighted<4>(z, t, kLine, count, sum);
    __syncthreads();
    put_product(z, 0.0f, 0.25f, sum);
    __syncthreads();
  }
  SIMT_ROLLED
  for (int c = 0; c < s.d_v; c += kTile) {
    float sum[4][4] = {};
    __syncthreads();
    load_rows(p, tokens, summary + first * s.d_v, s.d_v, c, nullptr, 1.0f);
    __syncthreads();
    add_weighted<4>(z, p, kLine, count, sum);
    SIMT_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int r = 4 * seat_y() + i;
      if (r < s.landmarks)
        store4(values + (first + r) * s.d_v, s.d_v, c + 4 * seat_x(), sum[i][0], sum[i][1], sum[i][2], sum[i][3],
               false);
    }
  }
}

constexpr std::size_t kInvertShared =
    4 * simt::Carver::bytes<float>(kTileFloats) + simt::Carver::bytes<int>(kTile) + simt::Carver::bytes<float>(4);
constexpr std::size_t kWeighShared =
    2 * simt::Carver::bytes<float>(kTileFloats) + 2 * simt::Carver::bytes<int>(kTile) + simt::Carver::bytes<float>(4);

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
    if (exact_) return;
    if (landmarks_ > kTile) throw Unsupported("nystrom on cuda has at most 64 landmarks, or one for every token");
    if (context.device->info().shared_per_block < static_cast<std::int64_t>(kInvertShared))
      throw Unsupported("nystrom on cuda needs 70 KiB of shared memory for the pseudo-inverse");
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
    simt::launch(blocks_of(stream, rows, kWeighShared), weigh_landmarks, s, query_scale(), at.q, at.k, at.q_there,
                 at.k_there, at.kernel, at.norms);
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
    simt::launch(blocks_of(stream, rows, kInvertShared), invert, s, iterations_, whole_tensor_, at.kernel, at.norms,
                 at.summary, at.values);
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
  };

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

  Shape shape_;
  Context context_;
  std::int64_t landmarks_;
  int iterations_;
  bool exact_, whole_tensor_;
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::nystrom
