// Reformer on CUDA: hashes with the bits of the CPU's, a stable sort, and attention between chunks of the list.
#include <algorithm>
#include <cmath>

#include <yoso/device.hpp>

#include "reformer/pairs.hpp"
#include "reformer/settings.hpp"
#include "simt/counting_sort.hpp"

namespace yoso::reformer {
namespace SIMT_NS {
namespace {

using namespace yoso::SIMT_NS;

struct Sizes {
  std::int64_t n, heads, rounds, half;  // half: buckets / 2
  int d;
  bool hf;
};

// What turns x into a key. lucidrains: 1 / max(|x|, 1e-12). hf: 1 / sqrt(mean x^2 + 1e-6) / sqrt(d). A warp takes a
// token.
__device__ void scale_keys(const Sizes& s, const float* x, std::int64_t first, std::int64_t last, float* scales) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const float d = static_cast<float>(s.d);
  for (std::int64_t i = first + threadIdx.x / kWarp; i < last; i += kTileThreads / kWarp) {
    float square = 0;
    for (int c = lane; c < s.d; c += kWarp) square = fmaf(x[i * s.d + c], x[i * s.d + c], square);
    square = warp_sum(square);
    if (lane == 0)
      scales[i] = s.hf ? 1.0f / (sqrtf(square / d + 1e-6f) * sqrtf(d)) : 1.0f / fmaxf(sqrtf(square), 1e-12f);
  }
}

static __global__ void __launch_bounds__(kTileThreads)
    scale_all_keys(Sizes s, const float* x, std::int64_t tokens, float* scales) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kTile;
  scale_keys(s, x, first, min(first + kTile, tokens), scales);
}

// code = argmax([x R_r; -x R_r]), the lowest index winning a tie; a padded token of hf has a code of its own. A block
// takes 64 tokens and one round. Every projection is a chain of fused multiply-adds over ascending features, as the
// CPU's `project` is, so that buckets are the same.
template <int kWidth>
__global__ void __launch_bounds__(kTileThreads, 3)
    hash_tokens(Sizes s, const float* x, const float* rotations, const std::uint8_t* keep, float* scales,
                std::int32_t* codes) {
  constexpr int kColumns = kWidth * kSeats;
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const features = carver.take<float>(kTileFloats);
  float* const turns = carver.take<float>(kTile * kColumns);
  int* const tokens = carver.take<int>(kTile);
  const std::int64_t tiles = ceil_div(s.n, kTile), first = blockIdx.x % tiles * kTile;
  const std::int64_t round = blockIdx.x / tiles % s.rounds, row = blockIdx.x / tiles / s.rounds;
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < kTile) tokens[thread] = first + thread < s.n ? static_cast<int>(first) + thread : -1;
  if (round == 0) scale_keys(s, x, row * s.n + first, row * s.n + min(first + kTile, s.n), scales);
  const float* const turn = rotations + row * s.d * s.rounds * s.half + round * s.half;

  float high[4], low[4];
  int high_at[4] = {}, low_at[4] = {};
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) high[i] = -INFINITY, low[i] = INFINITY;
  for (std::int64_t column = 0; column < s.half; column += kColumns) {
    float y[4][kWidth] = {};
    for (int c = 0; c < s.d; c += kTile) {
      const int width = tile_width(s.d, c);
      __syncthreads();
      if (column == 0 || s.d > kTile) load_rows(features, tokens, x + row * s.n * s.d, s.d, c, nullptr, 1.0f);
      for (int at = thread; at < width * kColumns; at += kTileThreads) {
        const int feature = c + at / kColumns, to = at % kColumns;
        turns[at] = feature < s.d && column + to < s.half ? turn[feature * s.rounds * s.half + column + to] : 0.0f;
      }
      __syncthreads();
      add_weighted<kWidth>(features, turns, kColumns, width, y);
    }
    SIMT_UNROLL
    for (int j = 0; j < kWidth; ++j) {
      const int at = static_cast<int>(column) + seat_x() * kWidth + j;
      if (at >= s.half) continue;
      SIMT_UNROLL
      for (int i = 0; i < 4; ++i) {
        if (y[i][j] > high[i]) high[i] = y[i][j], high_at[i] = at;
        if (y[i][j] < low[i]) low[i] = y[i][j], low_at[i] = at;
      }
    }
  }
  SIMT_UNROLL
  for (int i = 0; i < 4; ++i) {
    for (int step = kSeats / 2; step > 0; step /= 2) {
      const float other_high = __shfl_xor_sync(kWholeWarp, high[i], step);
      const int other_high_at = __shfl_xor_sync(kWholeWarp, high_at[i], step);
      const float other_low = __shfl_xor_sync(kWholeWarp, low[i], step);
      const int other_low_at = __shfl_xor_sync(kWholeWarp, low_at[i], step);
      if (other_high > high[i] || (other_high == high[i] && other_high_at < high_at[i]))
        high[i] = other_high, high_at[i] = other_high_at;
      if (other_low < low[i] || (other_low == low[i] && other_low_at < low_at[i]))
        low[i] = other_low, low_at[i] = other_low_at;
    }
    const std::int64_t token = first + 4 * seat_y() + i;
    if (seat_x() != 0 || token >= s.n) continue;
    const int half = static_cast<int>(s.half);
    const bool padded = s.hf && keep && !keep[row / s.heads * s.n + token];
    codes[(row * s.rounds + round) * s.n + token] = padded              ? 2 * half
                                                    : -low[i] > high[i] ? half + low_at[i]
                                                                        : high_at[i];
  }
}

