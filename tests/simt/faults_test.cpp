// What the emulator refuses, and that it can go on after that.
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "simt/testing.hpp"

namespace SIMT_NS {
namespace {

constexpr unsigned kAll = 0xffffffffu;

__global__ void fine(int* out) {
  __syncthreads();
  out[threadIdx.x] = __shfl_xor_sync(kAll, static_cast<int>(threadIdx.x), 1);
}

constexpr int kDivergent = __LINE__ + 3;
__global__ void divergent() {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
}

__global__ void different_barriers() {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads_count(1);
}

constexpr int kMixed = __LINE__ + 3;
__global__ void mixed(int* out) {
  if (threadIdx.x % 2 == 0)
    out[threadIdx.x] = __shfl_sync(kAll, 1, 0);
  else
    out[threadIdx.x] = static_cast<int>(__ballot_sync(kAll, 1));
}

constexpr int kFromEnded = __LINE__ + 3;
__global__ void from_ended(int* out) {
  if (threadIdx.x == 5) return;
  out[threadIdx.x] = __shfl_xor_sync(kAll, 1, 1);
}

__global__ void beyond_the_block(int* out) { out[threadIdx.x] = __shfl_xor_sync(kAll, 1, 16); }

__global__ void not_in_mask() {
  if (threadIdx.x == 3) __syncwarp(0x7u);
}

__global__ void odd_width(int* out) { out[threadIdx.x] = __shfl_xor_sync(kAll, 1, 1, 12); }

constexpr int kCarve = __LINE__ + 5;
__global__ void carve_too_much() {
  SIMT_DYNAMIC_SHARED(raw);
  simt::Carver carver(raw);
  carver.take<int>(5);
  carver.take<int>(blockDim.x);
}

[[maybe_unused]] __global__ void beyond_shared() {
  SIMT_DYNAMIC_SHARED(raw);
  if (threadIdx.x == 0) raw[blockDim.x] = 1;
}

constexpr int kBarrierOfHalf = __LINE__ + 3;
__global__ void half_a_warp(int* out) {
  if (threadIdx.x < 16)
    out[threadIdx.x] = __shfl_xor_sync(kAll, 1, 1);
  else
    __syncthreads();
}

constexpr int kMasks = __LINE__ + 2;
__global__ void masks_differ() {
  __syncwarp(threadIdx.x < 16 ? kAll : 0xffff0000u);
  if (threadIdx.x >= 16) return;
}

__global__ void masks_cross() { __syncwarp(threadIdx.x == 0 ? 0x3u : kAll); }

__global__ void half_a_product() {
  float d[4] = {};
  const unsigned a[4] = {}, b[2] = {};
  if (threadIdx.x < 16) simt::mma_bf16_16x8x16(d, a, b);
}

__global__ void throws() {
  __syncthreads();
  if (threadIdx.x == 7) throw std::out_of_range("thrown by a kernel");
  __syncthreads();
}

__global__ void launches() { simt::launch({.block = {32}}, divergent); }

}  // namespace
}  // namespace SIMT_NS

using namespace SIMT_NS;
using simt::testing::fault_of;
using simt::testing::schedules;

namespace {

std::string at(int line) { return "faults_test.cpp:" + std::to_string(line); }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

// Faults with these words in every schedule, and the next launch works.
template <class... P, class... A>
void check_fault(const std::vector<std::string>& words, const simt::Launch& how, void (*kernel)(P...), A... args) {
  for (const simt::Options& options : schedules()) {
    const simt::WithOptions with(options);
    const std::string text = fault_of(how, kernel, args...);
    CAPTURE(text);
    for (const std::string& word : words) CHECK(contains(text, word));
    std::vector<int> out(64, -1);
    simt::launch({.block = {64}}, fine, out.data());
    for (int i = 0; i < 64; ++i)
      if (out[static_cast<std::size_t>(i)] != (i % 32 ^ 1) + i / 32 * 32) FAIL("the launch after a fault is wrong");
  }
}

}  // namespace

