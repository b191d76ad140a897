// A device whose memory is the host's and whose kernels run in the emulator.
#pragma once
#include <yoso/device.hpp>

namespace emulated {

yoso::Device& device();

}  // namespace emulated
