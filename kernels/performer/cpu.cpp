#include "performer/cpu.hpp"

#include <cmath>
#include <functional>

#include <yoso/parallel.hpp>

#include "primitives/masks.hpp"

namespace yoso::performer {
namespace {

constexpr std::int64_t kSlice = 64;        // projections whose sums one piece of work makes
constexpr std::int64_t kKeys = 128;        // keys whose features are in memory at a time
constexpr std::int64_t kQueries = 64;      // queries of one piece of work ...
constexpr std::int64_t kFeatures = 65536;  // ... fewer when their features would be more than this
constexpr float kSoftmaxEpsilon = 1e-4f;
constexpr float kReluEpsilon = 1e-3f;
constexpr float kHyperbolicEpsilon = 1e-6f;  // in the denominator

}  // namespace

// A tile of keys: `keep` is null or at least one of them is kept.
struct Cpu::Keys {
  std::int64_t row, count, width;  // width: projections in the slice
  const std::uint8_t* keep;
  const float* half_norms;
  const float* values;

  bool kept(std::int64_t j) const { return !keep || keep[j]; }
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

Cpu::Layout Cpu::layout(Arena& scratch) const {
  const std::int64_t rows = shape_.rows(), threads = context_.threads;
  return {scratch.take<float>(rows * features_ * shape_.d_v),
          scratch.take<float>(rows * features_),
          scratch.take<float>(rows * features_),
          scratch.take<float>(rows * slices_),
          scratch.take<float>(rows * shape_.d_v),
          scratch.take<std::int64_t>(rows),
          scratch.take<float>(threads * sides_ * kKeys * kSlice),
          scratch.take<float>(threads * queries_ * features_),
          scratch.take<float>(threads * kKeys)};
}

Needs Cpu::needs() const {
  Arena scratch;
  layout(scratch);
  return {0, scratch.used()};
}

void Cpu::forward(const Inputs& in, float* out, Call& call) {
  const Primitives& p = primitives(context_.isa);
  const Layout at = layout(call.scratch);
  const float* const projection = call.draws["projection"];
  call.phase("keys");
  count_keys(p, in, at);
  parallel_for(context_.threads, shape_.rows() * slices_, [&](std::int64_t piece, int thread) {
    add_keys(p, in, projection, at, piece / slices_, piece % slices_, thread);
  });
  if (kernel_ == Kernel::softmax)
    parallel_for(context_.threads, shape_.rows() * slices_,
                 [&](std::int64_t piece, int) { fold_softmax(p, at, piece / slices_, piece % slices_); });
  call.phase("queries");
  const std::int64_t blocks = (shape_.n_q + queries_ - 1) / queries_;
  parallel_for(context_.threads, shape_.rows() * blocks, [&](std::int64_t piece, int thread) {
    query(p, in, projection, at, out, piece / blocks, piece % blocks * queries_, thread);
  });
}

void Cpu::count_keys(const Primitives& p, const Inputs& in, const Layout& at) const {
  parallel_for(context_.threads, shape_.rows(), [&](std::int64_t row, int) {
    const std::uint8_t* const keep = mask_of_row(in.keep_k, shape_, row, shape_.n_k);
    float* const sum = at.value_sums + row * shape_.d_v;
    std::fill_n(sum, shape_.d_v, 0.0f);
    std::int64_t kept = 0;
    for (std::int64_t j = 0; j < shape_.n_k; ++j) {
      if (keep && !keep[j]) continue;
      ++kept;
      if (kernel_ == Kernel::softmax) p.add(in.v + (row * shape_.n_k + j) * shape_.d_v, sum, shape_.d_v);
    }
    at.kept[row] = kept;
  });
}

// Sums of one slice of features over all keys, in the order of the keys whatever the thread count.
void Cpu::add_keys(const Primitives& p, const Inputs& in, const float* projection, const Layout& at, std::int64_t row,
                   std::int64_t slice, int thread) const {
  const std::int64_t first = slice * kSlice, width = std::min(kSlice, drawn_ - first);
  for (std::int64_t side = 0; side < sides_; ++side) {
    const std::int64_t feature = row * features_ + side * drawn_ + first;
    std::fill_n(at.sums + feature * shape_.d_v, width * shape_.d_v, 0.0f);
    std::fill_n(at.totals + feature, width, 0.0f);
    std::fill_n(at.peaks + feature, width, -INFINITY);
  }
  float* const u = at.key_tiles + thread * sides_ * kKeys * kSlice;
  float* const half_norms = at.half_norms + thread * kKeys;
  float largest = -INFINITY;
  for (std::int64_t start = 0; start < shape_.n_k; start += kKeys) {
    const std::int64_t count = std::min(kKeys, shape_.n_k - start);
    const float* const k = in.k + (row * shape_.n_k + start) * shape_.d;
    const std::uint8_t* const keep = mask_of_row(in.keep_k, shape_, row, shape_.n_k, start);
    const float* const values = in.v + (row * shape_.n_k + start) * shape_.d_v;
    const Keys keys{row, count, width, keep, half_norms, values};
    if (keep && std::count(keep, keep + count, 0) == count) continue;
    p.gemm_nt(count, width, shape_.d, scale_, k, shape_.d, projection + first * shape_.d, shape_.d, false, u, width);
    if (kernel_ == Kernel::relu) {
      rectify(keys, u);
      add_features(p, keys, first, at, u);
      continue;
    }
    for (std::int64_t j = 0; j < count; ++j) {
      half_norms[j] = 0.5f * scale_ * scale_ * p.dot(k + j * shape_.d, k + j * shape_.d, shape_.d);
      if (keys.kept(j)) largest = std::max(largest, p.max(u + j * width, width));
    }
    // -w.x first: it copies what +w.x then overwrites
    for (std::int64_t side = sides_ - 1; side >= 0; --side) {
      float* const x = u + side * kKeys * kSlice;
      if (side > 0) std::transform(u, u + count * width, x, std::negate<>());
      add_exponentials(p, keys, side * drawn_ + first, at, x);
    }
  }
  at.stabilisers[row * slices_ + slice] = largest;
}

// x holds +-w.x for a tile of keys. The running sums are rescaled when a feature meets a larger exponent, as online
// softmax does for a query.
void Cpu::add_exponentials(const Primitives& p, const Keys& keys, std::int64_t first, const Layout& at,
                           float* x) const {
  const std::int64_t feature = keys.row * features_ + first, width = keys.width;
  float* const sums = at.sums + feature * shape_.d_v;
  float* const totals = at.totals + feature;
  float* const peaks = at.peaks + feature;
  float old[kSlice];
  std::copy_n(peaks, width, old);
  for (std::int64_t j = 0; j < keys.count; ++j) {
    if (!keys.kept(j)) continue;
    for (std::int64_t f = 0; f < width; ++f) {
      x[j * width + f] -= keys.half_norms[j];
      peaks[f] = std::max(peaks[f], x[j * width + f]);
    }
  }
  for (std::int64_t f = 0; f < width; ++f) {
    if (peaks[f] == old[f]) continue;
    const float factor = std::exp(old[f] - peaks[f]);
    totals[f] *= factor;
    p.scale(factor, sums + f * shape_.d_v, shape_.d_v);
  }
  for (std::int64_t j = 0; j < keys.count; ++j) {
    if (!keys.kept(j)) {
      std::fill_n(x + j * width, width, 0.0f);
      continue;
    }
    for (std::int64_t f = 0; f < width; ++f) x[j * width + f] -= peaks[f];
    p.exp_sum(0.0f, x + j * width, width);
  }
  add_features(p, keys, first, at, x);
}

void Cpu::rectify(const Keys& keys, float* x) const {
  for (std::int64_t j = 0; j < keys.count; ++j)
    for (std::int64_t f = 0; f < keys.width; ++f) {
      float& e = x[j * keys.width + f];
      e = keys.kept(j) ? std::max(e, 0.0f) + kReluEpsilon : 0.0f;
    }
}

// Adds a tile of features (zero for padded keys). A tile is summed on its own first: a single running sum over all
// keys rounds n times at the size of the whole.
void Cpu::add_features(const Primitives& p, const Keys& keys, std::int64_t first, const Layout& at,
                       const float* x) const {
  const std::int64_t feature = keys.row * features_ + first, width = keys.width;
  float total[kSlice] = {};
  for (std::int64_t j = 0; j < keys.count; ++j) p.add(x + j * width, total, width);
  p.add(total, at.totals + feature, width);
  p.gemm_tn(width, shape_.d_v, keys.count, 1.0f, x, width, keys.values, shape_.d_v, true,
            at.sums + feature * shape_.d_v, shape_.d_v);
}

// The softmax kernel has one stabiliser for all keys and features, which matters because epsilon is added after exp:
// sum_j (exp(e_j - stabiliser) + epsilon) v_j = exp(peak - stabiliser) sum_j exp(e_j - peak) v_j + epsilon sum_j v_j.
void Cpu::fold_softmax(const Primitives& p, const Layout& at, std::int64_t row, std::int64_t slice) const {
  if (at.kept[row] == 0) return;
  const float stabiliser = p.max(at.stabilisers + row * slices_, slices_);
  const std::int64_t end = std::min((slice + 1) * kSlice, drawn_);
  for (std::int64_t f = slice * kSlice; f < end; ++f) {
    const std::int64_t feature = row * features_ + f;
    const float factor = std::exp(at.peaks[feature] - stabiliser);
    at.totals[feature] = factor * at.totals[feature] + kSoftmaxEpsilon * static_cast<float>(at.kept[row]);
    p.scale(factor, at.sums + feature * shape_.d_v, shape_.d_v);
    p.axpy(kSoftmaxEpsilon, at.value_sums + row * shape_.d_v, at.sums + feature * shape_.d_v, shape_.d_v);
  }
}

void Cpu::query(const Primitives& p, const Inputs& in, const float* projection, const Layout& at, float* out,
                std::int64_t row, std::int64_t first, int thread) const {
  const std::int64_t count = std::min(queries_, shape_.n_q - first);
  const float* const q = in.q + (row * shape_.n_q + first) * shape_.d;
  const std::uint8_t* const keep = mask_of_row(in.keep_q, shape_, row, shape_.n_q, first);
  float* const x = at.query_tiles + thread * queries_ * features_;
  float* const o = out + (row * shape_.n_q + first) * shape_.d_v;
  if (at.kept[row] == 0) {
    std::fill_n(o, count * shape_.d_v, 0.0f);
    return;
  }
  float extra[kQueries];  // what is added to the denominators
  p.gemm_nt(count, drawn_, shape_.d, scale_, q, shape_.d, projection, shape_.d, false, x, features_);
  for (std::int64_t i = 0; i < count; ++i)
    extra[i] = features_of_query(p, q + i * shape_.d, at.peaks + row * features_, x + i * features_);
  p.gemm_nn(count, shape_.d_v, features_, 1.0f, x, features_, at.sums + row * features_ * shape_.d_v, shape_.d_v, false,
            o, shape_.d_v);
  for (std::int64_t i = 0; i < count; ++i) {
    if (keep && !keep[i]) {
      std::fill_n(o + i * shape_.d_v, shape_.d_v, 0.0f);
      continue;
    }
    const float total = p.dot(x + i * features_, at.totals + row * features_, features_);
    p.scale(1.0f / (total + extra[i]), o + i * shape_.d_v, shape_.d_v);
  }
}

// Turns the projections x of a query into its features, up to a factor that the ratio cancels; returns what the
// denominator has added to it, on the same scale.
float Cpu::features_of_query(const Primitives& p, const float* q, const float* peaks, float* x) const {
  if (kernel_ == Kernel::relu) {
    for (std::int64_t f = 0; f < features_; ++f) x[f] = std::max(x[f], 0.0f) + kReluEpsilon;
    // Not part of the definition, and cancelled by the ratio: without it sums of huge inputs overflow.
    p.scale(1.0f / p.max(x, features_), x, features_);
    return 0.0f;
  }
  const float half_norm = 0.5f * scale_ * scale_ * p.dot(q, q, shape_.d);
  if (kernel_ == Kernel::softmax) {
    p.exp_sum(p.max(x, features_) + half_norm, x, features_);
    for (std::int64_t f = 0; f < features_; ++f) x[f] += kSoftmaxEpsilon;
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
  return kHyperbolicEpsilon * static_cast<float>(features_) * std::exp(-largest);
}

}  // namespace yoso::performer
