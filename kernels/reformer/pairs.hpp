// Which entries of the sorted list meet: those of a chunk, and of the chunk before it.
#pragma once
#include <cstdint>

#include "simt/pairs.hpp"

namespace yoso::reformer::SIMT_NS {

using yoso::SIMT_NS::Entry, yoso::SIMT_NS::OwnTokens, yoso::SIMT_NS::kTile;

// The list is a ring of chunks, the last of which may be short. A block's own entries are of one round, so that no
// token comes twice, and of whole chunks as far as they fit 64. Entries that it meets are counted along the ring from
// the first chunk that any of them is in.
struct Pairs {
  struct Own : OwnTokens {
    const std::int32_t* list = nullptr;  // of the row; null: entry i is token i
    const std::uint8_t* keep = nullptr;
    std::int64_t first = 0;        // entry
    std::int64_t first_chunk = 0;  // of it
    int chunks = 0;                // that own entries are in
  };

  const std::int32_t* list = nullptr;  // [rows, rounds, n]: tokens; null: entry i is token i, and there is one chunk
  const std::uint8_t* keep = nullptr;  // [batch, n]
  std::int64_t heads = 1, n = 0, rounds = 1, round = 0;
  int chunk = 1;
  bool hf = false, causal = false;
  float self = 0;  // logit of a token with itself, times log2 e

  __host__ __device__ std::int64_t entries() const { return rounds * n; }
  __host__ __device__ std::int64_t ring() const { return (entries() + chunk - 1) / chunk; }
  __host__ __device__ std::int64_t unit() const { return chunk < kTile ? kTile / chunk * chunk : chunk; }
  __host__ __device__ std::int64_t tiles() const { return (unit() + kTile - 1) / kTile; }  // of a unit
  __host__ __device__ std::int64_t first_unit() const { return round * n / unit(); }
  __host__ __device__ std::int64_t units() const { return ((round + 1) * n - 1) / unit() - first_unit() + 1; }
  std::int64_t blocks(std::int64_t rows) const { return rows * units() * tiles(); }

  __device__ bool own(std::int64_t block, Own& o) const {
    const std::int64_t tile = block % tiles(), at = block / tiles() % units() + first_unit();
    o.row = block / tiles() / units();
    if (list) o.list = list + o.row * entries();
    if (keep) o.keep = keep + o.row / heads * n;
    const std::int64_t begin = at * unit() + tile * kTile, end = min((at + 1) * unit(), (round + 1) * n);
    o.first = max(begin, round * n);
    o.count = static_cast<int>(min(begin + kTile, end) - o.first);
    if (o.count <= 0) return false;
    o.first_chunk = o.first / chunk;
    o.chunks = static_cast<int>((o.first + o.count - 1) / chunk - o.first_chunk) + 1;
    return true;
  }

  // `a` is the chunk, counted from the first that the block has or meets; `b`: 1 others may see it, 2 itself may
  __device__ Entry entry(const Own& o, std::int64_t e, std::int64_t along) const {
    const int token = o.list ? o.list[e] : static_cast<int>(e);
    const bool kept = !o.keep || o.keep[token];
    return {token, static_cast<int>(along), kept ? 3 : hf ? 2 : 0};
  }
  __device__ Entry own_entry(const Own& o, int r) const {
    return entry(o, o.first + r, (o.first + r) / chunk - o.first_chunk);
  }
  // Entry `at` along the ring from chunk `from` of the block on.
  __device__ Entry met(const Own& o, int at, int from) const {
    const std::int64_t along = from + at / chunk, count = ring();
    std::int64_t which = (o.first_chunk + along) % count;
    if (which < 0) which += count;
    const std::int64_t e = which * chunk + at % chunk;
    return e < entries() ? entry(o, e, along) : Entry{};
  }

  __device__ Entry query(const Own& o, int r) const { return own_entry(o, r); }
  __device__ Entry key(const Own& o, int r) const { return own_entry(o, r); }
  __device__ int key_token(const Own& o, int r) const { return own_entry(o, r).token; }
  __device__ int keys(const Own& o) const { return static_cast<int>((o.chunks + before()) * chunk); }
  __device__ int queries(const Own& o) const { return keys(o); }
  __device__ Entry key_met(const Own& o, int at) const { return met(o, at, -before()); }
  __device__ Entry query_met(const Own& o, int at) const { return met(o, at, 0); }

  __device__ float logit(const Entry& query, const Entry& key, float product) const {
    if (query.a != key.a && query.a != key.a + 1) return -INFINITY;
    if (query.token == key.token) return (key.b & 2) != 0 ? self : -INFINITY;
    return (key.b & 1) == 0 || (causal && query.token < key.token) ? -INFINITY : product;
  }
  __device__ bool constant(const Entry& query, const Entry& key) const { return query.token == key.token; }

 private:
  __host__ __device__ int before() const { return ring() > 1 ? 1 : 0; }  // a chunk alone has none before it
};

}  // namespace yoso::reformer::SIMT_NS
