// The pieces of the CUDA engine between its matrix products: projections become features, and gradients of features
// those of projections. A warp a token everywhere, lanes over the features.
#pragma once
#include <cmath>
#include <cstdint>

#include "performer/settings.hpp"
#include "simt/block.hpp"
#include "simt/columns.hpp"
#include "simt/cut.hpp"

namespace yoso::performer::SIMT_NS {

using namespace yoso::SIMT_NS;

constexpr float kSoftmaxAdded = 1e-4f;     // to a feature
constexpr float kReluAdded = 1e-3f;        // to a feature
constexpr float kHyperbolicAdded = 1e-6f;  // to a denominator

// What kernels know of the problem. A piece of tokens has its projections w.x, scaled, in x [tokens, features], and
// then its features: all exp(+w.x) and, of hyperbolic ones, all exp(-w.x).
struct Sizes {
  Shape shape;
  std::int64_t drawn, features;
  float half_scale;  // d^(-1/2) / 2: of |x|^2
};

// All of what a warp's token is.
struct Token {
  std::int64_t at;     // in the piece
  std::int64_t row;    // of all (batch, head) rows
  std::int64_t place;  // of all tokens [rows, n]
  bool kept;
};
__device__ inline Token token_of(const Sizes& z, const Piece& piece, const std::uint8_t* keep, std::int64_t n) {
  const std::int64_t at = this_token(), place = piece.token(n) + at, row = place / n;
  return {at, row, place, is_kept(keep, z.shape, row, n, place % n)};
}

// |x|^2 d^(-1/2) / 2, in all lanes. It comes out of a shuffle so that no compiler fuses its product with what follows:
// the same exponents have to come out wherever they are computed, or those of huge tokens differ by more than exp
// bears.
__device__ inline float half_norm(const Sizes& z, const float* x) {
  float sum = 0;
  for (std::int64_t c = this_lane(); c < z.shape.d; c += kWarp) sum = fmaf(x[c], x[c], sum);
  return __shfl_sync(kWholeWarp, z.half_scale * warp_sum(sum), 0);
}

// ---- keys, forward

// Of each key of a piece: |k|^2 / 2, and its largest projection (-inf if it is padded).
static __global__ void __launch_bounds__(kThreads)
    measure_keys(const Sizes z, const Piece piece, const std::uint8_t* keep, const float* k, const float* x,
                 float* halves, float* largest) {
  if (this_token() >= piece.tokens()) return;
  const Token t = token_of(z, piece, keep, z.shape.n_k);
  float most = -INFINITY;
  if (t.kept)
    for (std::int64_t f = this_lane(); f < z.drawn; f += kWarp) most = fmaxf(most, x[t.at * z.features + f]);
  most = warp_max(most);
  const float half = half_norm(z, k + t.place * z.shape.d);
  if (this_lane() > 0) return;
  halves[t.at] = half;
  largest[t.at] = most;
}

// softmax: the largest projection of any key of a part, and how many keys it has. A block a part.
static __global__ void __launch_bounds__(kThreads)
    peak_of_part(const Sizes z, const Stretches stretches, const std::uint8_t* keep, const float* largest, float* peaks,
                 float* counts) {
  __shared__ float shared[kThreads];
  const Stretches::One one = stretches.one(blockIdx.x);
  const std::uint8_t* const mask = row_of_mask(keep, z.shape, one.row, z.shape.n_k);
  float most = -INFINITY, count = 0;
  for (std::int64_t t = threadIdx.x; t < one.count; t += kThreads) {
    most = fmaxf(most, largest[one.at + t]);
    count += is_kept(mask, one.first + t) ? 1.0f : 0.0f;
  }
  most = warp_max(join_lanes(most, shared, [](float p, float q) { return fmaxf(p, q); }));
  count = warp_sum(join_lanes(count, shared, [](float p, float q) { return p + q; }));
  if (threadIdx.x > 0) return;
  peaks[one.slot] = most;
  counts[one.slot] = count;
}

// hyperbolic: the largest exponent of each feature in a part.
static __global__ void __launch_bounds__(kThreads)
    peak_of_features(const Sizes z, const Stretches stretches, const std::uint8_t* keep, const float* x,
                     const float* halves, float* peaks) {
  __shared__ float shared[kThreads];
  const std::int64_t across = ceil_div(z.drawn, kColumns);
  const Stretches::One one = stretches.one(blockIdx.x / across);
  const std::int64_t f = blockIdx.x % across * kColumns + threadIdx.x % kColumns;
  const std::uint8_t* const mask = row_of_mask(keep, z.shape, one.row, z.shape.n_k);
  float plus = -INFINITY, minus = -INFINITY;
  if (f < z.drawn)
    for (std::int64_t t = threadIdx.x / kColumns; t < one.count; t += kTokenLanes) {
      if (!is_kept(mask, one.first + t)) continue;
      const float u = x[(one.at + t) * z.features + f], half = halves[one.at + t];
      plus = fmaxf(plus, u - half);
      minus = fmaxf(minus, -u - half);
    }
  const auto larger = [](float p, float q) { return fmaxf(p, q); };
  plus = join_lanes(plus, shared, larger);
  minus = join_lanes(minus, shared, larger);
  if (threadIdx.x >= kColumns || f >= z.drawn) return;
  peaks[one.slot * z.features + f] = plus;
  peaks[one.slot * z.features + z.drawn + f] = minus;
}

// Features of keys: relative to their part's peak (softmax, without what is added) or to the peak of the feature in
// their part (hyperbolic). Zeros for padded keys.
template <Kernel kKernel>
__global__ void __launch_bounds__(kThreads)
    key_features(const Sizes z, const Stretches stretches, const std::uint8_t* keep, const float* halves,
                 const float* peaks, float* x) {
  const Piece& piece = stretches.piece;
  if (this_token() >= piece.tokens()) return;
  const Token t = token_of(z, piece, keep, z.shape.n_k);
  const std::int64_t slot = t.row * stretches.parts + t.place % z.shape.n_k / stretches.part;
  float* const own = x + t.at * z.features;
  if (!t.kept) {
    for (std::int64_t f = this_lane(); f < z.features; f += kWarp) own[f] = 0.0f;
    return;
  }
  for (std::int64_t f = this_lane(); f < z.drawn; f += kWarp) {
    const float u = own[f];
    if constexpr (kKernel == Kernel::relu) {
      own[f] = fmaxf(u, 0.0f) + kReluAdded;
    } else if constexpr (kKernel == Kernel::softmax) {
      own[f] = expf(u - halves[t.at] - peaks[slot]);
    } else {
      const float* const of_feature = peaks + slot * z.features + f;
      own[f] = expf(u - halves[t.at] - of_feature[0]);
      own[z.drawn + f] = expf(-u - halves[t.at] - of_feature[z.drawn]);
    }
  }
}

// What forward leaves and all else reads.
struct Summary {
  float* sums;          // [rows, features, d_v]: sum over keys of feature x value
  float* totals;        // [rows, features]: sum over keys of the feature
  float* peaks;         // [rows, features]: the largest exponent of each feature, to which it is relative (hyperbolic)
  float* stabilisers;   // [rows]: the largest projection of any key (softmax)
  float* query_shifts;  // [rows, n_q]: what a query's exponents are relative to (of both passes only)
  float* query_shares;  // [rows, n_q]: 1 / denominator, 0 for queries without an answer (of both passes only)
};

// The same of the parts that keys are cut into.
struct KeyParts {
  float* sums;    // [rows, parts, features, d_v]
  float* totals;  // [rows, parts, features]
  float* peaks;   // [rows, parts], of hyperbolic [rows, parts, features]
  float* values;  // [rows, parts, d_v]: sum of the kept values (softmax)
  float* counts;  // [rows, parts]: kept keys (softmax)
};

// Parts become the whole, in their order; `from` may be where `to` is if there is one part. softmax has one stabiliser
// for all keys and features, after which 1e-4 is added to each:
//   sum_j (exp(e_j - stabiliser) + 1e-4) v_j = sum over parts of exp(peak - stabiliser) (its sum) + 1e-4 sum_j v_j
// A warp a feature of a row.
template <Kernel kKernel>
__global__ void __launch_bounds__(kThreads)
    fold_parts(const Sizes z, const std::int64_t parts, const KeyParts from, const Summary to) {
  const std::int64_t at = this_token(), row = at / z.features, f = at % z.features, d_v = z.shape.d_v;
  if (row >= z.shape.rows()) return;
  const auto peak_of = [&](std::int64_t part) {
    return kKernel == Kernel::softmax ? from.peaks[row * parts + part]
                                      : from.peaks[(row * parts + part) * z.features + f];
  };
  float peak = 0;
  if constexpr (kKernel != Kernel::relu) {
    peak = -INFINITY;
    for (std::int64_t part = 0; part < parts; ++part) peak = fmaxf(peak, peak_of(part));
  }
  const bool any = peak > -INFINITY;
  const auto weight_of = [&](std::int64_t part) {
    if constexpr (kKernel == Kernel::relu) return 1.0f;
    return any ? expf(peak_of(part) - peak) : 0.0f;
  };
  for (std::int64_t c = this_lane(); c <= d_v; c += kWarp) {
    float sum = 0, added = 0;
    for (std::int64_t part = 0; part < parts; ++part) {
      const std::int64_t slot = row * parts + part, own = slot * z.features + f;
      sum = fmaf(weight_of(part), c < d_v ? from.sums[own * d_v + c] : from.totals[own], sum);
      if constexpr (kKernel == Kernel::softmax) added += c < d_v ? from.values[slot * d_v + c] : from.counts[slot];
    }
    if constexpr (kKernel == Kernel::softmax) sum = fmaf(kSoftmaxAdded, added, sum);
    (c < d_v ? to.sums[at * d_v + c] : to.totals[at]) = sum;
  }
  if (this_lane() > 0) return;
  if constexpr (kKernel == Kernel::hyperbolic) to.peaks[at] = peak;
  if constexpr (kKernel == Kernel::softmax)
    if (f == 0) to.stabilisers[row] = peak;
}

// ---- queries, forward

// Projections of queries become their features over their denominators: a product with the sums is then the output.
template <Kernel kKernel>
__global__ void __launch_bounds__(kThreads) query_features(const Sizes z, const Piece piece, const std::uint8_t* keep,
                                                           const float* q, const Summary s, float* x) {
  if (this_token() >= piece.tokens()) return;
  const Token t = token_of(z, piece, keep, z.shape.n_q);
  float* const own = x + t.at * z.features;
  const float* const totals = s.totals + t.row * z.features;
  const float* const peaks = kKernel == Kernel::hyperbolic ? s.peaks + t.row * z.features : nullptr;
  float shift = 0, added = 0, total = 0;
  if constexpr (kKernel != Kernel::relu) {
    const float half = half_norm(z, q + t.place * z.shape.d);
    float largest = -INFINITY;
    for (std::int64_t f = this_lane(); f < z.drawn; f += kWarp) {
      const float u = own[f];
      if constexpr (kKernel == Kernel::softmax) {
        largest = fmaxf(largest, u);
      } else {
        // joined with the keys' peaks, so that the largest product of two features is 1 and none overflows
        const float plus = u - half + peaks[f], minus = -u - half + peaks[z.drawn + f];
        own[f] = plus;
        own[z.drawn + f] = minus;
        largest = fmaxf(largest, fmaxf(plus, minus));
      }
    }
    largest = warp_max(largest);
    __syncwarp();  // a lane's second exponents are read by another below, and no shuffle orders memory
    shift = kKernel == Kernel::softmax ? half + largest : largest;
    if constexpr (kKernel == Kernel::hyperbolic)
      added = kHyperbolicAdded * static_cast<float>(z.features) * expf(-largest);  // may be infinite: no share then
  }
  const bool answers = t.kept && shift > -INFINITY;
  if (answers)
    for (std::int64_t f = this_lane(); f < z.features; f += kWarp) {
      float feature;
      if constexpr (kKernel == Kernel::relu)
        feature = fmaxf(own[f], 0.0f) + kReluAdded;
      else
        feature = expf(own[f] - shift) + (kKernel == Kernel::softmax ? kSoftmaxAdded : 0.0f);
      own[f] = feature;
      total = fmaf(feature, totals[f], total);
    }
  total = warp_sum(total);
  const float share = answers && total > 0 ? 1.0f / (total + added) : 0.0f;
  for (std::int64_t f = this_lane(); f < z.features; f += kWarp) own[f] = share == 0 ? 0.0f : own[f] * share;
  if (this_lane() > 0 || !s.query_shares) return;
  s.query_shifts[t.place] = shift;
  s.query_shares[t.place] = share;
}

// ---- backward

// What turns gradients of features into those of projections. x holds projections and becomes features; slopes hold
// products with the gradients of sums (or with the sums), to which weight x columns is added, and become the gradients
// of the projections. dx gets what |x|^2 / 2 contributes (relu: nothing).
struct Slopes {
  Piece piece;
  const std::uint8_t* keep;
  const float* tokens;  // [rows, n, d]: q or k
  std::int64_t n;
  const float* columns;  // [rows, features]: totals, or their gradients
  const float* peaks;    // [rows, features] (hyperbolic)
  float *x, *slopes;     // [tokens of the piece, features]
  float* dx;             // [rows, n, d]
};

// exponent(f, side, u): that of a feature. Features come out times `share`, the upstream gradient times `share`, the
// columns times `column_share`.
template <Kernel kKernel, class Exponent>
__device__ void slope_token(const Sizes& z, const Slopes& a, const Token& t, float share, float column_share,
                            const Exponent& exponent) {
  float* const own = a.x + t.at * z.features;
  float* const slopes = a.slopes + t.at * z.features;
  const float* const columns = a.columns + t.row * z.features;
  constexpr int kSides = kKernel == Kernel::hyperbolic ? 2 : 1;
  float sum = 0;
  for (std::int64_t f = this_lane(); f < z.drawn; f += kWarp) {
    const float u = own[f];
    float slope = 0;
    SIMT_UNROLL
    for (int side = 0; side < kSides; ++side) {
      const std::int64_t at = side * z.drawn + f;
      const float upstream = share == 0 ? 0.0f : fmaf(share, slopes[at], column_share * columns[at]);
      float feature = 0;
      if constexpr (kKernel == Kernel::relu) {
        feature = fmaxf(u, 0.0f) + kReluAdded;
        slope = u > 0 ? upstream : 0.0f;
      } else {
        const float e = share == 0 ? 0.0f : expf(fminf(exponent(at, side == 0 ? u : -u), 0.0f)), through = upstream * e;
        feature = e + (kKernel == Kernel::softmax ? kSoftmaxAdded : 0.0f);
        sum += through;
        slope += side == 0 ? through : -through;
      }
      own[at] = share == 0 ? 0.0f : feature * share;
    }
    slopes[f] = slope;
  }
  if constexpr (kKernel == Kernel::relu) return;
  sum = -2.0f * z.half_scale * warp_sum(sum);
  const std::int64_t first = t.place * z.shape.d;
  for (std::int64_t c = this_lane(); c < z.shape.d; c += kWarp)
    a.dx[first + c] = share == 0 ? 0.0f : sum * a.tokens[first + c];
}

// Queries; features come over their denominators. alongs [tokens of the piece] = -dout . out.
template <Kernel kKernel>
__global__ void __launch_bounds__(kThreads)
    query_slopes(const Sizes z, const Slopes a, const Summary s, const float* out, const float* dout, float* alongs) {
  if (this_token() >= a.piece.tokens()) return;
  const Token t = token_of(z, a.piece, a.keep, a.n);
  const float share = t.kept ? s.query_shares[t.place] : 0.0f, shift = s.query_shifts[t.place];
  float along = 0;
  if (share != 0)
    for (std::int64_t c = this_lane(); c < z.shape.d_v; c += kWarp)
      along = fmaf(dout[t.place * z.shape.d_v + c], out[t.place * z.shape.d_v + c], along);
  along = -warp_sum(along);
  if (this_lane() == 0) alongs[t.at] = along;
  const float half = kKernel == Kernel::hyperbolic ? half_norm(z, a.tokens + t.place * z.shape.d) : 0.0f;
  const float* const peaks = kKernel == Kernel::hyperbolic ? a.peaks + t.row * z.features : nullptr;
  slope_token<kKernel>(z, a, t, share, share * along, [&](std::int64_t at, float u) {
    return kKernel == Kernel::hyperbolic ? u - half + peaks[at] - shift : u - shift;
  });
}

template <Kernel kKernel>
__global__ void __launch_bounds__(kThreads) key_slopes(const Sizes z, const Slopes a, const Summary s) {
  if (this_token() >= a.piece.tokens()) return;
  const Token t = token_of(z, a.piece, a.keep, a.n);
  const float half = kKernel == Kernel::relu ? 0.0f : half_norm(z, a.tokens + t.place * z.shape.d);
  const float stabiliser = kKernel == Kernel::softmax ? s.stabilisers[t.row] : 0.0f;
  const float* const peaks = kKernel == Kernel::hyperbolic ? a.peaks + t.row * z.features : nullptr;
  const float share = t.kept ? 1.0f : 0.0f;
  slope_token<kKernel>(z, a, t, share, share, [&](std::int64_t at, float u) {
    return kKernel == Kernel::hyperbolic ? u - half - peaks[at] : u - half - stabiliser;
  });
}

}  // namespace yoso::performer::SIMT_NS
