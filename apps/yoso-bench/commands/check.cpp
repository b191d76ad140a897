// check: every method against its double-precision definition at a few shapes, with and without a mask.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include <yoso/check.hpp>
#include <yoso/gradients.hpp>

#include "../measure.hpp"

namespace yoso::app {
namespace {

constexpr std::int64_t kQueries = 64;

// The last quarter of every batch item padded.
void pad_tail(Capture& data) {
  const Shape& s = data.shape;
  const auto mask = [&](std::vector<std::uint8_t>& keep, std::int64_t n) {
    keep.assign(static_cast<std::size_t>(s.batch * n), 1);
    for (std::int64_t b = 0; b < s.batch; ++b)
      for (std::int64_t i = n - n / 4; i < n; ++i) keep[static_cast<std::size_t>(b * n + i)] = 0;
  };
  mask(data.keep_q, s.n_q);
  mask(data.keep_k, s.n_k);
}

// Nothing where the method has no backward pass for this: its forward pass is checked all the same.
std::unique_ptr<Instance> trainable(const Options& o, const Group& g, const Member& m) {
  if (!m.method->cell(g.context).backward) return nullptr;
  Context training = g.context;
  training.pass = Pass::both;
  try {
    return std::make_unique<Instance>(*m.method, g.shape, m.settings, training, o.seed);
  } catch (const Unsupported&) {
    return nullptr;
  }
}

void check_point(const Options& o, const Group& g, const Member& m, Capture data, Point& p) {
  guarded(p, [&] {
    if (!m.method->oracle) throw Unsupported("it has no double-precision definition to check against");
    std::vector<float> out(static_cast<std::size_t>(g.shape.out_size()));
    for (const bool masked : {false, true}) {
      if (masked) pad_tail(data);
      Instance instance(*m.method, g.shape, m.settings, g.context, o.seed);
      instance.forward(data.inputs(), out.data());
      CheckResult result = check_output(instance, data.inputs(), out.data(), kQueries);
      if (const auto trained = trainable(o, g, m)) {
        GradientBuffers gradients(g.shape, trained->parameters().specs());
        check_gradients(*trained, data.inputs(), out.data(), gradients.view(), result);
      }
      if (p.check && result.gradients)  // the worst of both
        result.gradients = std::max(*result.gradients, p.check->gradients.value_or(0));
      if (!p.check || !result.passed || (p.check->passed && result.max_abs > p.check->max_abs)) p.check = result;
      if (!result.passed) {
        p.status = Status::wrong;
        p.reason = wrong_text(result) + (masked ? " (with a mask)" : "");
        return;
      }
    }
  });
}

}  // namespace

int run_check(const Options& given) {
  Options o = given;
  if (o.batch.empty() && o.captures.empty()) o.batch = {2};
  if (o.heads.empty() && o.captures.empty()) o.heads = {2};
  if (o.isas.empty() && std::ranges::find(o.devices, nullptr) != o.devices.end()) o.isas = isas_here();
  const std::vector<Group> groups = groups_of(o, {1, 33, 257}, false);
  Output output(o, false);
  Progress progress(o.progress, groups.size());
  std::string text;
  std::size_t passed = 0, failed = 0, skipped = 0;
  for (const Group& g : groups) {
    if (interrupted()) break;
    progress.next(g.title());
    std::vector<Point> points = points_of(o, g);
    const auto data = inputs_of(o, g, points);
    Table table({"method", "setting", "largest error", "allowed there", "gradients", "status"});
    for (std::size_t i = 0; i < points.size(); ++i) {
      Point& p = points[i];
      if (data) check_point(o, g, g.members[i], *data, p);
      (p.status == Status::ok ? passed : p.status == Status::unsupported ? skipped : failed) += 1;
      table.row({p.method, setting_text(g.members[i]), p.check ? fmt::format("{:.2e}", p.check->max_abs) : "-",
                 p.check ? fmt::format("{:.2e}", p.check->tolerance) : "-",
                 p.check && p.check->gradients ? fmt::format("{:.1e}", *p.check->gradients) : "-",
                 fmt::format("{}{}{}", name(p.status), p.reason.empty() ? "" : ": ", p.reason)});
    }
    text += fmt::format("{}\n{}\n", g.title(), table.text());
    output.report.points.insert(output.report.points.end(), points.begin(), points.end());
  }
  text += fmt::format(
      "gradients: error of the worst gradient relative to its size, at most 1e-3 (1e-2 where bf16 is rounded to); -: "
      "no backward pass\n"
      "{} passed, {} failed, {} not offered\n",
      passed, failed, skipped);
  return output.finish(text);
}

}  // namespace yoso::app
