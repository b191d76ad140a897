// Every word does what CUDA documents.
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

#include "catch.hpp"
#include "simt/testing.hpp"

namespace SIMT_NS {
namespace {

constexpr unsigned kAll = 0xffffffffu;

__device__ unsigned thread_number() { return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z); }
__device__ unsigned block_number() { return blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z); }

__global__ void indices(unsigned* out) {
  const unsigned at = block_number() * blockDim.x * blockDim.y * blockDim.z + thread_number();
  atomicAdd(&out[at], threadIdx.x + 10 * threadIdx.y + 100 * threadIdx.z + 1000 * blockIdx.x + 10000 * blockIdx.y +
                          100000 * blockIdx.z);
}

template <int kRows>
__global__ void reverse(const int* in, int* out) {
  __shared__ int fixed[kRows][64];
  SIMT_DYNAMIC_SHARED(raw);
  simt::Carver carver(raw);
  int* const a = carver.take<int>(blockDim.x);
  float4* const b = carver.take<float4>(blockDim.x);
  const unsigned i = threadIdx.x;
  for (int round = 0; round < 3; ++round) {
    a[i] = in[i] + round;
    fixed[kRows - 1][i] = in[i];
    b[i] = make_float4(static_cast<float>(i), 0, 0, 1);
    __syncthreads();
    const unsigned j = blockDim.x - 1 - i;
    out[i] = a[j] * 1000 + fixed[kRows - 1][j] + static_cast<int>(b[j].x + b[j].w);
    __syncthreads();
  }
}

__global__ void untouched(unsigned* out) {
  __shared__ unsigned fixed[32];
  SIMT_DYNAMIC_SHARED(raw);
  const unsigned* const dynamic = simt::Carver(raw).take<unsigned>(32);
  const unsigned i = threadIdx.x;
  out[blockIdx.x * 64 + i] = fixed[i];
  out[blockIdx.x * 64 + 32 + i] = dynamic[i];
  __syncthreads();
  fixed[i] = 0;
}

__global__ void votes(int* out) {
  const int i = static_cast<int>(threadIdx.x);
  int* const mine = out + 8 * i;
  mine[0] = __syncthreads_count(i % 3 == 0);
  mine[1] = __syncthreads_and(i < 64);
  mine[2] = __syncthreads_and(i != 5);
  mine[3] = __syncthreads_or(i == 63) != 0;
  mine[4] = __syncthreads_or(i == 64) != 0;
  mine[5] = static_cast<int>(__ballot_sync(kAll, i % 2));
  mine[6] = __any_sync(kAll, i == 40) ? 1 : 0;
  mine[7] = __all_sync(kAll, i < 32) ? 1 : 0;
}

template <class T>
__global__ void shuffles(T* out) {
  const int i = static_cast<int>(threadIdx.x);
  const T value = static_cast<T>(i + 100);
  T* const mine = out + 10 * i;
  mine[0] = __shfl_sync(kAll, value, 3);
  mine[1] = __shfl_sync(kAll, value, 13, 8);  // 13 mod 8 of its segment
  mine[2] = __shfl_xor_sync(kAll, value, 5);
  mine[3] = __shfl_xor_sync(kAll, value, 8, 8);  // beyond the segment: upwards none, downwards another's
  mine[4] = __shfl_up_sync(kAll, value, 1);
  mine[5] = __shfl_up_sync(kAll, value, 3, 16);
  mine[6] = __shfl_down_sync(kAll, value, 1);
  mine[7] = __shfl_down_sync(kAll, value, 3, 4);
  mine[8] = i % 2 ? __shfl_sync(0xaaaaaaaau, value, 7) : __shfl_sync(0x55555555u, value, 8);
  mine[9] = __shfl_sync(kAll, value, -1);
}

