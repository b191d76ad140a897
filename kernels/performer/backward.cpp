// Backward: two passes of four products each over tiles of tokens, one slice of the features at a time.
//
// With a_i = dout_i / D_i and b_i = -dout_i.out_i / D_i, D_i a query's denominator, S and z the sums over keys:
//   dphi(q_i) = S a_i + b_i z     dS = sum_i phi(q_i) a_i^T     dz = sum_i b_i phi(q_i)
//   dphi(k_j) = dS v_j + dz       dv_j = dS^T phi(k_j)
// and through an exponential feature phi = exp(+-w.x - |x|^2/2 - shift) + epsilon, with t = dphi (phi - epsilon):
//   dx = d^(-1/4) sum (+-t) w - d^(-1/2) x sum t
// Shifts are constants: those of hyperbolic cancel, those of softmax are detached by definition.
#include <algorithm>
#include <cmath>
#include <functional>

#include <yoso/parallel.hpp>

#include "performer/cpu.hpp"
#include "primitives/masks.hpp"

namespace yoso::performer {

// A tile of queries or of keys.
struct Cpu::Tokens {
  std::int64_t row, count;
  const float* x;             // [count, d]
  const std::uint8_t* keep;   // null: all
  const float* shifts;        // [count]: of their exponents; infinity: no features (softmax, keys of hyperbolic)
  const float* least_shifts;  // [count]: subtracted last (queries of hyperbolic; null: none)
  float *features, *slopes;   // [sides, kTile, width]
};

Cpu::BackwardLayout Cpu::backward_layout(Arena& saved, Arena& scratch) const {
  const std::int64_t rows = shape_.rows(), threads = std::max(1, context_.threads);
  const std::int64_t tiles = threads * sides_ * kTile * kSlice;
  return {summary(saved),
          scratch.take<float>(slices_ * shape_.d * kSlice),
          scratch.take<float>(rows * sides_ * slices_ * shape_.d_v * kSlice),
          scratch.take<float>(rows * query_parts().count() * part_size()),
          scratch.take<float>(kernel_ == Kernel::softmax ? rows * shape_.d_v : 0),
          scratch.take<float>(tiles),
          scratch.take<float>(tiles),
          scratch.take<float>(threads * kTile * shape_.d_v)};
}

Parts Cpu::query_parts() const { return Parts(shape_.rows(), shape_.n_q, kTile); }

void Cpu::backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
  const Primitives& p = primitives(context_.isa);
  const BackwardLayout at = backward_layout(call.saved, call.scratch);
  const float* const projection = call.draws["projection"];
  const Parts parts = query_parts();
  call.phase("queries");
  transpose_projections(p, projection, at.panels);
  turn_sums(p, at.sums, features_ * shape_.d_v, at.turned);
  parallel_for(context_.threads, shape_.rows() * parts.count(), [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / parts.count(), part = piece % parts.count();
    float* const sum = at.parts + piece * part_size();
    std::fill_n(sum, part_size(), 0.0f);
    for (std::int64_t first = parts.begin(part); first < parts.end(part); first += kTile)
      queries_back(p, in, up, projection, at, row, first, std::min(kTile, parts.end(part) - first), thread, sum,
                   grads.dq);
  });
  call.phase("keys");
  add_parts(p, at);
  turn_sums(p, at.parts, parts.count() * part_size(), at.turned);
  const std::int64_t blocks = (shape_.n_k + kTile - 1) / kTile;
  parallel_for(context_.threads, shape_.rows() * blocks, [&](std::int64_t piece, int thread) {
    const std::int64_t first = piece % blocks * kTile;
    keys_back(p, in, projection, at, piece / blocks, first, std::min(kTile, shape_.n_k - first), thread, grads);
  });
}

// Once a row, so that no tile has to: in panels of one slice, for the reason that the projections are.
void Cpu::turn_sums(const Primitives& p, const float* sums, std::int64_t apart, float* turned) const {
  const std::int64_t panels = sides_ * slices_, d_v = shape_.d_v;
  parallel_for(context_.threads, shape_.rows() * panels, [&](std::int64_t piece, int) {
    const std::int64_t row = piece / panels, side = piece % panels / slices_, first = piece % slices_ * kSlice;
    p.transpose(std::min(kSlice, drawn_ - first), d_v, sums + row * apart + (side * drawn_ + first) * d_v, d_v,
                turned + piece * d_v * kSlice, kSlice);
  });
}

