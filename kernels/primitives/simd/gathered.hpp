// Rows that are named by a list. They lie anywhere, so a row of the next few is asked for while one is worked on.
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

// sums[r] (+)= the products of `here` listed rows with x, vector by vector; the rows after them are asked for.
template <bool kMore, int kCount, bool kWhole>
YOSO_INLINE void add_products(const Part<kCount, kWhole>& part, I here, I next, const std::uint32_t* at, const float* x,
                              const float* rows, I ld, Vec* sums) {
  Vec left[kCount];
  unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { left[v] = part.get(x, v); });
  for (I r = 0; r < here; ++r) {
    const float* const row = rows + static_cast<I>(at[r]) * ld;
    if (r < next) part.fetch(rows + static_cast<I>(at[here + r]) * ld);
    Vec sum = kMore ? sums[r] : Vec{};
    unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { sum += left[v] * part.get(row, v); });
    sums[r] = sum;
  }
}

// Sums of vectors collect until there are kLanes of them, whatever rows they are of, and are then added up at once.
struct Waiting {
  Vec sums[2 * kLanes];
  I count = 0;
  float* to;

  YOSO_INLINE void flush() {
    store(to, sums_of(sums));
    to += kLanes;
    count -= kLanes;
    for (I r = 0; r < count; ++r) sums[r] = sums[kLanes + r];
  }
  YOSO_INLINE void finish() {
    if (count > 0) store(to, sums_of(sums), count);
  }
};

void products_at(I m, const std::uint32_t* at_x, I count, const std::uint32_t* at_y, I n, const float* x, I ldx,
                 const float* y, I ldy, float* result) {
  Waiting waiting;
  waiting.to = result;
  for (I i = 0; i < m; ++i) {
    const float* const row = x + static_cast<I>(at_x[i]) * ldx;
    for (I j = 0; j < count; j += kLanes) {
      const I here = smaller(kLanes, count - j), next = smaller(here, count - j - here);
      Vec* const sums = waiting.sums + waiting.count;
      if (n == kBlock * kLanes) {
        add_products<false>(Part<kBlock, true>{}, here, next, at_y + j, row, y, ldy, sums);
      } else {
        for (I r = 0; r < here; ++r) sums[r] = Vec{};
        for_parts(n, 0, [&](const auto& part, I column) YOSO_INLINE_LAMBDA {
          add_products<true>(part, here, next, at_y + j, row + column, y + column, ldy, sums);
        });
      }
      waiting.count += here;
      if (waiting.count >= kLanes) waiting.flush();
    }
  }
  waiting.finish();
}

// Of the rows after these, those are asked for whose entries are among the first `named`.
template <int kCount, bool kWhole>
YOSO_INLINE void add_weighted(const Part<kCount, kWhole>& part, I count, I named, const std::uint32_t* at,
                              const float* weights, I step, const float* rows, I ld, float* y) {
  constexpr I kAhead = kListAhead;
  Vec sum[kCount];
  unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { sum[v] = part.get(y, v); });
  const auto one = [&](I t) YOSO_INLINE_LAMBDA {
    const float* const row = rows + static_cast<I>(at[t]) * ld;
    const Vec weight = broadcast(weights[t * step]);
    unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { sum[v] += weight * part.get(row, v); });
  };
  I t = 0;
  for (const I last = smaller(count, named - kAhead); t < last; ++t) {
    part.fetch(rows + static_cast<I>(at[t + kAhead]) * ld);
    one(t);
  }
  for (; t < count; ++t) one(t);
  unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { part.put(y, sum[v], v); });
}

void add_rows_at(I m, const std::uint32_t* at_y, I count, const std::uint32_t* at_x, const float* weights, I row_step,
                 I step, I n, const float* x, I ldx, float* y, I ldy) {
  for (I i = 0; i < m; ++i) {
    float* const row = y + static_cast<I>(at_y[i]) * ldy;
    for_parts(n, 0, [&](const auto& part, I column) YOSO_INLINE_LAMBDA {
      add_weighted(part, count, count, at_x, weights + i * row_step, step, x + column, ldx, row + column);
    });
  }
}

// result [count] (+)= the products of the listed rows with x; where kTotals, total (+)= the rows themselves.
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

void add_lists(const RowLists& lists, const float* weights, I n, const float* x, I ldx, float* y, I ldy) {
  for (I t = 0; t < lists.count; ++t) {
    const I count = lists.sizes[t], first = lists.ends[t] - count;
    for_parts(n, 0, [&](const auto& part, I column) YOSO_INLINE_LAMBDA {
      add_weighted(part, count, count + kListAhead, lists.at + first, weights + first, 1, x + column, ldx,
                   y + t * ldy + column);
    });
  }
}

}  // namespace
}  // namespace yoso
