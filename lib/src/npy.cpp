#include <yoso/npy.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "tensor_file.hpp"

namespace yoso {
namespace {

using tensor_file::File;
using tensor_file::Number;
using tensor_file::refuse;

constexpr std::uint64_t kLongestHeader = 65536;  // ours need about 120 bytes; version 2.0 allows 4 GB

struct Type {
  std::string_view descr;
  Number number;
};
constexpr std::array kTypes{Type{"<f4", Number::f32}, Type{"<f2", Number::f16}, Type{"<f8", Number::f64},
                            Type{"<i4", Number::i32}, Type{"<i8", Number::i64}, Type{"|u1", Number::u8},
                            Type{"|b1", Number::u8}};

// The header is a Python dictionary literal with exactly the keys descr, fortran_order and shape.
class HeaderParser {
 public:
  HeaderParser(const std::string& path, std::string_view text) : path_(path), rest_(text) {}

  void parse() {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted("header");
      expect(':');
      if (key == "descr") {
        once(has_descr_, key);
        descr_ = descr();
      } else if (key == "fortran_order") {
        once(has_order_, key);
        fortran_ = truth();
      } else if (key == "shape") {
        once(has_shape_, key);
        tuple();
      } else {
        refuse(path_, "header", fmt::format("has an unknown key '{}'", key));
      }
      if (!accept(',') && peek() != '}') refuse(path_, key, "is not followed by a comma or the header's end");
    }
    if (peek() != 0) refuse(path_, "header", "goes on after its closing brace");
    if (!has_descr_) refuse(path_, "descr", "is missing from the header");
    if (!has_order_) refuse(path_, "fortran_order", "is missing from the header");
    if (!has_shape_) refuse(path_, "shape", "is missing from the header");
  }

  std::string_view descr_value() const { return descr_; }
  bool fortran() const { return fortran_; }
  std::vector<std::int64_t> shape() const { return shape_; }

 private:
  // The next character that is not white space, or 0 at the end.
  char peek() {
    const std::size_t skipped = rest_.find_first_not_of(" \n\t\r");
    rest_.remove_prefix(skipped == std::string_view::npos ? rest_.size() : skipped);
    if (!rest_.empty() && rest_.front() == 0) refuse(path_, "header", "holds a zero byte");
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool accept(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse(path_, "header", fmt::format("is not the dictionary it should be: '{}' is missing", c));
  }
  void once(bool& seen, std::string_view key) const {
    if (std::exchange(seen, true)) refuse(path_, key, "is there twice");
  }

  std::string_view quoted(std::string_view field) {
    const char quote = peek();
    if (quote != '\'' && quote != '"') refuse(path_, field, "a quoted word is missing");
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) refuse(path_, field, "a quoted word does not end");
    const std::string_view word = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return word;
  }
  std::string_view descr() {
    if (peek() == '[' || peek() == '(') refuse(path_, "descr", "structured types cannot be read");
    return quoted("descr");
  }
  bool truth() {
    peek();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    refuse(path_, "fortran_order", "must be True or False");
  }
  void tuple() {
    if (!accept('(')) refuse(path_, "shape", "must be a tuple of whole numbers");
    while (!accept(')')) {
      peek();
      std::int64_t extent = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (error != std::errc() || extent < 0) refuse(path_, "shape", "must be a tuple of whole numbers below 2^63");
      if (shape_.size() == tensor_file::kLargestRank)
        refuse(path_, "shape", fmt::format("has more than {} dimensions", tensor_file::kLargestRank));
      shape_.push_back(extent);
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      if (!accept(',') && peek() != ')') refuse(path_, "shape", "must be a tuple of whole numbers");
    }
  }

  const std::string& path_;
  std::string_view rest_;
  std::string_view descr_;
  bool fortran_ = false;
  std::vector<std::int64_t> shape_;
  bool has_descr_ = false, has_order_ = false, has_shape_ = false;
};

}  // namespace

Array read_npy(const std::string& path) {
  const File file(path);
  // 6 bytes magic, 2 bytes version, then the header's length: 2 bytes in version 1, 4 bytes later
  std::array<std::byte, 12> start{};
  if (file.size() < 10) refuse(path, "magic", fmt::format("{} bytes are too few for a .npy file", file.size()));
  file.read("magic", 0, std::span(start).first(10));
  if (std::memcmp(start.data(), "\x93NUMPY", 6) != 0) refuse(path, "magic", "this is not a .npy file");
  const int major = std::to_integer<int>(start[6]), minor = std::to_integer<int>(start[7]);
  if (major < 1 || major > 3 || minor != 0)
    refuse(path, "version", fmt::format("must be 1.0, 2.0 or 3.0, got {}.{}", major, minor));
  const std::uint64_t prefix = major == 1 ? 10 : 12;
  if (file.size() < prefix) refuse(path, "header length", "the file ends before it");
  file.read("header length", 0, std::span(start).first(static_cast<std::size_t>(prefix)));
  std::uint64_t length = 0;
  for (std::uint64_t at = prefix; at-- > 8;) length = length << 8 | std::to_integer<std::uint64_t>(start[at]);
  if (length > file.size() - prefix)
    refuse(path, "header length", fmt::format("{} bytes do not fit a file of {} bytes", length, file.size()));
  if (length > kLongestHeader)
    refuse(path, "header length", fmt::format("must be at most {}, got {}", kLongestHeader, length));

  std::string text(static_cast<std::size_t>(length), '\0');
  file.read("header", prefix, std::as_writable_bytes(std::span(text)));
  HeaderParser header(path, text);
  header.parse();
  if (header.fortran()) refuse(path, "fortran_order", "must be False: save the array in C order");
  const auto type = std::ranges::find(kTypes, header.descr_value(), &Type::descr);
  if (type == kTypes.end())
    refuse(path, "descr", fmt::format("must be <f4, <f2, <f8, <i4, <i8, |u1 or |b1, got '{}'", header.descr_value()));
  const auto bytes = tensor_file::total(header.shape(), tensor_file::bytes_of(type->number));
  const std::uint64_t there = file.size() - prefix - length;
  if (!bytes) refuse(path, "shape", fmt::format("{} is too large", tensor_file::shape_text(header.shape())));
  if (*bytes != there)
    refuse(path, "shape",
           fmt::format("{} of {} needs {} bytes, the file has {}", tensor_file::shape_text(header.shape()), type->descr,
                       *bytes, there));
  return tensor_file::read_numbers(file, "data", prefix + length, type->number, header.shape(), type->descr);
}

}  // namespace yoso
