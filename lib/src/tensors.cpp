#include <yoso/tensors.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace yoso {

void Tensors::set(std::string_view name, std::span<const float> data) {
  const auto at = std::ranges::find(entries_, name, &Entry::name);
  if (at != entries_.end())
    at->data = data;
  else
    entries_.push_back({name, data});
}

const float* Tensors::operator[](std::string_view name) const {
  const auto at = std::ranges::find(entries_, name, &Entry::name);
  if (at == entries_.end()) throw std::logic_error("the method never declared the tensor '" + std::string(name) + "'");
  return at->data.data();
}

bool Tensors::has(std::string_view name) const {
  return std::ranges::find(entries_, name, &Entry::name) != entries_.end();
}

}  // namespace yoso