// dx = dq + scale (dkey - key (key.dkey)), and dk becomes zero: k is not read. With lucidrains' unit length a zero
// vector, which has no direction, gets nothing as a key. A warp takes a token.
static __global__ void __launch_bounds__(kTileThreads)
    join_keys(Sizes s, std::int64_t tokens, const float* x, const float* scales, float* dq, float* dk) {
  const std::int64_t token = static_cast<std::int64_t>(blockIdx.x) * (kTileThreads / kWarp) + threadIdx.x / kWarp;
  if (token >= tokens) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const float scale = scales[token];
  x += token * s.d, dq += token * s.d, dk += token * s.d;
  float along = 0;
  for (int c = lane; c < s.d; c += kWarp) along = fmaf(x[c], dk[c], along);
  along = scale * warp_sum(along);
  const bool directed = s.hf || scale < 1e12f;
  for (int c = lane; c < s.d; c += kWarp) {
    // scale x first, for the square of a tiny vector's scale may be more than a float holds
    if (directed) dq[c] = fmaf(-scale * along, scale * x[c], fmaf(scale, dk[c], dq[c]));
    dk[c] = 0.0f;
  }
}

struct Cuda {
  Cuda(const Shape& shape, const Settings& settings, const Context& context)
      : shape_(shape),
        context_(context),
        full_(is_full(shape, settings)),
        rounds_(full_ ? 1 : settings.integer("rounds")),
        chunk_(full_ ? shape.n_k : settings.integer("bucket")),
        buckets_(settings.integer("buckets")),
        hf_(settings.is("form", "hf")) {
    if (shape.n_q != shape.n_k) throw Unsupported("reformer shares queries and keys: n_q must equal n_k");
    if (shape.d_v > kWidestValue) throw Unsupported("reformer on cuda has values of at most 256 columns");
  }

