// The devices that this build can use.
#pragma once
#include <yoso/atomics.hpp>
#include <yoso/device.hpp>

namespace yoso {

// The first CUDA device (CUDA_VISIBLE_DEVICES chooses), opened once. Throws DeviceError with one line that says what is
// missing: the backend in this build, a driver, a device, or code for its architecture.
Device& cuda_device();

// How fast that device adds atomically. Takes a second or so. Throws DeviceError.
AtomicRates atomic_rates();

// Whether this build has CUDA cells at all.
bool cuda_was_built();

}  // namespace yoso
