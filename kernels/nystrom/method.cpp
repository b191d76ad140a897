// Nystrom attention: softmax attention through landmarks (Xiong et al. 2021).
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include "primitives/online_softmax.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace yoso::nystrom {

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out);

namespace {

constexpr std::array<std::string_view, 2> kInits{"head", "tensor"};
constexpr std::array kKnobs{
    Knob{.name = "landmarks",
         .help = "segments whose means stand for all tokens; exact attention from n on",
         .lowest = 1,
         .highest = 65536,
         .usual = "64",
         .paper = "64"},
    Knob{.name = "pinv_init",
         .kind = Knob::Kind::choice,
         .help = "where the first guess of the pseudo-inverse takes its norms: each head, or all heads and samples",
         .choices = kInits,
         .usual = "head",
         .paper = "tensor"},
    Knob{.name = "iterations",
         .help = "steps of the pseudo-inverse",
         .lowest = 1,
         .highest = 12,
         .usual = "6",
         .paper = "6",
         .out_of_range = [](double steps) -> std::string {
           return steps < 1 ? ""
                            : "a step multiplies rounding errors in directions that the kernel lacks by up to 13/4, "
                              "and more than 12 have swamped outputs in f32";
         }},
};

constexpr std::int64_t kBlock = 64;  // rows of a landmark matrix that one thread computes at a time
// The fewest landmarks whose attention over all keys is one piece of work: every piece reads all keys, and 16 spend a
// fifth of their time on laying them out.
constexpr std::int64_t kFewLandmarks = 16;

std::int64_t blocks_of(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

struct Cpu {
  Shape shape;
  Context context;
  std::int64_t landmarks, iterations;
  bool exact, whole_tensor;

  Cpu(const Shape& s, const Settings& settings, const Context& c)
      : shape(s),
        context(c),
        landmarks(std::min(settings.integer("landmarks"), s.n_k)),
        iterations(settings.integer("iterations")),
        exact(landmarks == s.n_k),
        whole_tensor(settings.is("pinv_init", "tensor")) {
    if (s.causal) throw Unsupported("nystrom has no causal form: its landmarks average over the future");
    if (s.n_q != s.n_k) throw Unsupported("nystrom is self-attention: queries and keys share their segments");
  }

  // The landmark means of q or of k: [rows, L, d], of which the first count[row] exist (empty segments have none).
  struct Landmarks {
    float* means;
    std::int64_t* slots;   // [rows, L] where the mean of a segment goes, -1 when no token of it is kept
    std::int64_t* counts;  // [rows]
  };
  // Matrices are [rows, L, L], with L floats from row to row however many landmarks there are.
  struct Scratch {
    OnlineSoftmax tiles;
    Landmarks q = {}, k = {};
    float *kernel = nullptr, *inverse = nullptr, *next = nullptr, *product = nullptr, *t = nullptr, *u = nullptr;
    float* summary = nullptr;                                 // [rows, L, d_v] third factor times V
    float* values = nullptr;                                  // [rows, L, d_v] pseudo-inverse times that
    float* column = nullptr;                                  // [rows, L] column sums of the kernel
    float *largest_column = nullptr, *largest_row = nullptr;  // [rows]
  };
  Scratch layout(Arena& scratch) const {
    Scratch s{.tiles = {scratch, context.threads, shape.n_k, shape.d, shape.d_v}};
    if (exact) return s;
    const std::int64_t rows = shape.rows(), all = rows * landmarks;
    for (Landmarks* side : {&s.q, &s.k})
      *side = {scratch.take<float>(all * shape.d), scratch.take<std::int64_t>(all), scratch.take<std::int64_t>(rows)};
    for (float** matrix : {&s.kernel, &s.inverse, &s.next, &s.product, &s.t, &s.u})
      *matrix = scratch.take<float>(all * landmarks);
    s.summary = scratch.take<float>(all * shape.d_v);
    s.values = scratch.take<float>(all * shape.d_v);
    s.column = scratch.take<float>(all);
    s.largest_column = scratch.take<float>(rows);
    s.largest_row = scratch.take<float>(rows);
    return s;
  }

  Needs needs() const {
    Arena scratch;
    layout(scratch);
    return {0, scratch.used()};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    const Primitives& p = primitives(context.isa);
    Scratch s = layout(call.scratch);
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

 private:
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(shape.d)); }

  // Calls body(row, first, m, thread) for blocks of `size` of the counts[row] landmarks of every row.
  template <class Body>
  void over_landmarks(const std::int64_t* counts, std::int64_t size, const Body& body) const {
    const std::int64_t blocks = blocks_of(landmarks, size);
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / blocks, first = piece % blocks * size, m = std::min(size, counts[row] - first);
      if (m > 0) body(row, first, m, thread);
    });
  }

  float* matrix(float* all, std::int64_t row, std::int64_t first = 0) const {
    return all + (row * landmarks + first) * landmarks;
  }

  // Means of the kept tokens of each segment, packed.
  void average(const Primitives& p, const float* x, const std::uint8_t* keep, const Landmarks& to) const {
    const std::int64_t n = shape.n_k, d = shape.d;
    const auto begins = [&](std::int64_t segment) { return segment * n / landmarks; };  // lengths differ by at most one
    const auto mask = [&](std::int64_t row) { return keep ? keep + row / shape.heads * n : nullptr; };
    parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int) {
      std::int64_t count = 0;
      for (std::int64_t l = 0; l < landmarks; ++l)
        to.slots[row * landmarks + l] = any_kept(mask(row), begins(l), begins(l + 1)) ? count++ : -1;
      to.counts[row] = count;
    });
    parallel_for(context.threads, shape.rows() * landmarks, [&](std::int64_t piece, int) {
      const std::int64_t row = piece / landmarks, segment = piece % landmarks, slot = to.slots[piece];
      if (slot < 0) return;
      float* const mean = to.means + (row * landmarks + slot) * d;
      std::fill_n(mean, d, 0.0f);
      const std::int64_t begin = begins(segment), end = begins(segment + 1);
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
  void kernel(const Primitives& p, const Scratch& s) const {
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
  void invert(const Primitives& p, Scratch& s) const {
    over_landmarks(s.k.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
      const float guess = 1.0f / (s.largest_column[row] * s.largest_row[row]);
      for (std::int64_t j = 0; j < m; ++j)
        for (std::int64_t i = 0; i < s.q.counts[row]; ++i)
          matrix(s.inverse, row, first + j)[i] = guess * matrix(s.kernel, row, i)[first + j];
    });
    for (std::int64_t step = 0; step < iterations; ++step) {
      // P = B Z, T = 7 I - P
      over_landmarks(s.q.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
        const std::int64_t n = s.q.counts[row];
        p.gemm_nn(m, n, s.k.counts[row], 1.0f, matrix(s.kernel, row, first), landmarks, matrix(s.inverse, row),
                  landmarks, false, matrix(s.product, row, first), landmarks);
        for (std::int64_t i = first; i < first + m; ++i) {
          float* const t = matrix(s.t, row, i);
          std::copy_n(matrix(s.product, row, i), n, t);
          p.scale(-1.0f, t, n);
          t[i] += 7.0f;
        }
      });
      subtract_product(p, s.q.counts, 15.0f, s.product, s.t, s.u);  // U = 15 I - P T
      subtract_product(p, s.q.counts, 13.0f, s.product, s.u, s.t);  // T = 13 I - P U
      // Z <- Z T / 4
      over_landmarks(s.k.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
        const std::int64_t n = s.q.counts[row];
        p.gemm_nn(m, n, n, 0.25f, matrix(s.inverse, row, first), landmarks, matrix(s.t, row), landmarks, false,
                  matrix(s.next, row, first), landmarks);
      });
      std::swap(s.inverse, s.next);
    }
  }

  // to = diagonal * I - a b
  void subtract_product(const Primitives& p, const std::int64_t* counts, float diagonal, float* a, float* b,
                        float* to) const {
    over_landmarks(counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
      const std::int64_t n = counts[row];
      p.gemm_nn(m, n, n, -1.0f, matrix(a, row, first), landmarks, matrix(b, row), landmarks, false,
                matrix(to, row, first), landmarks);
      for (std::int64_t i = first; i < first + m; ++i) matrix(to, row, i)[i] += diagonal;
    });
  }

  // values = Z (softmax(q~ K^T / sqrt(d)) V)
  void summarise(const Primitives& p, const Inputs& in, const Scratch& s) const {
    // as many pieces as there are threads; a landmark's bits do not depend on the others of its piece
    const std::int64_t share = shape.rows() * landmarks / std::max(1, context.threads);
    over_landmarks(
        s.q.counts, std::clamp(share, kFewLandmarks, kBlock),
        [&](std::int64_t row, std::int64_t first, std::int64_t m, int thread) {
          const std::int64_t at = row * landmarks + first;
          OnlineSoftmax::Block block =
              s.tiles.begin(p, thread, scale(), m, s.q.means + at * shape.d, s.summary + at * shape.d_v);
          block.attend(key_row(in, shape, row), 0, shape.n_k, [&](std::int64_t) { return KeyRange{0, shape.n_k}; });
          block.finish(nullptr);
        });
    over_landmarks(s.k.counts, kBlock, [&](std::int64_t row, std::int64_t first, std::int64_t m, int) {
      p.gemm_nn(m, shape.d_v, s.q.counts[row], 1.0f, matrix(s.inverse, row, first), landmarks,
                s.summary + row * landmarks * shape.d_v, shape.d_v, false,
                s.values + (row * landmarks + first) * shape.d_v, shape.d_v);
    });
  }

  // out = softmax(q k~^T / sqrt(d)) values; without landmarks it is attention over the keys themselves.
  void query(const Primitives& p, const Inputs& in, const Scratch& s, float* out, const float* means,
             const float* values, const std::int64_t* counts) const {
    constexpr std::int64_t kQueries = OnlineSoftmax::kQueries;
    const std::int64_t blocks = blocks_of(shape.n_q, kQueries);
    parallel_for(context.threads, shape.rows() * blocks, [&](std::int64_t piece, int thread) {
      const std::int64_t row = piece / blocks, first = piece % blocks * kQueries;
      const std::int64_t m = std::min(kQueries, shape.n_q - first), at = row * shape.n_q + first;
      const std::uint8_t* const keep_q = mask_of_row(in.keep_q, shape, row, shape.n_q, first);
      const std::int64_t n = means ? counts[row] : shape.n_k;
      const KeyRow keys = means
                              ? KeyRow{means + row * landmarks * shape.d, values + row * landmarks * shape.d_v, nullptr}
                              : key_row(in, shape, row);
      OnlineSoftmax::Block block = s.tiles.begin(p, thread, scale(), m, in.q + at * shape.d, out + at * shape.d_v);
      if (any_kept(keep_q, 0, m)) block.attend(keys, 0, n, [&](std::int64_t) { return KeyRange{0, n}; });
      block.finish(keep_q);
    });
  }
};

