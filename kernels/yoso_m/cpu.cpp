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

constexpr std::int64_t kTableFloats = 64 * 1024;  // of a thread, at a time: 256 KiB, a part of the second-level cache
constexpr std::int64_t kNarrow = 16;              // floats of a cache line: a narrower slice would waste what it loads

}  // namespace

Cpu::Cpu(const Shape& shape, const Settings& settings, const Context& context)
    : shape_(shape),
      context_(context),
      plan_(shape, settings),
      norm_(norm_of(settings)),
      conv_(settings.integer("conv")) {
  require_convolution(shape, settings);
  const auto slice = [&](std::int64_t width) {
    width = std::min(width, shape.d_v);
    const std::int64_t fit = kTableFloats / (plan_.slots() * width);
    return Slicing{width, (shape.d_v + width - 1) / width, std::clamp<std::int64_t>(fit, 1, plan_.hashes)};
  };
  slicing_ = slice(plan_.bits <= 10 ? 2 * kNarrow : kNarrow);
  if (shape.rows() * slicing_.slices < context.threads) slicing_ = slice(kNarrow);
  work_floats_ = std::max(hash_floats(plan_), slicing_.group * plan_.slots() * slicing_.width);
}

Cpu::Scratch Cpu::layout(Arena& scratch) const {
  const bool counts = norm_ == Norm::rowsum;
  return {scratch.take<std::uint16_t>(shape_.rows() * plan_.hashes * shape_.n_q),
          scratch.take<std::uint16_t>(shape_.rows() * plan_.hashes * shape_.n_k),
          scratch.take<float>(context_.threads * work_floats_),
          scratch.take<std::uint32_t>(counts ? context_.threads * slicing_.group * plan_.slots() : 0),
          scratch.take<std::int64_t>(counts ? shape_.rows() * shape_.n_q : 0)};
}

Needs Cpu::needs() const {
  Arena scratch;
  layout(scratch);
  return {0, scratch.used()};
}

// Tables of a hash are filled and read while they are in the cache, in one parallel region for all hashes, so building
// and querying are one phase.
void Cpu::forward(const Inputs& in, float* out, Call& call) {
  const Scratch s = layout(call.scratch);
  call.phase("hash");
  hash_tokens(in, call, s);
  if (call.probe) show_codes(call, s);
  call.phase("tables");
  sum_values(in, s, out);
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
         keep ? keep + first : nullptr, std::min(kTokens, n - first), s.work + thread * work_floats_,
         (queries ? s.q_codes : s.k_codes) + row * plan_.hashes * n + first, n);
  });
}

// For each group of hashes: empty its tables, then for each query insert the keys that it is the first to see (all of
// them at once unless causal) and read its slots. Tables are [group, slots], and `at` is the hash in the group times
// slots plus the code.
template <class Clear, class Insert, class Read>
void Cpu::sweep(const Codes& codes, const Clear& clear, const Insert& insert, const Read& read) const {
  const std::int64_t slots = plan_.slots();
  for (std::int64_t first = 0; first < plan_.hashes; first += slicing_.group) {
    const std::int64_t group = std::min(slicing_.group, plan_.hashes - first);
    const std::uint16_t* const q = codes.q + first * shape_.n_q;
    const std::uint16_t* const k = codes.k + first * shape_.n_k;
    if (shape_.n_q + shape_.n_k < slots) {  // most slots will not be touched
      for (std::int64_t g = 0; g < group; ++g) {
        for (std::int64_t i = 0; i < shape_.n_q; ++i) clear(g * slots + q[g * shape_.n_q + i], 1);
        for (std::int64_t j = 0; j < shape_.n_k; ++j) clear(g * slots + k[g * shape_.n_k + j], 1);
      }
    } else {
      clear(0, group * slots);
    }
    std::int64_t inserted = 0;
    for (std::int64_t i = 0; i < shape_.n_q; ++i) {
      for (; inserted < shape_.visible(i); ++inserted) {
        if (codes.keep_k && !codes.keep_k[inserted]) continue;
        for (std::int64_t g = 0; g < group; ++g) insert(g * slots + k[g * shape_.n_k + inserted], inserted);
      }
      if (codes.keep_q && !codes.keep_q[i]) continue;
      for (std::int64_t g = 0; g < group; ++g) read(g * slots + q[g * shape_.n_q + i], i);
    }
  }
}

