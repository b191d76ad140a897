#include "conformance/walk.hpp"

#include <emulated/catalogue.hpp>

#include "simt/emulated_device.hpp"

namespace conformance {

yoso::Methods methods() {
  static const std::vector<const yoso::Method*> with_cells = [] {
    std::vector<const yoso::Method*> found;
    for (const yoso::Method* method : emulated::catalogue())
      if (method->cuda.build) found.push_back(method);
    return found;
  }();
  return with_cells;
}

yoso::Device* device() { return &emulated::device(); }

}  // namespace conformance
