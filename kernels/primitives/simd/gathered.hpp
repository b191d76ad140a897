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
YOSO_INLINE Vec sums_of(const Vec (&rows)[kLanes]) {
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

template <bool kMore, int kCount, bool kWhole>
YOSO_INLINE void add_products(const Part<kCount, kWhole>& part, I here, I next, const std::uint32_t* at, const float* x,
                              const float* rows, I ld, Vec (&sums)[kLanes]) {
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

void dots_at(I count, const std::uint32_t* at, I n, const float* x, const float* rows, I ld, float* result) {
  Vec sums[kLanes] = {};
  for (I first = 0; first < count; first += kLanes) {
    const I here = smaller(kLanes, count - first), next = smaller(kLanes, count - first - here);
    if (n == kBlock * kLanes) {
      add_products<false>(Part<kBlock, true>{}, here, next, at + first, x, rows, ld, sums);
    } else {
      for (int r = 0; r < kLanes; ++r) sums[r] = Vec{};
      for_parts(n, 0, [&](const auto& part, I column) YOSO_INLINE_LAMBDA {
        add_products<true>(part, here, next, at + first, x + column, rows + column, ld, sums);
      });
    }
    const Vec total = sums_of(sums);
    if (here == kLanes)
      store(result + first, total);
    else
      store(result + first, total, here);
  }
}

template <int kCount, bool kWhole>
YOSO_INLINE void add_weighted(const Part<kCount, kWhole>& part, I count, const std::uint32_t* at, const float* weights,
                              const float* rows, I ld, float* y) {
  constexpr I kAhead = 8;
  Vec sum[kCount];
  unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { sum[v] = part.get(y, v); });
  const auto one = [&](I t) YOSO_INLINE_LAMBDA {
    const float* const row = rows + static_cast<I>(at[t]) * ld;
    const Vec weight = broadcast(weights[t]);
    unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { sum[v] += weight * part.get(row, v); });
  };
  I t = 0;
  for (; t + kAhead < count; ++t) {
    part.fetch(rows + static_cast<I>(at[t + kAhead]) * ld);
    one(t);
  }
  for (; t < count; ++t) one(t);
  unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { part.put(y, sum[v], v); });
}

void add_rows_at(I count, const std::uint32_t* at, const float* weights, I n, const float* rows, I ld, float* y) {
  for_parts(n, 0, [&](const auto& part, I column) YOSO_INLINE_LAMBDA {
    add_weighted(part, count, at, weights, rows + column, ld, y + column);
  });
}

}  // namespace
}  // namespace yoso
