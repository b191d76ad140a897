// Rows that are named by a list: a few with a few, which are in the cache, or long lists of rows anywhere, where rows
// of the next entries are asked for while one is worked on.
#pragma once
#include "primitives/simd/rows.hpp"

namespace yoso {
namespace {

// Vectors of a row that are worked on together: a chain each, which hides the latency of an addition.
constexpr I kBlock = 4;

// Some columns of a row, kCount vectors of them; of the last vector `last` columns, all of them if kWhole.
template <int kCount, bool kWhole>
struct Part {
  I last = kLanes;
  template <int kVector>
  YOSO_INLINE Vec get(const float* from, Constant<kVector>) const {
    if constexpr (kWhole || kVector < kCount - 1) return load(from + kVector * kLanes);
    return load(from + kVector * kLanes, last);
  }
  template <int kVector>
  YOSO_INLINE void put(float* to, Vec v, Constant<kVector>) const {
    if constexpr (kWhole || kVector < kCount - 1) return store(to + kVector * kLanes, v);
    store(to + kVector * kLanes, v, last);
  }
  YOSO_INLINE void fetch(const float* row) const {
    constexpr int kLine = 16;
    unrolled<(kCount * kLanes + kLine - 1) / kLine>([&](auto line)
                                                        YOSO_INLINE_LAMBDA { __builtin_prefetch(row + line * kLine); });
  }
};

// f(part, first column) for all parts of a row.
template <int kCount = kBlock, class F>
YOSO_INLINE void for_parts(I n, I first, const F& f) {
  for (; n - first >= kCount * kLanes; first += kCount * kLanes) f(Part<kCount, true>{}, first);
  if constexpr (kCount > 1) {
    for_parts<kCount - 1>(n, first, f);
  } else if (n > first) {
    f(Part<1, false>{n - first}, first);
  }
}

// The sums over the lanes of kLanes vectors, in as many lanes: halves are added up while the vectors are turned.
YOSO_INLINE Vec sums_of(const Vec* rows) {
  Vec fours[kLanes / 4];
  unrolled<kLanes / 4>([&](auto quarter) YOSO_INLINE_LAMBDA {
    const Vec* const r = rows + 4 * quarter;
    const Vec a = interleaved<0>(r[0], r[1], kEveryLane) + interleaved<1>(r[0], r[1], kEveryLane);
    const Vec b = interleaved<0>(r[2], r[3], kEveryLane) + interleaved<1>(r[2], r[3], kEveryLane);
    fours[quarter] = interleaved_pairs<0>(a, b, kEveryLane) + interleaved_pairs<1>(a, b, kEveryLane);
  });
  const auto halve = [](Vec a, Vec b) YOSO_INLINE_LAMBDA {
    if constexpr (kLanes > 4) return every_other_four<0>(a, b, kEveryLane) + every_other_four<1>(a, b, kEveryLane);
    return a;
  };
  if constexpr (kLanes == 16)
    return halve(halve(fours[0], fours[1]), halve(fours[2], fours[3]));
  else
    return halve(fours[0], fours[kLanes / 4 - 1]);
}

// f(rows, i) for all i < m in steps of `rows`, a constant: 4 (or 2, with few registers), then what is left.
template <int kRows = kLanes == 16 ? 4 : 2, class F>
YOSO_INLINE void for_rows_together(I m, I i, const F& f) {
  for (; i + kRows <= m; i += kRows) f(Constant<kRows>{}, i);
  if constexpr (kRows > 1) for_rows_together<kRows / 2>(m, i, f);
}

// sums [kRows, count] (+)= the products of kRows listed rows of x with `count` of y, not yet added up over their lanes.
template <int kRows, bool kMore, int kCount, bool kWhole>
YOSO_INLINE void add_products(const Part<kCount, kWhole>& part, const std::uint32_t* at_x, I count,
                              const std::uint32_t* at_y, const float* x, I ldx, const float* y, I ldy, Vec* sums) {
  Vec left[kRows][kCount];
  unrolled<kRows>([&](auto i) YOSO_INLINE_LAMBDA {
    const float* const row = x + static_cast<I>(at_x[i]) * ldx;
    unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { left[i][v] = part.get(row, v); });
  });
  for (I j = 0; j < count; ++j) {
    const float* const row = y + static_cast<I>(at_y[j]) * ldy;
    Vec sum[kRows];
    unrolled<kRows>([&](auto i) YOSO_INLINE_LAMBDA { sum[i] = kMore ? sums[i * count + j] : Vec{}; });
    unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA {
      const Vec right = part.get(row, v);
      unrolled<kRows>([&](auto i) YOSO_INLINE_LAMBDA { sum[i] += left[i][v] * right; });
    });
    unrolled<kRows>([&](auto i) YOSO_INLINE_LAMBDA { sums[i * count + j] = sum[i]; });
  }
}

void products_at(I m, const std::uint32_t* at_x, I count, const std::uint32_t* at_y, I n, const float* x, I ldx,
                 const float* y, I ldy, float* result) {
  for_rows_together(m, 0, [&](auto rows, I i) YOSO_INLINE_LAMBDA {
    for (I j = 0; j < count; j += kLanes) {
      const I here = smaller(kLanes, count - j);
      Vec sums[(rows + 1) * kLanes];
      if (n == kBlock * kLanes) {
        add_products<rows, false>(Part<kBlock, true>{}, at_x + i, here, at_y + j, x, ldx, y, ldy, sums);
      } else {
        for (I r = 0; r < rows * here; ++r) sums[r] = Vec{};
        for_parts(n, 0, [&](const auto& part, I column) YOSO_INLINE_LAMBDA {
          add_products<rows, true>(part, at_x + i, here, at_y + j, x + column, ldx, y + column, ldy, sums);
        });
      }
      // whole rows of results follow upon each other
      const I runs = here == count ? 1 : rows, run = rows * here / runs;
      for (I r = 0; r < runs; ++r)
        for (I e = 0; e < run; e += kLanes)
          store(result + (i + r) * count + j + e, sums_of(sums + r * run + e), smaller(kLanes, run - e));
    }
  });
}

