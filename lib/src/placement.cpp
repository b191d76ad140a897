#include <yoso/placement.hpp>

namespace yoso {

float* Placement::room(std::int64_t elements) {
  memory_.emplace_back(*device_, static_cast<std::size_t>(elements) * sizeof(float));
  return memory_.back().as<float>();
}

template <class T>
const T* Placement::copied(const T* host, std::int64_t elements) {
  if (!host) return nullptr;
  const std::size_t bytes = static_cast<std::size_t>(elements) * sizeof(T);
  memory_.emplace_back(*device_, bytes);
  device_->upload(memory_.back().as(), host, bytes);
  return memory_.back().as<T>();
}

Placement::Placement(Device* device, const Shape& s, const HostTensors& host, const std::vector<TensorSpec>& parameters)
    : device_(device), host_(host), placed_(host), out_bytes_(static_cast<std::size_t>(s.out_size()) * sizeof(float)) {
  if (!device) return;
  placed_.in = {copied(host.in.q, s.q_size()), copied(host.in.k, s.k_size()), copied(host.in.v, s.v_size()),
                copied(host.in.keep_q, s.batch * s.n_q), copied(host.in.keep_k, s.batch * s.n_k)};
  placed_.out = room(s.out_size());
  placed_.dout = copied(host.dout, s.out_size());
  const auto gradient = [&](float* to, std::int64_t elements) -> float* {
    if (!to) return nullptr;
    float* const from = room(elements);
    back_.push_back({to, from, static_cast<std::size_t>(elements) * sizeof(float)});
    return from;
  };
  placed_.grads.dq = gradient(host.grads.dq, s.q_size());
  placed_.grads.dk = gradient(host.grads.dk, s.k_size());
  placed_.grads.dv = gradient(host.grads.dv, s.v_size());
  for (std::size_t i = 0; i < host.grads.parameters.size(); ++i)
    placed_.grads.parameters[i] = gradient(host.grads.parameters[i], parameters[i].size(s));
}

void Placement::upload_out() const {
  if (device_) device_->upload(placed_.out, host_.out, out_bytes_);
}

void Placement::download_out() const {
  if (device_) device_->download(host_.out, placed_.out, out_bytes_);
}

void Placement::download_gradients() const {
  if (!device_) return;
  for (const Copy& copy : back_) device_->download(copy.to, copy.from, copy.bytes);
}

}  // namespace yoso
