// In a build without a CUDA compiler.
#include "simt/backend.hpp"

#include <yoso/errors.hpp>

namespace yoso {

Device& cuda_device() {
  throw DeviceError("no CUDA backend in this build: it was built without a CUDA compiler, or with YOSO_CUDA=OFF");
}

AtomicRates atomic_rates() { return {.device = cuda_device().info(), .sm_clock = {}, .rates = {}}; }

bool cuda_was_built() { return false; }

}  // namespace yoso
