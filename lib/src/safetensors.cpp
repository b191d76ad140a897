#include <yoso/safetensors.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "tensor_file.hpp"

namespace yoso {
namespace {

using nlohmann::json;
using tensor_file::File;
using tensor_file::Number;
using tensor_file::refuse;
using tensor_file::shape_text;
using Entry = Safetensors::Entry;

constexpr std::uint64_t kLongestHeader = std::uint64_t{16} << 20;  // ours need a kilobyte; the format allows 100 MB
constexpr std::size_t kListed = 12;                                // tensors that a message lists
constexpr std::size_t kLongestReason = 120;                        // of the JSON parser's, which quotes the file

// Every dtype whose size is known can be skipped; those with a number can be read.
struct Type {
  std::string_view name;
  std::uint64_t bytes;
  const Number* number;
};
constexpr Number kF64 = Number::f64, kF32 = Number::f32, kF16 = Number::f16, kBf16 = Number::bf16, kI64 = Number::i64,
                 kI32 = Number::i32, kU8 = Number::u8;
constexpr std::array kTypes{
    Type{"F64", 8, &kF64},   Type{"F32", 4, &kF32},       Type{"F16", 2, &kF16},       Type{"BF16", 2, &kBf16},
    Type{"I64", 8, &kI64},   Type{"I32", 4, &kI32},       Type{"U8", 1, &kU8},         Type{"BOOL", 1, &kU8},
    Type{"U64", 8, nullptr}, Type{"U32", 4, nullptr},     Type{"I16", 2, nullptr},     Type{"U16", 2, nullptr},
    Type{"I8", 1, nullptr},  Type{"F8_E4M3", 1, nullptr}, Type{"F8_E5M2", 1, nullptr}, Type{"C64", 8, nullptr},
};

const Type* find_type(std::string_view name) {
  const auto at = std::ranges::find(kTypes, name, &Type::name);
  return at == kTypes.end() ? nullptr : &*at;
}

// Takes the header event by event and keeps only what it should hold, so that no document is ever built: nesting is
// refused at the first bracket too many (a document of nested arrays would have to be destroyed again), and memory
// stays proportional to the header.
class HeaderReader final : public nlohmann::json_sax<json> {
 public:
  HeaderReader(const std::string& path, std::map<std::string, std::string>& metadata, std::vector<Entry>& entries)
      : path_(path), metadata_(metadata), entries_(entries) {}

  bool null() override { misplaced("null"); }
  bool boolean(bool) override { misplaced("a boolean"); }
  bool number_integer(number_integer_t value) override { misplaced(fmt::format("{}", value)); }  // negative ones
  bool number_float(number_float_t, const string_t& text) override { misplaced(text); }
  bool binary(binary_t&) override { misplaced("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (at_ == At::shape) {
      if (value > std::uint64_t{INT64_MAX}) refuse(path_, field(), fmt::format("{} is too large", value));
      if (entries_.back().shape.size() == tensor_file::kLargestRank)
        refuse(path_, field(), fmt::format("has more than {} dimensions", tensor_file::kLargestRank));
      entries_.back().shape.push_back(static_cast<std::int64_t>(value));
    } else if (at_ == At::offsets && offsets_ < 2) {
      (offsets_ == 0 ? entries_.back().first : entries_.back().last) = value;
      ++offsets_;
    } else {
      misplaced(fmt::format("{}", value));
    }
    return true;
  }

  bool string(string_t& value) override {
    if (at_ == At::metadata)
      metadata_[key_] = std::move(value);
    else if (at_ == At::tensor && key_ == "dtype")
      entries_.back().dtype = std::move(value);
    else
      misplaced("a string");
    return true;
  }

  bool start_object(std::size_t) override {
    if (at_ == At::start) {
      at_ = At::top;
    } else if (at_ == At::top && key_ == "__metadata__") {
      at_ = At::metadata;
    } else if (at_ == At::top) {
      at_ = At::tensor;
      entries_.push_back({.name = key_, .dtype = {}, .shape = {}});
      seen_fields_.clear();
    } else {
      misplaced("an object");
    }
    return true;
  }

  bool key(string_t& name) override {
    if (at_ == At::tensor && name != "dtype" && name != "shape" && name != "data_offsets")
      refuse(path_, entries_.back().name, fmt::format("has an unknown field '{}'", name));
    key_ = std::move(name);
    const bool fresh = at_ == At::metadata ? !metadata_.contains(key_)
                                           : (at_ == At::top ? seen_names_ : seen_fields_).insert(key_).second;
    if (!fresh) refuse(path_, field(), "is there twice");
    return true;
  }

  bool end_object() override {
    if (at_ == At::tensor)
      for (const std::string_view needed : {"dtype", "shape", "data_offsets"})
        if (!seen_fields_.contains(std::string(needed)))
          refuse(path_, fmt::format("{}.{}", entries_.back().name, needed), "is missing");
    at_ = at_ == At::top ? At::done : At::top;
    return true;
  }

  bool start_array(std::size_t) override {
    if (at_ != At::tensor || key_ == "dtype") misplaced("an array");
    at_ = key_ == "shape" ? At::shape : At::offsets;
    offsets_ = 0;
    return true;
  }

  bool end_array() override {
    if (at_ == At::offsets && offsets_ != 2)
      refuse(path_, field(), fmt::format("must be [first, last], got {} numbers", offsets_));
    at_ = At::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception& error) override {
    std::string_view why = error.what();
    why.remove_prefix(std::min(why.size(), why.find(": ") + 2));  // "[json.exception...] parse error at line ...: "
    refuse(path_, "header", fmt::format("is not JSON, at byte {}: {}", position, why.substr(0, kLongestReason)));
  }

