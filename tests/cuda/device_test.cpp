// The device where there is one; else, that one line says what is missing.
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <yoso/errors.hpp>

#include "catch.hpp"
#include "products.hpp"
#include "simt/backend.hpp"

namespace {

yoso::Device* device() {
  try {
    return &yoso::cuda_device();
  } catch (const yoso::DeviceError& error) {
    WARN("not tested: " << error.what());
    return nullptr;
  }
}

}  // namespace

TEST_CASE("without a device one line says what is missing, and says it again", "[cuda]") {
  CHECK(yoso::cuda_was_built());
  std::string first;
  try {
    yoso::Device& d = yoso::cuda_device();
    CHECK(&d == &yoso::cuda_device());  // opened once
    return;
  } catch (const yoso::DeviceError& error) {
    first = error.what();
  }
  CAPTURE(first);
  CHECK(first.find('\n') == first.npos);
  const bool known = first.starts_with("no CUDA device: ") || first.starts_with("this build has no code for ") ||
                     first.starts_with("CUDA: ");
  CHECK(known);
  CHECK_THROWS_WITH(yoso::cuda_device(), first);
}

TEST_CASE("a device says what it is", "[cuda]") {
  yoso::Device* const d = device();
  if (!d) return;
  CHECK(d->backend() == "cuda");
  CHECK(!d->info().name.empty());
  CHECK(d->info().architecture.starts_with("sm_"));
  CHECK(d->info().driver);
  CHECK(d->info().runtime);
  CHECK(d->info().blas.has_value() == d->info().blas_problem.empty());
  CHECK(d->info().memory > 0);
  CHECK(d->info().processors > 0);
  CHECK(d->info().shared_per_block >= 48 * 1024);
  const yoso::DeviceState state = d->state();
  if (state.sm_clock) CHECK(*state.sm_clock > 1e8);
}

TEST_CASE("what is uploaded comes back", "[cuda]") {
  yoso::Device* const d = device();
  if (!d) return;
  std::vector<int> there(100003), back(there.size());
  std::iota(there.begin(), there.end(), 7);
  yoso::DeviceBuffer buffer(*d, there.size() * sizeof(int));
  CHECK(reinterpret_cast<std::uintptr_t>(buffer.as()) % 256 == 0);
  d->upload(buffer.as(), there.data(), buffer.size());
  d->flush_cache();
  d->download(back.data(), buffer.as(), buffer.size());
  CHECK(there == back);
}

TEST_CASE("memory that is not there is a budget, not a failure", "[cuda]") {
  yoso::Device* const d = device();
  if (!d) return;
  CHECK(d->available() > 0);
  CHECK_THROWS_AS(d->allocate(std::size_t{1} << 50), yoso::OutOfBudget);
  CHECK_NOTHROW(d->synchronize());  // and leaves nothing behind
}

TEST_CASE("the device's clock goes forward", "[cuda]") {
  yoso::Device* const d = device();
  if (!d) return;
  double last = d->seconds();
  for (int i = 0; i < 5; ++i) {
    d->flush_cache();
    const double now = d->seconds();
    CHECK(now > last);
    last = now;
  }
}

TEST_CASE("launches are noted while watched, each kernel once", "[cuda]") {
  yoso::Device* const d = device();
  if (!d) return;
  yoso::DeviceBuffer buffer(*d, 64 * sizeof(float));
  cuda_test::launch_planted(d->stream(), buffer.as<float>(), 1);
  CHECK(d->kernels().empty());
  d->watch(true);
  cuda_test::launch_planted(d->stream(), buffer.as<float>(), 3);
  d->watch(false);
  cuda_test::launch_planted(d->stream(), buffer.as<float>(), 5);
  d->synchronize();
  const std::vector<yoso::KernelUse> seen = d->kernels();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].name == "planted<64>");
  CHECK(seen[0].grid == 3);
  CHECK(seen[0].block == 64);
  CHECK(seen[0].registers > 0);
  CHECK(seen[0].shared >= 64 * 4);
  CHECK(seen[0].local == 0);
  CHECK(seen[0].occupancy > 0);
  CHECK(seen[0].occupancy <= 1);
  CHECK(d->kernels().empty());
}
