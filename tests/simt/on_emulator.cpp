#include "conformance/walk.hpp"

#include <emulated/catalogue.hpp>

#include <cstdlib>
#include <string_view>

#include "simt/emulated_device.hpp"

namespace conformance {

// All cells, or that of the method that YOSO_METHOD names.
yoso::Methods methods() {
  static const std::vector<const yoso::Method*> with_cells = [] {
    std::vector<const yoso::Method*> found;
    const char* const only = std::getenv("YOSO_METHOD");
    for (const yoso::Method* method : emulated::catalogue())
      if (method->cuda.build && (!only || method->name == only)) found.push_back(method);
    return found;
  }();
  return with_cells;
}

yoso::Device* device() { return &emulated::device(); }

}  // namespace conformance