// out_i = sum_h T_h[code_h(q_i)] with T_h[c] = sum of the v_j with code_h(k_j) = c; and, for rowsum, the same of ones.
void Cpu::sum_values(const Inputs& in, const Scratch& s, float* out) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t slices = slicing_.slices + (norm_ == Norm::rowsum ? 1 : 0);
  parallel_for(context_.threads, shape_.rows() * slices, [&](std::int64_t piece, int thread) {
    const std::int64_t row = piece / slices, slice = piece % slices;
    const Codes codes{s.q_codes + row * plan_.hashes * shape_.n_q, s.k_codes + row * plan_.hashes * shape_.n_k,
                      mask_of_row(in.keep_q, shape_, row, shape_.n_q), mask_of_row(in.keep_k, shape_, row, shape_.n_k)};
    if (slice == slicing_.slices) {  // in integers: exact for any number of keys
      std::uint32_t* const counts = s.counts + thread * slicing_.group * plan_.slots();
      std::int64_t* const collisions = s.collisions + row * shape_.n_q;
      std::fill_n(collisions, shape_.n_q, std::int64_t{0});
      sweep(
          codes, [&](std::int64_t at, std::int64_t size) { std::fill_n(counts + at, size, 0u); },
          [&](std::int64_t at, std::int64_t) { ++counts[at]; },
          [&](std::int64_t at, std::int64_t i) { collisions[i] += counts[at]; });
      return;
    }
    const std::int64_t column = slice * slicing_.width, width = std::min(slicing_.width, shape_.d_v - column);
    float* const tables = s.work + thread * work_floats_;
    const float* const v = in.v + row * shape_.n_k * shape_.d_v + column;
    float* const o = out + row * shape_.n_q * shape_.d_v + column;
    for (std::int64_t i = 0; i < shape_.n_q; ++i) std::fill_n(o + i * shape_.d_v, width, 0.0f);
    sweep(
        codes, [&](std::int64_t at, std::int64_t size) { std::fill_n(tables + at * width, size * width, 0.0f); },
        [&](std::int64_t at, std::int64_t j) { p.add(v + j * shape_.d_v, tables + at * width, width); },
        [&](std::int64_t at, std::int64_t i) { p.add(tables + at * width, o + i * shape_.d_v, width); });
  });
}

void Cpu::normalise(const Inputs& in, const Call& call, const Scratch& s, float* out) const {
  const Primitives& p = primitives(context_.isa);
  const float share = 1.0f / static_cast<float>(plan_.hashes);
  const std::int64_t blocks = (shape_.n_q + kTokens - 1) / kTokens;
  parallel_for(context_.threads, shape_.rows() * blocks, [&](std::int64_t piece, int) {
    const std::int64_t row = piece / blocks, first = piece % blocks * kTokens;
    for (std::int64_t i = first; i < std::min(first + kTokens, shape_.n_q); ++i) {
      float* const o = out + (row * shape_.n_q + i) * shape_.d_v;
      if (norm_ != Norm::rowsum) {
        p.scale(share, o, shape_.d_v);
      } else if (s.collisions[row * shape_.n_q + i] > 0) {  // else the row is zero already
        divide_row(static_cast<double>(s.collisions[row * shape_.n_q + i]), o, shape_.d_v);
      }
      if (norm_ == Norm::l2) unit_row(o, o, shape_.d_v);
      if (conv_ > 0)
        add_convolution(p, call.parameters["conv_w"] + row % shape_.heads * conv_, conv_,
                        in.v + row * shape_.n_k * shape_.d_v, mask_of_row(in.keep_k, shape_, row, shape_.n_k),
                        shape_.n_k, shape_.d_v, i, o);
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
          turned[static_cast<std::size_t>((row * n + i) * m + h)] = codes[(row * m + h) * n + i];
    call.probe->see(name, {turned.data(), Dtype::i32, {rows, n, m}});
  };
  show("q_codes", s.q_codes, shape_.n_q);
  show("k_codes", s.k_codes, shape_.n_k);
}

}  // namespace yoso::yoso_m
