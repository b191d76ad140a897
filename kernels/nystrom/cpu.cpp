#include "nystrom/cpu.hpp"

#include <utility>

#include "primitives/online_softmax.hpp"

namespace yoso::nystrom {
namespace {

// The fewest landmarks whose attention over all keys is one piece of work: every piece reads all keys, and 16 spend a
// fifth of their time on laying them out.
constexpr std::int64_t kFewLandmarks = 16;

}  // namespace

Cpu::Cpu(const Shape& s, const Settings& settings, const Context& c)
    : shape(s),
      context(c),
      landmarks(std::min(settings.integer("landmarks"), s.n_k)),
      iterations(settings.integer("iterations")),
      exact(landmarks == s.n_k),
      whole_tensor(settings.is("pinv_init", "tensor")) {
  if (s.causal) throw Unsupported("nystrom has no causal form: its landmarks average over the future");
  if (s.n_q != s.n_k) throw Unsupported("nystrom is self-attention: queries and keys share their segments");
}

Cpu::Factors Cpu::factors(Arena& arena) const {
  Factors f;
  const std::int64_t rows = shape.rows(), all = rows * landmarks;
  const auto statistics = [&](std::int64_t count) {
    return RowStatistics{arena.take<float>(count), arena.take<float>(count)};
  };
  const bool both = context.pass == Pass::both;
  if (both) f.first = statistics(rows * shape.n_q);
  if (exact) return f;
  for (Landmarks* side : {&f.q, &f.k})
    *side = {arena.take<float>(all * shape.d), arena.take<std::int64_t>(all), arena.take<std::int64_t>(rows)};
  f.kernel = arena.take<float>(all * landmarks);
  f.summary = arena.take<float>(all * shape.d_v);
  f.values = arena.take<float>(all * shape.d_v);
  f.largest_column = arena.take<float>(rows);
  f.largest_row = arena.take<float>(rows);
  if (!both) return f;
  f.iterates = arena.take<float>((iterations + 1) * all * landmarks);
  f.third = statistics(all);
  return f;
}

Cpu::Scratch Cpu::layout(Arena& saved, Arena& scratch) const {
  Scratch s{factors(context.pass == Pass::both ? saved : scratch),
            {scratch, context.threads, shape.n_k, shape.d, shape.d_v}};
  if (exact) return s;
  const std::int64_t all = shape.rows() * landmarks;
  if (s.iterates) {
    s.inverse = iterate(s, 0);
    s.next = iterate(s, 1);
  } else {
    s.inverse = scratch.take<float>(all * landmarks);
    s.next = scratch.take<float>(all * landmarks);
  }
  for (float** to : {&s.product, &s.t, &s.u}) *to = scratch.take<float>(all * landmarks);
  s.column = scratch.take<float>(all);
  return s;
}

Needs Cpu::needs() const {
  Arena saved, forward, again, backward;
  layout(saved, forward);
  if (context.pass == Pass::both) backward_layout(again, backward);
  return {saved.used(), std::max(forward.used(), backward.used())};
}

void Cpu::forward(const Inputs& in, float* out, Call& call) {
  const Primitives& p = primitives(context.isa);
  Scratch s = layout(call.saved, call.scratch);
  if (exact) {
    call.phase("attend");
    query(p, in, s, out, nullptr, nullptr, nullptr);
    return;
  }
  call.phase("landmarks");
  average(p, in.q, in.keep_q, s.q);
  average(p, in.k, in.keep_k, s.k);
  call.phase("kernel");
  kernel(p, s);
  call.phase("inverse");
  invert(p, s);
  call.phase("values");
  summarise(p, in, s);
  call.phase("query");
  query(p, in, s, out, s.k.means, s.values, s.k.counts);
}

// Means of the kept tokens of each segment, packed.
void Cpu::average(const Primitives& p, const float* x, const std::uint8_t* keep, const Landmarks& to) const {
  const std::int64_t n = shape.n_k, d = shape.d;
  const auto mask = [&](std::int64_t row) { return keep ? keep + row / shape.heads * n : nullptr; };
  parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int) {
    std::int64_t count = 0;
    for (std::int64_t l = 0; l < landmarks; ++l)
      to.slots[row * landmarks + l] = any_kept(mask(row), begin_of(l), begin_of(l + 1)) ? count++ : -1;
    to.counts[row] = count;
  });
  parallel_for(context.threads, shape.rows() * landmarks, [&](std::int64_t piece, int) {
    const std::int64_t row = piece / landmarks, segment = piece % landmarks, slot = to.slots[piece];
    if (slot < 0) return;
    float* const mean = to.means + (row * landmarks + slot) * d;
    std::fill_n(mean, d, 0.0f);
    const std::int64_t begin = begin_of(segment), end = begin_of(segment + 1);
    std::int64_t kept = end - begin;
    if (!any_padded(mask(row), begin, end)) {
      p.add_rows(kept, d, x + (row * n + begin) * d, d, mean);
    } else {
      kept = 0;
      for (std::int64_t i = begin; i < end; ++i) {
        if (!mask(row)[i]) continue;
        p.add(x + (row * n + i) * d, mean, d);
        ++kept;
      }
    }
    p.scale(1.0f / static_cast<float>(kept), mean, d);
  });
}

