// Short ids from text: the xxHash64 of it, in hexadecimal.
#pragma once
#include <string>
#include <string_view>

namespace yoso {
std::string hash_hex(std::string_view text);
}
