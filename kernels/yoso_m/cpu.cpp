#include "yoso_m/cpu.hpp"

#include <yoso/parallel.hpp>

#include <algorithm>
#include <vector>

#include "primitives/convolution.hpp"
#include "primitives/masks.hpp"
#include "primitives/primitives.hpp"
#include "primitives/rows.hpp"
#include "yoso_m/hash.hpp"

namespace yoso::yoso_m {
namespace {

// From the codes of one hash to those of the next: a line more than n, because hashing writes all hashes of a token at
// once, and at a power of two apart they would meet in one set of the cache.
std::int64_t stride(std::int64_t n) { return (n + 31) / 32 * 32 + 32; }

}  // namespace

Cpu::Cpu(const Shape& shape, const Settings& settings, const Context& context)
    : shape_(shape),
      context_(context),
      plan_(shape, settings),
      norm_(norm_of(settings)),
      conv_(settings.integer("conv")),
      hash_size_(plan_, primitives(context.isa)) {
  require_convolution(shape, settings);
  const auto slice = [&](std::int64_t width) {
    const std::int64_t fit = tables_in_flight(plan_) / (plan_.slots() * width);
    return Slicing{width, (shape.d_v + width - 1) / width, std::clamp<std::int64_t>(fit, 1, plan_.hashes)};
  };
  slicing_ = slice(plan_.bits <= 10 && shape.d_v > kLine ? 2 * kLine : kLine);
  if (shape.rows() * slicing_.slices < context.threads) slicing_ = slice(kLine);
  work_floats_ = std::max(hash_size_.floats, (shape.n_k + shape.n_q + slicing_.group * plan_.slots()) * slicing_.width);
}

Cpu::Scratch Cpu::layout(Arena& scratch) const {
  const bool counts = norm_ == Norm::rowsum;
  return {scratch.take<std::uint16_t>(shape_.rows() * plan_.hashes * stride(shape_.n_q)),
          scratch.take<std::uint16_t>(shape_.rows() * plan_.hashes * stride(shape_.n_k)),
          scratch.take<float>(context_.threads * work_floats_),
          scratch.take<std::uint16_t>(context_.threads * hash_size_.bits),
          scratch.take<std::uint32_t>(counts ? context_.threads * slicing_.group * plan_.slots() : 0),
          scratch.take<std::int64_t>(counts ? shape_.rows() * shape_.n_q : 0)};
}

Needs Cpu::needs() const {
  Arena scratch;
  layout(scratch);
  return {0, scratch.used()};
}

void Cpu::forward(const Inputs& in, float* out, Call& call) {
  const Scratch s = layout(call.scratch);
  call.phase("hash");
  hash_tokens(in, call, s);
  if (call.probe) show_codes(call, s);
  sum_values(in, call, s, out);
  call.phase("normalise");
  normalise(in, call, s, out);
}

void Cpu::hash_tokens(const Inputs& in, const Call& call, const Scratch& s) const {
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
         (queries ? s.q_codes : s.k_codes) + row * plan_.hashes * stride(n) + first, stride(n));
  });
}

Cpu::Codes Cpu::codes_of(const Inputs& in, const Scratch& s, std::int64_t row) const {
  return {s.q_codes + row * plan_.hashes * stride(shape_.n_q), s.k_codes + row * plan_.hashes * stride(shape_.n_k),
          mask_of_row(in.keep_q, shape_, row, shape_.n_q), mask_of_row(in.keep_k, shape_, row, shape_.n_k)};
}

// out_i = sum_h T_h[code_h(q_i)] with T_h[c] = sum of the v_j with code_h(k_j) = c; and, for rowsum, the same of ones.
void Cpu::sum_values(const Inputs& in, const Call& call, const Scratch& s, float* out) const {
  const std::int64_t slices = slicing_.slices + (norm_ == Norm::rowsum ? 1 : 0);
  call.phase("tables");
  const bool watched = context_.threads == 1;  // with more, slices are in different phases at once
  parallel_for(context_.threads, shape_.rows() * slices, [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / slices, slice = piece % slices;
    const Codes codes = codes_of(in, s, row);
    if (slice == slicing_.slices)
      count_collisions(codes, s.counts + thread * slicing_.group * plan_.slots(), s.collisions + row * shape_.n_q);
    else
      sum_slice(in, call, codes, row, slice, watched, s.work + thread * work_floats_, out);
  });
}

