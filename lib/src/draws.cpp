#include <yoso/draws.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <yoso/random.hpp>

namespace yoso {
namespace {

// Modified Gram-Schmidt in double, twice, on the rows of a [size, d] block of normals: a Haar-random orthonormal frame
// (what Q of a QR factorisation with positive diagonal is).
void orthonormal_rows(std::span<double> rows, std::int64_t size, std::int64_t d) {
  for (std::int64_t i = 0; i < size; ++i) {
    double* x = rows.data() + i * d;
    for (int pass = 0; pass < 2; ++pass)
      for (std::int64_t j = 0; j < i; ++j) {
        const double* y = rows.data() + j * d;
        const double along = std::inner_product(x, x + d, y, 0.0);
        for (std::int64_t c = 0; c < d; ++c) x[c] -= along * y[c];
      }
    const double norm = std::sqrt(std::inner_product(x, x + d, x, 0.0));
    for (std::int64_t c = 0; c < d; ++c) x[c] /= norm;
  }
}

// Choromanski et al. 2021, section 4: blocks of d orthonormal rows, rescaled to norms of fresh N(0, I_d) vectors, so
// that every row is marginally N(0, scale^2 I_d).
void orthogonal(const TensorSpec& spec, std::uint64_t seed, std::uint64_t copy, std::span<float> out) {
  const std::int64_t m = spec.shape[0], d = spec.shape[1];
  std::vector<float> normals(static_cast<std::size_t>(m * d));
  Random(seed, stream_of(spec.name, 2 * copy)).normal(normals);
  std::vector<double> rows(normals.begin(), normals.end());
  Random(seed, stream_of(spec.name, 2 * copy + 1)).normal(normals);
  for (std::int64_t first = 0; first < m; first += d) {
    const std::int64_t size = std::min(d, m - first);
    orthonormal_rows(std::span(rows).subspan(static_cast<std::size_t>(first * d)), size, d);
    for (std::int64_t i = first; i < first + size; ++i) {
      double square = 0;
      for (std::int64_t c = 0; c < d; ++c) square += std::pow(normals[static_cast<std::size_t>(i * d + c)], 2);
      for (std::int64_t c = 0; c < d; ++c)
        out[static_cast<std::size_t>(i * d + c)] =
            static_cast<float>(spec.scale * std::sqrt(square) * rows[static_cast<std::size_t>(i * d + c)]);
    }
  }
}

void permutation(std::uint64_t seed, std::uint64_t stream, std::span<float> out) {
  const Random random(seed, stream);
  std::iota(out.begin(), out.end(), 0.0f);
  for (std::size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[random.below(i, i)]);
}

void pool(const TensorSpec& spec, std::span<float> out) {
  const std::int64_t k = spec.shape[0], n = spec.shape[1];
  std::ranges::fill(out, 0.0f);
  for (std::int64_t i = 0; i < k; ++i) {
    const std::int64_t first = i * n / k, last = (i + 1) * n / k;
    for (std::int64_t j = first; j < last; ++j)
      out[static_cast<std::size_t>(i * n + j)] = static_cast<float>(spec.scale / static_cast<double>(last - first));
  }
}

}  // namespace

void fill(const TensorSpec& spec, const Shape& shape, std::uint64_t seed, std::span<float> out) {
  const std::size_t size = static_cast<std::size_t>(spec.copy_size());
  for (std::uint64_t copy = 0; copy < static_cast<std::uint64_t>(spec.copies(shape)); ++copy) {
    const std::span<float> part = out.subspan(copy * size, size);
    const std::uint64_t stream = stream_of(spec.name, copy);
    switch (spec.law) {
      case Law::normal:
        Random(seed, stream).normal(part, spec.scale);
        break;
      case Law::sign:
        Random(seed, stream).sign(part, spec.scale);
        break;
      case Law::orthogonal:
        orthogonal(spec, seed, copy, part);
        break;
      case Law::permutation:
        permutation(seed, stream, part);
        break;
      case Law::pool:
        pool(spec, part);
        break;
    }
  }
}

Drawn::Drawn(std::vector<TensorSpec> specs, const Shape& shape, std::uint64_t seed)
    : specs_(std::move(specs)), shape_(shape), values_(specs_.size()), owed_(specs_.size()) {
  for (std::size_t i = 0; i < specs_.size(); ++i) values_[i].resize(static_cast<std::size_t>(specs_[i].size(shape_)));
  redraw(seed);
}

void Drawn::redraw(std::uint64_t seed) {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    fill(specs_[i], shape_, seed, values_[i]);
    owed_[i].reset();
  }
}

std::vector<float>& Drawn::here(std::size_t index) const {
  if (owed_[index]) fill(specs_[index], shape_, *owed_[index], values_[index]);
  owed_[index].reset();
  return values_[index];
}

Tensors Drawn::tensors() const {
  Tensors named;
  for (std::size_t i = 0; i < specs_.size(); ++i) named.set(specs_[i].name, here(i));
  return named;
}

void Drawn::upload(Device& device, float* to) const {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const std::vector<float>& values = here(i);
    if (!values.empty()) device.upload(to, values.data(), values.size() * sizeof(float));
    to += values.size();
  }
}

void Drawn::redraw_on(Device& device, float* to, std::uint64_t seed) {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    owed_[i] = seed;
    if (!device.fill(specs_[i], shape_, seed, to)) device.upload(to, here(i).data(), values_[i].size() * sizeof(float));
    to += values_[i].size();
  }
}

Tensors Drawn::tensors_at(const float* memory) const {
  Tensors named;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    named.set(specs_[i].name, {memory, values_[i].size()});
    memory += values_[i].size();
  }
  return named;
}

std::size_t Drawn::bytes() const {
  std::size_t bytes = 0;
  for (const auto& values : values_) bytes += values.size() * sizeof(float);
  return bytes;
}

}  // namespace yoso