 private:
  enum class At { start, top, metadata, tensor, shape, offsets, done };

  std::string field() const {
    switch (at_) {
      case At::start:
      case At::done:
        return "header";
      case At::top:
        return key_;
      case At::metadata:
        return "__metadata__." + key_;
      case At::tensor:
      case At::shape:
      case At::offsets:
        return entries_.back().name + "." + key_;
    }
    return "header";
  }

  [[noreturn]] void misplaced(std::string_view what) const {
    const auto expected = [&]() -> std::string_view {
      switch (at_) {
        case At::start:
        case At::done:
          return "an object";
        case At::top:
          return key_ == "__metadata__" ? "an object of strings" : "an object that describes a tensor";
        case At::metadata:
          return "a string";
        case At::tensor:
          return key_ == "dtype" ? "a string" : "an array of whole numbers";
        case At::shape:
          return "an array of whole numbers >= 0";
        case At::offsets:
          return "two whole numbers >= 0";
      }
      return "an object";
    };
    refuse(path_, field(), fmt::format("must be {}, got {}", expected(), what));
  }

  const std::string& path_;
  std::map<std::string, std::string>& metadata_;
  std::vector<Entry>& entries_;
  At at_ = At::start;
  std::string key_;
  int offsets_ = 0;
  std::set<std::string> seen_names_, seen_fields_;
};

// The bytes of the tensors must tile the data exactly, and each must be as long as its shape says.
void check_layout(const std::string& path, std::vector<Entry>& entries, std::uint64_t data_bytes) {
  for (const Entry& e : entries) {
    const Type* type = find_type(e.dtype);
    if (!type) refuse(path, e.name + ".dtype", fmt::format("'{}' is not a dtype of this format", e.dtype));
    const std::string offsets = e.name + ".data_offsets";
    if (e.first > e.last) refuse(path, offsets, fmt::format("[{}, {}] ends before it begins", e.first, e.last));
    if (e.last > data_bytes)
      refuse(path, offsets, fmt::format("[{}, {}] exceeds the file's {} data bytes", e.first, e.last, data_bytes));
    const auto bytes = tensor_file::total(e.shape, type->bytes);
    if (!bytes) refuse(path, e.name + ".shape", fmt::format("{} is too large", shape_text(e.shape)));
    if (*bytes != e.last - e.first)
      refuse(path, e.name + ".shape",
             fmt::format("{} of {} needs {} bytes, data_offsets give it {}", shape_text(e.shape), e.dtype, *bytes,
                         e.last - e.first));
  }
  std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair(e.first, e.last); });
  std::uint64_t end = 0;
  std::string_view before = "the header";
  for (const Entry& e : entries) {
    if (e.first < end) refuse(path, e.name + ".data_offsets", fmt::format("overlaps the bytes of '{}'", before));
    if (e.first > end)
      refuse(path, e.name + ".data_offsets",
             fmt::format("leaves a hole of {} bytes after '{}'", e.first - end, before));
    end = e.last;
    before = e.name;
  }
  if (end != data_bytes) refuse(path, "file", fmt::format("has {} bytes after the last tensor", data_bytes - end));
}

}  // namespace

Safetensors::Safetensors(const std::string& path) : path_(path) {
  const File file(path);
  std::array<std::byte, 8> start{};
  if (file.size() < start.size())
    refuse(path, "header length", fmt::format("{} bytes are too few for a .safetensors file", file.size()));
  file.read("header length", 0, start);
  std::uint64_t length = 0;
  for (std::size_t at = start.size(); at-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(start[at]);
  if (length > file.size() - start.size())
    refuse(path, "header length",
           fmt::format("{} bytes do not fit a file of {} bytes: truncated, or not a .safetensors file", length,
                       file.size()));
  if (length > kLongestHeader)
    refuse(path, "header length", fmt::format("must be at most {}, got {}", kLongestHeader, length));

  std::string text(static_cast<std::size_t>(length), '\0');
  file.read("header", start.size(), std::as_writable_bytes(std::span(text)));
  // The JSON parser takes a zero byte for the end of its input, whatever follows.
  if (text.find('\0') != std::string::npos) refuse(path, "header", "holds a zero byte");
  HeaderReader reader(path, metadata_, entries_);
  json::sax_parse(text, &reader);  // the reader throws at the first mistake
  data_ = start.size() + length;
  check_layout(path, entries_, file.size() - data_);
}

bool Safetensors::has(std::string_view name) const {
  return std::ranges::find(entries_, name, &Entry::name) != entries_.end();
}

Array Safetensors::read(std::string_view name) const {
  const auto at = std::ranges::find(entries_, name, &Entry::name);
  if (at == entries_.end()) {
    std::string list;
    for (std::size_t i = 0; i < std::min(entries_.size(), kListed); ++i)
      list += fmt::format("{}{} {} {}", i ? ", " : "", entries_[i].name.substr(0, 40), entries_[i].dtype,
                          shape_text(entries_[i].shape));
    if (entries_.size() > kListed) list += fmt::format(" and {} more", entries_.size() - kListed);
    refuse(path_, name, fmt::format("is missing; the file has {}", list.empty() ? "no tensors" : list));
  }
  const Number* number = find_type(at->dtype)->number;
  if (!number)
    refuse(path_, at->name + ".dtype", fmt::format("{} cannot be read: save it as F32, F16 or BF16", at->dtype));
  const File file(path_);
  if (file.size() < data_ + at->last) refuse(path_, at->name, "the file shrank after its header was read");
  return tensor_file::read_numbers(file, at->name, data_ + at->first, *number, at->shape, at->dtype);
}

}  // namespace yoso
