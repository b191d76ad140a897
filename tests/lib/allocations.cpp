#include "allocations.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::size_t> largest_so_far{0};
}

namespace allocations {
void reset() { largest_so_far = 0; }
std::size_t largest() { return largest_so_far; }
}  // namespace allocations

// The other forms of new call this one.
void* operator new(std::size_t size) {
  std::size_t seen = largest_so_far;
  while (seen < size && !largest_so_far.compare_exchange_weak(seen, size)) {
  }
  if (void* memory = std::malloc(std::max<std::size_t>(size, 1))) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
