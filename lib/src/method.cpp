#include <yoso/method.hpp>

#include <fmt/format.h>

#include <yoso/device.hpp>

namespace yoso {

std::string_view Context::backend() const { return device ? device->backend() : "cpu"; }

std::string Context::isa_name() const { return device ? device->info().architecture : std::string(name(isa)); }

Context Context::on_host() const {
  Context host = *this;
  host.device = nullptr;
  host.element = Element::f32;
  return host;
}

std::optional<Work> work_of(const Method& method, const Shape& shape, const Settings& settings, std::string_view pass) {
  const bool forward = pass != "backward", backward = pass != "forward";
  if ((forward && !method.work) || (backward && !method.backward_work)) return std::nullopt;
  if (!backward) return method.work(shape, settings);
  Work back = method.backward_work(shape, settings);
  if (!forward) return back;
  Work both = method.work(shape, settings);
  // a pass without stages is one stage, of multiply-adds
  for (Work* part : {&both, &back})
    if (part->stages.empty()) part->stages.push_back({.phase = "all", .fused = part->flops});
  both.flops += back.flops;
  both.bytes += back.bytes;
  both.stages.insert(both.stages.end(), back.stages.begin(), back.stages.end());
  return both;
}

const Method& find(Methods methods, std::string_view name) {
  std::vector<std::string> known;
  for (const Method* method : methods) {
    if (method->name == name) return *method;
    known.emplace_back(method->name);
  }
  const std::string close = nearest(name, known);
  throw BadSetting(fmt::format("unknown method '{}'{}; the methods are {}", name,
                               close.empty() ? "" : fmt::format(" (did you mean {}?)", close), fmt::join(known, ", ")));
}

}  // namespace yoso