Work work(const Shape& s, const Settings& settings) {
  const double n = static_cast<double>(s.n_q), rows = static_cast<double>(s.rows());
  const double d = static_cast<double>(s.d), d_v = static_cast<double>(s.d_v);
  const double tensors = static_cast<double>(s.q_size() + s.k_size() + s.v_size() + s.out_size());
  if (settings.integer("landmarks") >= s.n_k) return {rows * n * n * (2.0 * (d + d_v) + 5.0), 4.0 * tensors};
  const double l = static_cast<double>(settings.integer("landmarks"));
  const double steps = static_cast<double>(settings.integer("iterations"));
  // two sides of landmark means; first and third factor, each with its product; the kernel; four products a step; Z (C
  // V)
  const double flops = 2.0 * n * d + 2.0 * n * l * (2.0 * (d + d_v) + 5.0) + l * l * (2.0 * d + 5.0) +
                       steps * 8.0 * l * l * l + 2.0 * l * l * d_v;
  const double products = rows * 2.0 * n * l * (d + d_v), scores = rows * n * l;
  const double read = 4.0 * static_cast<double>(s.k_size() + s.v_size());
  const double answered = 4.0 * static_cast<double>(s.q_size() + s.out_size());
  return {rows * flops,
          4.0 * (tensors + rows * l * (2.0 * d + 2.0 * d_v + 2.0 * l)),
          {{.phase = "landmarks", .adds = rows * 2.0 * n * d},
           {.phase = "kernel", .fused = rows * 2.0 * l * l * d, .exponentials = rows * l * l},
           {.phase = "inverse", .fused = rows * steps * 8.0 * l * l * l},
           {.phase = "values",
            .fused = products + rows * 2.0 * l * l * d_v,
            .exponentials = scores,
            .reads = read,
            .footprint = read},
           {.phase = "query", .fused = products, .exponentials = scores, .reads = answered, .footprint = answered}}};
}

}  // namespace

extern const Method method;
const Method method{
    .name = "nystrom",
    .title = "softmax attention through landmark means",
    .paper = "Xiong et al. 2021",
    .equation = "out = softmax(Q K~^T/sqrt(d)) pinv(softmax(Q~ K~^T/sqrt(d))) softmax(Q~ K^T/sqrt(d)) V",
    .knobs = kKnobs,
    .main_knob = "landmarks",
    .target = [](const Settings&) -> std::string_view { return "softmax"; },
    // the pseudo-inverse has negative entries, and its rows sum to one only in the limit
    .work = work,
    .cpu = runs<Cpu>(),
    .oracle = oracle,
};

}  // namespace yoso::nystrom
