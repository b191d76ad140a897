// The tensors of one problem where its backend wants them: borrowed from the host for the CPU, copied for a device.
#pragma once
#include <memory>
#include <vector>

#include <yoso/device.hpp>
#include <yoso/method.hpp>

namespace yoso {

// Host tensors of one problem. Null where there are none of a kind: no backward pass, no mask.
struct HostTensors {
  Inputs in;
  float* out = nullptr;
  const float* dout = nullptr;
  Gradients grads;
};

class Placement {
 public:
  // With no device everything stays where it is. `parameters` are the sizes of grads.parameters. Copies the inputs, as
  // elements of the context's type, and dout where there is one. Throws OutOfBudget, DeviceError.
  Placement(const Context& context, const Shape& shape, const HostTensors& host,
            const std::vector<TensorSpec>& parameters = {});

  const Inputs& inputs() const { return placed_.in; }
  float* out() const { return placed_.out; }
  Upstream upstream() const { return {placed_.out, placed_.dout}; }
  const Gradients& gradients() const { return placed_.grads; }

  void upload_out() const;  // what the host has as out, for a backward pass of a forward pass that ran elsewhere
  void download_out() const;
  void download_gradients() const;

 private:
  struct Copy {
    float* to;
    const float* from;
    std::size_t bytes;
  };
  float* room(std::int64_t elements);
  template <class T>
  const T* copied(const T* host, std::int64_t elements);
  const float* converted(const float* host, std::int64_t elements, Element element);

  Device* device_;
  HostTensors host_, placed_;
  std::size_t out_bytes_ = 0;
  std::vector<DeviceBuffer> memory_;
  std::vector<Copy> back_;  // gradients
};

}  // namespace yoso