// The features of a slice, but for the softmax kernel's epsilon, with exactly the arithmetic of forward: exponents are
// never above 0.
void Cpu::features_of_tile(const Primitives& p, const BackwardLayout& at, const Tokens& tokens,
                           std::int64_t slice) const {
  const std::int64_t first = slice * kSlice, width = std::min(kSlice, drawn_ - first), size = tokens.count * width;
  float* const x = tokens.features;
  p.gemm_nn(tokens.count, width, shape_.d, scale_, tokens.x, shape_.d, at.panels + slice * shape_.d * kSlice, kSlice,
            false, x, width);
  if (kernel_ == Kernel::softmax) {
    p.exp_tile(tokens.count, width, tokens.shifts, nullptr, x, width);
    return;
  }
  if (kernel_ == Kernel::relu) {
    for (std::int64_t i = 0; i < size; ++i) x[i] = std::max(x[i], 0.0f) + kReluEpsilon;
    for (std::int64_t i = 0; tokens.keep && i < tokens.count; ++i)
      if (!tokens.keep[i]) std::fill_n(x + i * width, width, 0.0f);
    return;
  }
  std::transform(x, x + size, x + kTile * kSlice, std::negate<>());
  for (std::int64_t side = 0; side < 2; ++side) {
    float* const e = x + side * kTile * kSlice;
    const float* const peaks = at.peaks + tokens.row * features_ + side * drawn_ + first;
    if (!tokens.least_shifts) {  // a key, relative to the peaks
      p.exp_tile(tokens.count, width, tokens.shifts, peaks, e, width);
      continue;
    }
    for (std::int64_t i = 0; i < tokens.count; ++i)
      for (std::int64_t f = 0; f < width; ++f) e[i * width + f] = e[i * width + f] - tokens.shifts[i] + peaks[f];
    p.exp_tile(tokens.count, width, tokens.least_shifts, nullptr, e, width);
  }
}

// Gradients of the features, to which rows[i] * columns[f] is yet to be added, become those of the exponents (relu: of
// the projections); their sums go to `sums`.
void Cpu::slopes_of_tile(const Primitives& p, const Tokens& tokens, std::int64_t side, std::int64_t width,
                         const float* rows, const float* columns, float* sums) const {
  const float* const e = tokens.features + side * kTile * kSlice;
  float* const t = tokens.slopes + side * kTile * kSlice;
  if (kernel_ != Kernel::relu) {
    p.chain(tokens.count, width, e, width, rows, columns, t, width, sums);
    return;
  }
  for (std::int64_t i = 0; i < tokens.count; ++i) {
    const float share = rows ? rows[i] : 1.0f;
    for (std::int64_t f = 0; f < width; ++f) {
      const float slope = t[i * width + f] + share * columns[f];
      t[i * width + f] = e[i * width + f] > kReluEpsilon ? slope : 0.0f;
    }
  }
}

// gradient (+)= d^(-1/4) sum over the slice of (+-t) w
void Cpu::add_slopes(const Primitives& p, const float* projection, const Tokens& tokens, std::int64_t slice,
                     float* gradient) const {
  const std::int64_t first = slice * kSlice, width = std::min(kSlice, drawn_ - first);
  if (sides_ == 2) p.axpy(-1.0f, tokens.slopes + kTile * kSlice, tokens.slopes, tokens.count * width);
  p.gemm_nn(tokens.count, shape_.d, width, scale_, tokens.slopes, width, projection + first * shape_.d, shape_.d,
            slice > 0, gradient, shape_.d);
}