__global__ void groups(unsigned* out) {
  const unsigned i = threadIdx.x;
  unsigned* const mine = out + 4 * i;
  mine[0] = __match_any_sync(kAll, static_cast<int>(i % 5));
  mine[1] = __match_any_sync(kAll, i < 3 ? 1ull << 40 : 0ull);
  mine[2] = __reduce_add_sync(kAll, i);
  mine[3] = i < 16 ? static_cast<unsigned>(__reduce_add_sync(0xffffu, -static_cast<int>(i))) : 0;
}

struct Sums {
  int add, sub, most, least, bits, any, cas;
  unsigned uadd, umost, uleast, uxor;
  unsigned long long ladd, lmost, lcas;
  float fadd;
  double dadd;
};

__global__ void atomics(Sums* s, int* old) {
  const int i = static_cast<int>(threadIdx.x);
  const unsigned u = threadIdx.x;
  old[i] = atomicAdd(&s->add, 1);
  atomicSub(&s->sub, i);
  atomicMax(&s->most, i - 10);
  atomicMin(&s->least, 5 - i);
  atomicAnd(&s->bits, ~(1 << i % 4));
  atomicOr(&s->any, 1 << i % 20);
  atomicAdd(&s->uadd, u);
  atomicMax(&s->umost, u);
  atomicMin(&s->uleast, 0xfffffff0u + u % 8);
  atomicXor(&s->uxor, 1u << u % 32);
  atomicAdd(&s->ladd, 1ull << 33);
  atomicMax(&s->lmost, (1ull << 40) + u);
  atomicAdd(&s->fadd, 0.5f);
  atomicAdd(&s->dadd, 0.25);
  // a sum by compare and swap
  unsigned long long seen = atomicCAS(&s->lcas, 0ull, 0ull), assumed;
  do {
    assumed = seen;
    seen = atomicCAS(&s->lcas, assumed, assumed + 2);
  } while (seen != assumed);
  // a lock: the others have to get their turn
  while (atomicCAS(&s->cas, 0, 1) != 0) {
  }
  atomicExch(&s->cas, 0);
}

__global__ void some_lanes(int* out) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= 20) return;  // has ended, so nobody waits for it
  out[i] = __shfl_xor_sync(kAll, i, 1);
  __syncwarp();
  __syncthreads();
}

struct Parameters {
  float scale;
  int add[3];
};
__global__ void by_value(Parameters p, float* out) {
  p.scale *= static_cast<float>(threadIdx.x);  // its own copy
  out[threadIdx.x] = p.scale + static_cast<float>(p.add[2]);
}

__global__ void products(const unsigned* a, const unsigned* b, float* d, bool by_shuffles) {
  const unsigned lane = threadIdx.x;
  float sum[4];
  unsigned left[4], right[2];
  for (int i = 0; i < 4; ++i) sum[i] = d[lane * 4 + i], left[i] = a[lane * 4 + i];
  for (int i = 0; i < 2; ++i) right[i] = b[lane * 2 + i];
  if (by_shuffles)
    simt::detail::mma_by_shuffles(sum, left, right);
  else
    simt::mma_bf16_16x8x16(sum, left, right);
  for (int i = 0; i < 4; ++i) d[lane * 4 + i] = sum[i];
}

}  // namespace
}  // namespace SIMT_NS

using namespace SIMT_NS;
using simt::testing::schedules;

TEST_CASE("each thread of each block runs once and knows its place", "[simt]") {
  for (const simt::Options& options : schedules()) {
    const simt::WithOptions with(options);
    std::vector<unsigned> out(3 * 2 * 4 * 5 * 7 * 2);
    simt::launch({.grid = {3, 2, 4}, .block = {5, 7, 2}}, indices, out.data());
    unsigned wrong = 0, at = 0;
    for (unsigned b = 0; b < 24; ++b)
      for (unsigned t = 0; t < 70; ++t, ++at)
        wrong += out[at] !=
                 t % 5 + 10 * (t / 5 % 7) + 100 * (t / 35) + 1000 * (b % 3) + 10000 * (b / 3 % 2) + 100000 * (b / 6);
    CHECK(wrong == 0);
  }
}

