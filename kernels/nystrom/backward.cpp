// Backward, from the output to the inputs. With A, B, C the three factors, Z the pseudo-inverse, T = C V and U = Z T:
//   A: softmax attention of the queries to the landmarks, with values U      gives dQ, dK~, dU
//   dZ = dU T^T, dT = Z^T dU
//   C: softmax attention of the landmarks to the keys, with values V         gives dQ~, dK, dV from dT
//   the steps of the iteration, last to first, and its first guess           give dB
//   B: a softmax                                                             gives dQ~, dK~
// and a landmark's gradient is shared among the tokens it averages.
#include <algorithm>
#include <cmath>

#include "nystrom/cpu.hpp"

namespace yoso::nystrom {
namespace {

// Where singular values of B are near 0 a step of the iteration multiplies gradients by up to 13/4, as it does rounding
// errors. They stay in the range of float because they are kept near 1 on their way back, and go no further than this:
// means of 1e9s times it are still in range.
constexpr double kLargestGradient = 1e22;

}  // namespace

Cpu::BackwardScratch Cpu::backward_layout(Arena& saved, Arena& scratch) const {
  BackwardScratch s{factors(saved), {scratch, context.threads, shape.n_k, shape.d, shape.d_v}};
  if (exact) return s;
  const std::int64_t rows = shape.rows(), all = rows * landmarks;
  s.parts = scratch.take<float>(rows * parts().count() * part_size());
  for (float** to : {&s.d_q, &s.d_k}) *to = scratch.take<float>(all * shape.d);
  for (float** to : {&s.d_values, &s.d_summary}) *to = scratch.take<float>(all * shape.d_v);
  for (float** to : {&s.product, &s.t, &s.u, &s.w, &s.d_kernel, &s.d_inverse, &s.d_next, &s.d_product, &s.d_w})
    *to = scratch.take<float>(all * landmarks);
  s.column = scratch.take<float>(all);
  s.scales = scratch.take<double>(rows);
  s.guesses = scratch.take<double>(rows);
  return s;
}

void Cpu::backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
  const Primitives& p = primitives(context.isa);
  BackwardScratch s = backward_layout(call.saved, call.scratch);
  call.phase(exact ? "attend" : "query");
  zero_gradients(context.threads, shape, grads);
  if (exact) return exact_back(p, in, up, grads, s);
  query_back(p, in, up, grads, s);
  call.phase("values");
  float* const inverse = iterate(s, iterations);
  over_landmarks(s.q.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
    p.gemm_tn(m, shape.d_v, s.k.counts[row], 1.0f, matrix(inverse, row) + first, landmarks,
              s.d_values + row * landmarks * shape.d_v, shape.d_v, false,
              s.d_summary + (row * landmarks + first) * shape.d_v, shape.d_v);
  });
  summary_back(p, in, grads, s);
  call.phase("inverse");
  over_landmarks(s.k.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
    p.gemm_nt(m, s.q.counts[row], shape.d_v, 1.0f, s.d_values + (row * landmarks + first) * shape.d_v, shape.d_v,
              s.summary + row * landmarks * shape.d_v, shape.d_v, false, matrix(s.d_inverse, row, first), landmarks);
  });
  scale_inverse_gradients(s);
  invert_back(p, s);
  guess_back(p, s);
  call.phase("kernel");
  kernel_back(p, s);
  call.phase("landmarks");
  average_back(p, in.keep_q, s.q, s.d_q, grads.dq);
  average_back(p, in.keep_k, s.k, s.d_k, grads.dk);
}

