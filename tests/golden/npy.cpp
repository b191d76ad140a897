// Version 1.0 .npy files of little-endian f32 in C order: all that golden cases consist of.
#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

#include "case.hpp"

namespace golden {
namespace {

static_assert(std::endian::native == std::endian::little);

// The text between `from` and the next `to` behind it.
std::string between(const std::string& text, const std::string& from, char to, const std::string& file) {
  const std::size_t first = text.find(from);
  const std::size_t last = first == std::string::npos ? first : text.find(to, first + from.size());
  if (last == std::string::npos) throw Broken(fmt::format("{}: no {} in the header", file, from));
  return text.substr(first + from.size(), last - first - from.size());
}

std::vector<std::int64_t> extents(const std::string& list, const std::string& file) {
  std::vector<std::int64_t> shape;
  for (const char* at = list.data(); at != list.data() + list.size();) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    std::int64_t extent = 0;
    const auto [end, error] = std::from_chars(at, list.data() + list.size(), extent);
    if (error != std::errc() || extent < 0)
      throw Broken(fmt::format("{}: the shape ({}) is not understood", file, list));
    shape.push_back(extent);
    at = end;
  }
  return shape;
}

}  // namespace

Array read_npy(const std::filesystem::path& path) {
  const std::string file = path.filename().string();
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw Broken(fmt::format("{} is missing", file));
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  constexpr std::size_t kPreamble = 10;  // magic, version, length of the header
  if (bytes.size() < kPreamble || bytes.compare(0, 8, std::string("\x93NUMPY\x01\x00", 8)) != 0)
    throw Broken(fmt::format("{} is not a .npy file of version 1.0", file));
  std::uint16_t length = 0;
  std::memcpy(&length, bytes.data() + 8, sizeof length);
  if (bytes.size() < kPreamble + length) throw Broken(fmt::format("{} ends inside its header", file));
  const std::string header = bytes.substr(kPreamble, length);
  if (between(header, "'descr': '", '\'', file) != "<f4") throw Broken(fmt::format("{} does not hold <f4", file));
  if (between(header, "'fortran_order': ", ',', file) != "False")
    throw Broken(fmt::format("{} is not in C order", file));
  Array array;
  array.shape = extents(between(header, "'shape': (", ')', file), file);
  const std::size_t data = bytes.size() - kPreamble - length;
  std::size_t count = 1;
  for (const std::int64_t extent : array.shape) {
    // Never more than the file can hold, so that the product cannot overflow.
    if (extent > 0 && count > data / static_cast<std::size_t>(extent))
      throw Broken(fmt::format("{} is too short for its shape", file));
    count *= static_cast<std::size_t>(extent);
  }
  if (data != count * sizeof(float)) throw Broken(fmt::format("{} is not as long as its shape says", file));
  array.values.resize(count);
  std::memcpy(array.values.data(), bytes.data() + kPreamble + length, data);
  return array;
}

}  // namespace golden
