// NVIDIA's management library, opened at run time: what a device does at this moment. All of it is optional.
#pragma once
#include <optional>
#include <string>

#include <yoso/device.hpp>

namespace simt {

// "580.65.06"; null where the library or its answer is missing.
std::optional<std::string> driver_version();

// `bus_id` as cudaDeviceGetPCIBusId writes it: NVML counts devices that CUDA_VISIBLE_DEVICES hides.
yoso::DeviceState device_state(const std::string& bus_id);

}  // namespace simt
