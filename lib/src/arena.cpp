#include <yoso/arena.hpp>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

#include <yoso/errors.hpp>

namespace yoso {
namespace {

// First-touch page faults dominate large outputs, so big buffers take 2 MB pages; small ones would waste most of one.
constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

Buffer::Buffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw OutOfBudget(fmt::format("the system refused {} bytes of memory", bytes));
  if (bytes >= 2 * kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
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