  Needs needs() const {
    Arena saved, forward, again, backward;
    layout(saved, forward);
    if (context_.pass == Pass::both) backward_layout(again, backward);
    return {saved.used(), std::max(forward.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Layout at = layout(call.saved, call.scratch);
    void* const stream = context_.device->stream();
    call.phase("hash");
    hash(in, at, full_ ? nullptr : call.draws["rotations"], stream);
    call.phase("sort");
    if (!full_)
      sort_codes<std::int32_t>(stream, {.sequences = shape_.rows() * rounds_,
                                        .n = shape_.n_q,
                                        .slots = slots(),
                                        .codes = at.codes,
                                        .stride = shape_.n_q,
                                        .order = at.list,
                                        .spare = at.spare});
    call.phase("attend");
    Attention a = attention(in, at);
    a.out = out;
    // Round after round: outputs of all rounds side by side need rounds x n x d_v floats.
    for (std::int64_t round = 0; round < rounds_; ++round) {
      a.resumes = round > 0;
      a.finishes = round + 1 == rounds_;
      const Pairs pairs = pairs_of(in, at, round);
      attend(stream, pairs.blocks(shape_.rows()), pairs, a);
    }
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    const BackwardLayout at = backward_layout(call.saved, call.scratch);
    void* const stream = context_.device->stream();
    const std::int64_t tokens = shape_.rows() * shape_.n_q;
    call.phase("attend");
    Attention a = attention(in, at);
    a.out = const_cast<float*>(up.out);
    find_means(stream, tokens, a, up.dout, at.means);
    Backward b{.dout = up.dout, .means = at.means, .dq = grads.dq, .dk = grads.dk, .dv = grads.dv};
    // In one round a token is in the list once, as a query and as a key: a launch has one writer of its gradient.
    for (std::int64_t round = 0; round < rounds_; ++round) {
      b.adds = round > 0;
      const Pairs pairs = pairs_of(in, at, round);
      find_query_gradients(stream, pairs.blocks(shape_.rows()), pairs, a, b);
      find_key_gradients(stream, pairs.blocks(shape_.rows()), pairs, a, b);
    }
    call.phase("keys");
    simt::launch(
        {.grid = grid_of(ceil_div(tokens, kTileThreads / kWarp)), .block = dim3(kTileThreads), .stream = stream},
        join_keys, sizes(), tokens, in.q, at.key_scales, grads.dq, grads.dk);
  }

 private:
  // What backward needs of forward.
  struct Sorted {
    float* key_scales;        // [rows, n]
    std::int32_t* list;       // [rows, rounds, n]: tokens; null when full
    float *largest, *totals;  // [rows, n]
  };
  struct Layout : Sorted {
    std::int32_t *codes, *spare;  // [rows, rounds, n]
  };
  struct BackwardLayout : Sorted {
    float* means;  // [rows, n]
  };

  std::int64_t slots() const { return buckets_ + (hf_ ? 1 : 0); }

  Sorted sorted(Arena& arena) const {
    const std::int64_t tokens = shape_.rows() * shape_.n_q;
    float* const scales = arena.take<float>(tokens);
    std::int32_t* const list = arena.take<std::int32_t>(full_ ? 0 : tokens * rounds_);
    float* const largest = arena.take<float>(tokens);
    return {scales, full_ ? nullptr : list, largest, arena.take<float>(tokens)};
  }

  Layout layout(Arena& saved, Arena& scratch) const {
    const std::int64_t entries = full_ ? 0 : shape_.rows() * rounds_ * shape_.n_q;
    const Sorted kept = sorted(context_.pass == Pass::both ? saved : scratch);
    std::int32_t* const codes = scratch.take<std::int32_t>(entries);
    return {kept, codes, scratch.take<std::int32_t>(sort_passes(slots()) > 1 ? entries : 0)};
  }

  BackwardLayout backward_layout(Arena& saved, Arena& scratch) const {
    return {sorted(saved), scratch.take<float>(shape_.rows() * shape_.n_q)};
  }

  Sizes sizes() const { return {shape_.n_q, shape_.heads, rounds_, buckets_ / 2, static_cast<int>(shape_.d), hf_}; }

  Pairs pairs_of(const Inputs& in, const Sorted& at, std::int64_t round) const {
    Pairs pairs;
    pairs.list = at.list;
    pairs.keep = in.keep_k;
    pairs.heads = shape_.heads;
    pairs.n = shape_.n_q;
    pairs.rounds = rounds_;
    pairs.chunk = static_cast<int>(chunk_);
    pairs.round = round;
    pairs.hf = hf_;
    pairs.causal = shape_.causal;
    pairs.self = (hf_ ? -1e5f : -5e4f) * kLog2E;
    return pairs;
  }

  Attention attention(const Inputs& in, const Sorted& at) const {
    Attention a;
    a.q = in.q;
    a.k = in.q;
    a.v = in.v;
    a.key_scales = at.key_scales;
    a.keep_q = in.keep_q;
    a.heads = shape_.heads;
    a.n_q = a.n_k = static_cast<int>(shape_.n_q);
    a.d = static_cast<int>(shape_.d);
    a.d_v = static_cast<int>(shape_.d_v);
    a.query_scale = (hf_ ? 1.0f : 1.0f / std::sqrt(static_cast<float>(shape_.d))) * kLog2E;
    a.largest = at.largest;
    a.totals = at.totals;
    return a;
  }

  void hash(const Inputs& in, const Layout& at, const float* rotations, void* stream) const {
    if (full_) {
      const std::int64_t tokens = shape_.rows() * shape_.n_q;
      return simt::launch({.grid = grid_of(ceil_div(tokens, kTile)), .block = dim3(kTileThreads), .stream = stream},
                          scale_all_keys, sizes(), in.q, tokens, at.key_scales);
    }
    const auto launch = [&](auto kernel, int width) {
      const std::size_t shared = simt::Carver::bytes<float>(kTileFloats) +
                                 simt::Carver::bytes<float>(static_cast<std::size_t>(kTile * kSeats * width)) +
                                 simt::Carver::bytes<int>(kTile);
      simt::launch({.grid = grid_of(shape_.rows() * rounds_ * ceil_div(shape_.n_q, kTile)),
                    .block = dim3(kTileThreads),
                    .shared_bytes = shared,
                    .stream = stream},
                   kernel, sizes(), in.q, rotations, in.keep_k, at.key_scales, at.codes);
    };
    if (buckets_ / 2 <= kSeats)
      launch(hash_tokens<1>, 1);
    else if (buckets_ / 2 <= 2 * kSeats)
      launch(hash_tokens<2>, 2);
    else
      launch(hash_tokens<4>, 4);
  }

  Shape shape_;
  Context context_;
  bool full_;
  std::int64_t rounds_;   // 1 when full
  std::int64_t chunk_;    // n when full
  std::int64_t buckets_;  // of a round
  bool hf_;
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::reformer
