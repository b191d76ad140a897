// Sums over pairs of a query and a key that go to both of them, by many threads: the order in which pairs are visited.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>

#include <yoso/parallel.hpp>

#include "primitives/masks.hpp"

namespace yoso {

// n tokens cut into parts, by their number alone.
struct TokenCut {
  static constexpr std::int64_t kMost = 16, kLeast = 128;  // parts; tokens of a part
  std::int64_t n, each, parts;
  explicit TokenCut(std::int64_t tokens)
      : n(tokens), each(std::max(kLeast, ((n + kMost - 1) / kMost + 63) / 64 * 64)), parts((n + each - 1) / each) {}
  KeyRange part(std::int64_t i) const { return {i * each, std::min(n, (i + 1) * each)}; }
};

// The waves of one problem: queries are cut into B blocks and keys into R ranges. In wave s, range r meets block
// (r + s) mod B (if B >= R), so that the pieces of a wave share neither queries nor keys.
struct Waves {
  TokenCut queries, keys;
  std::int64_t count = std::max(queries.parts, keys.parts), pieces = std::min(queries.parts, keys.parts);

  std::int64_t block(std::int64_t wave, std::int64_t piece) const {
    return keys.parts == pieces ? (piece + wave) % count : piece;
  }
  std::int64_t range(std::int64_t wave, std::int64_t piece) const {
    return keys.parts == pieces ? piece : (piece + wave) % count;
  }
  // How many of the waves before this one had a piece for part `other` of the side with more parts.
  std::int64_t earlier(std::int64_t wave, std::int64_t other) const {
    std::int64_t met = 0;
    for (std::int64_t w = 0; w < wave; ++w) met += (other - w + count) % count < pieces;
    return met;
  }
};

// Calls body(row, queries, keys, thread), the latter two being KeyRanges, for pieces that together cover all pairs of a
// query and a key of every row once. Pieces that run at the same time share neither queries nor keys of a row, so that
// a piece may add to the gradients of both; and what is added to one gradient comes in the order of the waves, which
// depends on n_q and n_k alone.
//
// Nobody waits for a whole wave: a piece begins when those before it with its queries, and with its keys, are done.
// Sixteen barriers cost two threads on a busy machine as much time as the work. Where there are many rows, a thread
// takes one alone, and finds its tensors in its cache.
template <class Body>
void for_pairs_in_waves(int threads, std::int64_t rows, std::int64_t n_q, std::int64_t n_k, const Body& body) {
  const Waves waves{TokenCut(n_q), TokenCut(n_k)};
  const auto run = [&](std::int64_t row, std::int64_t block, std::int64_t range, int thread) {
    body(row, waves.queries.part(block), waves.keys.part(range), thread);
  };
  const std::int64_t of_row = waves.count * waves.pieces;
  if (threads <= 1 || rows >= 4 * threads || waves.pieces == 1) {
    parallel_for(threads, rows, [&](std::int64_t row, int thread) {
      for (std::int64_t i = 0; i < of_row; ++i) {
        const std::int64_t wave = i / waves.pieces, piece = i % waves.pieces;
        run(row, waves.block(wave, piece), waves.range(wave, piece), thread);
      }
    });
    return;
  }
  constexpr std::int64_t kRows = 32;  // whose progress is on the stack
  for (std::int64_t first = 0; first < rows; first += kRows) {
    std::atomic<std::int64_t> next{0};
    std::atomic<std::int32_t> done[kRows][2][TokenCut::kMost] = {};  // pieces of a part: more parts, fewer parts
    // pieces are handed out in their order, so that one never waits for a piece that nobody has begun
    parallel_for(threads, threads, [&](std::int64_t, int thread) {
      for (;;) {
        const std::int64_t i = next.fetch_add(1), row = i / of_row;
        if (row >= std::min(kRows, rows - first)) return;
        const std::int64_t wave = i % of_row / waves.pieces, piece = i % waves.pieces;
        const std::int64_t other = (piece + wave) % waves.count, met = waves.earlier(wave, other);
        std::atomic<std::int32_t>&of_other = done[row][0][other], &of_piece = done[row][1][piece];
        while (of_other.load() < met || of_piece.load() < wave) std::this_thread::yield();
        run(first + row, waves.block(wave, piece), waves.range(wave, piece), thread);
        ++of_other;
        ++of_piece;
      }
    });
  }
}

}  // namespace yoso
