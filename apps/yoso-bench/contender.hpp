// One member of a group with all that its pass works on.
#pragma once
#include <memory>
#include <vector>

#include <yoso/gradients.hpp>
#include <yoso/placement.hpp>

#include "bench.hpp"

namespace yoso::app {

class Contender {
 public:
  // The member's engine and its memory, faulted in. `inputs` is borrowed. Throws Unsupported, OutOfBudget.
  Contender(const Options& options, const Group& group, const Member& member, const Inputs& inputs);

  // One call of what is measured, with fresh draws where each call has its own. Phases of a backward pass that follows
  // a forward pass are named "backward ...".
  void call(PhaseListener* phases = nullptr);
  void call_with_old_draws(PhaseListener* phases = nullptr);

  // Runs the forward pass that calls of "backward" belong to.
  void prepare();

  // What the kernels of one call take, of a device.
  std::vector<KernelUse> kernels();

  // Of the output, and of the gradients where there are any. Leaves the instance as after prepare().
  CheckResult check(std::int64_t queries);

 private:
  bool trains() const { return pass_ != "forward"; }

  Inputs in_;
  std::string pass_, redraw_;
  std::uint64_t seed_, draws_ = 0;  // how often it has been redrawn
  std::unique_ptr<Instance> instance_;
  std::vector<float> out_, dout_;
  GradientBuffers gradients_;
  std::unique_ptr<Placement> there_;  // all of it where the backend wants it
};

}  // namespace yoso::app
