// The softmax of a tile of scores with one query in each lane, so that maxima, sums and rescaling never cross lanes.
#pragma once
#include "primitives/simd/rotate.hpp"

namespace yoso {
namespace {

// 2^x for x <= 120; 2^-126 below -126, and for NaN. x = m + f with |f| <= 1/2: adding 1.5 * 2^23 rounds x to the
// integer m and leaves it in the low bits. 2^f = 1 + f q(f), q the minimax polynomial (9.2e-8): two units in the last
// place.
YOSO_INLINE Vec power_of_two(Vec x) {
  x = larger(x, broadcast(-126.0f));
  const Vec shifted = x + 12582912.0f;
  const Vec f = x - (shifted - 12582912.0f);
  Vec q = broadcast(0.001326472731307149f);
  q = q * f + 0.009671512991189957f;
  q = q * f + 0.05550733581185341f;
  q = q * f + 0.24022242426872253f;
  q = q * f + 0.6931470036506653f;
  q = q * f + 1.0f;
  return (Vec)((Bits)q + ((Bits)shifted << 23));
}

void to_columns(I count, I d, const float* x, float factor, float* columns, I ld) {
  for (I first = 0; first < count; first += kLanes, x += kLanes * d, columns += kLanes) {
    for (I c = 0; c < d; c += kLanes) {
      if (first + kLanes <= count && c + kLanes <= d)
        turn_whole(x + c, d, columns + c * ld, ld);
      else
        turn_part(count - first, nullptr, d - c, x + c, d, d - c, columns + c * ld, ld);
    }
    for (I c = 0; c < d; ++c) store(columns + c * ld, load(columns + c * ld) * factor);
  }
}

void from_columns(I count, I d, const float* columns, I ld, const float* factors, float* x) {
  for (I first = 0; first < count; first += kLanes) {
    const I rows = smaller(kLanes, count - first);
    const Vec factor = load(factors + first);
    for (I c = 0; c < d; c += kLanes) {
      const I there = smaller(kLanes, d - c);
      Vec square[kLanes] = {};
      for (I i = 0; i < there; ++i) square[i] = load(columns + (c + i) * ld + first) * factor;
      transpose(square);
      for (I i = 0; i < rows; ++i) {
        float* const to = x + (first + i) * d + c;
        if (there == kLanes)
          store(to, square[i]);
        else
          store(to, square[i], there);
      }
    }
  }
}

template <bool kHidden>
YOSO_INLINE void weights_of_lane(I keys, float* scores, I ld, float* largest, float* total, float* decay) {
  Vec best[4];
  unrolled<4>([&](auto c) YOSO_INLINE_LAMBDA { best[c] = load(largest); });
  I j = 0;
  for (; j + 4 <= keys; j += 4)
    unrolled<4>([&](auto c) YOSO_INLINE_LAMBDA { best[c] = larger(best[c], load(scores + (j + c) * ld)); });
  for (; j < keys; ++j) best[0] = larger(best[0], load(scores + j * ld));
  const Vec top = larger(larger(best[0], best[1]), larger(best[2], best[3]));
  const Vec change = power_of_two(load(largest) - top);  // of no consequence as long as nothing has been seen
  store(decay, change);
  store(largest, top);
  const auto weight = [&](Vec s) YOSO_INLINE_LAMBDA {
    const Vec w = power_of_two(s - top);
    return kHidden ? (s > -__builtin_inff() ? w : Vec{}) : w;
  };
  Vec sum[4] = {load(total) * change};
  for (j = 0; j + 4 <= keys; j += 4)
    unrolled<4>([&](auto c) YOSO_INLINE_LAMBDA {
      const Vec w = weight(load(scores + (j + c) * ld));
      store(scores + (j + c) * ld, w);
      sum[c] += w;
    });
  for (; j < keys; ++j) {
    const Vec w = weight(load(scores + j * ld));
    store(scores + j * ld, w);
    sum[0] += w;
  }
  store(total, (sum[0] + sum[1]) + (sum[2] + sum[3]));
}

void online_weights(I keys, I width, bool hidden, float* scores, float* largest, float* total, float* decay) {
  for (I lane = 0; lane < width; lane += kLanes) {
    if (hidden)
      weights_of_lane<true>(keys, scores + lane, width, largest + lane, total + lane, decay + lane);
    else
      weights_of_lane<false>(keys, scores + lane, width, largest + lane, total + lane, decay + lane);
  }
}

// Weights below 2^-100 become 0: 2^x of the lowest x is a number, not 0, and a hidden score has to give exactly
// nothing.
void online_gradients(I keys, I width, const float* largest, const float* mean, float* scores, float* slopes) {
  for (I lane = 0; lane < width; lane += kLanes) {
    const Vec top = load(largest + lane), centre = load(mean + lane);
    const auto step = [&](I at) YOSO_INLINE_LAMBDA {
      const Vec x = load(scores + at) - top;
      const Vec power = power_of_two(x);
      const Vec w = x > -100.0f ? power : Vec{};
      store(scores + at, w);
      store(slopes + at, w * (load(slopes + at) - centre));
    };
    I j = 0;
    for (; j + 4 <= keys; j += 4) unrolled<4>([&](auto c) YOSO_INLINE_LAMBDA { step((j + c) * width + lane); });
    for (; j < keys; ++j) step(j * width + lane);
  }
}

void scale_columns(I rows, I width, const float* factors, float* x) {
  for (I lane = 0; lane < width; lane += kLanes) {
    const Vec factor = load(factors + lane);
    for (I r = 0; r < rows; ++r) store(x + r * width + lane, load(x + r * width + lane) * factor);
  }
}

void hide(I keys, I width, const std::int32_t* from, const std::int32_t* to, float* scores) {
  typedef std::int32_t Ints __attribute__((vector_size(kLanes * sizeof(std::int32_t))));
  for (I lane = 0; lane < width; lane += kLanes) {
    Ints first, last;
    __builtin_memcpy(&first, from + lane, sizeof first);
    __builtin_memcpy(&last, to + lane, sizeof last);
    Ints key = {};
    for (I j = 0; j < keys; ++j, key += 1) {
      float* const s = scores + j * width + lane;
      store(s, ((key >= first) & (key < last)) ? load(s) : broadcast(-__builtin_inff()));
    }
  }
}

}  // namespace
}  // namespace yoso
