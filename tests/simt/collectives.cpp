// What threads of a block or warp do together, and what is wrong with how they meet.
#include <algorithm>
#include <bit>
#include <cstdio>
#include <span>

#include "simt/engine.hpp"

namespace simt::detail {

const char* name(Op op) {
  constexpr const char* kNames[] = {"nothing",          "__syncthreads",    "__syncthreads_count", "__syncthreads_and",
                                    "__syncthreads_or", "__syncwarp",       "__shfl_sync",         "__shfl_xor_sync",
                                    "__shfl_up_sync",   "__shfl_down_sync", "__ballot_sync",       "__any_sync",
                                    "__all_sync",       "__match_any_sync", "__reduce_add_sync",   "mma_bf16_16x8x16"};
  return kNames[static_cast<int>(op)];
}

std::string describe(const Thread& t) {
  return std::string(name(t.op)) + " at " + t.site.file + ":" + std::to_string(t.site.line);
}
// ---- barriers

int Engine::block_op(Op op, bool predicate, Site site) {
  Thread& t = *current_;
  t.op = op;
  t.value = predicate;
  t.site = site;
  t.state = State::in_block_op;
  Meeting& meeting = barriers_[barrier_];
  meeting.release();
  if (++arrived_ == live_) open_barrier();
  give_way();
  meeting.acquire();
  return static_cast<int>(t.result);
}

void Engine::open_barrier() {
  ++counters_.barriers;
  const Thread* first = nullptr;
  unsigned yes = 0;
  for (const Thread& t : std::span(threads_, count_)) {
    if (t.state != State::in_block_op) continue;
    if (!first) first = &t;
    const bool same = t.op == first->op && (!options_.same_line || t.site.line == first->site.line);
    if (!same) return report("threads meet in different barriers: " + describe(*first) + ", " + describe(t));
    yes += t.value != 0;
  }
  const auto leave = [&](unsigned number) {
    Thread& t = threads_[number];
    if (t.state != State::in_block_op) return;
    t.result = t.op == Op::sync_count ? yes : t.op == Op::sync_and ? yes == arrived_ : yes != 0;
    wake(number);
  };
  if (options_.order == Order::reverse)
    for (unsigned i = 0; i < count_; ++i) leave(i);
  else
    for (unsigned i = count_; i-- > 0;) leave(i);
  arrived_ = 0;
  barrier_ ^= 1;
}

// ---- warps

std::uint64_t Engine::warp_op(Op op, unsigned mask, std::uint64_t value, unsigned source, Site site) {
  Thread& t = *current_;
  const unsigned w = t.number / 32, bit = 1u << t.number % 32;
  if ((mask & bit) == 0) {
    report(std::string(name(op)) + ": the mask lacks the calling lane", site);
    abandon();
  }
  t.op = op;
  t.mask = mask;
  t.value = value;
  t.source = source;
  t.site = site;
  t.state = State::in_warp_op;
  // no other collective orders memory
  if (op == Op::sync_warp) {
    t.meeting = meeting_of(t);
    meetings_[t.meeting].release();
  }
  warps_[w].waiting |= bit;
  try_warp(w, mask);
  give_way();
  if (op == Op::sync_warp) meetings_[t.meeting].acquire();
  return t.result;
}

// Groups of a warp that synchronise among themselves are not ordered, so each has a meeting of its own.
unsigned Engine::meeting_of([[maybe_unused]] const Thread& thread) {
#if defined(SIMT_TSAN)
  const unsigned first = thread.number / 32 * 32;
  for (unsigned lanes = warps_[thread.number / 32].waiting; lanes != 0; lanes &= lanes - 1) {
    const Thread& t = threads_[first + static_cast<unsigned>(std::countr_zero(lanes))];
    if (t.op == Op::sync_warp && t.mask == thread.mask) return t.meeting;
  }
#endif
  return ++next_meeting_ % kMeetings;
}

// Goes on once all lanes of the mask are here or have ended.
void Engine::try_warp(unsigned warp, unsigned mask) {
  Warp& w = warps_[warp];
  const unsigned lanes = mask & w.waiting;
  if ((mask & ~(w.waiting | w.ended)) != 0 || lanes == 0) return;
  Thread* const threads = threads_ + warp * 32;
  const Thread& first = threads[std::countr_zero(lanes)];
  for (unsigned left = lanes; left != 0; left &= left - 1) {
    const Thread& t = threads[std::countr_zero(left)];
    if (t.mask != mask) return;  // in a collective of other lanes; if it never comes to it, that is a deadlock
    if (t.op != first.op)
      return report("lanes of a warp meet in different collectives: " + describe(first) + ", " + describe(t));
  }
  w.waiting &= ~lanes;
  ++counters_.warp_ops;
  compute(warp, lanes);
  if (options_.order == Order::reverse)
    for (unsigned left = lanes; left != 0; left &= left - 1)
      wake(warp * 32 + static_cast<unsigned>(std::countr_zero(left)));
  else
    for (unsigned left = lanes; left != 0; left &= ~(1u << (31 - std::countl_zero(left))))
      wake(warp * 32 + static_cast<unsigned>(31 - std::countl_zero(left)));
}

void Engine::compute(unsigned warp, unsigned lanes) {
  Thread* const threads = threads_ + warp * 32;
  const auto each = [&](const auto& f) {
    for (unsigned left = lanes; left != 0; left &= left - 1) {
      const unsigned lane = static_cast<unsigned>(std::countr_zero(left));
      f(threads[lane], 1u << lane);
    }
  };
  const auto all_get = [&](std::uint64_t result) { each([&](Thread& t, unsigned) { t.result = result; }); };
  std::uint64_t sum = 0;
  unsigned yes = 0;
  switch (threads[std::countr_zero(lanes)].op) {
    case Op::shuffle:
    case Op::shuffle_xor:
    case Op::shuffle_up:
    case Op::shuffle_down:
      each([&](Thread& t, unsigned) {
        if ((lanes >> t.source & 1u) == 0)
          report("lane " + std::to_string(t.number % 32) + " asks lane " + std::to_string(t.source) +
                 ", which takes no part, in " + describe(t));
        t.result = threads[t.source].value;
      });
      return;
    case Op::ballot:
    case Op::any:
    case Op::all: {
      each([&](Thread& t, unsigned bit) { yes |= t.value != 0 ? bit : 0; });
      const Op op = threads[std::countr_zero(lanes)].op;
      return all_get(op == Op::ballot ? yes : op == Op::any ? yes != 0 : yes == lanes);
    }
    case Op::match_any:
      each([&](Thread& t, unsigned) {
        t.result = 0;
        each([&](const Thread& other, unsigned bit) { t.result |= other.value == t.value ? bit : 0; });
      });
      return;
    case Op::reduce_add:
      each([&](Thread& t, unsigned) { sum += t.value; });
      return all_get(sum);
    case Op::mma:
      if (lanes != ~0u)
        return report("a matrix product needs all lanes of a warp, in " + describe(threads[std::countr_zero(lanes)]));
      return multiply(warp);
    default:
      return;
  }
}

// In the order of mma_by_shuffles, to its bits.
void Engine::multiply(unsigned warp) {
  float a[16][16], b[16][8];
  const auto fragments = [&](unsigned lane) -> const Fragments& {
    return *reinterpret_cast<const Fragments*>(threads_[warp * 32 + lane].value);
  };
  for (unsigned lane = 0; lane < 32; ++lane) {
    const Fragments& f = fragments(lane);
    const unsigned g = lane / 4, t = lane % 4 * 2;
    for (unsigned i = 0; i < 4; ++i) {
      a[g + i % 2 * 8][t + i / 2 * 8] = bf16::low(f.a[i]).to_float();
      a[g + i % 2 * 8][t + i / 2 * 8 + 1] = bf16::high(f.a[i]).to_float();
    }
    for (unsigned i = 0; i < 2; ++i) {
      b[t + i * 8][g] = bf16::low(f.b[i]).to_float();
      b[t + i * 8 + 1][g] = bf16::high(f.b[i]).to_float();
    }
  }
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      float& sum = fragments(lane).d[i];
      for (unsigned k = 0; k < 16; ++k) sum += a[lane / 4 + i / 2 * 8][k] * b[k][lane % 4 * 2 + i % 2];
    }
}

