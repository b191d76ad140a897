#include <yoso/method.hpp>

#include <fmt/format.h>

namespace yoso {

const Method& find(Methods methods, std::string_view name) {
  std::vector<std::string> known;
  for (const Method* method : methods) {
    if (method->name == name) return *method;
    known.emplace_back(method->name);
  }
  const std::string close = nearest(name, known);
  throw BadSetting(fmt::format("unknown method '{}'{}; the methods are {}", name,
                               close.empty() ? "" : fmt::format(" (did you mean {}?)", close), fmt::join(known, ", ")));
}

}  // namespace yoso
