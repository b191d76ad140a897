#include <yoso/capture.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>

#include <yoso/bf16.hpp>
#include <yoso/errors.hpp>
#include <yoso/npy.hpp>
#include <yoso/safetensors.hpp>

#include "hash.hpp"
#include "tensor_file.hpp"

namespace yoso {
namespace {

namespace fs = std::filesystem;
using tensor_file::refuse;
using tensor_file::shape_text;

// 71 (Falcon) and 128 (multi-query on the widest models) query heads on one key head exist. More is refused, because
// the repeated keys would take memory that the file's size does not justify.
constexpr std::int64_t kLargestGroup = 128;

// Where the tensors of a capture come from. `path_of` is the file to blame.
struct Source {
  std::function<bool(std::string_view)> has;
  std::function<Array(std::string_view)> read;
  std::function<std::string(std::string_view)> path_of;
};

// One tensor as [batch, heads, n, width], within what engines may be given.
Array read_activations(const Source& source, std::string_view name) {
  Array array = source.read(name);
  const std::string path = source.path_of(name);
  if (!array.real) refuse(path, name, fmt::format("must hold real numbers, got dtype {}", array.dtype));
  if (array.shape.size() != 3 && array.shape.size() != 4)
    refuse(path, name,
           fmt::format("must be [batch, heads, n, d] or [heads, n, d], got shape {}", shape_text(array.shape)));
  if (std::ranges::count(array.shape, 0) > 0)
    refuse(path, name, fmt::format("has no elements: shape {}", shape_text(array.shape)));
  const auto large = std::ranges::find_if(array.values, [](float x) { return std::abs(x) > kLargestInput; });
  if (large != array.values.end()) {
    const std::size_t index = static_cast<std::size_t>(large - array.values.begin());
    refuse(path, tensor_file::element_text(name, array.shape, index),
           fmt::format("must be at most {:g} in magnitude, got {:g}", kLargestInput, *large));
  }
  return array;
}

// Repeats each of the heads `group` times: [batch, heads, block] -> [batch, heads * group, block].
std::vector<float> repeat_heads(const std::vector<float>& values, std::int64_t heads, std::int64_t group) {
  std::vector<float> out;
  out.reserve(values.size() * static_cast<std::size_t>(group));
  const std::ptrdiff_t block = static_cast<std::ptrdiff_t>(values.size()) / heads;
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t copy = 0; copy < group; ++copy)
      out.insert(out.end(), values.begin() + head * block, values.begin() + (head + 1) * block);
  return out;
}

void read_qkv(const Source& source, Capture& out) {
  Array q = read_activations(source, "q"), k = read_activations(source, "k"), v = read_activations(source, "v");
  for (const auto& [name, array] : {std::pair<std::string_view, Array*>{"k", &k}, {"v", &v}})
    if (array->shape.size() != q.shape.size())
      refuse(source.path_of(name), name,
             fmt::format("has {} dimensions but q has {}", array->shape.size(), q.shape.size()));
  for (Array* array : {&q, &k, &v})
    if (array->shape.size() == 3) array->shape.insert(array->shape.begin(), 1);

  const auto mismatch = [&](std::string_view name, std::string_view what, const Array& other, std::string_view than) {
    refuse(source.path_of(name), name,
           fmt::format("{}: {} against {} {}", what, shape_text((name == "k" ? k : v).shape), than,
                       shape_text(other.shape)));
  };
  if (k.shape[0] != q.shape[0]) mismatch("k", "another batch than q", q, "q");
  if (k.shape[3] != q.shape[3]) mismatch("k", "another width than q", q, "q");
  if (v.shape[0] != k.shape[0]) mismatch("v", "another batch than k", k, "k");
  if (v.shape[1] != k.shape[1]) mismatch("v", "another number of heads than k", k, "k");
  if (v.shape[2] != k.shape[2]) mismatch("v", "another number of tokens than k", k, "k");
  if (q.shape[1] % k.shape[1] != 0) mismatch("k", "its heads must divide the heads of q", q, "q");
  const std::int64_t group = q.shape[1] / k.shape[1];
  if (group > kLargestGroup)
    refuse(source.path_of("k"), "k",
           fmt::format("{} query heads for one key head; at most {} are read", group, kLargestGroup));

  out.shape = {.batch = q.shape[0],
               .heads = q.shape[1],
               .n_q = q.shape[2],
               .n_k = k.shape[2],
               .d = q.shape[3],
               .d_v = v.shape[3]};
  try {
    check(out.shape);
  } catch (const BadSetting& error) {
    refuse(source.path_of("q"), "shape", error.what());
  }
  if (group > 1) {
    const std::int64_t kv_rows = k.shape[0] * k.shape[1];
    k.values = repeat_heads(k.values, kv_rows, group);
    v.values = repeat_heads(v.values, kv_rows, group);
    out.metadata["kv_heads"] = fmt::format("{}", k.shape[1]);
  }
  out.q = std::move(q.values);
  out.k = std::move(k.values);
  out.v = std::move(v.values);
}

std::vector<std::uint8_t> read_mask(const Source& source, std::string_view name, std::int64_t batch, std::int64_t n) {
  const Array array = source.read(name);
  const std::string path = source.path_of(name);
  const bool fits = array.shape == std::vector{batch, n} || (batch == 1 && array.shape == std::vector{n});
  if (!fits) refuse(path, name, fmt::format("must be [{}, {}], got shape {}", batch, n, shape_text(array.shape)));
  const auto other = std::ranges::find_if(array.values, [](float x) { return x != 0 && x != 1; });
  if (other != array.values.end()) {
    const std::size_t index = static_cast<std::size_t>(other - array.values.begin());
    refuse(path, tensor_file::element_text(name, array.shape, index),
           fmt::format("must be 1 (a real token) or 0 (padding), got {:g}", *other));
  }
  return {array.values.begin(), array.values.end()};
}

void read_masks(const Source& source, Capture& out) {
  const Shape& s = out.shape;
  if (source.has("mask")) {
    for (const std::string_view other : {"keep_q", "keep_k"})
      if (source.has(other))
        refuse(source.path_of("mask"), "mask", fmt::format("stands for both sides, but there is {} too", other));
    if (s.n_q != s.n_k)
      refuse(source.path_of("mask"), "mask",
             fmt::format("stands for both sides, but there are {} queries and {} keys: use keep_q and keep_k", s.n_q,
                         s.n_k));
    out.keep_q = out.keep_k = read_mask(source, "mask", s.batch, s.n_q);
  }
  if (source.has("keep_q")) out.keep_q = read_mask(source, "keep_q", s.batch, s.n_q);
  if (source.has("keep_k")) out.keep_k = read_mask(source, "keep_k", s.batch, s.n_k);
}

// Our logits are q.k / sqrt(d); a model that scales otherwise has the difference folded into q.
void fold_scale(const std::string& path, Capture& out) {
  constexpr std::string_view kField = "__metadata__.logit_scale";
  const auto at = out.metadata.find("logit_scale");
  if (at == out.metadata.end() || at->second == "1/sqrt(d)") return;
  const std::string& text = at->second;
  double scale = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), scale);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(scale) || scale <= 0)
    refuse(path, kField, fmt::format("must be 1/sqrt(d) or a positive number, got '{}'", text.substr(0, 60)));
  const double factor = scale * std::sqrt(static_cast<double>(out.shape.d));
  if (std::abs(factor - 1) <= 1e-6) return;  // 1/sqrt(d) printed as an f32
  for (float& x : out.q) {
    const double scaled = static_cast<double>(x) * factor;
    if (std::abs(scaled) > static_cast<double>(kLargestInput))
      refuse(path, kField,
             fmt::format("{} makes an element of q {:g}, more than {:g}", text.substr(0, 60), scaled, kLargestInput));
    x = static_cast<float>(scaled);
  }
  out.metadata["q_scaled_by"] = fmt::format("{}", factor);
}

