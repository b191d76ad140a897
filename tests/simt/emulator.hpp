// A SIMT emulator: CUDA kernels by g++ or clang++, on a machine without a GPU. A fiber per CUDA thread, switched where
// a kernel meets others (barriers, collectives, atomics), in an order that a seed chooses. It computes what CUDA
// documents, times nothing, and refuses what CUDA leaves undefined:
//   - barriers and collectives that threads of a block or warp do not meet in together, deadlocks: KernelFault
//   - shared memory is 0xFF in all bytes when a block begins, so that what nobody wrote is a NaN or -1
//   - addresses: build kernels with -fsanitize=address -fsanitize-sections=simt_shared
//   - races within a block: build kernels with -fsanitize=thread and emulator.cpp without, but with -DSIMT_TSAN
// Blocks run one after another, so races between blocks are not seen, and a block that waits for another hangs. Kernels
// launched by several host threads run one after another too. A fault abandons the threads of its block: destructors
// of what they held do not run.
//
// `__shared__` in a template is not filled: g++ 12 drops the section by which the emulator finds it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <yoso/errors.hpp>

#define SIMT_NS emu_impl
#define SIMT_UNROLL
#define SIMT_UNROLL_4
#define SIMT_ROLLED
#define SIMT_DYNAMIC_SHARED(name) unsigned char* const name = ::simt::detail::dynamic_shared()

// __noinline__ must stay undefined: the standard library spells an attribute that way.
#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static __attribute__((section("simt_shared")))
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __grid_constant__

struct uint3 {
  unsigned x = 0, y = 0, z = 0;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

namespace simt {

// What a kernel did wrong, with the places in its source.
class KernelFault : public yoso::DeviceError {
 public:
  using DeviceError::DeviceError;
};

// In which order threads go on when several can. forward and reverse run one as far as it gets before the next.
enum class Order { forward, reverse, random };

struct Options {
  Order order = Order::random;  // of threads; blocks begin in a like order
  std::uint64_t seed = 1;
  unsigned preempt_percent = 0;           // how often a thread gives way before an atomic operation
  std::size_t shared_limit = 227 * 1024;  // dynamic shared memory of a block, as on sm_90
  bool same_line = true;                  // a barrier is one line of the source for the whole block
};

// What launches of this host thread have done.
struct Counters {
  std::uint64_t launches = 0, blocks = 0, threads = 0, switches = 0, barriers = 0, warp_ops = 0, atomics = 0;
};

const Options& options();  // those of this host thread
const Counters& counters();

// Options for the launches of this host thread while it lives.
class WithOptions {
 public:
  explicit WithOptions(const Options& options);
  ~WithOptions();
  WithOptions(const WithOptions&) = delete;
  WithOptions& operator=(const WithOptions&) = delete;

 private:
  Options before_;
};

namespace detail {

struct Site {
  const char* file = "";
  unsigned line = 0;
};

// What a thread waits in. Those of a warp begin with sync_warp.
enum class Op : std::uint8_t {
  none,
  sync,
  sync_count,
  sync_and,
  sync_or,
  sync_warp,
  shuffle,
  shuffle_xor,
  shuffle_up,
  shuffle_down,
  ballot,
  any,
  all,
  match_any,
  reduce_add,
  mma,
};

// Runs body(argument) once a thread. Empty, or why the launch is impossible.
std::string run(dim3 grid, dim3 block, std::size_t shared_bytes, void (*body)(const void*), const void* argument);

inline unsigned current_lane = 0;  // of the thread that runs

// The rest is called by kernels.
unsigned char* dynamic_shared();
void carve(unsigned char* piece, std::size_t bytes, Site site);
[[noreturn]] void refuse_width(int width, Site site);
int block_op(Op op, bool predicate, Site site);
std::uint64_t warp_op(Op op, unsigned mask, std::uint64_t value, unsigned source, Site site);
void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], Site site);
void on_atomic();

template <class... P, class... A>
std::string start(dim3 grid, dim3 block, std::size_t shared_bytes, void*, void (*kernel)(P...), A&&... args) {
  static_assert((std::is_trivially_copyable_v<P> && ...), "a kernel's parameters are copied as bytes");
  static_assert((sizeof(P) + ... + 0) <= 4096, "a kernel has at most 4 KiB of parameters");
  struct Call {
    void (*kernel)(P...);
    std::tuple<P...> parameters;
  };
  const Call call{kernel, std::tuple<P...>(static_cast<P>(std::forward<A>(args))...)};
  return run(
      grid, block, shared_bytes,
      [](const void* p) { std::apply(static_cast<const Call*>(p)->kernel, static_cast<const Call*>(p)->parameters); },
      &call);
}

}  // namespace detail
}  // namespace simt

// The line of the kernel that uses a word. std::source_location is beyond clang 14.
#define SIMT_SITE const char *simt_file = __builtin_FILE(), unsigned simt_line = __builtin_LINE()
#define SIMT_HERE (::simt::detail::Site{simt_file, simt_line})

#include "simt/words.hpp"
