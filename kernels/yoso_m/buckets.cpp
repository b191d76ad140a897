// Backward over the buckets of one hash after another, where they are full: a bucket's rows come into the cache once
// for all of its pairs. A token is in one bucket of a hash, so threads may work on the buckets of a hash at the same
// time.
#include <yoso/parallel.hpp>

#include <algorithm>

#include "primitives/yoso_gradient.hpp"
#include "yoso_m/cpu.hpp"

namespace yoso::yoso_m {
namespace {

constexpr std::int64_t kRanges = 16;  // of slots, that threads share
constexpr std::int64_t kTile = 64;    // queries, and keys, of a bucket at a time
constexpr std::int64_t kPacked = 32;  // of both: from here on it pays to pack rows for a product of matrices

using Tokens = std::span<const std::uint32_t>;

void fetch_rows(const float* rows, std::int64_t width, Tokens tokens) {
  for (const std::uint32_t token : tokens)
    for (std::int64_t c = 0; c < width; c += kLine) __builtin_prefetch(rows + token * width + c);
}

void pack(const float* rows, std::int64_t width, std::int64_t n, Tokens tokens, float* packed) {
  for (std::size_t i = 0; i < tokens.size(); ++i)
    std::copy_n(rows + tokens[i] * width, n, packed + static_cast<std::int64_t>(i) * n);
}

std::int64_t size_of(Tokens tokens) { return static_cast<std::int64_t>(tokens.size()); }

}  // namespace

struct Cpu::Row {
  float *q, *k;        // packed
  const float* shift;  // null where it is 0
};

std::int64_t Cpu::bucket_floats() const { return kTile * (kTile + 3 * shape_.d + 2 * shape_.d_v); }

void Cpu::pack_tokens(std::int64_t tokens, const float* values, const float* units, float* packed) const {
  for_rows(context_.threads, tokens, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      float* const to = packed + i * packed_.width;
      std::copy_n(values + i * shape_.d_v, shape_.d_v, to);
      std::copy_n(units + i * shape_.d, shape_.d, to + packed_.unit);
      std::fill_n(to + packed_.sum, shape_.d, 0.0f);
    }
  });
}

// changes [queries, ld]: less the queries' shifts, and 0 for keys of the future.
void Cpu::hide(const Row& row, Tokens queries, Tokens keys, std::int64_t ld, float* changes) const {
  if (!row.shift && !shape_.causal) return;
  for (const std::uint32_t i : queries) {
    const float shift = row.shift ? row.shift[i] : 0.0f;
    for (std::size_t j = 0; j < keys.size(); ++j) changes[j] = keys[j] < shape_.visible(i) ? changes[j] - shift : 0.0f;
    changes += ld;
  }
}

// With W_ij = dx_i . v_j: dq_i += sum_j W_ij k_j, dk_j += sum_i W_ij q_i.
void Cpu::sum_bucket(const Row& row, Tokens queries, Tokens keys, float* work) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t d = shape_.d, d_v = shape_.d_v, m = size_of(queries), n = size_of(keys);
  if (std::min(m, n) >= kPacked) return sum_packed_bucket(row, queries, keys, work);
  const auto [unit, sum, ld] = packed_;
  p.products_at(m, queries.data(), n, keys.data(), d_v, row.q, ld, row.k, ld, work);
  hide(row, queries, keys, n, work);
  p.add_rows_at(m, queries.data(), n, keys.data(), work, n, 1, d, row.k + unit, ld, row.q + sum, ld);
  p.add_rows_at(n, keys.data(), m, queries.data(), work, 1, n, d, row.q + unit, ld, row.k + sum, ld);
}

