// Memory that the harness owns and lends to engines.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

namespace yoso {

// Bytes an engine needs: `saved` is kept from forward to backward (0 when only forward runs), `scratch` lives for one
// call.
struct Needs {
  std::size_t saved = 0;
  std::size_t scratch = 0;
};

// A bump allocator. Its high-water mark is the memory we report, which is why engines never allocate for themselves.
// An arena without memory only measures: an engine lays itself out on one to learn its Needs, and on a real one to run,
// so that the two cannot disagree.
class Arena {
 public:
  static constexpr std::size_t kAlignment = 64;

  Arena() = default;  // measures
  explicit Arena(std::span<std::byte> memory) : memory_(memory), measures_(false) {}

  // `count` uninitialised elements, aligned to a cache line; null while measuring. Throws std::logic_error when an
  // engine takes more than it declared.
  template <class T>
  T* take(std::int64_t count) {
    const std::size_t at = used_, bytes = static_cast<std::size_t>(count) * sizeof(T);
    const std::size_t end = at + (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (!measures_ && end > memory_.size()) throw std::logic_error("an engine took more arena memory than it declared");
    used_ = end;
    if (end > peak_) peak_ = end;
    return measures_ ? nullptr : reinterpret_cast<T*>(memory_.data() + at);
  }

  std::size_t used() const { return used_; }
  std::size_t peak() const { return peak_; }  // high-water mark over all calls
  void reset() { used_ = 0; }

 private:
  std::span<std::byte> memory_;
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
  bool measures_ = true;
};

// Zeroed memory straight from the kernel, page-aligned, returned to it on destruction. Every whole 2 MiB of it asks for
// one big page, and is aligned to it.
// Untouched pages cost nothing. Throws OutOfBudget when the system refuses.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::size_t size() const { return bytes_; }
  std::span<std::byte> bytes() const { return {memory_, bytes_}; }
  template <class T>
  std::span<T> as() const {
    return {reinterpret_cast<T*>(memory_), bytes_ / sizeof(T)};
  }
  void touch() const;  // faults every page in, so that no timed region does

 private:
  std::byte* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace yoso
