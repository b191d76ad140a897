#include <yoso/arena.hpp>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include <yoso/errors.hpp>

namespace yoso {
namespace {

// First-touch page faults dominate large outputs, and 4 KiB pages cost hash tables a miss of the address cache a row.
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// `bytes` of fresh memory at a multiple of `alignment`, which is a multiple of the page size.
void* map_aligned(std::size_t bytes, std::size_t alignment) {
  void* const memory = mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t aligned = (start + alignment - 1) / alignment * alignment;
  const std::uintptr_t end = (aligned + bytes + page - 1) / page * page;
  if (aligned > start) munmap(memory, aligned - start);
  if (start + bytes + alignment > end) munmap(reinterpret_cast<void*>(end), start + bytes + alignment - end);
  return reinterpret_cast<void*>(aligned);
}

}  // namespace

Buffer::Buffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  const std::size_t huge = bytes / kHugePage * kHugePage;  // whole pages only: the rest of one would count as resident
  void* const memory = map_aligned(bytes, huge ? kHugePage : static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
  if (!memory) throw OutOfBudget(fmt::format("the system refused {} bytes of memory", bytes));
  if (huge) madvise(memory, huge, MADV_HUGEPAGE);
  memory_ = static_cast<std::byte*>(memory);
}

Buffer::~Buffer() {
  if (memory_) munmap(memory_, bytes_);
}

Buffer::Buffer(Buffer&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void Buffer::touch() const {
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  volatile std::byte* memory = memory_;
  for (std::size_t at = 0; at < bytes_; at += page) memory[at] = memory[at];
}

}  // namespace yoso
