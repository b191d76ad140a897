// A kernel with one bug, chosen by name, so that what looks for bugs is tested too: in the plain build the schedules,
// in the others the sanitizers. `none` is the kernel without a bug. Exit code 1: the result is wrong in some schedule.
#include <cstdio>
#include <cstring>
#include <numeric>
#include <vector>

#include "simt/testing.hpp"

namespace SIMT_NS {
namespace {

enum class Bug {
  none,
  read_after_write,  // no barrier before others' elements are read
  write_after_read,  // no barrier before they are overwritten in the next round
  plain_add,         // += where threads meet
  no_syncwarp,       // between what neighbours of a warp write and read
  shuffle_as_fence,  // a shuffle in its place, which orders no memory
  uninitialised,     // a counter in shared memory that nobody set to zero
  shared_end,        // a write beyond the dynamic shared memory
  static_end,        // beyond an array in static shared memory
  global_end,        // a read beyond the input
  misaligned,        // four floats at once where one may lie
};

constexpr unsigned kThreads = 64, kRounds = 3;

// out[i] = sum over rounds of in[n - 1 - i] + round, plus the in of the neighbour; total = number of threads
template <Bug kBug>
__global__ void kernel(const int* in, int* out, int* total) {
  __shared__ int neighbours[kThreads];
  SIMT_DYNAMIC_SHARED(raw);
  simt::Carver carver(raw);
  int* const count = carver.take<int>(4);
  int* const values = carver.take<int>(kThreads);
  const unsigned i = threadIdx.x;
  if (i == 0 && kBug != Bug::uninitialised) count[0] = 0;
  int sum = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    values[i] = in[i] + static_cast<int>(round);
    if (kBug != Bug::read_after_write) __syncthreads();
    sum += values[kThreads - 1 - i];
    if (kBug != Bug::write_after_read) __syncthreads();
  }

  neighbours[i + (kBug == Bug::static_end)] = in[i + (kBug == Bug::global_end)];
  int one = 1;
  if (kBug == Bug::shuffle_as_fence)
    one = __shfl_xor_sync(0xffffffffu, one, 1);
  else if (kBug != Bug::no_syncwarp)
    __syncwarp();
  sum += neighbours[i ^ 1u] * one;

  if (kBug == Bug::plain_add)
    count[0] += 1;
  else
    atomicAdd(count, 1);
  if (kBug == Bug::shared_end) values[kThreads + i] = 0;
  if (kBug == Bug::misaligned) sum += reinterpret_cast<const int4*>(values + 1)->x >> 31;
  __syncthreads();
  out[i] = sum;
  if (i == 0) *total = count[0];
}

using Kernel = void (*)(const int*, int*, int*);
struct Case {
  const char* name;
  Kernel kernel;
};
constexpr Case kCases[] = {
    {"none", kernel<Bug::none>},
    {"read_after_write", kernel<Bug::read_after_write>},
    {"write_after_read", kernel<Bug::write_after_read>},
    {"plain_add", kernel<Bug::plain_add>},
    {"no_syncwarp", kernel<Bug::no_syncwarp>},
    {"shuffle_as_fence", kernel<Bug::shuffle_as_fence>},
    {"uninitialised", kernel<Bug::uninitialised>},
    {"shared_end", kernel<Bug::shared_end>},
    {"static_end", kernel<Bug::static_end>},
    {"global_end", kernel<Bug::global_end>},
    {"misaligned", kernel<Bug::misaligned>},
};

bool right(const simt::Options& options, Kernel kernel) {
  const simt::WithOptions with(options);
  std::vector<int> in(kThreads), out(kThreads);
  std::iota(in.begin(), in.end(), 5);
  int total = 0;
  const std::size_t bytes = simt::Carver::bytes<int>(4) + simt::Carver::bytes<int>(kThreads);
  simt::launch({.block = {kThreads}, .shared_bytes = bytes}, kernel, in.data(), out.data(), &total);
  bool same = total == static_cast<int>(kThreads);
  for (unsigned i = 0; i < kThreads; ++i) same = same && out[i] == 3 * in[kThreads - 1 - i] + 3 + in[i ^ 1u];
  return same;
}

}  // namespace
}  // namespace SIMT_NS

int main(int count, char** arguments) {
  using namespace SIMT_NS;
  for (const Case& c : kCases) {
    if (count != 2 || std::strcmp(arguments[1], c.name) != 0) continue;
    try {
      for (const simt::Options& options : simt::testing::schedules())
        if (!right(options, c.kernel)) {
          std::printf("wrong result of %s\n", c.name);
          return 1;
        }
    } catch (const simt::KernelFault& fault) {
      std::printf("%s\n", fault.what());
      return 1;
    }
    return 0;
  }
  std::printf("usage: planted BUG, where BUG is one of");
  for (const Case& c : kCases) std::printf(" %s", c.name);
  std::printf("\n");
  return 2;
}