// A model that attends causally was captured causally: so must it be compared.
void take_causal(const std::string& path, Capture& out) {
  const auto at = out.metadata.find("causal");
  if (at == out.metadata.end()) return;
  if (at->second != "true" && at->second != "false")
    refuse(path, "__metadata__.causal", fmt::format("must be true or false, got '{}'", at->second.substr(0, 60)));
  out.shape.causal = at->second == "true";
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void read_source(const Source& source, const std::string& path, Capture& out) {
  read_qkv(source, out);
  read_masks(source, out);
  fold_scale(path, out);
  take_causal(path, out);
  out.shared_qk = out.shape.n_q == out.shape.n_k && same_bits(out.q, out.k);
}

Capture read_folder(const fs::path& folder) {
  const auto path_of = [&](std::string_view name) { return (folder / fmt::format("{}.npy", name)).string(); };
  const Source source{[&](std::string_view name) {
                        std::error_code ignored;  // what cannot be looked at is not there
                        return fs::exists(path_of(name), ignored);
                      },
                      [&](std::string_view name) {
                        if (!source.has(name))
                          refuse(folder.string(), fmt::format("{}.npy", name),
                                 "is missing; a capture is q.npy, k.npy and v.npy");
                        return read_npy(path_of(name));
                      },
                      path_of};
  Capture out;
  // "captures/." and "captures/" are called captures
  const fs::path tidy = fs::absolute(folder).lexically_normal();
  out.name = (tidy.has_filename() ? tidy.filename() : tidy.parent_path().filename()).string();
  read_source(source, folder.string(), out);
  return out;
}

// Keeps, of every row of [rows, n, width], the first `n_first` tokens.
template <class T>
std::vector<T> first_tokens(const std::vector<T>& values, std::int64_t n, std::int64_t n_first, std::int64_t width) {
  std::vector<T> out;
  const std::size_t row = static_cast<std::size_t>(n * width), kept = static_cast<std::size_t>(n_first * width);
  for (std::size_t at = 0; at < values.size(); at += row)
    out.insert(out.end(), values.begin() + static_cast<std::ptrdiff_t>(at),
               values.begin() + static_cast<std::ptrdiff_t>(at + kept));
  return out;
}

}  // namespace

