#include "simt/kernel_name.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string_view>

namespace simt {
namespace {

void remove_all(std::string& text, std::string_view what) {
  for (std::size_t at; (at = text.find(what)) != text.npos;) text.erase(at, what.size());
}

// Names in front of "::", wherever they stand: also a template's arguments lose theirs.
void remove_scopes(std::string& text) {
  for (std::size_t end; (end = text.find("::")) != text.npos;) {
    const std::size_t before = text.find_last_of(" <,(*&", end);
    const std::size_t start = before == text.npos ? 0 : before + 1;
    text.erase(start, end + 2 - start);
  }
}

// The parenthesis that opens the arguments is the first one outside of any <>.
void remove_arguments(std::string& text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<') ++depth;
    if (text[i] == '>') --depth;
    if (text[i] == '(' && depth == 0) return text.erase(i), void();
  }
}

}  // namespace

std::string kernel_name(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> whole(abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                     std::free);
  if (status != 0 || !whole) return mangled;
  std::string name = whole.get();
  remove_all(name, "(anonymous namespace)::");
  if (name.starts_with("void ")) name.erase(0, 5);  // a template's name tells what it returns
  remove_arguments(name);
  remove_scopes(name);
  return name;
}

}  // namespace simt
