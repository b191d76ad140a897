#include "contender.hpp"

#include <yoso/check.hpp>

namespace yoso::app {
namespace {

// Tells a listener of phases under names of their own.
class Renamed final : public PhaseListener {
 public:
  explicit Renamed(PhaseListener& to) : to_(to) {}
  void begin(std::string_view phase) override { to_.begin("backward " + std::string(phase)); }

 private:
  PhaseListener& to_;
};

}  // namespace

Contender::Contender(const Options& o, const Group& g, const Member& m, const Inputs& in)
    : in_(in),
      pass_(g.pass),
      redraw_(redraw_policy(o, g, m)),
      seed_(o.seed),
      instance_(std::make_unique<Instance>(*m.method, g.shape, m.settings, g.context, o.seed)),
      out_(static_cast<std::size_t>(g.shape.out_size())) {
  instance_->touch();
  HostTensors host{in, out_.data(), nullptr, {}};
  if (trains()) {
    dout_ = upstream_gradient(g.shape, o.seed);
    gradients_ = GradientBuffers(g.shape, instance_->parameters().specs());
    host.dout = dout_.data();
    host.grads = gradients_.view();
  }
  there_ = std::make_unique<Placement>(g.context, g.shape, host, instance_->parameters().specs());
}

void Contender::call(PhaseListener* phases) {
  if (redraw_ == "each") {
    if (phases) phases->begin("draw");
    instance_->redraw(seed_ + ++draws_);
  }
  call_with_old_draws(phases);
}

void Contender::call_with_old_draws(PhaseListener* phases) {
  if (pass_ != "backward") instance_->forward_placed(there_->inputs(), there_->out(), phases);
  if (!trains()) return;
  if (phases && pass_ == "both") {
    Renamed renamed(*phases);
    instance_->backward_placed(there_->inputs(), there_->upstream(), there_->gradients(), &renamed);
  } else {
    instance_->backward_placed(there_->inputs(), there_->upstream(), there_->gradients(), phases);
  }
}

void Contender::prepare() {
  if (pass_ == "backward") instance_->forward_placed(there_->inputs(), there_->out());
}

std::vector<KernelUse> Contender::kernels() {
  Device* const device = instance_->context().device;
  if (!device) return {};
  struct Watch {
    Device& device;
    explicit Watch(Device& d) : device(d) { device.watch(true); }
    ~Watch() { device.watch(false); }
  };
  device->kernels();  // of a call that failed on the way
  const Watch watch(*device);
  call_with_old_draws();
  device->synchronize();
  return device->kernels();
}

CheckResult Contender::check(std::int64_t queries) {
  there_->download_out();
  CheckResult result = check_output(*instance_, in_, out_.data(), queries);
  if (trains()) check_gradients(*instance_, in_, out_.data(), gradients_.view(), result);
  return result;
}

}  // namespace yoso::app
