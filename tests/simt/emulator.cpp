// The emulator's launches, blocks and threads: who runs.
#include "simt/emulator.hpp"

#include <bit>
#include <cstring>
#include <exception>
#include <mutex>

#include "simt/engine.hpp"

extern "C" {
// The linker's names for the ends of the section that __shared__ variables are in; null if there are none.
extern unsigned char __start_simt_shared[] __attribute__((weak));
extern unsigned char __stop_simt_shared[] __attribute__((weak));
}

namespace simt {
namespace {

thread_local Options current_options;
thread_local Counters current_counters;
thread_local bool inside_launch = false;

}  // namespace

const Options& options() { return current_options; }
const Counters& counters() { return current_counters; }
WithOptions::WithOptions(const Options& options) : before_(current_options) { current_options = options; }
WithOptions::~WithOptions() { current_options = before_; }

namespace detail {
namespace {

std::mutex one_launch;

std::string triple(unsigned x, unsigned y, unsigned z) {
  return "(" + std::to_string(x) + ", " + std::to_string(y) + ", " + std::to_string(z) + ")";
}

// Between __shared__ variables are redzones of the address sanitizer, which must not look, nor see a memset here.
__attribute__((no_sanitize_address)) void fill(volatile unsigned char* begin, const volatile unsigned char* end) {
  for (; begin != end; ++begin) *begin = 0xff;
}

}  // namespace

Engine engine;

// splitmix64
unsigned Engine::below(unsigned n) {
  std::uint64_t z = random_ += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return static_cast<unsigned>(((z ^ z >> 31) >> 32) * n >> 32);
}

std::string Engine::run(dim3 grid, dim3 block, std::size_t shared_bytes, void (*body)(const void*),
                        const void* argument) {
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > kThreads || block.x > kThreads || block.y > kThreads || block.z > 64)
    return "a block has 1 to 1024 threads, no more than 64 of them along z";
  if (grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535)
    return "a grid has at most 2147483647 x 65535 x 65535 blocks";
  options_ = current_options;
  counters_ = {};
  if (shared_bytes > options_.shared_limit)
    return "a block has at most " + std::to_string(options_.shared_limit) + " bytes of dynamic shared memory";
  counters_.launches = 1;
  random_ = options_.seed * 0x9e3779b97f4a7c15u;
  body_ = body;
  argument_ = argument;
  count_ = static_cast<unsigned>(threads);
  shared_bytes_ = shared_bytes;
  if (const std::size_t needed = 2 * kMargin + shared_bytes + 128; memory_bytes_ < needed) {
    memory_ = std::make_unique<unsigned char[]>(needed);
    memory_bytes_ = needed;
  }
  // aligned to 16 bytes and no more, as a kernel may rely on
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
  shared_begin_ = memory_.get() + ((address + 127) / 128 * 128 - address) + kMargin + 16;
  ::gridDim = grid;
  ::blockDim = block;
  const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  const std::uint64_t first = options_.order == Order::random ? below(static_cast<unsigned>(blocks)) : 0;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    std::uint64_t b = options_.order == Order::reverse ? blocks - 1 - i : (first + i) % blocks;
    if (options_.order == Order::random && options_.seed % 2 == 0) b = blocks - 1 - b;
    ::blockIdx = {static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                  static_cast<unsigned>(b / grid.x / grid.y)};
    run_block();
  }
  return {};
}

void Engine::begin_shared() {
  unsigned char* const begin = shared_begin_ - kMargin;
  const std::size_t bytes = shared_bytes_ + 2 * kMargin;
#if defined(SIMT_ASAN)
  __asan_unpoison_memory_region(begin, bytes);
#endif
  std::memset(begin, 0xff, bytes);
#if defined(SIMT_ASAN)
  __asan_poison_memory_region(begin, bytes);
  __asan_unpoison_memory_region(shared_begin_, shared_bytes_);
#endif
  fill(__start_simt_shared, __stop_simt_shared);
}

// Without the address sanitizer at least a write right beyond the end is seen.
void Engine::end_shared() {
#if defined(SIMT_ASAN)
  __asan_unpoison_memory_region(shared_begin_ - kMargin, shared_bytes_ + 2 * kMargin);
#endif
  for (std::size_t i = 0; i < kMargin && error_.empty(); ++i) {
    if (shared_begin_[shared_bytes_ + i] != 0xff)
      error_ = "byte " + std::to_string(shared_bytes_ + i) + " of " + std::to_string(shared_bytes_) +
               " bytes of dynamic shared memory was written";
    else if (shared_begin_[-1 - static_cast<std::ptrdiff_t>(i)] != 0xff)
      error_ = "dynamic shared memory was written " + std::to_string(i + 1) + " bytes before its beginning";
  }
}

