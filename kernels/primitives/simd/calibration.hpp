// Work that does nothing useful as fast as this instruction set can, to learn what the machine's limits are
// (`env --calibrate`). Each function's result counts what was done, so that a test can tell whether it was.
#pragma once
#include "primitives/simd/functions.hpp"

namespace yoso {
namespace {

// Independent chains: enough to hide the latency of four instructions a cycle, and they stay in registers.
#if defined(__AVX512F__)
constexpr int kChains = 24;
#else
constexpr int kChains = 14;
#endif

template <class Sum, class V>
YOSO_INLINE Sum all_lanes(V v) {
  Sum total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += static_cast<Sum>(v[lane]);
  return total;
}

// `step` makes the next value of chain c, a constant. Every step adds 1 to every lane.
template <class Step>
YOSO_INLINE double count_steps(I rounds, const Step& step) {
  Vec one = broadcast(1.0f);
  in_register(one);  // the compiler may not know that it multiplies by 1
  Vec chain[kChains];
  unrolled<kChains>([&](auto c) YOSO_INLINE_LAMBDA { in_register(chain[c] = Vec{}); });
  for (I round = 0; round < rounds; ++round)
    unrolled<kChains>([&](auto c) YOSO_INLINE_LAMBDA {
      chain[c] = step(c, chain[c], one);
      in_register(chain[c]);
    });
  double total = 0;
  unrolled<kChains>([&](auto c) YOSO_INLINE_LAMBDA { total += all_lanes<double>(chain[c]); });
  return total;
}

double multiply_adds(I rounds) {
  return count_steps(rounds, [](int, Vec x, Vec one) YOSO_INLINE_LAMBDA { return x * one + one; });
}
double additions(I rounds) {
  return count_steps(rounds, [](int, Vec x, Vec one) YOSO_INLINE_LAMBDA { return x + one; });
}
double mixed_additions(I rounds) {
  return count_steps(rounds, [](int c, Vec x, Vec one) YOSO_INLINE_LAMBDA { return c % 2 ? x * one + one : x + one; });
}

// Nothing that was read before this may be taken for known after it.
YOSO_INLINE void forget_memory() { asm volatile("" ::: "memory"); }

double exponentials(const float* x, I n, I rounds) {
  constexpr int kAtOnce = 4;
  Vec sum[kAtOnce];
  unrolled<kAtOnce>([&](auto v) YOSO_INLINE_LAMBDA { sum[v] = Vec{}; });
  for (I round = 0; round < rounds; ++round) {
    for (I i = 0; i < n; i += kAtOnce * kLanes)
      unrolled<kAtOnce>([&](auto v) YOSO_INLINE_LAMBDA { sum[v] += exponential(load(x + i + v * kLanes)); });
    forget_memory();
  }
  double total = 0;
  unrolled<kAtOnce>([&](auto v) YOSO_INLINE_LAMBDA { total += all_lanes<double>(sum[v]); });
  return total;
}

YOSO_INLINE Bits load_words(const std::uint32_t* p) {
  Bits v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

// Sums of integers, which no CPU adds more slowly than it loads them.
std::uint32_t read_words(const std::uint32_t* x, I n, I rounds) {
  constexpr int kAtOnce = 8;
  Bits sum[kAtOnce];
  unrolled<kAtOnce>([&](auto v) YOSO_INLINE_LAMBDA { sum[v] = Bits{}; });
  for (I round = 0; round < rounds; ++round) {
    for (I i = 0; i < n; i += kAtOnce * kLanes)
      unrolled<kAtOnce>([&](auto v) YOSO_INLINE_LAMBDA { sum[v] += load_words(x + i + v * kLanes); });
    forget_memory();
  }
  std::uint32_t total = 0;
  unrolled<kAtOnce>([&](auto v) YOSO_INLINE_LAMBDA { total += all_lanes<std::uint32_t>(sum[v]); });
  return total;
}

void update_words(std::uint32_t* x, I n, I rounds) {
  constexpr int kAtOnce = 8;
  for (I round = 0; round < rounds; ++round) {
    for (I i = 0; i < n; i += kAtOnce * kLanes)
      unrolled<kAtOnce>([&](auto v) YOSO_INLINE_LAMBDA {
        const Bits next = load_words(x + i + v * kLanes) + 1u;
        __builtin_memcpy(x + i + v * kLanes, &next, sizeof next);
      });
    forget_memory();
  }
}

}  // namespace
}  // namespace yoso
