#include <yoso/placement.hpp>

#include <algorithm>

#include <yoso/bf16.hpp>

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

// Of an input. Whoever uses it knows what it points at: Inputs::as().
const float* Placement::converted(const float* host, std::int64_t elements, Element element) {
  if (element == Element::f32) return copied(host, elements);
  std::vector<std::uint16_t> rounded(static_cast<std::size_t>(elements));
  std::transform(host, host + elements, rounded.begin(), to_bf16);
  return reinterpret_cast<const float*>(copied(rounded.data(), elements));
}

Placement::Placement(const Context& context, const Shape& s, const HostTensors& host,
                     const std::vector<TensorSpec>& parameters)
    : device_(context.device),
      host_(host),
      placed_(host),
      out_bytes_(static_cast<std::size_t>(s.out_size()) * sizeof(float)) {
  if (!device_) return;
  placed_.in = {converted(host.in.q, s.q_size(), context.element), converted(host.in.k, s.k_size(), context.element),
                converted(host.in.v, s.v_size(), context.element), copied(host.in.keep_q, s.batch * s.n_q),
                copied(host.in.keep_k, s.batch * s.n_k)};
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