// As many landmarks as tokens: attention itself.
void Cpu::exact_back(const Primitives& p, const Inputs& in, const Upstream& up, const Gradients& grads,
                     const BackwardScratch& s) const {
  for_pairs_in_waves(context.threads, shape.rows(), shape.n_q, shape.n_k,
                     [&](std::int64_t row, KeyRange queries, KeyRange keys, int thread) {
                       const std::int64_t q = row * shape.n_q, k = row * shape.n_k;
                       s.tiles.attend(p, thread, scale(),
                                      {.q = in.q + q * shape.d,
                                       .out = up.out + q * shape.d_v,
                                       .dout = up.dout + q * shape.d_v,
                                       .kept = s.first.from(q),
                                       .keys = key_row(in, shape, row),
                                       .dq = grads.dq + q * shape.d,
                                       .grads = {grads.dk + k * shape.d, grads.dv + k * shape.d_v}},
                                      queries, keys, [&](std::int64_t) {
                                        return KeyRange{0, shape.n_k};
                                      });
                     });
}

// Through A: parts of the queries, each with gradients of the landmarks and of their values of its own.
void Cpu::query_back(const Primitives& p, const Inputs& in, const Upstream& up, const Gradients& grads,
                     const BackwardScratch& s) const {
  const Parts cut = parts();
  parallel_for(context.threads, shape.rows() * cut.count(), [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / cut.count(), part = piece % cut.count(), q = row * shape.n_q;
    const std::int64_t keys = s.k.counts[row];
    float* const sum = s.parts + piece * part_size();
    std::fill_n(sum, part_size(), 0.0f);
    s.tiles.attend(p, thread, scale(),
                   {.q = in.q + q * shape.d,
                    .out = up.out + q * shape.d_v,
                    .dout = up.dout + q * shape.d_v,
                    .kept = s.first.from(q),
                    .keys = {s.k.means + row * landmarks * shape.d, s.values + row * landmarks * shape.d_v, nullptr},
                    .dq = grads.dq + q * shape.d,
                    .grads = {sum, sum + landmarks * shape.d}},
                   {cut.begin(part), cut.end(part)}, {0, keys}, [keys](std::int64_t) {
                     return KeyRange{0, keys};
                   });
  });
  add_parts(p, s, part_size(), shape.d, s.d_k, s.d_values);
}

// Through C: parts of the keys, each with gradients of the landmarks of its own.
void Cpu::summary_back(const Primitives& p, const Inputs& in, const Gradients& grads, const BackwardScratch& s) const {
  const Parts cut = parts();
  const std::int64_t size = landmarks * shape.d;
  parallel_for(context.threads, shape.rows() * cut.count(), [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / cut.count(), part = piece % cut.count(), k = row * shape.n_k;
    const std::int64_t first = row * landmarks;
    float* const sum = s.parts + piece * size;
    std::fill_n(sum, size, 0.0f);
    s.tiles.attend(p, thread, scale(),
                   {.q = s.q.means + first * shape.d,
                    .out = s.summary + first * shape.d_v,
                    .dout = s.d_summary + first * shape.d_v,
                    .kept = s.third.from(first),
                    .keys = key_row(in, shape, row),
                    .dq = sum,
                    .grads = {grads.dk + k * shape.d, grads.dv + k * shape.d_v}},
                   {0, s.q.counts[row]}, {cut.begin(part), cut.end(part)}, [&](std::int64_t) {
                     return KeyRange{0, shape.n_k};
                   });
  });
  add_parts(p, s, size, shape.d, s.d_q, nullptr);
}

// The sums of the parts, `size` floats each: L rows of `width` floats go to `first`, what follows to `second`.
void Cpu::add_parts(const Primitives& p, const BackwardScratch& s, std::int64_t size, std::int64_t width, float* first,
                    float* second) const {
  const std::int64_t count = parts().count(), head = landmarks * width;
  parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int) {
    const float* const from = s.parts + row * count * size;
    std::copy_n(from, head, first + row * head);
    if (second) std::copy_n(from + head, size - head, second + row * (size - head));
    for (std::int64_t part = 1; part < count; ++part) {
      p.add(from + part * size, first + row * head, head);
      if (second) p.add(from + part * size + head, second + row * (size - head), size - head);
    }
  });
}