// kRows rows of y += weighted sums of `count` rows of x; row i has weights[i * row_step + t * step].
template <int kRows, int kCount, bool kWhole>
YOSO_INLINE void add_weighted(const Part<kCount, kWhole>& part, const std::uint32_t* at_y, I count,
                              const std::uint32_t* at_x, const float* weights, I row_step, I step, const float* x,
                              I ldx, float* y, I ldy) {
  Vec sum[kRows][kCount];
  const auto for_sums = [&](const auto& f) YOSO_INLINE_LAMBDA {
    unrolled<kRows>([&](auto i) YOSO_INLINE_LAMBDA {
      float* const row = y + static_cast<I>(at_y[i]) * ldy;
      unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { f(row, sum[i][v], v); });
    });
  };
  for_sums([&](float* row, Vec& s, auto v) YOSO_INLINE_LAMBDA { s = part.get(row, v); });
  for (I t = 0; t < count; ++t) {
    const float* const row = x + static_cast<I>(at_x[t]) * ldx;
    Vec right[kCount];
    unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { right[v] = part.get(row, v); });
    unrolled<kRows>([&](auto i) YOSO_INLINE_LAMBDA {
      const Vec weight = broadcast(weights[i * row_step + t * step]);
      unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { sum[i][v] += weight * right[v]; });
    });
  }
  for_sums([&](float* row, Vec& s, auto v) YOSO_INLINE_LAMBDA { part.put(row, s, v); });
}

void add_rows_at(I m, const std::uint32_t* at_y, I count, const std::uint32_t* at_x, const float* weights, I row_step,
                 I step, I n, const float* x, I ldx, float* y, I ldy) {
  for_rows_together(m, 0, [&](auto rows, I i) YOSO_INLINE_LAMBDA {
    for_parts(n, 0, [&](const auto& part, I column) YOSO_INLINE_LAMBDA {
      add_weighted<rows>(part, at_y + i, count, at_x, weights + i * row_step, row_step, step, x + column, ldx,
                         y + column, ldy);
    });
  });
}

// result [count] (+)= the products of the listed rows with x; where kTotals, total = the sum of the rows themselves.
template <bool kTotals, int kCount, bool kWhole>
YOSO_INLINE void multiply_list(const Part<kCount, kWhole>& part, bool more, I count, const std::uint32_t* at,
                               const float* x, const float* rows, I ld, float* result, float* total) {
  Vec left[kCount], totals[kCount] = {};
  unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { left[v] = part.get(x, v); });
  for (I j = 0; j < count; j += kLanes) {
    const I here = smaller(kLanes, count - j);
    Vec sums[kLanes];
    for (I r = 0; r < here; ++r) {
      const float* const row = rows + static_cast<I>(at[j + r]) * ld;
      part.fetch(rows + static_cast<I>(at[j + r + kListAhead]) * ld);
      Vec sum{};
      unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA {
        const Vec y = part.get(row, v);
        sum += left[v] * y;
        if constexpr (kTotals) totals[v] += y;
      });
      sums[r] = sum;
    }
    const Vec products = sums_of(sums);
    store(result + j, more ? products + load(result + j, here) : products, here);
  }
  if constexpr (kTotals) unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { part.put(total, totals[v], v); });
}

void list_products(const RowLists& lists, I n, const float* x, I ldx, const float* y, I ldy, float* result,
                   float* totals, I ld_totals) {
  for (I t = 0; t < lists.count; ++t) {
    const I count = lists.sizes[t], first = lists.ends[t] - count;
    for_parts(n, 0, [&](const auto& part, I column) YOSO_INLINE_LAMBDA {
      const auto multiply = [&](auto with_totals, float* total) YOSO_INLINE_LAMBDA {
        multiply_list<with_totals>(part, column > 0, count, lists.at + first, x + t * ldx + column, y + column, ldy,
                                   result + first, total);
      };
      if (totals)
        multiply(Constant<true>{}, totals + t * ld_totals + column);
      else
        multiply(Constant<false>{}, nullptr);
    });
  }
}

// y += the weighted sum of `count` listed rows.
template <int kCount, bool kWhole>
YOSO_INLINE void add_list(const Part<kCount, kWhole>& part, I count, const std::uint32_t* at, const float* weights,
                          const float* rows, I ld, float* y) {
  Vec sum[kCount];
  unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { sum[v] = part.get(y, v); });
  for (I t = 0; t < count; ++t) {
    const float* const row = rows + static_cast<I>(at[t]) * ld;
    part.fetch(rows + static_cast<I>(at[t + kListAhead]) * ld);
    const Vec weight = broadcast(weights[t]);
    unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { sum[v] += weight * part.get(row, v); });
  }
  unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { part.put(y, sum[v], v); });
}

void add_lists(const RowLists& lists, const float* weights, I n, const float* x, I ldx, float* y, I ldy) {
  for (I t = 0; t < lists.count; ++t) {
    const I count = lists.sizes[t], first = lists.ends[t] - count;
    for_parts(n, 0, [&](const auto& part, I column) YOSO_INLINE_LAMBDA {
      add_list(part, count, lists.at + first, weights + first, x + column, ldx, y + t * ldy + column);
    });
  }
}

}  // namespace
}  // namespace yoso
