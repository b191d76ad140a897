// One method on one shape, ready to run: the engine, its draws and parameters, and the arenas it works in.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include <yoso/arena.hpp>
#include <yoso/device.hpp>
#include <yoso/draws.hpp>
#include <yoso/method.hpp>

namespace yoso {

// Bytes of one point by kind; `total()` is the peak that `memory` reports.
struct Footprint {
  std::size_t inputs = 0, outputs = 0, draws = 0, parameters = 0, saved = 0, scratch = 0;
  std::size_t gradients = 0;  // of outputs, inputs and parameters, where there is a backward pass
  std::size_t total() const { return inputs + outputs + draws + parameters + saved + scratch + gradients; }
};

class Instance {
 public:
  // Builds the engine and lends it memory. Throws Unsupported, OutOfBudget. `method`, `shape` and `settings` are copied
  // or static; the same seed always gives the same draws and parameters.
  Instance(const Method& method, const Shape& shape, const Settings& settings, const Context& context,
           std::uint64_t seed);

  // Without allocating more than the engine object itself: what the point will need.
  static Footprint predict(const Method& method, const Shape& shape, const Settings& settings, const Context& context,
                           bool masked = false);

  // out is [batch, heads, n_q, d_v]. All tensors lie on the host: on a device, they are copied there and back.
  void forward(const Inputs& in, float* out, PhaseListener* phases = nullptr, Probe* probe = nullptr);
  // After forward() on the same inputs and draws, any number of times. The context's pass has to be `both`.
  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, PhaseListener* phases = nullptr,
                Probe* probe = nullptr);
  // The same with tensors that lie where the backend wants them (placement.hpp): what is timed. Returns before a device
  // is done.
  void forward_placed(const Inputs& in, float* out, PhaseListener* phases = nullptr, Probe* probe = nullptr);
  void backward_placed(const Inputs& in, const Upstream& up, const Gradients& grads, PhaseListener* phases = nullptr,
                       Probe* probe = nullptr);
  void redraw(std::uint64_t seed);
  void uploaded();     // tells a device of values that were injected into draws() or parameters()
  void touch() const;  // faults the arenas in

  // Definition of the method, or of what it estimates, with this instance's draws and parameters: [rows, queries, d_v].
  void oracle(const Inputs& in, std::span<const std::int64_t> queries, double* out) const;
  void expectation(const Inputs& in, std::span<const std::int64_t> queries, double* out) const;
  void gradient_oracle(const Inputs& in, std::span<const std::int64_t> queries, const double* dout,
                       const ExactGradients& grads) const;

  const Method& method() const { return *method_; }
  const Shape& shape() const { return shape_; }
  const Settings& settings() const { return settings_; }
  const Context& context() const { return context_; }
  Drawn& draws() { return draws_; }
  Drawn& parameters() { return parameters_; }
  bool sampled() const { return !draws_.specs().empty(); }
  Footprint measured() const;  // with the arenas' high-water marks

 private:
  Tensors placed(const Drawn& drawn, const DeviceBuffer& buffer) const;
  Call call(PhaseListener* phases, Probe* probe);

  const Method* method_;
  Shape shape_;
  Settings settings_;
  Context context_;
  std::unique_ptr<AnyEngine> engine_;
  Drawn draws_, parameters_;
  Buffer saved_memory_, scratch_memory_;
  DeviceBuffer device_draws_, device_parameters_, device_saved_, device_scratch_;
  Arena saved_, scratch_;
};

}  // namespace yoso
