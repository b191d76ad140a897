#include "yoso_m/cpu.hpp"

#include <yoso/parallel.hpp>

#include <algorithm>
#include <limits>
#include <vector>

#include "primitives/convolution.hpp"
#include "primitives/masks.hpp"
#include "primitives/primitives.hpp"
#include "primitives/rows.hpp"
#include "primitives/yoso_gradient.hpp"
#include "yoso_m/hash.hpp"

namespace yoso::yoso_m {
namespace {

// Tokens that a backward pass works on at a time, unless one row has more or there are threads for more rows.
constexpr std::int64_t kTokensAtOnce = 4096;

// How the expectation cuts its sums depends on how many rows there are, so they stay together.
Shape rows_at_once(const Shape& shape, Gradient gradient, int threads) {
  if (gradient == Gradient::expectation) return shape;
  Shape some = shape;
  const std::int64_t rows = std::max<std::int64_t>(kTokensAtOnce / std::max(shape.n_q, shape.n_k), threads);
  some.batch = std::clamp<std::int64_t>(rows / shape.heads, 1, shape.batch);
  some.heads = std::clamp<std::int64_t>(rows, 1, shape.heads);
  return some;
}

}  // namespace

Cpu::Cpu(const Shape& shape, const Settings& settings, const Context& context)
    : shape_(shape),
      window_(rows_at_once(shape, gradient_of(settings), context.threads)),
      context_(context),
      plan_(shape, settings),
      norm_(norm_of(settings)),
      gradient_(gradient_of(settings)),
      conv_(settings.integer("conv")),
      hash_size_(plan_, primitives(context.isa)),
      slicing_(shape, plan_, context.threads, shape.d_v),
      key_slicing_(window_, plan_, context.threads, shape.d),
      collisions_(window_, context, plan_),
      expectation_(shape, context, static_cast<int>(plan_.bits), 1, true),
      full_buckets_(gradient_ == Gradient::lower_bound && full_buckets(shape, plan_)),
      packed_(shape),
      work_floats_(std::max(hash_size_.floats, slicing_.floats(shape, plan_))) {
  require_convolution(shape, settings);
  if (const Sums sums = sums_of(settings); sums != Sums::automatic && sums != Sums::sorted)
    throw Unsupported("sums: on the cpu values are added in the order of tokens");
  const bool lists = gradient_ == Gradient::set || (gradient_ == Gradient::lower_bound && !full_buckets_);
  if (context.pass == Pass::both && lists && collisions_.capacity() > std::numeric_limits<std::uint32_t>::max())
    throw Unsupported(
        "gradient: tokens times hashes are more than the 2^32 - 1 entries that lists of collisions may have");
}

Cpu::Kept Cpu::layout_kept(Arena& saved, Arena& scratch, bool for_backward) const {
  const bool trains = context_.pass == Pass::both, expects = gradient_ == Gradient::expectation;
  Kept kept{};
  if (!for_backward || !expects) {
    Arena& codes = trains && !expects ? saved : scratch;
    kept.q_codes = codes.take<std::uint16_t>(shape_.rows() * plan_.hashes * stride(shape_.n_q));
    kept.k_codes = codes.take<std::uint16_t>(shape_.rows() * plan_.hashes * stride(shape_.n_k));
  }
  if (!trains || norm_ == Norm::none) return kept;
  kept.inverse = saved.take<float>(shape_.rows() * shape_.n_q);
  if (conv_ > 0) kept.rows = saved.take<float>(shape_.out_size());
  return kept;
}

Cpu::Scratch Cpu::layout(Arena& scratch) const {
  const bool counts = norm_ == Norm::rowsum;
  return {scratch.take<float>(context_.threads * work_floats_),
          scratch.take<std::uint16_t>(context_.threads * hash_size_.bits),
          scratch.take<std::uint32_t>(counts ? context_.threads * slicing_.group * plan_.slots() : 0),
          scratch.take<std::int64_t>(counts ? shape_.rows() * shape_.n_q : 0)};
}

Needs Cpu::needs() const {
  Arena saved, scratch;
  layout_kept(saved, scratch, false);
  layout(scratch);
  if (context_.pass == Pass::forward) return {saved.used(), scratch.used()};
  Arena saved_again, backward;
  layout_kept(saved_again, backward, true);
  layout_backward(backward);
  return {saved.used(), std::max(scratch.used(), backward.used())};
}

void Cpu::forward(const Inputs& in, float* out, Call& call) {
  const Kept kept = layout_kept(call.saved, call.scratch, false);
  const Scratch s = layout(call.scratch);
  call.phase("hash");
  hash_tokens(in, call, kept, s);
  if (call.probe) show_codes(call, kept);
  sum_values(in, call, kept, s, out);
  call.phase("normalise");
  normalise(in, call, kept, s, out);
}

void Cpu::hash_tokens(const Inputs& in, const Call& call, const Kept& kept, const Scratch& s) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t q_blocks = (shape_.n_q + kTokens - 1) / kTokens, k_blocks = (shape_.n_k + kTokens - 1) / kTokens;
  parallel_for(context_.threads, shape_.rows() * (q_blocks + k_blocks), [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / (q_blocks + k_blocks), block = piece % (q_blocks + k_blocks);
    const bool queries = block < q_blocks;
    const std::int64_t n = queries ? shape_.n_q : shape_.n_k, first = (queries ? block : block - q_blocks) * kTokens;
    const std::uint8_t* const keep = mask_of_row(queries ? in.keep_q : in.keep_k, shape_, row, n);
    hash(p, plan_, Draw(plan_, call.draws, row), (queries ? in.q : in.k) + (row * n + first) * shape_.d,
         keep ? keep + first : nullptr, std::min(kTokens, n - first),
         {s.work + thread * work_floats_, s.bits + thread * hash_size_.bits},
         (queries ? kept.q_codes : kept.k_codes) + row * plan_.hashes * stride(n) + first, stride(n));
  });
}