TEST_CASE("static and dynamic shared memory, and barriers in a loop", "[simt]") {
  for (const simt::Options& options : schedules()) {
    const simt::WithOptions with(options);
    std::vector<int> in(64), out(64);
    std::iota(in.begin(), in.end(), 0);
    const std::size_t bytes = simt::Carver::bytes<int>(64) + simt::Carver::bytes<float4>(64);
    simt::launch({.block = {64}, .shared_bytes = bytes}, reverse<2>, in.data(), out.data());
    for (int i = 0; i < 64; ++i) CHECK(out[static_cast<std::size_t>(i)] == (63 - i + 2) * 1000 + 2 * (63 - i) + 1);
  }
}

TEST_CASE("shared memory that nobody wrote is all ones, in every block", "[simt]") {
  std::vector<unsigned> out(3 * 64);
  simt::launch({.grid = {3}, .block = {32}, .shared_bytes = 128}, untouched, out.data());
  CHECK(out == std::vector<unsigned>(3 * 64, 0xffffffffu));
}

TEST_CASE("votes of blocks and warps", "[simt]") {
  for (const simt::Options& options : schedules()) {
    const simt::WithOptions with(options);
    std::vector<int> out(64 * 8);
    simt::launch({.block = {64}}, votes, out.data());
    for (int i = 0; i < 64; ++i) {
      const std::vector<int> mine(out.begin() + 8 * i, out.begin() + 8 * i + 8);
      CHECK(mine == std::vector<int>{22, 1, 0, 1, 0, static_cast<int>(0xaaaaaaaau), i >= 32, i < 32});
    }
  }
}

TEMPLATE_TEST_CASE("shuffles", "[simt]", int, unsigned, float, double, long long, unsigned long long) {
  for (const simt::Options& options : schedules()) {
    const simt::WithOptions with(options);
    std::vector<TestType> out(64 * 10);
    simt::launch({.block = {64}}, shuffles<TestType>, out.data());
    for (int i = 0; i < 64; ++i) {
      const int l = i % 32, w = i - l + 100;
      const std::vector<int> lanes = {3,
                                      l / 8 * 8 + 5,
                                      l ^ 5,
                                      (l & 8) == 0 ? l : l ^ 8,
                                      l == 0 ? 0 : l - 1,
                                      l % 16 < 3 ? l : l - 3,
                                      l == 31 ? 31 : l + 1,
                                      l % 4 == 0 ? l + 3 : l,
                                      l % 2 ? 7 : 8,
                                      31};
      for (int k = 0; k < 10; ++k) {
        CAPTURE(i, k);
        CHECK(out[static_cast<std::size_t>(10 * i + k)] ==
              static_cast<TestType>(w + lanes[static_cast<std::size_t>(k)]));
      }
    }
  }
}

TEST_CASE("matches and sums of a warp", "[simt]") {
  for (const simt::Options& options : schedules()) {
    const simt::WithOptions with(options);
    std::vector<unsigned> out(32 * 4);
    simt::launch({.block = {32}}, groups, out.data());
    for (unsigned i = 0; i < 32; ++i) {
      unsigned like = 0;
      for (unsigned j = 0; j < 32; ++j) like |= (i % 5 == j % 5 ? 1u : 0u) << j;
      CHECK(out[4 * i] == like);
      CHECK(out[4 * i + 1] == (i < 3 ? 7u : ~7u));
      CHECK(out[4 * i + 2] == 496u);
      CHECK(out[4 * i + 3] == (i < 16 ? static_cast<unsigned>(-120) : 0u));
    }
  }
}