// to [rows, columns] (+)= alpha a b, one of a and b transposed; the counts are of every row of the problem.
void Cpu::multiply(const Primitives& p, const std::int64_t* rows, const std::int64_t* columns,
                   const std::int64_t* depth, Turned turned, float alpha, float* a, float* b, bool accumulate,
                   float* to) const {
  over_landmarks(rows, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
    const auto gemm = turned == Turned::left ? p.gemm_tn : turned == Turned::right ? p.gemm_nt : p.gemm_nn;
    const float* const left = turned == Turned::left ? matrix(a, row) + first : matrix(a, row, first);
    gemm(m, columns[row], depth[row], alpha, left, landmarks, matrix(b, row), landmarks, accumulate,
         matrix(to, row, first), landmarks);
  });
}

// By powers of two, which change no digit.
void Cpu::scale_inverse_gradients(const BackwardScratch& s) const {
  parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int) {
    float largest = 0;
    for (std::int64_t j = 0; j < s.k.counts[row]; ++j)
      for (std::int64_t i = 0; i < s.q.counts[row]; ++i)
        largest = std::max(largest, std::abs(matrix(s.d_inverse, row, j)[i]));
    s.scales[row] = largest > 0 ? std::exp2(std::ceil(std::log2(static_cast<double>(largest)))) : 1.0;
    for (std::int64_t j = 0; j < s.k.counts[row]; ++j)
      for (std::int64_t i = 0; i < s.q.counts[row]; ++i) {
        float& e = matrix(s.d_inverse, row, j)[i];
        e = static_cast<float>(e / s.scales[row]);
      }
  });
}

// A step Z' = Z W / 4, W = 13 I - P U, U = 15 I - P T, T = 7 I - P, P = B Z, backward:
//   dW = Z^T dZ' / 4,   dU = -P^T dW,   dT = -P^T dU,   dP = -dW U^T - dU T^T - dT,
//   dB += dP Z^T,       dZ = dZ' W^T / 4 + B^T dP
void Cpu::invert_back(const Primitives& p, BackwardScratch& s) const {
  const std::int64_t *const q = s.q.counts, *const k = s.k.counts;
  std::fill_n(s.d_kernel, shape.rows() * landmarks * landmarks, 0.0f);
  for (std::int64_t step = iterations - 1; step >= 0; --step) {
    float* const z = iterate(s, step);
    inner_factors(p, s, z, s.product, s.t);
    subtract_product(p, q, 15.0f, s.product, s.t, s.u);
    subtract_product(p, q, 13.0f, s.product, s.u, s.w);
    multiply(p, q, q, k, Turned::left, 0.25f, z, s.d_inverse, false, s.d_w);
    multiply(p, k, q, q, Turned::right, 0.25f, s.d_inverse, s.w, false, s.d_next);
    multiply(p, q, q, q, Turned::right, -1.0f, s.d_w, s.u, false, s.d_product);
    float* const d_u = s.w;  // of which no more is needed
    multiply(p, q, q, q, Turned::left, -1.0f, s.product, s.d_w, false, d_u);
    multiply(p, q, q, q, Turned::right, -1.0f, d_u, s.t, true, s.d_product);
    multiply(p, q, q, q, Turned::left, 1.0f, s.product, d_u, true, s.d_product);
    multiply(p, q, k, q, Turned::right, 1.0f, s.d_product, z, true, s.d_kernel);
    multiply(p, k, q, q, Turned::left, 1.0f, s.kernel, s.d_product, true, s.d_next);
    std::swap(s.d_inverse, s.d_next);
  }
}