Inputs Capture::inputs() const {
  return {q.data(), k.data(), v.data(), keep_q.empty() ? nullptr : keep_q.data(),
          keep_k.empty() ? nullptr : keep_k.data()};
}

void Capture::round_to(Element element) {
  if (element == Element::f32) return;
  for (std::vector<float>* tensor : {&q, &k, &v})
    for (float& x : *tensor) x = from_bf16(to_bf16(x));
}

Capture Capture::first(std::int64_t n) const {
  const std::int64_t longest = std::max(shape.n_q, shape.n_k);
  if (n < 1 || n > longest)
    throw BadSetting(fmt::format("the first n tokens of {}: n must lie in [1, {}], got {}", name, longest, n));
  const std::int64_t n_q = std::min(n, shape.n_q), n_k = std::min(n, shape.n_k);
  Capture out;
  out.shape = shape;
  out.shape.n_q = n_q;
  out.shape.n_k = n_k;
  out.q = first_tokens(q, shape.n_q, n_q, shape.d);
  out.k = first_tokens(k, shape.n_k, n_k, shape.d);
  out.v = first_tokens(v, shape.n_k, n_k, shape.d_v);
  out.keep_q = first_tokens(keep_q, shape.n_q, n_q, 1);
  out.keep_k = first_tokens(keep_k, shape.n_k, n_k, 1);
  out.name = name;
  out.metadata = metadata;
  out.shared_qk = n_q == n_k && same_bits(out.q, out.k);
  return out;
}

std::string Capture::fingerprint() const {
  std::string all;
  const auto add = [&](const auto& values) {
    all += hash_hex({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])});
  };
  add(q);
  add(k);
  add(v);
  add(keep_q);
  add(keep_k);
  return hash_hex(all);
}

Capture read_capture(const std::string& path) {
  const fs::path where(path);
  std::error_code ignored;  // what cannot be looked at is opened as a file, and refused there with the reason
  if (fs::is_directory(where, ignored)) return read_folder(where);
  const std::string extension = where.extension().string();
  if (extension == ".npy") {
    if (where.filename() != "q.npy")
      refuse(path, "file", "name the folder that holds q.npy, k.npy and v.npy, or its q.npy");
    return read_folder(where.has_parent_path() ? where.parent_path() : fs::path("."));
  }
  for (const std::string_view other : {".npz", ".pt", ".pth", ".bin"})
    if (extension == other)
      refuse(path, "file", fmt::format("{} files are not read: save q, k, v as .safetensors or as .npy", other));
  const Safetensors file(path);
  const Source source{[&](std::string_view name) { return file.has(name); },
                      [&](std::string_view name) { return file.read(name); }, [&](std::string_view) { return path; }};
  Capture out;
  out.name = where.stem().string();
  out.metadata = file.metadata();
  read_source(source, path, out);
  return out;
}

}  // namespace yoso