Codes Cpu::Kept::codes(const Shape& shape, const Plan& plan, const Inputs& in, std::int64_t row) const {
  return {q_codes + row * plan.hashes * stride(shape.n_q), k_codes + row * plan.hashes * stride(shape.n_k),
          mask_of_row(in.keep_q, shape, row, shape.n_q), mask_of_row(in.keep_k, shape, row, shape.n_k)};
}

// out_i = sum_h T_h[code_h(q_i)] with T_h[c] = sum of the v_j with code_h(k_j) = c; and, for rowsum, the same of ones.
void Cpu::sum_values(const Inputs& in, const Call& call, const Kept& kept, const Scratch& s, float* out) const {
  const std::int64_t slices = slicing_.slices + (norm_ == Norm::rowsum ? 1 : 0);
  call.phase("tables");
  const bool watched = context_.threads == 1;  // with more, slices are in different phases at once
  parallel_for(context_.threads, shape_.rows() * slices, [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / slices, slice = piece % slices;
    const Codes codes = kept.codes(shape_, plan_, in, row);
    if (slice == slicing_.slices)
      count_collisions(codes, s.counts + thread * slicing_.group * plan_.slots(), s.collisions + row * shape_.n_q);
    else
      sum_slice(in, call, codes, row, slice, watched, s.work + thread * work_floats_, out);
  });
}

// Values are packed first: a row of a slice is then a whole number of cache lines, next to the following one.
// A watched slice names its phases.
void Cpu::sum_slice(const Inputs& in, const Call& call, const Codes& codes, std::int64_t row, std::int64_t slice,
                    bool watched, float* work, float* out) const {
  const Primitives& p = primitives(context_.isa);
  const auto phase = [&](const char* name) {
    if (watched) call.phase(name);
  };
  const std::int64_t width = slicing_.width, column = slice * width, real = std::min(width, shape_.d_v - column);
  const SliceWork w(shape_, slicing_, work);
  phase("pack");
  for (std::int64_t j = 0; j < shape_.n_k; ++j) {
    const float* const v = in.v + (row * shape_.n_k + j) * shape_.d_v + column;
    const std::int64_t kept = codes.keep_k && !codes.keep_k[j] ? 0 : real;  // zeros add nothing
    std::copy_n(v, kept, w.keys + j * width);
    std::fill_n(w.keys + j * width + kept, width - kept, 0.0f);
  }
  std::fill_n(w.queries, shape_.n_q * width, 0.0f);
  Tables(p, shape_, plan_, slicing_).to_queries(codes, w, phase);
  phase("pack");
  for (std::int64_t i = 0; i < shape_.n_q; ++i) {
    float* const o = out + (row * shape_.n_q + i) * shape_.d_v + column;
    if (codes.keep_q && !codes.keep_q[i])
      std::fill_n(o, real, 0.0f);
    else
      std::copy_n(w.queries + i * width, real, o);
  }
}