// gradient -= d^(-1/2) x sum t
void Cpu::finish_slopes(const Primitives& p, const Tokens& tokens, const float* sums, float* gradient) const {
  if (kernel_ == Kernel::relu) return;
  for (std::int64_t i = 0; i < tokens.count; ++i)
    p.axpy(-scale_ * scale_ * sums[i], tokens.x + i * shape_.d, gradient + i * shape_.d, shape_.d);
}

// Queries [first, first + count): their gradients, and their part of those of the sums and totals over keys.
void Cpu::queries_back(const Primitives& p, const Inputs& in, const Upstream& up, const float* projection,
                       const BackwardLayout& at, std::int64_t row, std::int64_t first, std::int64_t count, int thread,
                       float* part, float* dq) const {
  const std::int64_t d = shape_.d, d_v = shape_.d_v, token = row * shape_.n_q + first;
  float* const gradient = dq + token * d;
  const float* const shares = at.query_shares + token;
  if (at.kept[row] == 0 || !any_kept(mask_of_row(in.keep_q, shape_, row, shape_.n_q, first), 0, count)) {
    std::fill_n(gradient, count * d, 0.0f);
    return;
  }
  const bool hyperbolic = kernel_ == Kernel::hyperbolic;
  float norms[kTile], b[kTile], sums[kTile] = {};
  float* const a = at.shares + thread * kTile * d_v;
  if (hyperbolic) {
    p.dots(count, d, in.q + token * d, d, in.q + token * d, d, norms);
    p.scale(0.5f * scale_ * scale_, norms, count);
  }
  p.dots(count, d_v, up.dout + token * d_v, d_v, up.out + token * d_v, d_v, b);
  for (std::int64_t i = 0; i < count; ++i) {
    if (shares[i] == 0) {  // padded, or its features vanish beside what the denominator has added
      std::fill_n(a + i * d_v, d_v, 0.0f);
      b[i] = 0;
      continue;
    }
    std::copy_n(up.dout + (token + i) * d_v, d_v, a + i * d_v);
    p.scale(shares[i], a + i * d_v, d_v);
    b[i] *= -shares[i];
  }
  if (kernel_ == Kernel::softmax) {
    float* const floor = part + features_ * (d_v + 1);
    p.add_rows(count, d_v, a, d_v, floor);
    floor[d_v] += p.sum(b, count);
  }
  const Tokens tokens{.row = row,
                      .count = count,
                      .x = in.q + token * d,
                      .keep = nullptr,
                      .shifts = hyperbolic ? norms : at.query_shifts + token,
                      .least_shifts = hyperbolic ? at.query_shifts + token : nullptr,
                      .features = at.features + thread * sides_ * kTile * kSlice,
                      .slopes = at.slopes + thread * sides_ * kTile * kSlice};
  for (std::int64_t slice = 0; slice < slices_; ++slice) {
    const std::int64_t width = std::min(kSlice, drawn_ - slice * kSlice);
    features_of_tile(p, at, tokens, slice);
    for (std::int64_t side = 0; side < sides_; ++side) {
      const std::int64_t feature = side * drawn_ + slice * kSlice, panel = (row * sides_ + side) * slices_ + slice;
      const float* const e = tokens.features + side * kTile * kSlice;
      p.gemm_nn(count, width, d_v, 1.0f, a, d_v, at.turned + panel * d_v * kSlice, kSlice, false,
                tokens.slopes + side * kTile * kSlice, width);
      slopes_of_tile(p, tokens, side, width, b, at.totals + row * features_ + feature, sums);
      p.gemm_tn(width, d_v, count, 1.0f, e, width, a, d_v, true, part + feature * d_v, d_v);
      p.gemm_nn(1, width, count, 1.0f, b, count, e, width, true, part + features_ * d_v + feature, width);
    }
    add_slopes(p, projection, tokens, slice, gradient);
  }
  finish_slopes(p, tokens, sums, gradient);
}

