// In the place of kernels/simt's: the emulator is the device.
#include "simt/backend.hpp"

#include "simt/atomics.hpp"
#include "simt/emulated_device.hpp"

namespace yoso {

Device& cuda_device() { return emulated::device(); }

AtomicRates atomic_rates() { return emu_impl::measure_atomics(emulated::device()); }

bool cuda_was_built() { return true; }

}  // namespace yoso
