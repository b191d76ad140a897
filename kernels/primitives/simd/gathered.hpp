// Rows that are named by a list. They lie anywhere, so a row of the next few is asked for while one is worked on.
#pragma once
#include "primitives/simd/rows.hpp"

namespace yoso {
namespace {

constexpr I kBlock =
    4;  // vectors of a row that are worked on together: a chain each, to hide the latency of an addition

// f(kCount, first column, columns in the last vector) for blocks of kCount <= kBlock vectors of a row.
template <int kCount = kBlock, class F>
YOSO_INLINE void for_blocks(I n, const F& f, I first = 0) {
  for (; n - first > (kCount - 1) * kLanes; first += kCount * kLanes)
    f(Constant<kCount>{}, first, smaller(kLanes, n - first - (kCount - 1) * kLanes));
  if constexpr (kCount > 1) for_blocks<kCount - 1>(n, f, first);
}

template <int kCount>
YOSO_INLINE void fetch_row(const float* row) {
  constexpr int kLine = 16;
  unrolled<(kCount * kLanes + kLine - 1) / kLine>([&](auto line)
                                                      YOSO_INLINE_LAMBDA { __builtin_prefetch(row + line * kLine); });
}

// kLanes sums at a time: each a vector over columns, and then all are turned and added up at once.
void dots_at(I count, const std::uint32_t* at, I n, const float* x, const float* rows, I ld, float* result) {
  for (I first = 0; first < count; first += kLanes) {
    const I here = smaller(kLanes, count - first), next = smaller(kLanes, count - first - here);
    const std::uint32_t* const ids = at + first;
    Vec sums[kLanes] = {};
    for_blocks(n, [&](auto size, I column, I last) YOSO_INLINE_LAMBDA {
      constexpr int kCount = size;
      const auto get = [=](const float* from, auto v) YOSO_INLINE_LAMBDA {
        return v == kCount - 1 && last < kLanes ? load(from + v * kLanes, last) : load(from + v * kLanes);
      };
      Vec left[kCount];
      unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { left[v] = get(x + column, v); });
      const auto one = [&](I r) YOSO_INLINE_LAMBDA {
        const float* const row = rows + static_cast<I>(ids[r]) * ld + column;
        Vec sum = sums[r];
        unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA { sum += left[v] * get(row, v); });
        sums[r] = sum;
      };
      for (I r = 0; r < next; ++r) fetch_row<kCount>(rows + static_cast<I>(ids[here + r]) * ld + column);
      if (here == kLanes)
        unrolled<kLanes>([&](auto r) YOSO_INLINE_LAMBDA { one(r); });
      else
        for (I r = 0; r < here; ++r) one(r);
    });
    transpose(sums);
    for (int step = kLanes / 2; step > 0; step /= 2)
      for (int r = 0; r < step; ++r) sums[r] += sums[r + step];
    if (here == kLanes)
      store(result + first, sums[0]);
    else
      store(result + first, sums[0], here);
  }
}

void add_rows_at(I count, const std::uint32_t* at, const float* weights, I n, const float* rows, I ld, float* y) {
  constexpr I kAhead = 8;
  for_blocks(n, [&](auto size, I column, I last) YOSO_INLINE_LAMBDA {
    constexpr int kCount = size;
    Vec sum[kCount];
    const auto whole = [=](auto v) YOSO_INLINE_LAMBDA { return v < kCount - 1 || last == kLanes; };
    unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA {
      const float* const from = y + column + v * kLanes;
      sum[v] = whole(v) ? load(from) : load(from, last);
    });
    for (I t = 0; t < count; ++t) {
      const float* const row = rows + static_cast<I>(at[t]) * ld + column;
      if (t + kAhead < count) fetch_row<kCount>(rows + static_cast<I>(at[t + kAhead]) * ld + column);
      const Vec weight = broadcast(weights[t]);
      unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA {
        sum[v] += weight * (whole(v) ? load(row + v * kLanes) : load(row + v * kLanes, last));
      });
    }
    unrolled<kCount>([&](auto v) YOSO_INLINE_LAMBDA {
      float* const to = y + column + v * kLanes;
      if (whole(v))
        store(to, sum[v]);
      else
        store(to, sum[v], last);
    });
  });
}

}  // namespace
}  // namespace yoso