// In integers: exact for any number of keys.
void Cpu::count_collisions(const Codes& codes, std::uint32_t* counts, std::int64_t* collisions) const {
  const std::int64_t slots = plan_.slots();
  std::fill_n(collisions, shape_.n_q, std::int64_t{0});
  const Tables tables(primitives(context_.isa), shape_, plan_, slicing_);
  for (std::int64_t first = 0; first < plan_.hashes; first += slicing_.group) {
    const std::int64_t group = std::min(slicing_.group, plan_.hashes - first);
    const std::uint16_t* const q = codes.q + first * stride(shape_.n_q);
    const std::uint16_t* const k = codes.k + first * stride(shape_.n_k);
    tables.clear(q, k, group, [&](std::int64_t at, std::int64_t size) { std::fill_n(counts + at, size, 0u); });
    for (std::int64_t g = 0; g < group; ++g) {
      std::int64_t inserted = 0;
      for (std::int64_t i = 0; i < shape_.n_q; ++i) {
        for (; inserted < shape_.visible(i); ++inserted)
          if (!codes.keep_k || codes.keep_k[inserted]) ++counts[g * slots + k[g * stride(shape_.n_k) + inserted]];
        if (!codes.keep_q || codes.keep_q[i]) collisions[i] += counts[g * slots + q[g * stride(shape_.n_q) + i]];
      }
    }
  }
}

void Cpu::normalise(const Inputs& in, const Call& call, const Kept& kept, const Scratch& s, float* out) const {
  const Primitives& p = primitives(context_.isa);
  const double share = 1 / static_cast<double>(plan_.hashes);
  const std::int64_t blocks = (shape_.n_q + kTokens - 1) / kTokens;
  parallel_for(context_.threads, shape_.rows() * blocks, [&](std::int64_t piece, int) {
    const std::int64_t row = piece / blocks, first = piece % blocks * kTokens;
    const std::int64_t count = std::min(kTokens, shape_.n_q - first);
    float* const o = out + (row * shape_.n_q + first) * shape_.d_v;
    if (kept.inverse && norm_ == Norm::l2)  // of padded queries the row is zero by now
      for (std::int64_t i = 0; i < count; ++i)
        kept.inverse[row * shape_.n_q + first + i] =
            inverse_length(share * std::sqrt(square_of(p, o + i * shape_.d_v, shape_.d_v)));
    if (norm_ == Norm::l2) p.unit_rows(count, shape_.d_v, share, o);
    if (norm_ == Norm::none) p.scale(static_cast<float>(share), o, count * shape_.d_v);
    for (std::int64_t i = first; i < first + count; ++i) {
      float* const row_out = out + (row * shape_.n_q + i) * shape_.d_v;
      if (norm_ == Norm::rowsum) {
        const auto collisions = static_cast<double>(s.collisions[row * shape_.n_q + i]);
        if (collisions > 0) divide_row(collisions, row_out, shape_.d_v);  // else the row is zero already
        if (kept.inverse) kept.inverse[row * shape_.n_q + i] = static_cast<float>(collisions * share);
      }
      if (kept.rows) std::copy_n(row_out, shape_.d_v, kept.rows + (row_out - out));
      if (conv_ > 0)
        add_convolution(p, call.parameters["conv_w"] + row % shape_.heads * conv_, conv_,
                        in.v + row * shape_.n_k * shape_.d_v, mask_of_row(in.keep_k, shape_, row, shape_.n_k),
                        shape_.n_k, shape_.d_v, i, row_out);
    }
  });
}

// The one place that allocates: only when somebody looks, and then no time is measured.
void Cpu::show_codes(const Call& call, const Kept& kept) const {
  const auto show = [&](std::string_view name, const std::uint16_t* codes, std::int64_t n) {
    const std::int64_t rows = shape_.rows(), m = plan_.hashes;
    std::vector<std::int32_t> turned(static_cast<std::size_t>(rows * n * m));
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t h = 0; h < m; ++h)
        for (std::int64_t i = 0; i < n; ++i)
          turned[static_cast<std::size_t>((row * n + i) * m + h)] = codes[(row * m + h) * stride(n) + i];
    call.probe->see(name, {turned.data(), Dtype::i32, {rows, n, m}});
  };
  show("q_codes", kept.q_codes, shape_.n_q);
  show("k_codes", kept.k_codes, shape_.n_k);
}

}  // namespace yoso::yoso_m
