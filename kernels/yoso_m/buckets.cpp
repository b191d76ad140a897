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
constexpr std::int64_t kPacked = 16;  // of both: from here on it pays to pack rows for a product of matrices

using Tokens = std::span<const std::uint32_t>;

void fetch_rows(const float* rows, std::int64_t n, Tokens tokens) {
  for (const std::uint32_t token : tokens)
    for (std::int64_t c = 0; c < n; c += kLine) __builtin_prefetch(rows + token * n + c);
}

void pack(const float* rows, std::int64_t n, Tokens tokens, float* packed) {
  for (std::size_t i = 0; i < tokens.size(); ++i)
    std::copy_n(rows + tokens[i] * n, n, packed + static_cast<std::int64_t>(i) * n);
}

std::int64_t size_of(Tokens tokens) { return static_cast<std::int64_t>(tokens.size()); }

}  // namespace

struct Cpu::Row {
  const float *q, *k, *v, *dx;
  const float* shift;  // null where it is 0
  float *dq, *dk;
};

Cpu::Row Cpu::row_of(const Inputs& in, const BackwardScratch& s, const Gradients& grads, std::int64_t row) const {
  const std::int64_t q = row * shape_.n_q, k = row * shape_.n_k;
  return {s.q + q * shape_.d,
          s.k + k * shape_.d,
          in.v + k * shape_.d_v,
          s.dx + q * shape_.d_v,
          norm_ == Norm::rowsum ? s.shift + q : nullptr,
          grads.dq + q * shape_.d,
          grads.dk + k * shape_.d};
}

std::int64_t Cpu::bucket_floats() const { return kTile * (kTile + 3 * shape_.d + 2 * shape_.d_v); }

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
  p.products_at(m, queries.data(), n, keys.data(), d_v, row.dx, d_v, row.v, d_v, work);
  hide(row, queries, keys, n, work);
  p.add_rows_at(m, queries.data(), n, keys.data(), work, n, 1, d, row.k, d, row.dq, d);
  p.add_rows_at(n, keys.data(), m, queries.data(), work, 1, n, d, row.q, d, row.dk, d);
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
  pack(row.dx, d_v, queries, dx);
  pack(row.q, d, queries, q);
  pack(row.v, d_v, keys, v);
  pack(row.k, d, keys, k);
  std::fill_n(v + n * d_v, (whole - n) * d_v, 0.0f);
  p.gemm_nt(m, whole, d_v, 1.0f, dx, d_v, v, d_v, false, changes, kTile);
  hide(row, queries, keys, kTile, changes);
  p.gemm_nn(m, d, n, 1.0f, changes, kTile, k, d, false, sums, d);
  for (std::int64_t i = 0; i < m; ++i) p.add(sums + i * d, row.dq + queries[static_cast<std::size_t>(i)] * d, d);
  p.gemm_tn(n, d, m, 1.0f, changes, kTile, q, d, false, sums, d);
  for (std::int64_t j = 0; j < n; ++j) p.add(sums + j * d, row.dk + keys[static_cast<std::size_t>(j)] * d, d);
}

void Cpu::sum_buckets(const Inputs& in, const Kept& kept, const BackwardScratch& s, const Gradients& grads,
                      Call& call) const {
  const Primitives& p = primitives(context_.isa);
  const std::int64_t d = shape_.d, d_v = shape_.d_v, slots = plan_.slots();
  std::fill_n(grads.dq, shape_.q_size(), 0.0f);
  std::fill_n(grads.dk, shape_.k_size(), 0.0f);
  for (std::int64_t first = 0; first < shape_.rows(); first += collisions_.wave()) {
    const std::int64_t rows = std::min(collisions_.wave(), shape_.rows() - first);
    sort_rows(in, kept, s, first, rows, call);
    call.phase("pairs");
    for (std::int64_t hash = 0; hash < plan_.hashes; ++hash)
      parallel_for(context_.threads, rows * kRanges, [&](std::int64_t piece, int thread) {
        const std::int64_t at = piece / kRanges, range = piece % kRanges;
        const Row row = row_of(in, s, grads, first + at);
        const auto bucket = [&](const Collisions::Sorted& sorted, std::int64_t n, std::int64_t slot) {
          const std::uint32_t* const starts = sorted.starts + hash * (slots + 2) + slot;
          return Tokens(sorted.order + hash * n + starts[0], starts[1] - starts[0]);
        };
        const auto queries_in = [&](std::int64_t slot) {
          return bucket(collisions_.queries(s.pairs, at), shape_.n_q, slot);
        };
        const auto keys_in = [&](std::int64_t slot) { return bucket(collisions_.keys(s.pairs, at), shape_.n_k, slot); };
        const std::int64_t end = (range + 1) * slots / kRanges;
        for (std::int64_t slot = range * slots / kRanges; slot < end; ++slot) {
          if (slot + 1 < end) {
            const Tokens queries = queries_in(slot + 1), keys = keys_in(slot + 1);
            fetch_rows(row.dx, d_v, queries);
            fetch_rows(row.q, d, queries);
            fetch_rows(row.dq, d, queries);
            fetch_rows(row.v, d_v, keys);
            fetch_rows(row.k, d, keys);
            fetch_rows(row.dk, d, keys);
          }
          const Tokens queries = queries_in(slot), keys = keys_in(slot);
          for (std::size_t i = 0; i < queries.size(); i += kTile)
            for (std::size_t j = 0; j < keys.size(); j += kTile)
              sum_bucket(row, queries.subspan(i, std::min<std::size_t>(kTile, queries.size() - i)),
                         keys.subspan(j, std::min<std::size_t>(kTile, keys.size() - j)),
                         s.buckets + thread * bucket_floats());
        }
      });
  }
  const float factor = static_cast<float>(plan_.bits) / static_cast<float>(2 * plan_.hashes);
  for (const auto& [g, tokens] :
       {std::pair(grads.dq, shape_.rows() * shape_.n_q), std::pair(grads.dk, shape_.rows() * shape_.n_k)})
    for_rows(context_.threads, tokens,
             [&, g = g](std::int64_t token, std::int64_t count) { p.scale(factor, g + token * d, count * d); });
}

}  // namespace yoso::yoso_m
