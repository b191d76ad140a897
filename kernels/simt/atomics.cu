#include "simt/atomics.hpp"

#include "simt/backend.hpp"

namespace yoso {

AtomicRates atomic_rates() { return cuda_impl::measure_atomics(cuda_device()); }

}  // namespace yoso
