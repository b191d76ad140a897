// Counter-based random numbers: value i of a stream depends on (seed, stream, i) and nothing else, so the same seed
// gives the same numbers on every backend, in any order and for any thread count. Philox4x32-10 (Salmon et al., SC
// 2011).
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace yoso {

class Random {
 public:
  // `stream` separates uses of one seed: hash the name of what is drawn with `stream_of`.
  Random(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  void normal(std::span<float> out, double scale = 1) const;            // N(0, scale^2), Box-Muller in double
  void sign(std::span<float> out, double scale = 1) const;              // +-scale
  void uniform(std::span<double> out) const;                            // [0, 1), 53 bits
  std::uint64_t bits(std::uint64_t index) const;                        // 64 random bits
  std::uint64_t below(std::uint64_t index, std::uint64_t limit) const;  // [0, limit), limit >= 1

 private:
  std::uint64_t seed_, stream_;
};

// A stream id from a name and a number (which tensor, which copy): FNV-1a over the name, then mixed with the number
// (splitmix64's finaliser). In two steps, because a device's kernel is given the first and takes the second.
constexpr std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}
constexpr std::uint64_t stream_of(std::uint64_t hash, std::uint64_t number) {
  hash += number * 0x9e3779b97f4a7c15u;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 31);
}
constexpr std::uint64_t stream_of(std::string_view name, std::uint64_t number = 0) {
  return stream_of(hash_of(name), number);
}

}  // namespace yoso