// Z_0 = B^T / (c r), c the largest column sum of B and r its largest row sum: dB = dZ_0^T / (c r), and in the column
// that c is the sum of, dc = -sum(dZ_0 * Z_0) / c more. A row's sum is 1 whatever the logits are: dr would come to
// nothing in the softmax. Where the norms are those of all rows of the problem, so are their gradients.
void Cpu::guess_back(const Primitives& p, const BackwardScratch& s) const {
  parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int) {
    const std::int64_t queries = s.q.counts[row], keys = s.k.counts[row];
    const float guess = 1.0f / (s.largest_column[row] * s.largest_row[row]);
    float* const column = s.column + row * landmarks;
    std::fill_n(column, keys, 0.0f);
    double along = 0;
    for (std::int64_t i = 0; i < queries; ++i) p.add(matrix(s.kernel, row, i), column, keys);
    for (std::int64_t j = 0; j < keys; ++j) {
      const float* const dz = matrix(s.d_inverse, row, j);
      along += static_cast<double>(p.dot(dz, matrix(iterate(s, 0), row, j), queries));
      for (std::int64_t i = 0; i < queries; ++i) matrix(s.d_kernel, row, i)[j] += guess * dz[i];
    }
    s.guesses[row] = along * s.scales[row];
  });
  double all = 0;
  bool given = false;
  for (std::int64_t row = 0; row < shape.rows(); ++row) all += s.guesses[row];
  for (std::int64_t row = 0; row < shape.rows(); ++row) {
    const std::int64_t queries = s.q.counts[row], keys = s.k.counts[row];
    const float* const column = s.column + row * landmarks;
    const float* const largest = std::max_element(column, column + keys);
    if (queries == 0 || keys == 0 || *largest != s.largest_column[row] || given) continue;
    given = whole_tensor;
    const double dc = -(whole_tensor ? all : s.guesses[row]) / static_cast<double>(*largest) / s.scales[row];
    const float share = static_cast<float>(std::clamp(dc, -kLargestGradient, kLargestGradient));
    for (std::int64_t i = 0; i < queries; ++i) matrix(s.d_kernel, row, i)[largest - column] += share;
  }
}

// Through B = softmax(Q~ K~^T / sqrt(d)).
void Cpu::kernel_back(const Primitives& p, const BackwardScratch& s) const {
  over_landmarks(s.q.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
    const std::int64_t keys = s.k.counts[row];
    float* const slopes = matrix(s.d_kernel, row, first);
    float means[kBlock];
    p.dots(m, keys, matrix(s.kernel, row, first), landmarks, slopes, landmarks, means);
    for (std::int64_t i = 0; i < m; ++i) means[i] = -means[i];
    p.chain(m, keys, matrix(s.kernel, row, first), landmarks, means, nullptr, slopes, landmarks, nullptr);
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < keys; ++j) {
        const double slope = static_cast<double>(slopes[i * landmarks + j]) * s.scales[row];
        slopes[i * landmarks + j] = static_cast<float>(std::clamp(slope, -kLargestGradient, kLargestGradient));
      }
    p.gemm_nn(m, shape.d, keys, scale(), slopes, landmarks, s.k.means + row * landmarks * shape.d, shape.d, true,
              s.d_q + (row * landmarks + first) * shape.d, shape.d);
  });
  over_landmarks(s.k.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
    p.gemm_tn(m, shape.d, s.q.counts[row], scale(), matrix(s.d_kernel, row) + first, landmarks,
              s.q.means + row * landmarks * shape.d, shape.d, true, s.d_k + (row * landmarks + first) * shape.d,
              shape.d);
  });
}

// Every kept token of a segment gets the same share of the gradient of their mean.
void Cpu::average_back(const Primitives& p, const std::uint8_t* keep, const Landmarks& of, const float* means,
                       float* dx) const {
  const std::int64_t n = shape.n_k, d = shape.d;
  parallel_for(context.threads, shape.rows() * landmarks, [&](std::int64_t piece, int) {
    const std::int64_t row = piece / landmarks, segment = piece % landmarks, slot = of.slots[piece];
    if (slot < 0) return;
    const std::uint8_t* const mask = mask_of_row(keep, shape, row, n);
    const std::int64_t begin = begin_of(segment), end = begin_of(segment + 1);
    const std::int64_t kept = end - begin - (mask ? std::count(mask + begin, mask + end, 0) : 0);
    for (std::int64_t i = begin; i < end; ++i)
      if (!mask || mask[i])
        p.axpy(1.0f / static_cast<float>(kept), means + (row * landmarks + slot) * d, dx + (row * n + i) * d, d);
  });
}

}  // namespace yoso::nystrom