TEST_CASE("threads have to meet in the same barrier", "[simt]") {
  check_fault({"different barriers", at(kDivergent), at(kDivergent + 2), "block (0, 0, 0)"}, {.block = {64}},
              divergent);
  check_fault({"different barriers", "__syncthreads at", "__syncthreads_count at"}, {.block = {64}},
              different_barriers);
  simt::Options lax;
  lax.same_line = false;
  const simt::WithOptions with(lax);
  CHECK(fault_of({.block = {64}}, divergent) == "");
}

TEST_CASE("lanes have to meet in the same collective", "[simt]") {
  std::vector<int> out(64);
  check_fault({"different collectives", "__shfl_sync at", at(kMixed), "__ballot_sync at", at(kMixed + 2)},
              {.block = {32}}, mixed, out.data());
  check_fault({"lane 4 asks lane 5", "__shfl_xor_sync", at(kFromEnded)}, {.block = {64}}, from_ended, out.data());
  check_fault({"takes no part"}, {.block = {16}}, beyond_the_block, out.data());
  check_fault({"mask lacks the calling lane", "thread (3, 0, 0)"}, {.block = {32}}, not_in_mask);
  check_fault({"power of two", "12"}, {.block = {32}}, odd_width, out.data());
  check_fault({"needs all lanes"}, {.block = {16}}, half_a_product);
}

TEST_CASE("nobody waits for ever", "[simt]") {
  std::vector<int> out(64);
  check_fault({"deadlock", "16 threads", "__shfl_xor_sync", "mask 0xffffffff", at(kBarrierOfHalf), "__syncthreads",
               at(kBarrierOfHalf + 2)},
              {.block = {32}}, half_a_warp, out.data());
  check_fault({"deadlock", "31 threads", "1 threads (the first is 0)", "mask 0x00000003"}, {.block = {32}},
              masks_cross);
  CHECK(fault_of({.block = {32}}, masks_differ) == "");
}

TEST_CASE("shared memory ends where the launch said", "[simt]") {
  check_fault({"need 160 bytes", "gave 152", at(kCarve)}, {.block = {32}, .shared_bytes = 152}, carve_too_much);
#if !defined(__SANITIZE_ADDRESS__)  // which would end the test; planted.cpp has it there
  check_fault({"byte 48 of 48"}, {.block = {48}, .shared_bytes = 48}, beyond_shared);
#endif
}

TEST_CASE("what a kernel throws arrives at the host", "[simt]") {
  for (const simt::Options& options : schedules()) {
    const simt::WithOptions with(options);
    CHECK_THROWS_WITH(simt::launch({.block = {64}}, throws), "thrown by a kernel");
  }
}

TEST_CASE("launches that CUDA refuses", "[simt]") {
  CHECK(contains(fault_of({.grid = {2, 3}, .block = {1025}}, divergent), "grid 2x3x1, block 1025x1x1"));
  CHECK(contains(fault_of({.block = {1, 1, 65}}, divergent), "cannot be launched"));
  CHECK(contains(fault_of({.block = {0}}, divergent), "1 to 1024 threads"));
  CHECK(contains(fault_of({.grid = {1, 65536}}, divergent), "65535"));
  CHECK(contains(fault_of({.block = {32}, .shared_bytes = 300000}, carve_too_much), "232448 bytes"));
  CHECK(contains(fault_of({.block = {32}}, launches), "launches a kernel"));
  CHECK_THROWS_AS(__syncthreads(), simt::KernelFault);
}

TEST_CASE("host threads launch one after another", "[simt]") {
  std::vector<int> a(64), b(64);
  const auto many = [](std::vector<int>& out) {
    for (int i = 0; i < 50; ++i) simt::launch({.block = {64}}, fine, out.data());
  };
  std::thread other(many, std::ref(b));
  many(a);
  other.join();
  CHECK(a == b);
  CHECK(a[3] == 2);
}
