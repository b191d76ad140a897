// The emulator's state, shared by emulator.cpp (who runs) and collectives.cpp (who meets whom). Nobody else includes
// it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include "simt/fiber.hpp"
#include "simt/simt.hpp"

namespace simt::detail {

inline constexpr unsigned kThreads = 1024, kWarps = kThreads / 32;

enum class State : std::uint8_t { ready, in_block_op, in_warp_op, ended };

struct Thread {
  Fiber fiber;
  uint3 index;
  unsigned number = 0;
  State state = State::ended;
  Op op = Op::none;
  unsigned mask = 0, source = 0;
  std::uint64_t value = 0, result = 0;
  Site site;
  unsigned meeting = 0;
};

struct Warp {
  unsigned waiting = 0, ended = 0;  // lanes
};

struct Fragments {
  float* d;
  const unsigned *a, *b;
};

const char* name(Op op);
std::string describe(const Thread& thread);

// Threads that can go on. Each is in it at most once.
class Ready {
 public:
  void clear() { first_ = count_ = 0; }
  bool empty() const { return count_ == 0; }
  unsigned size() const { return count_; }
  void push_front(unsigned number) {
    first_ = (first_ - 1) % kThreads;
    at(0) = static_cast<std::uint16_t>(number);
    ++count_;
  }
  void push_back(unsigned number) { at(count_++) = static_cast<std::uint16_t>(number); }
  unsigned pop(unsigned position) {
    const unsigned number = at(position);
    at(position) = at(0);
    first_ = (first_ + 1) % kThreads;
    --count_;
    return number;
  }

 private:
  std::uint16_t& at(unsigned position) { return ring_[(first_ + position) % kThreads]; }
  std::uint16_t ring_[kThreads] = {};
  unsigned first_ = 0, count_ = 0;
};

// The one launch that runs.
class Engine {
 public:
  std::string run(dim3 grid, dim3 block, std::size_t shared_bytes, void (*body)(const void*), const void* argument);

  void add_to(Counters& total) const;

  // On a thread of the kernel.
  unsigned char* shared() { return shared_begin_; }
  void carve(unsigned char* piece, std::size_t bytes, Site site);
  int block_op(Op op, bool predicate, Site site);
  std::uint64_t warp_op(Op op, unsigned mask, std::uint64_t value, unsigned source, Site site);
  void on_atomic();
  void report(const std::string& what, Site site);
  [[noreturn]] void abandon();

 private:
  static constexpr std::size_t kMargin = 256;       // on both sides of the shared memory
  static constexpr unsigned kMeetings = 1 << 12;    // of warps, used in turn
  static constexpr unsigned kUnswitched = 1 << 12;  // atomics in a row before a thread gives way: it may wait in a loop

  static void entry();
  void run_block();
  void begin_shared();
  void end_shared();
  void give_way();
  void end_thread();
  void wake(unsigned number);
  void open_barrier();
  void try_warp(unsigned warp, unsigned mask);
  void compute(unsigned warp, unsigned lanes);
  void multiply(unsigned warp);
  unsigned meeting_of(const Thread& thread);
  void report(const std::string& what);
  std::string deadlock() const;
  unsigned below(unsigned n);

  Thread threads_[kThreads];
  Warp warps_[kWarps];
  Ready ready_;
  Fiber host_;
  bool from_host_ = false;
  Thread* current_ = nullptr;
  unsigned count_ = 0, live_ = 0, arrived_ = 0, unswitched_ = 0;
  std::uint64_t random_ = 0;
  Options options_;
  Counters counters_;
  std::string error_;
  std::exception_ptr thrown_;
  void (*body_)(const void*) = nullptr;
  const void* argument_ = nullptr;
  std::unique_ptr<unsigned char[]> memory_;
  std::size_t memory_bytes_ = 0, shared_bytes_ = 0;
  unsigned char* shared_begin_ = nullptr;
  // The beginning and the end of a block are two meetings: else who begins late came after who ended early. Barriers
  // need two, since nobody is at the next but one before all have left this one.
  Meeting begin_, end_, barriers_[2], meetings_[kMeetings];
  unsigned barrier_ = 0, next_meeting_ = 0;
};

extern Engine engine;

// The engine, for a word that a kernel uses.
Engine& inside();

}  // namespace simt::detail
