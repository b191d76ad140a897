#include "simt/watch.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "simt/kernel_name.hpp"

namespace simt {
namespace {

struct Noted {
  const void* kernel;
  std::int64_t blocks, threads;  // of a block
  std::size_t shared_bytes;
};

std::vector<Noted>& noted() {
  static std::vector<Noted> all;
  return all;
}

std::int64_t volume(dim3 d) { return std::int64_t{d.x} * d.y * d.z; }

// Asked after the launches, so that watching adds nothing between them. What the runtime does not tell stays zero.
yoso::KernelUse describe(const Noted& launch) {
  yoso::KernelUse use;
  use.grid = launch.blocks;
  use.block = launch.threads;
  const char* mangled = nullptr;
  use.name = cudaFuncGetName(&mangled, launch.kernel) == cudaSuccess && mangled ? kernel_name(mangled) : "unknown";

  cudaFuncAttributes attributes{};
  if (cudaFuncGetAttributes(&attributes, launch.kernel) == cudaSuccess) {
    use.registers = attributes.numRegs;
    use.shared = static_cast<std::int64_t>(attributes.sharedSizeBytes + launch.shared_bytes);
    use.local = static_cast<std::int64_t>(attributes.localSizeBytes);
  }

  constexpr int warp = 32;
  int device = 0, blocks = 0, most_threads = 0;
  if (cudaGetDevice(&device) == cudaSuccess &&
      cudaDeviceGetAttribute(&most_threads, cudaDevAttrMaxThreadsPerMultiProcessor, device) == cudaSuccess &&
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, launch.kernel, static_cast<int>(launch.threads),
                                                    launch.shared_bytes) == cudaSuccess) {
    const std::int64_t warps = blocks * ((launch.threads + warp - 1) / warp);
    use.occupancy = static_cast<double>(warps) / (most_threads / warp);
  }
  cudaGetLastError();  // what was not told is no failure of the next call
  return use;
}

}  // namespace

void detail::note(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes) {
  const Noted launch{kernel, volume(grid), volume(block), shared_bytes};
  const auto known = std::ranges::find(noted(), kernel, &Noted::kernel);
  if (known == noted().end())
    noted().push_back(launch);
  else if (launch.blocks * launch.threads > known->blocks * known->threads)
    *known = launch;
}

std::vector<yoso::KernelUse> take_launches() {
  std::vector<yoso::KernelUse> uses;
  for (const Noted& launch : std::exchange(noted(), {})) uses.push_back(describe(launch));
  return uses;
}

}  // namespace simt
