#include "hash.hpp"

#include <fmt/format.h>
#include <xxhash.h>

namespace yoso {

std::string hash_hex(std::string_view text) { return fmt::format("{:016x}", XXH64(text.data(), text.size(), 0)); }

}  // namespace yoso
