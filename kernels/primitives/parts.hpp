// Sums over the tokens of a row that more than one thread works on: the tokens are cut into parts by the shape alone,
// every part has a sum of its own, and these are added in their order. So no bit depends on how many threads there are.
#pragma once
#include <algorithm>
#include <cstdint>

namespace yoso {

class Parts {
 public:
  // Of `rows` rows of `tokens` tokens each; parts begin at multiples of `block`.
  Parts(std::int64_t rows, std::int64_t tokens, std::int64_t block) : tokens_(tokens) {
    // enough pieces of work for many threads, none so short that its sum costs more to clear and add than to make
    const std::int64_t wanted = std::clamp((kPieces + rows - 1) / rows, std::int64_t{1}, (tokens + kFew - 1) / kFew);
    size_ = ((tokens + wanted - 1) / wanted + block - 1) / block * block;
    count_ = (tokens + size_ - 1) / size_;
  }
  std::int64_t count() const { return count_; }
  std::int64_t begin(std::int64_t part) const { return part * size_; }
  std::int64_t end(std::int64_t part) const { return std::min(tokens_, (part + 1) * size_); }

 private:
  static constexpr std::int64_t kPieces = 16;
  static constexpr std::int64_t kFew = 512;
  std::int64_t tokens_, size_ = 1, count_ = 1;
};

}  // namespace yoso
