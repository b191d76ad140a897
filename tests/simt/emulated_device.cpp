#include "simt/emulated_device.hpp"

#include <chrono>
#include <cstdlib>
#include <cstring>

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
    void* const memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
    if (!memory) throw yoso::OutOfBudget("the emulated device has no memory left");
    std::memset(memory, 0xFF, bytes);
    return memory;
  }
  void release(void* memory) noexcept override { std::free(memory); }
  std::size_t available() override { return std::size_t{1} << 30; }

  void upload(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void download(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void synchronize() override {}
  void* stream() const override { return nullptr; }
  bool fill(const yoso::TensorSpec& spec, const yoso::Shape& shape, std::uint64_t seed, float* to) override {
    return yoso::emu_impl::draw(nullptr, spec, shape, seed, to);
  }
  double seconds() override {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  void flush_cache() override {}
  void watch(bool) override {}
  std::vector<yoso::KernelUse> kernels() override { return {}; }

 private:
  static constexpr std::size_t kAlignment = 256;
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