void Engine::run_block() {
  begin_shared();
  error_.clear();
  thrown_ = nullptr;
  ready_.clear();
  arrived_ = 0;
  live_ = count_;
  ++counters_.blocks;
  counters_.threads += count_;
  for (unsigned w = 0; w * 32 < count_; ++w)
    warps_[w] = {0, count_ - w * 32 < 32 ? ~0u << (count_ - w * 32) : 0};  // lanes that do not exist have ended
  host_.adopt();
  begin_.release();
  for (unsigned i = 0; i < count_; ++i) {
    Thread& t = threads_[i];
    t.index = {i % ::blockDim.x, i / ::blockDim.x % ::blockDim.y, i / ::blockDim.x / ::blockDim.y};
    t.number = i;
    t.state = State::ready;
    t.op = Op::none;
    t.site = {};
    t.fiber.prepare(&Engine::entry, i);
    ready_.push_back(i);
  }
  if (options_.order == Order::reverse) {
    ready_.clear();
    for (unsigned i = count_; i-- > 0;) ready_.push_back(i);
  }
  from_host_ = true;
  give_way();
  current_ = nullptr;
  end_.acquire();
  for (unsigned i = 0; i < count_; ++i) threads_[i].fiber.yield_to(host_);
  end_shared();
  const auto block = " (block " + triple(::blockIdx.x, ::blockIdx.y, ::blockIdx.z) + ")";
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  if (!error_.empty()) throw KernelFault("a kernel is wrong: " + error_ + block);
}

void Engine::entry() {
  Fiber::arrive(engine.from_host_ ? &engine.host_ : nullptr);
  engine.from_host_ = false;
  engine.begin_.acquire();
  try {
    engine.body_(engine.argument_);
  } catch (...) {
    engine.thrown_ = std::current_exception();
  }
  engine.end_.release();
  engine.end_thread();
  std::terminate();
}

// To the next thread that can go on, or to the host when there is none or something is wrong. Returns when it is the
// caller's turn again.
void Engine::give_way() {
  Fiber& from = current_ ? current_->fiber : host_;
  Fiber* to = &host_;
  if (error_.empty() && !thrown_) {
    if (!ready_.empty()) {
      Thread& next = threads_[ready_.pop(options_.order == Order::random ? below(ready_.size()) : 0)];
      if (&next == current_) return;
      current_ = &next;
      ::threadIdx = next.index;
      current_lane = next.number % 32;
      ++counters_.switches;
      unswitched_ = 0;
      to = &next.fiber;
    } else if (live_ != 0) {
      error_ = deadlock();
    }
  }
  from.switch_to(*to);
}

void Engine::end_thread() {
  Thread& t = *current_;
  t.state = State::ended;
  --live_;
  const unsigned w = t.number / 32;
  warps_[w].ended |= 1u << t.number % 32;
  if (live_ != 0 && arrived_ == live_) open_barrier();
  // a collective may have waited for this lane alone
  for (unsigned lanes = warps_[w].waiting; lanes != 0; lanes &= lanes - 1) {
    const Thread& other = threads_[w * 32 + static_cast<unsigned>(std::countr_zero(lanes))];
    if (other.state == State::in_warp_op) try_warp(w, other.mask);
  }
  t.fiber.ended();
  give_way();
}

void Engine::report(const std::string& what) {
  if (error_.empty()) error_ = what;
}

void Engine::report(const std::string& what, Site site) {
  const uint3& i = current_->index;
  report(what + " at " + site.file + ":" + std::to_string(site.line) + ", thread " + triple(i.x, i.y, i.z));
}

// Apart from report(), so that its caller's text is freed: nothing on this stack is from now on.
void Engine::abandon() {
  give_way();
  std::terminate();
}

// Who is woken last goes on first, so callers begin with the last thread, or in reverse order with the first.
void Engine::wake(unsigned number) {
  threads_[number].state = State::ready;
  ready_.push_front(number);
}

void Engine::carve(unsigned char* piece, std::size_t bytes, Site site) {
  const std::size_t end = static_cast<std::size_t>(piece - shared_begin_) + bytes;
  if (end > shared_bytes_) {
    report("the pieces of shared memory need " + std::to_string(end) + " bytes, the launch gave " +
               std::to_string(shared_bytes_),
           site);
    abandon();
  }
#if defined(SIMT_ASAN)
  // what rounding adds to a piece is not the kernel's
  __asan_unpoison_memory_region(piece, bytes);
  if (const std::size_t rest = std::min((bytes + 15) / 16 * 16 - bytes, shared_bytes_ - end); rest != 0)
    __asan_poison_memory_region(piece + bytes, rest);
#endif
}

void Engine::on_atomic() {
  ++counters_.atomics;
  const bool preempt = options_.preempt_percent != 0 && below(100) < options_.preempt_percent;
  if (!preempt && ++unswitched_ < kUnswitched) return;
  ready_.push_back(current_->number);
  unswitched_ = 0;
  give_way();
}

void Engine::add_to(Counters& total) const {
  total.launches += counters_.launches;
  total.blocks += counters_.blocks;
  total.threads += counters_.threads;
  total.switches += counters_.switches;
  total.barriers += counters_.barriers;
  total.warp_ops += counters_.warp_ops;
  total.atomics += counters_.atomics;
}

std::string run(dim3 grid, dim3 block, std::size_t shared_bytes, void (*body)(const void*), const void* argument) {
  if (inside_launch) throw KernelFault("a kernel launches a kernel");
  const std::scoped_lock only(one_launch);
  struct Guard {
    Guard() { inside_launch = true; }
    ~Guard() {
      inside_launch = false;
      engine.add_to(current_counters);
    }
  } guard;
  return engine.run(grid, block, shared_bytes, body, argument);
}

Engine& inside() {
  if (!inside_launch) throw KernelFault("a word of kernels is used outside of a kernel");
  return engine;
}

}  // namespace detail
}  // namespace simt
