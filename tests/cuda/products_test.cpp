// Row-major products by cuBLAS against plain loops: on a device where there is one, else by fake_cublas.cpp, which
// works on host memory. Which of the two is loaded is ctest's choice (LD_LIBRARY_PATH).
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>
#include <vector>

#include <yoso/errors.hpp>

#include "catch.hpp"
#include "products.hpp"
#include "simt/backend.hpp"

namespace {

using cuda_test::Call;

// The fake's counters; null where the real library is loaded.
long long* counter(const char* name) {
  void* const library = ::dlopen("libcublas.so.13", RTLD_NOW | RTLD_NOLOAD);
  return library ? static_cast<long long*>(::dlsym(library, name)) : nullptr;
}

bool is_fake() {
  try {
    cuda_test::require();
  } catch (const yoso::Unsupported&) {
    return false;
  }
  return counter("fake_calls") != nullptr;
}

yoso::Device* device() {
  static yoso::Device* const found = []() -> yoso::Device* {
    if (is_fake()) return nullptr;  // its products are made on the host
    try {
      return &yoso::cuda_device();
    } catch (const yoso::DeviceError&) {
      return nullptr;
    }
  }();
  return found;
}

bool can_multiply() {
  const bool can = is_fake() || device();
  if (!can) WARN("neither a device nor the fake library: not tested");
  return can;
}

std::vector<float> numbers(std::int64_t count) {
  static std::mt19937 source(1);
  std::vector<float> all(static_cast<std::size_t>(count));
  for (float& x : all) x = std::uniform_real_distribution<float>(-1, 1)(source);
  return all;
}

void product(Call call, const std::vector<float>& a, const std::vector<float>& b, std::vector<float>& c) {
  if (!device()) {
    call.a = a.data(), call.b = b.data(), call.c = c.data();
    return cuda_test::multiply(nullptr, call);
  }
  yoso::DeviceBuffer on[3];
  const std::vector<float>* from[] = {&a, &b, &c};
  for (int i = 0; i < 3; ++i) {
    on[i] = yoso::DeviceBuffer(*device(), from[i]->size() * sizeof(float));
    device()->upload(on[i].as(), from[i]->data(), on[i].size());
  }
  call.a = on[0].as<float>(), call.b = on[1].as<float>(), call.c = on[2].as<float>();
  cuda_test::multiply(device()->stream(), call);
  device()->download(c.data(), on[2].as(), on[2].size());
}

void check(const Call& call) {
  CAPTURE(call.m, call.n, call.k, call.a_transposed, call.b_transposed, call.step_a, call.step_b, call.count,
          call.beta);
  const auto a = numbers((call.count - 1) * call.step_a + (call.a_transposed ? call.k : call.m) * call.lda);
  const auto b = numbers((call.count - 1) * call.step_b + (call.b_transposed ? call.n : call.k) * call.ldb);
  auto c = numbers((call.count - 1) * call.step_c + call.m * call.ldc);
  auto expected = c;
  for (std::int64_t s = 0; s < call.count; ++s)
    for (std::int64_t i = 0; i < call.m; ++i)
      for (std::int64_t j = 0; j < call.n; ++j) {
        double sum = 0;
        for (std::int64_t l = 0; l < call.k; ++l)
          sum += static_cast<double>(a[s * call.step_a + (call.a_transposed ? l * call.lda + i : i * call.lda + l)]) *
                 b[s * call.step_b + (call.b_transposed ? j * call.ldb + l : l * call.ldb + j)];
        float& x = expected[s * call.step_c + i * call.ldc + j];
        x = static_cast<float>(call.alpha * sum + (call.beta == 0 ? 0 : call.beta * x));
      }
  product(call, a, b, c);
  float worst = 0;
  for (std::size_t i = 0; i < c.size(); ++i) worst = std::max(worst, std::abs(c[i] - expected[i]));
  CHECK(worst < 1e-4f);  // TF32 would be off by 1e-3; what lies between rows must not change at all
}

}  // namespace

TEST_CASE("products are row-major, with either operand transposed or shared by all", "[cuda]") {
  if (!can_multiply()) return;
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const std::int64_t share : {0, 1, 2}) {
        const std::int64_t m = 5, n = 3, k = 7, lda = (ta ? m : k) + 2, ldb = (tb ? k : n) + 1, ldc = n + 4;
        check({m, n, k, 0.5f, share == 1 ? 2.0f : 0.0f, nullptr, ta, lda, share == 1 ? 0 : (ta ? k : m) * lda, nullptr,
               tb, ldb, share == 2 ? 0 : (tb ? n : k) * ldb, nullptr, ldc, m * ldc, 3});
      }
}

TEST_CASE("more products than a grid can count are cut", "[cuda]") {
  if (!can_multiply()) return;
  check({1, 2, 2, 1, 0, nullptr, false, 2, 2, nullptr, false, 2, 0, nullptr, 2, 2, 70000});
  if (const long long* most = counter("fake_most_at_once")) CHECK(*most == 65535);
}

TEST_CASE("empty products", "[cuda]") {
  if (!can_multiply()) return;
  for (const auto& [m, n, count] : {std::tuple{0, 2, 1}, std::tuple{2, 0, 1}, std::tuple{2, 2, 0}}) {
    std::vector<float> c(4, 3.0f);
    product({m, n, 2, 1, 0, nullptr, false, 2, 4, nullptr, false, 2, 4, nullptr, 2, 4, count}, {0, 0, 0, 0},
            {0, 0, 0, 0}, c);
    CHECK(c == std::vector<float>(4, 3.0f));
  }
  if (!device()) return;  // over nothing, a kernel of ours does it
  check({3, 2, 0, 1, 0.5f, nullptr, false, 1, 1, nullptr, false, 2, 1, nullptr, 3, 9, 2});
  check({3, 2, 0, 1, 0, nullptr, false, 1, 1, nullptr, false, 2, 1, nullptr, 3, 9, 2});
}