std::string Engine::deadlock() const {
  std::string all = "a deadlock";
  for (unsigned i = 0; i < count_; ++i) {
    const Thread& t = threads_[i];
    const auto like = [&](const Thread& other) {
      return other.state == t.state &&
             (t.state == State::ended || (other.op == t.op && other.mask == t.mask && other.site.line == t.site.line));
    };
    if (std::any_of(threads_, threads_ + i, like)) continue;
    const auto alike = std::count_if(threads_, threads_ + count_, like);
    all += (i == 0 ? ": " : "; ") + std::to_string(alike) + " threads (the first is " + std::to_string(i) + ") ";
    all += t.state == State::ended ? "have ended" : "wait in " + describe(t);
    if (t.state == State::in_warp_op) {
      char mask[32];
      std::snprintf(mask, sizeof mask, ", mask 0x%08x", t.mask);
      all += mask;
    }
  }
  return all;
}

// ---- what the words call

unsigned char* dynamic_shared() { return inside().shared(); }
void carve(unsigned char* piece, std::size_t bytes, Site site) { inside().carve(piece, bytes, site); }
void refuse_width(int width, Site site) {
  inside().report("a shuffle's width is a power of two up to 32, not " + std::to_string(width) + ",", site);
  engine.abandon();
}
int block_op(Op op, bool predicate, Site site) { return inside().block_op(op, predicate, site); }
std::uint64_t warp_op(Op op, unsigned mask, std::uint64_t value, unsigned source, Site site) {
  return inside().warp_op(op, mask, value, source, site);
}
void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], Site site) {
  const Fragments fragments{d, a, b};
  inside().warp_op(Op::mma, ~0u, reinterpret_cast<std::uint64_t>(&fragments), 0, site);
}
void on_atomic() { inside().on_atomic(); }

}  // namespace simt::detail
