// Stacks that take turns on one host thread, and what sanitizers have to be told about it. For the emulator alone.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#if defined(__SANITIZE_ADDRESS__)
#define SIMT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIMT_ASAN 1
#endif
#endif
#if defined(SIMT_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(SIMT_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

#if defined(__x86_64__) && !defined(SIMT_UCONTEXT)
#define SIMT_OWN_SWITCH 1
#else
#include <ucontext.h>
#endif

namespace simt::detail {

class Fiber {
 public:
  Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The host thread's own stack, as one to go back to.
  void adopt() {
#if defined(SIMT_TSAN)
    tsan_ = __tsan_get_current_fiber();
#endif
  }

  // A fresh start in entry(), which never returns. `number` sets the hot ends of stacks apart in the cache.
  void prepare(void (*entry)(), unsigned number) {
    const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    if (!bottom_) {
      void* const memory =
          ::mmap(nullptr, kBytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (memory == MAP_FAILED || ::mprotect(memory, page, PROT_NONE) != 0)
        throw std::runtime_error("the emulator has no memory for a thread's stack");
      bottom_ = static_cast<unsigned char*>(memory) + page;  // below it, an overflow meets the guard
    }
#if defined(SIMT_ASAN)
    __asan_unpoison_memory_region(bottom_, kBytes);  // of frames that never returned
    fake_ = nullptr;
#endif
#if defined(SIMT_TSAN)
    // dear, so it is kept, unless its shadow stack is that of a thread which never ended
    if (tsan_ && abandoned_) __tsan_destroy_fiber(tsan_), tsan_ = nullptr;
    if (!tsan_) tsan_ = __tsan_create_fiber(0);
#endif
    abandoned_ = true;
    unsigned char* const top = bottom_ + kBytes - number * 5 % 64 * 64;
#if defined(SIMT_OWN_SWITCH)
    void** const at = reinterpret_cast<void**>(top) - 1;
    *at = nullptr;  // the return address of entry(), where a call would have put it
    there_ = {at, nullptr, reinterpret_cast<void*>(entry)};
#else
    ::getcontext(&context_);
    context_.uc_stack.ss_sp = bottom_;
    context_.uc_stack.ss_size = static_cast<std::size_t>(top - bottom_);
    context_.uc_link = nullptr;
    ::makecontext(&context_, entry, 0);
#endif
  }

  // From *this, which runs, to `next`; returns when somebody switches back.
  void switch_to(Fiber& next) {
#if defined(SIMT_ASAN)
    __sanitizer_start_switch_fiber(abandoned_ || !bottom_ ? &fake_ : nullptr, next.asan_bottom(), next.asan_bytes());
#endif
#if defined(SIMT_TSAN)
    __tsan_switch_to_fiber(next.tsan_, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(SIMT_OWN_SWITCH)
    // In line, and by a jump, so that calls and returns stay in balance: threads come here by the same calls, so the
    // processor predicts each return although it is another thread's. Everything else is the compiler's to save.
    Place *from = &there_, *to = &next.there_;
    asm volatile(
        "leaq 1f(%%rip), %%rcx\n\t"
        "movq %%rsp, 0(%0)\n\t"
        "movq %%rbp, 8(%0)\n\t"
        "movq %%rcx, 16(%0)\n\t"
        "movq 0(%1), %%rsp\n\t"
        "movq 8(%1), %%rbp\n\t"
        "jmp *16(%1)\n"
        "1:"
        : "+a"(from), "+d"(to)
        :
        : "rcx", "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2",
          "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
          "memory", "cc");
#else
    ::swapcontext(&context_, &next.context_);
#endif
#if defined(SIMT_ASAN)
    __sanitizer_finish_switch_fiber(fake_, nullptr, nullptr);
#endif
  }

  // The first thing on a new stack; `host` is told its own, if that is where we come from.
  static void arrive([[maybe_unused]] Fiber* host) {
#if defined(SIMT_ASAN)
    const void* bottom = nullptr;
    std::size_t bytes = 0;
    __sanitizer_finish_switch_fiber(nullptr, &bottom, &bytes);
    if (host) host->host_bottom_ = bottom, host->host_bytes_ = bytes;
#endif
  }

  // What an abandoned thread has done came before what `host` does from now on.
  void yield_to([[maybe_unused]] const Fiber& host) {
#if defined(SIMT_TSAN)
    if (!abandoned_) return;
    __tsan_switch_to_fiber(tsan_, __tsan_switch_to_fiber_no_sync);
    __tsan_switch_to_fiber(host.tsan_, 0);
#endif
  }

  // The last word of a thread that ends: its stack holds nothing.
  void ended() { abandoned_ = false; }

 private:
#if defined(SIMT_ASAN) || defined(SIMT_TSAN)
  static constexpr std::size_t kBytes = 256 * 1024;  // frames are larger
#else
  static constexpr std::size_t kBytes = 64 * 1024;
#endif

  unsigned char* bottom_ = nullptr;  // null: the host's
  bool abandoned_ = false;           // until it ends
#if defined(SIMT_OWN_SWITCH)
  struct Place {
    void *stack, *frame, *code;
  };
  Place there_{};
#else
  ucontext_t context_{};
#endif
#if defined(SIMT_ASAN)
  const void* asan_bottom() const { return bottom_ ? bottom_ : host_bottom_; }
  std::size_t asan_bytes() const { return bottom_ ? kBytes : host_bytes_; }
  void* fake_ = nullptr;
  const void* host_bottom_ = nullptr;
  std::size_t host_bytes_ = 0;
#endif
#if defined(SIMT_TSAN)
  void* tsan_ = nullptr;
#endif
};

// An order of events that ThreadSanitizer is told of: whoever acquires comes after all who have released.
class Meeting {
 public:
#if defined(SIMT_TSAN)
  void release() { __tsan_release(this); }
  void acquire() { __tsan_acquire(this); }
#else
  void release() {}
  void acquire() {}
#endif

 private:
  [[maybe_unused]] std::uint64_t place_ = 0;
};

}  // namespace simt::detail
