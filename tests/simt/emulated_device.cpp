#include "simt/emulated_device.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include <yoso/arena.hpp>
#include <yoso/errors.hpp>

#include "simt/draw.hpp"

namespace emulated {
namespace {

class Emulated final : public yoso::Device {
 public:
  std::string_view backend() const override { return "cuda"; }
  const yoso::DeviceInfo& info() const override { return info_; }
  yoso::DeviceState state() override { return {}; }

  // Not zeroed, so that whoever reads what he never wrote is likely to show it.
  void* allocate(std::size_t bytes) override {
    answer();
    void* const memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
    if (!memory) throw yoso::OutOfBudget("the emulated device has no memory left");
    std::memset(memory, 0xFF, bytes);
    return memory;
  }
  void release(void* memory) noexcept override { std::free(memory); }
  std::size_t available() override {
    answer();
    return std::size_t{1} << 30;
  }

  void upload(void* to, const void* from, std::size_t bytes) override {
    answer();
    std::memcpy(to, from, bytes);
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    answer();
    std::memcpy(to, from, bytes);
  }
  void synchronize() override { answer(); }
  void* stream() const override { return nullptr; }
  bool fill(const yoso::TensorSpec& spec, const yoso::Shape& shape, std::uint64_t seed, float* to) override {
    return yoso::emu_impl::draw(nullptr, spec, shape, seed, to);
  }
  double seconds() override {
    answer();
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  void flush_cache() override {}
  void watch(bool) override {}
  std::vector<yoso::KernelUse> kernels() override { return {}; }

 private:
  // As a device whose kernel reads a wrong address: after so many answers it gives none any more.
  void answer() {
    if (answers_ == 0) throw yoso::DeviceError("the emulated device is lost");
    if (answers_ > 0) --answers_;
  }

  static constexpr std::size_t kAlignment = 256;
  std::int64_t answers_ = [] {
    const char* const limit = std::getenv("YOSO_EMULATED_ANSWERS");
    return limit ? std::stoll(limit) : -1;  // -1: no limit
  }();
  yoso::DeviceInfo info_ = [] {
    yoso::DeviceInfo info;
    info.name = "emulator";
    info.architecture = "emulated";
    info.memory = std::int64_t{1} << 30;
    info.processors = 1;
    info.shared_per_block = 227 << 10;
    return info;
  }();
};

}  // namespace

yoso::Device& device() {
  static Emulated only;
  return only;
}

}  // namespace emulated
