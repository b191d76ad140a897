// What the readers of tensor files share: a file that is not trusted, and numbers of several types.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <yoso/array.hpp>

namespace yoso::tensor_file {

inline constexpr std::size_t kLargestRank = 8;

// Throws BadInput, "FILE: FIELD: why", on one line whatever bytes the file put into its names.
[[noreturn]] void refuse(std::string_view path, std::string_view field, std::string_view why);

// An open regular file; anything else (a folder, a FIFO, a device) is refused without waiting for it.
class File {
 public:
  explicit File(std::string path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  // Fills `out` from byte `at` on. `field` is what to blame when the bytes are not there.
  void read(std::string_view field, std::uint64_t at, std::span<std::byte> out) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

enum class Number : std::uint8_t { f64, f32, f16, bf16, i64, i32, u8 };
std::uint64_t bytes_of(Number number);

// Product of the extents times `each`; nothing when it does not fit 63 bits or an extent is negative.
std::optional<std::uint64_t> total(const std::vector<std::int64_t>& shape, std::uint64_t each);

// Reads a tensor whose bytes lie in the file (the caller has checked that they do). Refuses NaN and infinity.
Array read_numbers(const File& file, std::string_view field, std::uint64_t at, Number number,
                   std::vector<std::int64_t> shape, std::string_view dtype);

std::string shape_text(const std::vector<std::int64_t>& shape);  // "[1, 4, 512, 64]"

// "q[0, 3, 17, 5]": where element `index` of a tensor lies.
std::string element_text(std::string_view field, const std::vector<std::int64_t>& shape, std::size_t index);

}  // namespace yoso::tensor_file