TEST_CASE("atomics", "[simt]") {
  for (const simt::Options& options : schedules()) {
    const simt::WithOptions with(options);
    Sums s{};
    s.bits = 0xff;
    s.uleast = ~0u;
    std::vector<int> old(100);
    simt::launch({.block = {100}}, atomics, &s, old.data());
    CHECK(s.add == 100);
    CHECK(std::set<int>(old.begin(), old.end()).size() == 100);
    CHECK(s.sub == -4950);
    CHECK(s.most == 89);
    CHECK(s.least == -94);
    CHECK(s.bits == 0xf0);
    CHECK(s.any == 0xfffff);
    CHECK(s.cas == 0);
    CHECK(s.uadd == 4950);
    CHECK(s.umost == 99);
    CHECK(s.uleast == 0xfffffff0u);
    CHECK(s.uxor == 0xfffffff0u);
    CHECK(s.ladd == 100ull << 33);
    CHECK(s.lmost == (1ull << 40) + 99);
    CHECK(s.lcas == 200);
    CHECK(s.fadd == 50.0f);
    CHECK(s.dadd == 25.0);
  }
}

TEST_CASE("threads that have ended are not waited for", "[simt]") {
  std::vector<int> out(32);
  simt::launch({.block = {32}}, some_lanes, out.data());
  for (int i = 0; i < 20; ++i) CHECK(out[static_cast<std::size_t>(i)] == (i ^ 1));
}

TEST_CASE("parameters are copied for each thread", "[simt]") {
  std::vector<float> out(8);
  simt::launch({.block = {8}}, by_value, Parameters{2, {0, 0, 7}}, out.data());
  for (int i = 0; i < 8; ++i) CHECK(out[static_cast<std::size_t>(i)] == static_cast<float>(2 * i + 7));
}

TEST_CASE("a grid of no blocks is not launched", "[simt]") {
  const std::uint64_t before = simt::counters().launches;
  simt::launch({.grid = {0}, .block = {5000}}, indices, static_cast<unsigned*>(nullptr));
  CHECK(simt::counters().launches == before);
}

TEST_CASE("the same seed gives the same run", "[simt]") {
  const auto run = [](std::uint64_t seed) {
    const simt::WithOptions with({.seed = seed, .preempt_percent = 30});
    Sums s{};
    std::vector<int> old(64);
    simt::launch({.block = {64}}, atomics, &s, old.data());
    return old;
  };
  CHECK(run(3) == run(3));
  CHECK(run(3) != run(4));
}

TEST_CASE("bfloat16", "[simt]") {
  const auto round = [](float x) { return simt::bf16::from_float(x).to_float(); };
  for (const float x : {0.0f, 1.0f, -2.5f, 3.140625f, 1e38f}) CHECK(std::abs(round(x) - x) <= std::abs(x) / 256);
  CHECK(std::signbit(round(-0.0f)));
  CHECK(simt::bf16::from_float(1.0f).bits == 0x3f80);
  CHECK(simt::bf16::from_float(__uint_as_float(0x3f808000u)).bits == 0x3f80);  // ties to even
  CHECK(simt::bf16::from_float(__uint_as_float(0x3f818000u)).bits == 0x3f82);
  CHECK(simt::bf16::from_float(__uint_as_float(0x3f808001u)).bits == 0x3f81);
  CHECK(std::isinf(round(std::numeric_limits<float>::max())));
  CHECK(std::isnan(round(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isnan(round(__uint_as_float(0x7f800001u))));
  CHECK(round(std::numeric_limits<float>::infinity()) == std::numeric_limits<float>::infinity());
  for (unsigned bits = 0; bits < 0x7f80; ++bits)
    if (simt::bf16::from_float(simt::bf16{static_cast<std::uint16_t>(bits)}.to_float()).bits != bits) FAIL(bits);
  const unsigned pair = simt::bf16::pack({0x1234}, {0xabcd});
  CHECK(pair == 0xabcd1234u);
  CHECK(simt::bf16::low(pair).bits == 0x1234);
  CHECK(simt::bf16::high(pair).bits == 0xabcd);
}

// The layout is written down here a second time, element by element as in PTX's tables.
TEST_CASE("a tensor core's product is that of the matrices in its fragments", "[simt]") {
  const auto entry = [](int seed, int i) { return simt::bf16::from_float(std::sin(static_cast<float>(seed + 7 * i))); };
  std::array<unsigned, 128> a{};
  std::array<unsigned, 64> b{};
  std::array<float, 128> start{}, want{};
  const auto set = [](unsigned& word, int half, simt::bf16 x) { word |= static_cast<unsigned>(x.bits) << 16 * half; };
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 8; ++i) {
      const int row = lane / 4 + (i / 2 % 2 == 0 ? 0 : 8), column = lane % 4 * 2 + i % 2 + (i < 4 ? 0 : 8);
      set(a[static_cast<std::size_t>(lane * 4 + i / 2)], i % 2, entry(1, row * 16 + column));
    }
    for (int i = 0; i < 4; ++i) {
      const int row = lane % 4 * 2 + i % 2 + (i < 2 ? 0 : 8), column = lane / 4;
      set(b[static_cast<std::size_t>(lane * 2 + i / 2)], i % 2, entry(2, row * 8 + column));
    }
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + (i < 2 ? 0 : 8), column = lane % 4 * 2 + i % 2;
      double sum = start[static_cast<std::size_t>(lane * 4 + i)] = static_cast<float>(row - column);
      for (int k = 0; k < 16; ++k)
        sum += static_cast<double>(entry(1, row * 16 + k).to_float()) *
               static_cast<double>(entry(2, k * 8 + column).to_float());
      want[static_cast<std::size_t>(lane * 4 + i)] = static_cast<float>(sum);
    }
  }
  std::array<float, 128> got = start, shuffled = start;
  simt::launch({.block = {32}}, products, a.data(), b.data(), got.data(), false);
  simt::launch({.block = {32}}, products, a.data(), b.data(), shuffled.data(), true);
  CHECK(got == shuffled);
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - want[i]) < 1e-5f);
}

