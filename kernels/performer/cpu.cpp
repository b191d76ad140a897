#include "performer/cpu.hpp"

#include <cmath>
#include <functional>

#include <yoso/parallel.hpp>

#include "primitives/masks.hpp"

namespace yoso::performer {
namespace {

constexpr std::int64_t kKeys = 256;        // keys whose features are in memory at a time
constexpr std::int64_t kQueries = 64;      // queries of one piece of work ...
constexpr std::int64_t kFeatures = 65536;  // ... fewer when their features would be more than this

}  // namespace

// A tile of keys, at least one of them kept, and a slice of the projections.
struct Cpu::Keys {
  std::int64_t row, count, slice, first, width;
  const std::uint8_t* keep;  // null: all
  float* shifts;             // |k|^2 / 2, and infinity for padded keys: their exponentials are 0
  const float* values;
};

Cpu::Cpu(const Shape& shape, const Settings& settings, const Context& context)
    : shape_(shape),
      context_(context),
      kernel_(kernel_of(settings)),
      drawn_(draws_of(settings)),
      sides_(kernel_ == Kernel::hyperbolic ? 2 : 1),
      features_(sides_ * drawn_),
      slices_((drawn_ + kSlice - 1) / kSlice),
      queries_(std::clamp(kFeatures / std::max(features_, std::int64_t{1}), std::int64_t{4}, kQueries)),
      scale_(static_cast<float>(std::pow(static_cast<double>(shape.d), -0.25))) {
  if (shape.causal) throw Unsupported("performer has no causal form here: it sums over all keys at once");
  if (features_ != settings.integer("features"))
    throw Unsupported("hyperbolic features come in pairs: features must be even");
}

Cpu::Summary Cpu::summary(Arena& arena) const {
  const std::int64_t rows = shape_.rows(), softmax = kernel_ == Kernel::softmax ? 1 : 0;
  const std::int64_t queries = context_.pass == Pass::both ? rows * shape_.n_q : 0;
  return {arena.take<float>(rows * features_ * shape_.d_v),
          arena.take<float>(rows * features_),
          arena.take<float>(kernel_ == Kernel::hyperbolic ? rows * features_ : 0),
          arena.take<float>(softmax * rows * slices_),
          arena.take<std::int64_t>(rows),
          arena.take<float>(queries),
          arena.take<float>(queries)};
}

Cpu::Layout Cpu::layout(Arena& saved, Arena& scratch) const {
  const std::int64_t rows = shape_.rows(), threads = context_.threads, softmax = kernel_ == Kernel::softmax ? 1 : 0;
  return {summary(context_.pass == Pass::both ? saved : scratch),
          scratch.take<float>(slices_ * shape_.d * kSlice),
          scratch.take<float>(softmax * rows * shape_.d_v),
          scratch.take<float>(softmax * rows * (shape_.d_v + 1)),
          scratch.take<float>(threads * sides_ * kKeys * kSlice),
          scratch.take<float>(threads * queries_ * features_),
          scratch.take<float>(threads * kKeys)};
}

Needs Cpu::needs() const {
  Arena saved, forward, again, backward;
  layout(saved, forward);
  if (context_.pass == Pass::both) backward_layout(again, backward);
  return {saved.used(), std::max(forward.used(), backward.used())};
}

void Cpu::forward(const Inputs& in, float* out, Call& call) {
  const Primitives& p = primitives(context_.isa);
  const Layout at = layout(call.saved, call.scratch);
  call.phase("keys");
  transpose_projections(p, call.draws["projection"], at.panels);
  count_keys(p, in, at);
  parallel_for(context_.threads, shape_.rows() * slices_,
               [&](std::int64_t piece, int thread) { add_keys(p, in, at, piece / slices_, piece % slices_, thread); });
  if (kernel_ == Kernel::softmax)
    parallel_for(context_.threads, shape_.rows(), [&](std::int64_t row, int) { fold_softmax(p, at, row); });
  call.phase("queries");
  const std::int64_t blocks = (shape_.n_q + queries_ - 1) / queries_;
  parallel_for(context_.threads, shape_.rows() * blocks, [&](std::int64_t piece, int thread) {
    query(p, in, at, out, piece / blocks, piece % blocks * queries_, thread);
  });
}

// Once a call, so that no tile has to transpose them again: gemm_nt would for every 128 keys, 6 % of the tile's time.
void Cpu::transpose_projections(const Primitives& p, const float* projection, float* panels) const {
  for (std::int64_t slice = 0; slice < slices_; ++slice)
    p.transpose(std::min(kSlice, drawn_ - slice * kSlice), shape_.d, projection + slice * kSlice * shape_.d, shape_.d,
                panels + slice * shape_.d * kSlice, kSlice);
}

void Cpu::count_keys(const Primitives& p, const Inputs& in, const Layout& at) const {
  parallel_for(context_.threads, shape_.rows(), [&](std::int64_t row, int) {
    const std::uint8_t* const keep = mask_of_row(in.keep_k, shape_, row, shape_.n_k);
    at.kept[row] = keep ? shape_.n_k - std::count(keep, keep + shape_.n_k, 0) : shape_.n_k;
    if (kernel_ != Kernel::softmax) return;
    const float* const values = in.v + row * shape_.n_k * shape_.d_v;
    float* const sum = at.value_sums + row * shape_.d_v;
    std::fill_n(sum, shape_.d_v, 0.0f);
    for (std::int64_t start = 0; start < shape_.n_k; start += kKeys) {
      const std::int64_t end = std::min(start + kKeys, shape_.n_k);
      if (!any_padded(keep, start, end))
        p.add_rows(end - start, shape_.d_v, values + start * shape_.d_v, shape_.d_v, sum);
      else
        for (std::int64_t j = start; j < end; ++j)
          if (keep[j]) p.add(values + j * shape_.d_v, sum, shape_.d_v);
    }
  });
}

// Sums of one slice of features over all keys, in the order of the keys whatever the thread count.
void Cpu::add_keys(const Primitives& p, const Inputs& in, const Layout& at, std::int64_t row, std::int64_t slice,
                   int thread) const {
  const std::int64_t first = slice * kSlice, width = std::min(kSlice, drawn_ - first);
  for (std::int64_t side = 0; side < sides_; ++side) {
    const std::int64_t feature = row * features_ + side * drawn_ + first;
    std::fill_n(at.sums + feature * shape_.d_v, width * shape_.d_v, 0.0f);
    std::fill_n(at.totals + feature, width, 0.0f);
    if (kernel_ == Kernel::hyperbolic) std::fill_n(at.peaks + feature, width, -INFINITY);
  }
  if (kernel_ == Kernel::softmax) at.stabilisers[row * slices_ + slice] = -INFINITY;
  float* const x = at.key_tiles + thread * sides_ * kKeys * kSlice;
  for (std::int64_t start = 0; start < shape_.n_k; start += kKeys) {
    const std::int64_t count = std::min(kKeys, shape_.n_k - start);
    const std::uint8_t* const keep = mask_of_row(in.keep_k, shape_, row, shape_.n_k, start);
    if (!any_kept(keep, 0, count)) continue;
    const Keys keys{.row = row,
                    .count = count,
                    .slice = slice,
                    .first = first,
                    .width = width,
                    .keep = any_padded(keep, 0, count) ? keep : nullptr,
                    .shifts = at.shifts + thread * kKeys,
                    .values = in.v + (row * shape_.n_k + start) * shape_.d_v};
    const float* const k = in.k + (row * shape_.n_k + start) * shape_.d;
    p.gemm_nn(count, width, shape_.d, scale_, k, shape_.d, at.panels + slice * shape_.d * kSlice, kSlice, false, x,
              width);
    if (kernel_ == Kernel::relu) {
      add_relu(p, keys, at, x);
      continue;
    }
    p.dots(count, shape_.d, k, shape_.d, k, shape_.d, keys.shifts);
    p.scale(0.5f * scale_ * scale_, keys.shifts, count);
    if (keys.keep)
      for (std::int64_t j = 0; j < count; ++j)
        if (!keep[j]) keys.shifts[j] = INFINITY;
    if (kernel_ == Kernel::softmax)
      add_softmax(p, keys, at, x);
    else
      add_hyperbolic(p, keys, at, x);
  }
}

// x holds w.k for a tile of keys. The running sums are rescaled when a larger projection comes, as online softmax does.
void Cpu::add_softmax(const Primitives& p, const Keys& keys, const Layout& at, float* x) const {
  const std::int64_t width = keys.width, feature = keys.row * features_ + keys.first;
  float largest = -INFINITY;
  if (!keys.keep)
    largest = p.max(x, keys.count * width);
  else
    for (std::int64_t j = 0; j < keys.count; ++j)
      if (keys.keep[j]) largest = std::max(largest, p.max(x + j * width, width));
  float& peak = at.stabilisers[keys.row * slices_ + keys.slice];
  if (largest > peak) {
    const float factor = std::exp(peak - largest);
    p.scale(factor, at.totals + feature, width);
    p.scale(factor, at.sums + feature * shape_.d_v, width * shape_.d_v);
    peak = largest;
  }
  for (std::int64_t j = 0; j < keys.count; ++j) keys.shifts[j] += peak;
  p.exp_tile(keys.count, width, keys.shifts, nullptr, x, width);
  add_features(p, keys, feature, at, x);
}

// The same for +w.k and -w.k, with a peak for every feature.
void Cpu::add_hyperbolic(const Primitives& p, const Keys& keys, const Layout& at, float* x) const {
  const std::int64_t width = keys.width, size = keys.count * width;
  for (std::int64_t side = 0; side < 2; ++side) {
    const std::int64_t feature = keys.row * features_ + side * drawn_ + keys.first;
    float* const sums = at.sums + feature * shape_.d_v;
    float* const totals = at.totals + feature;
    float* const peaks = at.peaks + feature;
    float* const e = x + side * kKeys * kSlice;
    if (side == 0)  // for the other side, before it is overwritten
      std::transform(x, x + size, x + kKeys * kSlice, std::negate<>());
    float old[kSlice];
    std::copy_n(peaks, width, old);
    for (std::int64_t j = 0; j < keys.count; ++j)
      for (std::int64_t f = 0; f < width; ++f) peaks[f] = std::max(peaks[f], e[j * width + f] - keys.shifts[j]);
    for (std::int64_t f = 0; f < width; ++f) {
      if (peaks[f] == old[f]) continue;
      const float factor = std::exp(old[f] - peaks[f]);
      totals[f] *= factor;
      p.scale(factor, sums + f * shape_.d_v, shape_.d_v);
    }
    p.exp_tile(keys.count, width, keys.shifts, peaks, e, width);
    add_features(p, keys, feature, at, e);
  }
}

void Cpu::add_relu(const Primitives& p, const Keys& keys, const Layout& at, float* x) const {
  for (std::int64_t i = 0; i < keys.count * keys.width; ++i) x[i] = std::max(x[i], 0.0f) + kReluEpsilon;
  if (keys.keep)
    for (std::int64_t j = 0; j < keys.count; ++j)
      if (!keys.keep[j]) std::fill_n(x + j * keys.width, keys.width, 0.0f);
  add_features(p, keys, keys.row * features_ + keys.first, at, x);
}

// Adds a tile of features (zero for padded keys). A tile is summed on its own first: a single running sum over all
// keys rounds n times at the size of the whole.
void Cpu::add_features(const Primitives& p, const Keys& keys, std::int64_t feature, const Layout& at,
                       const float* x) const {
  const std::int64_t width = keys.width;
  p.add_rows(keys.count, width, x, width, at.totals + feature);
  p.gemm_tn(width, shape_.d_v, keys.count, 1.0f, x, width, keys.values, shape_.d_v, true,
            at.sums + feature * shape_.d_v, shape_.d_v);
}

// The softmax kernel has one stabiliser for all keys and features, which matters because epsilon is added after exp:
// sum_j (exp(e_j - stabiliser) + epsilon) v_j = exp(peak - stabiliser) sum_j exp(e_j - peak) v_j + epsilon sum_j v_j.
// A query's features have the same epsilon, which adds the same to all queries: epsilon times the sum over features.
void Cpu::fold_softmax(const Primitives& p, const Layout& at, std::int64_t row) const {
  if (at.kept[row] == 0) return;
  const float stabiliser = p.max(at.stabilisers + row * slices_, slices_);
  float* const totals = at.totals + row * features_;
  float* const sums = at.sums + row * features_ * shape_.d_v;
  for (std::int64_t f = 0; f < features_; ++f) {
    const float factor = std::exp(at.stabilisers[row * slices_ + f / kSlice] - stabiliser);
    totals[f] = factor * totals[f] + kSoftmaxEpsilon * static_cast<float>(at.kept[row]);
    p.scale(factor, sums + f * shape_.d_v, shape_.d_v);
    p.axpy(kSoftmaxEpsilon, at.value_sums + row * shape_.d_v, sums + f * shape_.d_v, shape_.d_v);
  }
  float* const floor = at.floors + row * (shape_.d_v + 1);
  std::fill_n(floor, shape_.d_v, 0.0f);
  p.add_rows(features_, shape_.d_v, sums, shape_.d_v, floor);
  floor[shape_.d_v] = p.sum(totals, features_);
  p.scale(kSoftmaxEpsilon, floor, shape_.d_v + 1);
}

void Cpu::query(const Primitives& p, const Inputs& in, const Layout& at, float* out, std::int64_t row,
                std::int64_t first, int thread) const {
  const std::int64_t count = std::min(queries_, shape_.n_q - first), d = shape_.d, d_v = shape_.d_v;
  const float* const q = in.q + (row * shape_.n_q + first) * d;
  const std::uint8_t* const keep = mask_of_row(in.keep_q, shape_, row, shape_.n_q, first);
  float* const x = at.query_tiles + thread * queries_ * features_;
  float* const o = out + (row * shape_.n_q + first) * d_v;
  if (at.kept[row] == 0) {
    std::fill_n(o, count * d_v, 0.0f);
    return;
  }
  for (std::int64_t slice = 0; slice < slices_; ++slice)
    p.gemm_nn(count, std::min(kSlice, drawn_ - slice * kSlice), d, scale_, q, d, at.panels + slice * d * kSlice, kSlice,
              false, x + slice * kSlice, features_);
  float norms[kQueries], extra[kQueries];  // |q|^2 / 2; what is added to the denominators
  p.dots(count, d, q, d, q, d, norms);
  p.scale(0.5f * scale_ * scale_, norms, count);
  const bool softmax = kernel_ == Kernel::softmax;
  if (softmax) {
    const float* const floor = at.floors + row * (d_v + 1);
    for (std::int64_t i = 0; i < count; ++i) {
      norms[i] += p.max(x + i * features_, features_);
      extra[i] = floor[d_v];
      std::copy_n(floor, d_v, o + i * d_v);
    }
    p.exp_tile(count, features_, norms, nullptr, x, features_);
  } else {
    for (std::int64_t i = 0; i < count; ++i)
      extra[i] = features_of_query(p, norms[i], at.peaks + row * features_, x + i * features_);
  }
  p.gemm_nn(count, d_v, features_, 1.0f, x, features_, at.sums + row * features_ * d_v, d_v, softmax, o, d_v);
  float total[kQueries];
  p.dots(count, features_, x, features_, at.totals + row * features_, 0, total);
  for (std::int64_t i = 0; i < count; ++i) {
    const bool kept = !keep || keep[i];
    const float share = 1.0f / (total[i] + extra[i]);
    if (kept)
      p.scale(share, o + i * d_v, d_v);
    else
      std::fill_n(o + i * d_v, d_v, 0.0f);
    if (context_.pass == Pass::forward) continue;
    const std::int64_t token = row * shape_.n_q + first + i;
    at.query_shifts[token] = norms[i];
    at.query_shares[token] = !kept ? 0.0f : kernel_ == Kernel::relu ? share * norms[i] : share;
  }
}

// Turns the projections x of a query into its features (relu, hyperbolic), up to a factor that the ratio cancels;
// returns what the denominator has added to it, on the same scale. The half norm becomes what tells of the factor: the
// exponent that is subtracted (hyperbolic), or the factor (relu).
float Cpu::features_of_query(const Primitives& p, float& half_norm, const float* peaks, float* x) const {
  if (kernel_ == Kernel::relu) {
    for (std::int64_t f = 0; f < features_; ++f) x[f] = std::max(x[f], 0.0f) + kReluEpsilon;
    // Not part of the definition, and cancelled by the ratio: without it sums of huge inputs overflow.
    half_norm = 1.0f / p.max(x, features_);
    p.scale(half_norm, x, features_);
    return 0.0f;
  }
  // The plain feature is exp(+-w.x - |x|^2/2) / sqrt(features); relative to exp(largest), joined with the keys' peaks,
  // the largest product of a query feature with a sum over keys is at least 1 and none overflows, so the ratio is that
  // of the plain formula even where its factors leave the range of float. exp(-largest) may be infinite: then the
  // result is zero, as it is there.
  for (std::int64_t f = 0; f < drawn_; ++f) {
    x[drawn_ + f] = -x[f] - half_norm + peaks[drawn_ + f];
    x[f] = x[f] - half_norm + peaks[f];
  }
  const float largest = p.max(x, features_);
  p.exp_sum(largest, x, features_);
  half_norm = largest;
  return kHyperbolicEpsilon * static_cast<float>(features_) * std::exp(-largest);
}

}  // namespace yoso::performer
