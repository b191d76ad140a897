// The first CUDA device behind yoso::Device.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include <yoso/errors.hpp>

#include "simt/backend.hpp"
#include "simt/cublas.hpp"
#include "simt/draw.hpp"
#include "simt/nvml.hpp"
#include "simt/watch.hpp"

namespace yoso {
namespace {

constexpr int kBuiltFor[] = {__CUDA_ARCH_LIST__};  // nvcc's word: 750, 800, ...

// Asked for its attributes, to learn whether this build's code runs on the device.
__global__ void __launch_bounds__(32) nothing() {}

std::string version_text(int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); }

// After some failures (an illegal address, say) the driver refuses all that a process asks of it. What is said of later
// calls then, or rows would look as if each had a fault of its own.
std::string& lost() {
  static std::string since;
  return since;
}

void check(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // said here, and not again by the next call
  if (!lost().empty()) throw DeviceError(lost());
  const std::string what =
      std::string("CUDA: ") + doing + ": " + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")";
  if (cudaDeviceSynchronize() != cudaSuccess)  // it stays
    lost() = "nothing runs on the device any more until the program is started again, since " + what;
  throw DeviceError(what);
}

// Without a driver the runtime says 35, the same as for one that is too old; the stub that a toolkit brings for linkers
// says 34.
std::string why_no_device(cudaError_t error) {
  std::string why = "no CUDA device: ";
  if (error == cudaErrorInsufficientDriver) {
    int driver = 0;
    cudaDriverGetVersion(&driver);
    if (driver == 0)
      why += "this machine has no NVIDIA driver";
    else
      why += "the NVIDIA driver knows CUDA " + version_text(driver) + ", and this build needs " +
             version_text(CUDART_VERSION);
  } else if (error == cudaErrorStubLibrary) {
    why += "libcuda.so.1 is the toolkit's stub, not a driver";
  } else if (error == cudaErrorNoDevice) {
    why += "the NVIDIA driver shows no GPU";
    if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES"))
      why += std::string(" (CUDA_VISIBLE_DEVICES=") + visible + ")";
  } else {
    why += cudaGetErrorString(error);
  }
  return why + " (error " + std::to_string(error) + ")";
}

std::string built_for() {
  std::string all;
  for (int architecture : kBuiltFor) all += (all.empty() ? "sm_" : ", sm_") + std::to_string(architecture / 10);
  return all;
}

class CudaDevice final : public Device {
 public:
  CudaDevice() {
    int count = 0;  // untouched by a call that fails
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaSuccess && count == 0) error = cudaErrorNoDevice;
    if (error != cudaSuccess) {
      const std::string why = why_no_device(error);
      cudaGetLastError();
      throw DeviceError(why);
    }
    check(cudaSetDevice(0), "the device cannot be opened");
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, 0), "the device does not say what it is");
    describe(properties);
    refuse_foreign_code();
    // not the default stream, whose rules would order it with whatever a library does there
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "no stream");
    check(cudaEventCreate(&last_), "no event");
    check(cudaEventCreate(&now_), "no event");
    check(cudaEventRecord(last_, stream_), "no event");
    check(cudaEventSynchronize(last_), "no event");
  }

  std::string_view backend() const override { return "cuda"; }
  const DeviceInfo& info() const override { return info_; }
  DeviceState state() override { return simt::device_state(bus_id_); }

  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    const cudaError_t error = cudaMalloc(&memory, bytes);
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      throw OutOfBudget("the device refused " + std::to_string(bytes) + " bytes of memory; " +
                        std::to_string(available()) + " are free");
    }
    check(error, "no memory");
    return memory;
  }

  void release(void* memory) noexcept override {
    if (cudaFree(memory) != cudaSuccess) cudaGetLastError();  // a failed kernel is reported by who waits for it
  }

  std::size_t available() override {
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "free memory is unknown");
    return free;
  }

  void upload(void* to, const void* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "upload");
    check(cudaStreamSynchronize(stream_), "upload");
  }

  void download(void* to, const void* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "download");
    check(cudaStreamSynchronize(stream_), "download");
  }

  void synchronize() override { check(cudaStreamSynchronize(stream_), "a kernel failed"); }
  void* stream() const override { return stream_; }
  bool fill(const TensorSpec& spec, const Shape& shape, std::uint64_t seed, float* to) override {
    return cuda_impl::draw(stream_, spec, shape, seed, to);
  }

  // The runtime tells the time between two events as a float of milliseconds, which is exact to half a microsecond for
  // seconds only. So each event is compared with the one before it, and the sum is kept in double: the difference of
  // two calls carries the rounding of what lies between them, not that of the program's whole life.
  double seconds() override {
    check(cudaEventRecord(now_, stream_), "no event");
    check(cudaEventSynchronize(now_), "a kernel failed");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, last_, now_), "no time between events");
    std::swap(last_, now_);
    return seconds_ += 1e-3 * static_cast<double>(milliseconds);
  }

  // Twice the cache, because replacement is not strictly by age. The buffer stays, and counts as memory in use.
  void flush_cache() override {
    const std::size_t bytes =
        std::max<std::size_t>(2 * static_cast<std::size_t>(info_.second_level_cache), std::size_t{32} << 20);
    if (!flushed_) flushed_ = allocate(bytes);
    check(cudaMemsetAsync(flushed_, 0, bytes, stream_), "the cache cannot be flushed");
  }

  void watch(bool on) override { simt::watch_launches(on); }
  std::vector<KernelUse> kernels() override { return simt::take_launches(); }

 private:
  void describe(const cudaDeviceProp& properties) {
    info_.name = properties.name;
    info_.architecture = "sm_" + std::to_string(properties.major) + std::to_string(properties.minor);
    info_.memory = static_cast<std::int64_t>(properties.totalGlobalMem);
    info_.processors = properties.multiProcessorCount;
    info_.shared_per_block = static_cast<std::int64_t>(properties.sharedMemPerBlockOptin);
    info_.second_level_cache = properties.l2CacheSize;

    // the driver's own number where the management library is there, and in any case the CUDA version that it knows
    info_.driver = simt::driver_version();
    int version = 0;
    if (cudaDriverGetVersion(&version) == cudaSuccess && version != 0) {
      const std::string cuda = "CUDA " + version_text(version);
      info_.driver = info_.driver ? *info_.driver + ", " + cuda : cuda;
    }
    if (cudaRuntimeGetVersion(&version) == cudaSuccess) info_.runtime = version_text(version);
    info_.blas = simt::blas_library().version;
    info_.blas_problem = simt::blas_library().problem;

    char bus_id[32] = "";
    if (cudaDeviceGetPCIBusId(bus_id, sizeof bus_id, 0) == cudaSuccess) bus_id_ = bus_id;
    cudaGetLastError();
  }

  void refuse_foreign_code() const {
    cudaFuncAttributes attributes{};
    const cudaError_t error = cudaFuncGetAttributes(&attributes, nothing);
    if (error == cudaErrorNoKernelImageForDevice || error == cudaErrorUnsupportedPtxVersion ||
        error == cudaErrorInvalidDeviceFunction) {
      cudaGetLastError();
      throw DeviceError("this build has no code for " + info_.name + " (" + info_.architecture + "), only for " +
                        built_for() + " (error " + std::to_string(error) + ")");
    }
    check(error, "the device cannot load a kernel");
  }

  DeviceInfo info_;
  std::string bus_id_;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t last_ = nullptr, now_ = nullptr;
  double seconds_ = 0;
  void* flushed_ = nullptr;
};

}  // namespace

Device& cuda_device() {
  // Never destroyed: at exit the runtime may be gone before it. A constructor that threw is tried again.
  static Device& device = *new CudaDevice;
  return device;
}

bool cuda_was_built() { return true; }

}  // namespace yoso
