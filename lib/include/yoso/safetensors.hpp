// Reader of .safetensors files: eight bytes with the length of a JSON header, the header, then the tensors' bytes.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <yoso/array.hpp>

namespace yoso {

class Safetensors {
 public:
  struct Entry {
    std::string name;
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::uint64_t first = 0, last = 0;  // bytes [first, last) of the data
  };

  // Reads the header and checks all of it: every tensor's size against its offsets, and the offsets against each other
  // and the file's size. The file is not trusted: whatever is wrong throws BadInput naming the file and the field, and
  // nothing is allocated that the file's own size does not justify.
  explicit Safetensors(const std::string& path);

  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::vector<Entry>& entries() const { return entries_; }  // in the order of their bytes
  bool has(std::string_view name) const;

  // F64, F32, F16, BF16, I64, I32, U8 or BOOL. Throws BadInput when there is no such tensor (and says which there are),
  // when its dtype is another, or when it holds a NaN or an infinity.
  Array read(std::string_view name) const;

 private:
  std::string path_;
  std::uint64_t data_ = 0;  // where the tensors' bytes begin
  std::map<std::string, std::string> metadata_;
  std::vector<Entry> entries_;
};

}  // namespace yoso