// B = softmax(q~ k~^T / sqrt(d)) (the middle factor) and the norms that its first guess needs.
void Cpu::kernel(const Primitives& p, const Scratch& s) const {
  over_landmarks(s.q.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
    const std::int64_t keys = s.k.counts[row];
    float* const b = matrix(s.kernel, row, first);
    p.gemm_nt(m, keys, shape.d, scale(), s.q.means + (row * landmarks + first) * shape.d, shape.d,
              s.k.means + row * landmarks * shape.d, shape.d, false, b, landmarks);
    for (std::int64_t i = 0; i < m && keys > 0; ++i) {
      const float total = p.exp_sum(p.max(b + i * landmarks, keys), b + i * landmarks, keys);
      p.scale(1.0f / total, b + i * landmarks, keys);
    }
  });
  parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int) {
    const std::int64_t keys = s.k.counts[row];
    float* const column = s.column + row * landmarks;
    std::fill_n(column, keys, 0.0f);
    float largest = 0;
    for (std::int64_t i = 0; i < s.q.counts[row]; ++i) {
      p.add(matrix(s.kernel, row, i), column, keys);
      largest = std::max(largest, p.sum(matrix(s.kernel, row, i), keys));
    }
    s.largest_row[row] = largest;
    s.largest_column[row] = keys > 0 ? p.max(column, keys) : 0.0f;
  });
  if (!whole_tensor) return;
  std::fill_n(s.largest_row, shape.rows(), *std::max_element(s.largest_row, s.largest_row + shape.rows()));
  std::fill_n(s.largest_column, shape.rows(), *std::max_element(s.largest_column, s.largest_column + shape.rows()));
}

// Z ~ pinv(B) by the paper's fourth-order iteration, from Z_0 = B^T / (|B|_1 |B|_inf). With fewer landmarks on one
// side (masks that differ) B is not square; the iteration does not mind.
void Cpu::invert(const Primitives& p, Scratch& s) const {
  over_landmarks(s.k.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
    const float guess = 1.0f / (s.largest_column[row] * s.largest_row[row]);
    for (std::int64_t j = 0; j < m; ++j)
      for (std::int64_t i = 0; i < s.q.counts[row]; ++i)
        matrix(s.inverse, row, first + j)[i] = guess * matrix(s.kernel, row, i)[first + j];
  });
  for (std::int64_t step = 0; step < iterations; ++step) {
    inner_factors(p, s, s.inverse, s.product, s.t);
    subtract_product(p, s.q.counts, 15.0f, s.product, s.t, s.u);  // U = 15 I - P T
    subtract_product(p, s.q.counts, 13.0f, s.product, s.u, s.t);  // T = 13 I - P U
    // Z <- Z T / 4
    over_landmarks(s.k.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
      const std::int64_t n = s.q.counts[row];
      p.gemm_nn(m, n, n, 0.25f, matrix(s.inverse, row, first), landmarks, matrix(s.t, row), landmarks, false,
                matrix(s.next, row, first), landmarks);
    });
    std::swap(s.inverse, s.next);
    if (s.iterates) s.next = iterate(s, std::min(step + 2, iterations));
  }
}