void Cpu::sum_packed_bucket(const Row& row, Tokens queries, Tokens keys, float* work) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t d = shape_.d, d_v = shape_.d_v, m = size_of(queries), n = size_of(keys);
  const std::int64_t whole = (n + kLine - 1) / kLine * kLine;  // with rows of zeros: products of whole vectors
  float* const changes = work;
  float* const dx = changes + kTile * kTile;
  float* const v = dx + kTile * d_v;
  float* const q = v + kTile * d_v;
  float* const k = q + kTile * d;
  float* const sums = k + kTile * d;
  const auto [unit, sum, ld] = packed_;
  pack(row.q, ld, d_v, queries, dx);
  pack(row.q + unit, ld, d, queries, q);
  pack(row.k, ld, d_v, keys, v);
  pack(row.k + unit, ld, d, keys, k);
  std::fill_n(v + n * d_v, (whole - n) * d_v, 0.0f);
  p.gemm_nt(m, whole, d_v, 1.0f, dx, d_v, v, d_v, false, changes, kTile);
  hide(row, queries, keys, kTile, changes);
  p.gemm_nn(m, d, n, 1.0f, changes, kTile, k, d, false, sums, d);
  for (std::int64_t i = 0; i < m; ++i) p.add(sums + i * d, row.q + sum + queries[static_cast<std::size_t>(i)] * ld, d);
  p.gemm_tn(n, d, m, 1.0f, changes, kTile, q, d, false, sums, d);
  for (std::int64_t j = 0; j < n; ++j) p.add(sums + j * d, row.k + sum + keys[static_cast<std::size_t>(j)] * ld, d);
}

void Cpu::sort_tokens(const Window& w, const BackwardScratch& s, std::int64_t hash) const {
  parallel_for(context_.threads, w.shape.rows() * 2, [&](std::int64_t piece, int) {
    const std::int64_t row = piece / 2, slots = plan_.slots();
    const Codes codes = w.kept.codes(w.shape, plan_, w.in, row);
    const auto sort = [&](const Sorted& sorted, std::int64_t n, const std::uint16_t* of, const std::uint8_t* keep) {
      sorted.row(row, n, slots).sort(of + hash * stride(n), keep, n, slots);
    };
    if (piece % 2 == 0)
      sort(s.sorted_q, shape_.n_q, codes.q, codes.keep_q);
    else
      sort(s.sorted_k, shape_.n_k, codes.k, codes.keep_k);
  });
}

void Cpu::sum_buckets(const Window& w, const BackwardScratch& s, Call& call) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t d = shape_.d, n_q = shape_.n_q, n_k = shape_.n_k, rows = w.shape.rows(), slots = plan_.slots();
  const float factor = slope_of_collision();
  call.phase("pack");
  pack_tokens(rows * n_q, s.dx, s.q, s.packed_q);
  pack_tokens(rows * n_k, w.in.v, s.k, s.packed_k);
  for (std::int64_t hash = 0; hash < plan_.hashes; ++hash) {
    call.phase("sort");
    sort_tokens(w, s, hash);
    call.phase("pairs");
    parallel_for(context_.threads, rows * kRanges, [&](std::int64_t piece, int thread) {
      const std::int64_t at = piece / kRanges, range = piece % kRanges;
      const Row row{s.packed_q + at * n_q * packed_.width, s.packed_k + at * n_k * packed_.width,
                    norm_ == Norm::rowsum ? s.shift + at * n_q : nullptr};
      const Sorted queries_in = s.sorted_q.row(at, n_q, slots), keys_in = s.sorted_k.row(at, n_k, slots);
      const std::int64_t end = (range + 1) * slots / kRanges;
      for (std::int64_t slot = range * slots / kRanges; slot < end; ++slot) {
        if (slot + 1 < end) {
          fetch_rows(row.q, packed_.width, queries_in[slot + 1]);
          fetch_rows(row.k, packed_.width, keys_in[slot + 1]);
        }
        const Tokens queries = queries_in[slot], keys = keys_in[slot];
        for (std::size_t i = 0; i < queries.size(); i += kTile)
          for (std::size_t j = 0; j < keys.size(); j += kTile)
            sum_bucket(row, queries.subspan(i, std::min<std::size_t>(kTile, queries.size() - i)),
                       keys.subspan(j, std::min<std::size_t>(kTile, keys.size() - j)),
                       s.buckets + thread * bucket_floats());
      }
    });
  }
  const auto unpack = [&](std::int64_t tokens, const float* packed, float* g) {
    for_rows(context_.threads, tokens, [&](std::int64_t first, std::int64_t count) {
      for (std::int64_t i = first; i < first + count; ++i)
        std::copy_n(packed + i * packed_.width + packed_.sum, d, g + i * d);
      p.scale(factor, g + first * d, count * d);
    });
  };
  unpack(rows * n_q, s.packed_q, w.grads.dq);
  unpack(rows * n_k, s.packed_k, w.grads.dk);
}

}  // namespace yoso::yoso_m