TEST_CASE("arithmetic words", "[simt]") {
  CHECK(__popc(0xf0f0u) == 8);
  CHECK(__popcll(~0ull) == 64);
  CHECK(__ffs(0) == 0);
  CHECK(__ffs(8) == 4);
  CHECK(__ffsll(1ll << 40) == 41);
  CHECK(__clz(1) == 31);
  CHECK(__clz(0) == 32);
  CHECK(__clzll(1) == 63);
  CHECK(__brev(1u) == 0x80000000u);
  CHECK(__brev(0x0000f00fu) == 0xf00f0000u);
  CHECK(__umulhi(0x80000000u, 6) == 3);
  CHECK(__float_as_uint(1.0f) == 0x3f800000u);
  CHECK(__int_as_float(__float_as_int(-2.5f)) == -2.5f);
  CHECK(__float2int_rn(2.5f) == 2);
  CHECK(__float2int_rn(-3.5f) == -4);
  CHECK(__float2int_rn(1e20f) == std::numeric_limits<int>::max());
  CHECK(__float2int_rn(-1e20f) == std::numeric_limits<int>::min());
  CHECK(__float2int_rn(std::nanf("")) == 0);
  CHECK(__float2int_rz(-2.7f) == -2);
  CHECK(__float2int_rd(-2.1f) == -3);
  CHECK(__float2int_ru(2.1f) == 3);
  CHECK(rsqrtf(4.0f) == 0.5f);
  CHECK(__expf(0.0f) == 1.0f);
  CHECK(exp2f(3.0f) == 8.0f);
  CHECK(__logf(1.0f) == 0.0f);
  CHECK(__fdividef(1.0f, 4.0f) == 0.25f);
  CHECK(fmaf(2.0f, 3.0f, 1.0f) == 7.0f);
  CHECK(min(2, 3) == 2);
  CHECK(max(2u, 3u) == 3u);
  CHECK(max(-1ll, 3ll) == 3);
  CHECK(max(std::nanf(""), 1.0f) == 1.0f);  // as fmaxf
  const int4 four = make_int4(1, 2, 3, 4);
  CHECK(__ldg(&four).w == 4);
  CHECK(alignof(uint4) == 16);
  CHECK(alignof(float2) == 8);
}