// Empties tables [group, slots] before the keys k and queries q [group, n] use them.
template <class Clear>
void Cpu::clear_tables(const std::uint16_t* q, const std::uint16_t* k, std::int64_t group, const Clear& clear) const {
  if (shape_.n_q + shape_.n_k >= plan_.slots()) return clear(0, group * plan_.slots());
  for (std::int64_t g = 0; g < group; ++g) {  // most slots will not be touched
    for (std::int64_t i = 0; i < shape_.n_q; ++i) clear(g * plan_.slots() + q[g * stride(shape_.n_q) + i], 1);
    for (std::int64_t j = 0; j < shape_.n_k; ++j) clear(g * plan_.slots() + k[g * stride(shape_.n_k) + j], 1);
  }
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
  float* const values = work;
  float* const sums = values + shape_.n_k * width;
  float* const tables = sums + shape_.n_q * width;
  phase("pack");
  for (std::int64_t j = 0; j < shape_.n_k; ++j) {
    const float* const v = in.v + (row * shape_.n_k + j) * shape_.d_v + column;
    const std::int64_t kept = codes.keep_k && !codes.keep_k[j] ? 0 : real;  // zeros add nothing
    std::copy_n(v, kept, values + j * width);
    std::fill_n(values + j * width + kept, width - kept, 0.0f);
  }
  std::fill_n(sums, shape_.n_q * width, 0.0f);
  for (std::int64_t first = 0; first < plan_.hashes; first += slicing_.group) {
    const std::int64_t group = std::min(slicing_.group, plan_.hashes - first);
    const std::uint16_t* const q = codes.q + first * stride(shape_.n_q);
    const std::uint16_t* const k = codes.k + first * stride(shape_.n_k);
    const auto insert = [&](std::int64_t from, std::int64_t to) {
      p.insert(width, from, to, k, stride(shape_.n_k), group, plan_.slots(), values, tables);
    };
    const auto look_up = [&](std::int64_t from, std::int64_t to) {
      p.look_up(width, from, to, q, stride(shape_.n_q), group, plan_.slots(), tables, sums);
    };
    phase("build");
    clear_tables(q, k, group,
                 [&](std::int64_t at, std::int64_t size) { std::fill_n(tables + at * width, size * width, 0.0f); });
    if (!shape_.causal) {
      insert(0, shape_.n_k);
      phase("query");
      look_up(0, shape_.n_q);
      continue;
    }
    std::int64_t inserted = 0;  // keys join as queries come to see them, so the tables hold a prefix
    for (std::int64_t i = 0; i < shape_.n_q; ++i) {
      insert(inserted, shape_.visible(i));
      inserted = std::max(inserted, shape_.visible(i));
      look_up(i, i + 1);
    }
  }
  phase("pack");
  for (std::int64_t i = 0; i < shape_.n_q; ++i) {
    float* const o = out + (row * shape_.n_q + i) * shape_.d_v + column;
    if (codes.keep_q && !codes.keep_q[i])
      std::fill_n(o, real, 0.0f);
    else
      std::copy_n(sums + i * width, real, o);
  }
}

// In integers: exact for any number of keys.
void Cpu::count_collisions(const Codes& codes, std::uint32_t* counts, std::int64_t* collisions) const {
  const std::int64_t slots = plan_.slots();
  std::fill_n(collisions, shape_.n_q, std::int64_t{0});
  for (std::int64_t first = 0; first < plan_.hashes; first += slicing_.group) {
    const std::int64_t group = std::min(slicing_.group, plan_.hashes - first);
    const std::uint16_t* const q = codes.q + first * stride(shape_.n_q);
    const std::uint16_t* const k = codes.k + first * stride(shape_.n_k);
    clear_tables(q, k, group, [&](std::int64_t at, std::int64_t size) { std::fill_n(counts + at, size, 0u); });
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

void Cpu::normalise(const Inputs& in, const Call& call, const Scratch& s, float* out) const {
  const Primitives& p = primitives(context_.isa);
  const double share = 1 / static_cast<double>(plan_.hashes);
  const std::int64_t blocks = (shape_.n_q + kTokens - 1) / kTokens;
  parallel_for(context_.threads, shape_.rows() * blocks, [&](std::int64_t piece, int) {
    const std::int64_t row = piece / blocks, first = piece % blocks * kTokens;
    const std::int64_t count = std::min(kTokens, shape_.n_q - first);
    float* const o = out + (row * shape_.n_q + first) * shape_.d_v;
    if (norm_ == Norm::l2) p.unit_rows(count, shape_.d_v, share, o);
    if (norm_ == Norm::none) p.scale(static_cast<float>(share), o, count * shape_.d_v);
    for (std::int64_t i = first; i < first + count; ++i) {
      float* const row_out = out + (row * shape_.n_q + i) * shape_.d_v;
      if (norm_ == Norm::rowsum && s.collisions[row * shape_.n_q + i] > 0)  // else the row is zero already
        divide_row(static_cast<double>(s.collisions[row * shape_.n_q + i]), row_out, shape_.d_v);
      if (conv_ > 0)
        add_convolution(p, call.parameters["conv_w"] + row % shape_.heads * conv_, conv_,
                        in.v + row * shape_.n_k * shape_.d_v, mask_of_row(in.keep_k, shape_, row, shape_.n_k),
                        shape_.n_k, shape_.d_v, i, row_out);
    }
  });
}

// The one place that allocates: only when somebody looks, and then no time is measured.
void Cpu::show_codes(const Call& call, const Scratch& s) const {
  const auto show = [&](std::string_view name, const std::uint16_t* codes, std::int64_t n) {
    const std::int64_t rows = shape_.rows(), m = plan_.hashes;
    std::vector<std::int32_t> turned(static_cast<std::size_t>(rows * n * m));
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t h = 0; h < m; ++h)
        for (std::int64_t i = 0; i < n; ++i)
          turned[static_cast<std::size_t>((row * n + i) * m + h)] = codes[(row * m + h) * stride(n) + i];
    call.probe->see(name, {turned.data(), Dtype::i32, {rows, n, m}});
  };
  show("q_codes", s.q_codes, shape_.n_q);
  show("k_codes", s.k_codes, shape_.n_k);
}

}  // namespace yoso::yoso_m
