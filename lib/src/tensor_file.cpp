#include "tensor_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include <yoso/errors.hpp>

namespace yoso {

float from_half(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fu, fraction = bits & 0x3ffu;
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24, which an f32 holds as a normal number
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 127 - 15;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

float from_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

namespace tensor_file {
namespace {

static_assert(std::endian::native == std::endian::little, "the readers copy little-endian numbers as they are");

constexpr std::size_t kChunk = std::size_t{1} << 20;  // bytes converted at a time
constexpr std::size_t kLongestName = 100;             // of a field in a message
constexpr std::size_t kLongestReason = 1000;

// Names come from the file: cut them short, and let no control character and nothing but ASCII through.
std::string printable(std::string_view text, std::size_t longest) {
  std::string out(text.substr(0, longest));
  for (char& c : out)
    if (static_cast<signed char>(c) < 0x20 || c == 0x7f) c = '?';
  if (text.size() > longest) out += "...";
  return out;
}

template <class From, class Convert>
void convert(std::span<const std::byte> bytes, float* out, const Convert& to_float) {
  for (std::size_t at = 0; at + sizeof(From) <= bytes.size(); at += sizeof(From)) {
    From value;
    std::memcpy(&value, bytes.data() + at, sizeof(From));
    *out++ = to_float(value);
  }
}

void convert(Number number, std::span<const std::byte> bytes, float* out) {
  const auto cast = [](auto value) { return static_cast<float>(value); };
  // A double beyond the f32 range has no defined conversion; it becomes an infinity, which is refused later.
  const auto narrow = [](double value) {
    return std::abs(value) > 3.4028234663852886e38 ? static_cast<float>(std::copysign(INFINITY, value))
                                                   : static_cast<float>(value);
  };
  switch (number) {
    case Number::f64:
      return convert<double>(bytes, out, narrow);
    case Number::f32:
      return convert<float>(bytes, out, cast);
    case Number::f16:
      return convert<std::uint16_t>(bytes, out, from_half);
    case Number::bf16:
      return convert<std::uint16_t>(bytes, out, from_bfloat16);
    case Number::i64:
      return convert<std::int64_t>(bytes, out, cast);
    case Number::i32:
      return convert<std::int32_t>(bytes, out, cast);
    case Number::u8:
      return convert<std::uint8_t>(bytes, out, cast);
  }
}

std::uint64_t physical_memory() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

void refuse(std::string_view path, std::string_view field, std::string_view why) {
  std::string file(path);  // as the user gave it, in any script
  for (char& c : file)
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  throw BadInput(fmt::format("{}: {}: {}", file, printable(field, kLongestName), printable(why, kLongestReason)));
}

File::File(std::string path) : path_(std::move(path)) {
  // O_NONBLOCK: opening a FIFO that nobody writes to must not hang. It changes nothing for a regular file.
  descriptor_ = open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (descriptor_ < 0) refuse(path_, "file", fmt::format("cannot be opened: {}", std::strerror(errno)));
  struct stat status {};
  const bool known = fstat(descriptor_, &status) == 0;
  if (known && S_ISREG(status.st_mode) && status.st_size > 0) {
    size_ = static_cast<std::uint64_t>(status.st_size);
    return;
  }
  close(descriptor_);  // the destructor does not run when the constructor throws
  if (known && S_ISREG(status.st_mode)) refuse(path_, "file", "is empty");
  refuse(path_, "file", known && S_ISDIR(status.st_mode) ? "is a folder" : "is not a regular file");
}

File::~File() { close(descriptor_); }

void File::read(std::string_view field, std::uint64_t at, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(path_, field, fmt::format("cannot be read: {}", std::strerror(errno)));
    if (got == 0) refuse(path_, field, "the file ended early: it shrank while it was read");
    at += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::uint64_t bytes_of(Number number) {
  switch (number) {
    case Number::f64:
    case Number::i64:
      return 8;
    case Number::f32:
    case Number::i32:
      return 4;
    case Number::f16:
    case Number::bf16:
      return 2;
    case Number::u8:
      return 1;
  }
  return 1;
}

std::optional<std::uint64_t> total(const std::vector<std::int64_t>& shape, std::uint64_t each) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 63;
  std::uint64_t product = each;
  bool empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) {  // a zero elsewhere does not excuse extents whose product overflows
      empty = true;
      continue;
    }
    if (product > (kLargest - 1) / static_cast<std::uint64_t>(extent)) return std::nullopt;
    product *= static_cast<std::uint64_t>(extent);
  }
  return empty ? 0 : product;
}

Array read_numbers(const File& file, std::string_view field, std::uint64_t at, Number number,
                   std::vector<std::int64_t> shape, std::string_view dtype) {
  const std::uint64_t bytes = total(shape, bytes_of(number)).value();
  const std::uint64_t count = bytes / bytes_of(number);
  // A sparse file may claim any size for free, so its size alone justifies no more than the machine has.
  if (count > physical_memory() / sizeof(float))
    refuse(file.path(), field, fmt::format("{} values need more memory than this machine has", count));

  Array array{.shape = std::move(shape),
              .values = std::vector<float>(static_cast<std::size_t>(count)),
              .dtype = std::string(dtype),
              .real = number != Number::i64 && number != Number::i32 && number != Number::u8};
  std::vector<std::byte> chunk(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, kChunk)));
  for (std::uint64_t done = 0; done < bytes; done += chunk.size()) {
    const std::span<std::byte> part =
        std::span(chunk).first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes - done, chunk.size())));
    file.read(field, at + done, part);
    convert(number, part, array.values.data() + done / bytes_of(number));
  }
  const auto bad = std::ranges::find_if_not(array.values, [](float x) { return std::isfinite(x); });
  if (bad != array.values.end()) {
    const std::size_t index = static_cast<std::size_t>(bad - array.values.begin());
    refuse(file.path(), element_text(field, array.shape, index), fmt::format("must be a finite f32, got {}", *bad));
  }
  return array;
}

std::string shape_text(const std::vector<std::int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::string element_text(std::string_view field, const std::vector<std::int64_t>& shape, std::size_t index) {
  std::vector<std::int64_t> position(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    const std::size_t extent = static_cast<std::size_t>(shape[axis]);
    position[axis] = static_cast<std::int64_t>(index % extent);
    index /= extent;
  }
  return fmt::format("{}{}", field, shape_text(position));
}

}  // namespace tensor_file
}  // namespace yoso
