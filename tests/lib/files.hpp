// Files for the tests of the readers: a folder that goes away again, and the two formats written from their
// definitions.
#pragma once
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <yoso/errors.hpp>

#include "catch.hpp"

namespace files {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "yoso_test_XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path() const { return path_.string(); }
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }
  std::string write(std::string_view name, std::string_view bytes) const {
    const std::string path = *this / name;
    std::filesystem::remove(path);  // ext4 flushes a file that is written over to the disk: 5 ms each
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

 private:
  std::filesystem::path path_;
};

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

inline std::string safetensors(std::string_view header, std::string_view data) {
  return little_endian(header.size(), 8) + std::string(header) + std::string(data);
}

inline std::string npy(std::string_view header, std::string_view data, int major = 1) {
  const std::string version{static_cast<char>(major), '\0'};
  return "\x93NUMPY" + version + little_endian(header.size(), major == 1 ? 2 : 4) + std::string(header) +
         std::string(data);
}

// What `call` says when it refuses; "" when it does not.
template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const yoso::BadInput& error) {
    return error.what();
  }
  return "";
}

// One line that begins with the file's path and its field.
inline void check_refusal(const std::string& message, const std::string& path, const std::string& field,
                          const std::string& why = "") {
  CAPTURE(message, path, field, why);
  CHECK(message.starts_with(path + ": " + field));
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.find(why) != std::string::npos);
}

}  // namespace files