// The softmax kernel's epsilon is left out of the features of a tile: it adds the same to the gradients of all sums,
// and, once these are known, the same to the gradient of every value.
void Cpu::add_parts(const Primitives& p, const BackwardLayout& at) const {
  const std::int64_t parts = query_parts().count(), size = part_size(), d_v = shape_.d_v;
  parallel_for(context_.threads, shape_.rows(), [&](std::int64_t row, int) {
    float* const sum = at.parts + row * parts * size;
    for (std::int64_t part = 1; part < parts; ++part) p.add(sum + part * size, sum, size);
    if (kernel_ != Kernel::softmax) return;
    float* const totals = sum + features_ * d_v;
    float* const floor = totals + features_;
    for (std::int64_t f = 0; f < features_; ++f) {
      p.axpy(kSoftmaxEpsilon, floor, sum + f * d_v, d_v);
      totals[f] += kSoftmaxEpsilon * floor[d_v];
    }
    float* const of_values = at.floors + row * d_v;
    std::fill_n(of_values, d_v, 0.0f);
    p.add_rows(features_, d_v, sum, d_v, of_values);
    p.scale(kSoftmaxEpsilon, of_values, d_v);
  });
}

// Keys [first, first + count), from the gradients of the sums and totals.
void Cpu::keys_back(const Primitives& p, const Inputs& in, const float* projection, const BackwardLayout& at,
                    std::int64_t row, std::int64_t first, std::int64_t count, int thread,
                    const Gradients& grads) const {
  const std::int64_t d = shape_.d, d_v = shape_.d_v, token = row * shape_.n_k + first;
  float* const dk = grads.dk + token * d;
  float* const dv = grads.dv + token * d_v;
  const std::uint8_t* const keep = mask_of_row(in.keep_k, shape_, row, shape_.n_k, first);
  if (!any_kept(keep, 0, count)) {
    std::fill_n(dk, count * d, 0.0f);
    std::fill_n(dv, count * d_v, 0.0f);
    return;
  }
  float shifts[kTile], sums[kTile] = {};
  if (kernel_ != Kernel::relu) {
    const float stabiliser = kernel_ == Kernel::softmax ? p.max(at.stabilisers + row * slices_, slices_) : 0.0f;
    p.dots(count, d, in.k + token * d, d, in.k + token * d, d, shifts);
    p.scale(0.5f * scale_ * scale_, shifts, count);
    for (std::int64_t j = 0; j < count; ++j) shifts[j] = keep && !keep[j] ? INFINITY : shifts[j] + stabiliser;
  }
  const bool softmax = kernel_ == Kernel::softmax;
  if (softmax)
    for (std::int64_t j = 0; j < count; ++j) {
      if (keep && !keep[j])
        std::fill_n(dv + j * d_v, d_v, 0.0f);
      else
        std::copy_n(at.floors + row * d_v, d_v, dv + j * d_v);
    }
  const float* const sums_back = at.parts + row * query_parts().count() * part_size();
  const Tokens tokens{.row = row,
                      .count = count,
                      .x = in.k + token * d,
                      .keep = any_padded(keep, 0, count) ? keep : nullptr,
                      .shifts = shifts,
                      .least_shifts = nullptr,
                      .features = at.features + thread * sides_ * kTile * kSlice,
                      .slopes = at.slopes + thread * sides_ * kTile * kSlice};
  for (std::int64_t slice = 0; slice < slices_; ++slice) {
    const std::int64_t width = std::min(kSlice, drawn_ - slice * kSlice);
    features_of_tile(p, at, tokens, slice);
    for (std::int64_t side = 0; side < sides_; ++side) {
      const std::int64_t feature = side * drawn_ + slice * kSlice, panel = (row * sides_ + side) * slices_ + slice;
      p.gemm_nn(count, d_v, width, 1.0f, tokens.features + side * kTile * kSlice, width, sums_back + feature * d_v, d_v,
                softmax || slice + side > 0, dv, d_v);
      p.gemm_nn(count, width, d_v, 1.0f, in.v + token * d_v, d_v, at.turned + panel * d_v * kSlice, kSlice, false,
                tokens.slopes + side * kTile * kSlice, width);
      slopes_of_tile(p, tokens, side, width, nullptr, sums_back + features_ * d_v + feature, sums);
    }
    add_slopes(p, projection, tokens, slice, dk);
  }
  finish_slopes(p, tokens, sums, dk);
}

}  // namespace yoso::performer
