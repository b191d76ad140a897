// The kernels of `env --atomics`: every addition arrives, wherever the lanes' addresses are.
#include "simt/atomics.hpp"

#include "catch.hpp"
#include "conformance/walk.hpp"
#include "simt/testing.hpp"

using namespace yoso;

namespace {

template <class T>
void expect_sums(void (*kernel)(int, bool, T, T*), std::size_t shared_bytes, T one, float (*value)(const T&)) {
  constexpr int kBlocks = 2, kRounds = 12;
  for (const bool same : {false, true})
    for (const simt::Options& schedule : simt::testing::schedules(2)) {
      const simt::WithOptions with(schedule);
      std::vector<T> cells(kBlocks * emu_impl::kAdderWarps * emu_impl::kWarpCells);
      simt::launch({dim3(kBlocks), dim3(emu_impl::kAdderThreads), shared_bytes, nullptr}, kernel, kRounds, same, one,
                   cells.data());
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < cells.size(); ++i) {
        const int lane = static_cast<int>(i % 32), adders = !same ? 1 : lane == 0 ? 32 : 0;
        wrong += value(cells[i]) != static_cast<float>(kRounds / 4 * adders);
      }
      CAPTURE(same, static_cast<int>(schedule.order), schedule.seed);
      CHECK(wrong == 0);
    }
}

}  // namespace

TEST_CASE("atomic additions all arrive", "[slice][atomics]") {
  using namespace emu_impl;
  const auto bytes = simt::Carver::bytes<int>(kAdderWarps * kWarpCells);
  const auto whole = [](const int& x) { return static_cast<float>(x); };
  const auto real = [](const float& x) { return x; };
  expect_sums<int>(add_shared_kernel<int>, bytes, 1, whole);
  expect_sums<float>(add_shared_kernel<float>, bytes, 1, real);
  expect_sums<int>(add_global_kernel<int>, 0, 1, whole);
  expect_sums<float>(add_global_kernel<float>, 0, 1, real);
  expect_sums<float4>(add_global_kernel<float4>, 0, {1, 1, 1, 1},
                      [](const float4& x) { return x.x == x.y && x.y == x.z && x.z == x.w ? x.x : -1.0f; });
}
