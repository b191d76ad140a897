// Fills declared tensors by their law.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <yoso/device.hpp>
#include <yoso/tensors.hpp>

namespace yoso {

// Fills every copy of one declared tensor; out has spec.size(shape) elements. Same (spec, shape, seed), same numbers.
void fill(const TensorSpec& spec, const Shape& shape, std::uint64_t seed, std::span<float> out);

// Owns the values of a list of declared tensors.
class Drawn {
 public:
  Drawn() = default;
  Drawn(std::vector<TensorSpec> specs, const Shape& shape, std::uint64_t seed);
  void redraw(std::uint64_t seed);  // in place, no allocation for the i.i.d. laws
  Tensors tensors() const;
  // On a device all lie in one piece of memory of bytes(), one after the other.
  void upload(Device& device, float* to) const;
  // The device fills what it can, the rest is filled here and uploaded.
  void redraw_on(Device& device, float* to, std::uint64_t seed);
  Tensors tensors_at(const float* memory) const;
  std::size_t bytes() const;
  const std::vector<TensorSpec>& specs() const { return specs_; }
  std::span<float> values(std::size_t index) { return here(index); }  // to inject values of one's own

 private:
  std::vector<float>& here(std::size_t index) const;

  std::vector<TensorSpec> specs_;
  Shape shape_;
  // What a device filled is filled here when it is asked for: outside of what is timed.
  mutable std::vector<std::vector<float>> values_;
  mutable std::vector<std::optional<std::uint64_t>> owed_;  // the seed
};

}  // namespace yoso