// P = B Z, T = 7 I - P
void Cpu::inner_factors(const Primitives& p, const Factors& f, float* inverse, float* product, float* t_of) const {
  over_landmarks(f.q.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
    const std::int64_t n = f.q.counts[row];
    p.gemm_nn(m, n, f.k.counts[row], 1.0f, matrix(f.kernel, row, first), landmarks, matrix(inverse, row), landmarks,
              false, matrix(product, row, first), landmarks);
    for (std::int64_t i = first; i < first + m; ++i) {
      float* const t = matrix(t_of, row, i);
      std::copy_n(matrix(product, row, i), n, t);
      p.scale(-1.0f, t, n);
      t[i] += 7.0f;
    }
  });
}

// to = diagonal * I - a b
void Cpu::subtract_product(const Primitives& p, const std::int64_t* counts, float diagonal, float* a, float* b,
                           float* to) const {
  over_landmarks(counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
    const std::int64_t n = counts[row];
    p.gemm_nn(m, n, n, -1.0f, matrix(a, row, first), landmarks, matrix(b, row), landmarks, false,
              matrix(to, row, first), landmarks);
    for (std::int64_t i = first; i < first + m; ++i) matrix(to, row, i)[i] += diagonal;
  });
}

// values = Z (softmax(q~ K^T / sqrt(d)) V)
void Cpu::summarise(const Primitives& p, const Inputs& in, const Scratch& s) const {
  // as many pieces as there are threads; a landmark's bits do not depend on the others of its piece
  const std::int64_t share = shape.rows() * landmarks / std::max(1, context.threads);
  over_landmarks(
      s.q.counts, std::clamp(share, kFewLandmarks, kBlock),
      [&](std::int64_t row, std::int64_t first, std::int64_t m, int thread) {
        const std::int64_t at = row * landmarks + first;
        OnlineSoftmax::Block block =
            s.tiles.begin(p, thread, scale(), m, s.q.means + at * shape.d, s.summary + at * shape.d_v);
        block.attend(key_row(in, shape, row), 0, shape.n_k, [&](std::int64_t) { return KeyRange{0, shape.n_k}; });
        block.finish(nullptr, s.third.from(at));
      });
  over_landmarks(s.k.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
    p.gemm_nn(m, shape.d_v, s.q.counts[row], 1.0f, matrix(s.inverse, row, first), landmarks,
              s.summary + row * landmarks * shape.d_v, shape.d_v, false,
              s.values + (row * landmarks + first) * shape.d_v, shape.d_v);
  });
}

// out = softmax(q k~^T / sqrt(d)) values; without landmarks it is attention over the keys themselves.
void Cpu::query(const Primitives& p, const Inputs& in, const Scratch& s, float* out, const float* means,
                const float* values, const std::int64_t* counts) const {
  constexpr std::int64_t kQueries = OnlineSoftmax::kQueries;
  const std::int64_t blocks = (shape.n_q + kQueries - 1) / kQueries;
  parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / blocks, first = piece % blocks * kQueries;
    const std::int64_t m = std::min(kQueries, shape.n_q - first), at = row * shape.n_q + first;
    const std::uint8_t* const keep_q = mask_of_row(in.keep_q, shape, row, shape.n_q, first);
    const std::int64_t n = means ? counts[row] : shape.n_k;
    const KeyRow keys = means ? KeyRow{means + row * landmarks * shape.d, values + row * landmarks * shape.d_v, nullptr}
                              : key_row(in, shape, row);
    OnlineSoftmax::Block block = s.tiles.begin(p, thread, scale(), m, in.q + at * shape.d, out + at * shape.d_v);
    if (any_kept(keep_q, 0, m)) block.attend(keys, 0, n, [&](std::int64_t) { return KeyRange{0, n}; });
    block.finish(keep_q, s.first.from(at));
  });
}

}  // namespace yoso::nystrom
