#include "simt/nvml.hpp"

#include <dlfcn.h>

namespace simt {
namespace {

// The part of nvml.h that we use. Its interface is stable, and the header is a package of its own.
using Return = int;  // 0: success
using Handle = struct nvmlDevice_st*;
enum Clock : int { kClockSm = 1, kClockMemory = 2 };
constexpr int kTemperatureGpu = 0;

// Bits of nvmlDeviceGetCurrentClocksThrottleReasons. Bit 0, that the device has nothing to do, is no throttling.
struct Reason {
  unsigned long long bit;
  const char* words;
};
constexpr Reason kReasons[] = {
    {0x002, "application clocks setting"}, {0x004, "software power cap"},
    {0x008, "hardware slowdown"},          {0x010, "sync boost"},
    {0x020, "software thermal slowdown"},  {0x040, "hardware thermal slowdown"},
    {0x080, "hardware power brake"},       {0x100, "display clocks setting"},
};

struct Library {
  Return (*init)() = nullptr;
  Return (*driver)(char*, unsigned) = nullptr;
  Return (*by_bus_id)(const char*, Handle*) = nullptr;
  Return (*clock)(Handle, int, unsigned*) = nullptr;
  Return (*temperature)(Handle, int, unsigned*) = nullptr;
  Return (*power)(Handle, unsigned*) = nullptr;
  Return (*throttle)(Handle, unsigned long long*) = nullptr;
  bool usable = false;

  Library() {
    void* const library = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    find(library, "nvmlInit_v2", init);
    find(library, "nvmlSystemGetDriverVersion", driver);
    find(library, "nvmlDeviceGetHandleByPciBusId_v2", by_bus_id);
    find(library, "nvmlDeviceGetClockInfo", clock);
    find(library, "nvmlDeviceGetTemperature", temperature);
    find(library, "nvmlDeviceGetPowerUsage", power);
    find(library, "nvmlDeviceGetCurrentClocksThrottleReasons", throttle);
    usable = init && init() == 0;
  }

 private:
  template <class Function>
  static void find(void* library, const char* name, Function*& function) {
    function = reinterpret_cast<Function*>(::dlsym(library, name));
  }
};

const Library& library() {
  static const Library opened;
  return opened;
}

// What a getter answers, times `unit`; null where it is missing or refuses.
template <class Getter, class... Arguments>
std::optional<double> ask(double unit, Getter getter, Arguments... arguments) {
  unsigned value = 0;
  if (!getter || getter(arguments..., &value) != 0) return std::nullopt;
  return unit * value;
}

}  // namespace

std::optional<std::string> driver_version() {
  char text[96] = "";
  const Library& nvml = library();
  if (!nvml.usable || !nvml.driver || nvml.driver(text, sizeof text) != 0) return std::nullopt;
  return text;
}

yoso::DeviceState device_state(const std::string& bus_id) {
  yoso::DeviceState state;
  const Library& nvml = library();
  Handle device = nullptr;
  if (!nvml.usable || !nvml.by_bus_id || nvml.by_bus_id(bus_id.c_str(), &device) != 0) return state;
  state.sm_clock = ask(1e6, nvml.clock, device, kClockSm);
  state.memory_clock = ask(1e6, nvml.clock, device, kClockMemory);
  state.temperature = ask(1, nvml.temperature, device, kTemperatureGpu);
  state.power = ask(1e-3, nvml.power, device);
  unsigned long long bits = 0;
  if (nvml.throttle && nvml.throttle(device, &bits) == 0)
    for (const Reason& reason : kReasons)
      if (bits & reason.bit) state.throttled.emplace_back(reason.words);
  return state;
}

}  // namespace simt
