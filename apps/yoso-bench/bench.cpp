#include "bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <yoso/catalogue.hpp>
#include <yoso/families.hpp>

namespace yoso::app {
namespace {

std::vector<std::int64_t> or_usual(const std::vector<std::int64_t>& given, std::vector<std::int64_t> usual) {
  return given.empty() ? usual : given;
}

// Shapes of synthetic inputs: the product of the axes.
std::vector<Shape> shapes_of(const Options& o, const std::vector<std::int64_t>& usual_n) {
  std::vector<Shape> shapes;
  const bool lengths_given = !o.n_q.empty() && !o.n_k.empty();
  for (const std::int64_t n : lengths_given ? std::vector<std::int64_t>{1} : or_usual(o.n, usual_n))
    for (const std::int64_t n_q : or_usual(o.n_q, {n}))
      for (const std::int64_t n_k : or_usual(o.n_k, {n}))
        for (const std::int64_t d : or_usual(o.d, {64}))
          for (const std::int64_t d_v : or_usual(o.d_v, {d}))
            for (const std::int64_t batch : or_usual(o.batch, {1}))
              for (const std::int64_t heads : or_usual(o.heads, {1})) {
                shapes.push_back({batch, heads, n_q, n_k, d, d_v, o.causal});
                check(shapes.back());
              }
  return shapes;
}

// A device has no axes of threads and instruction sets; its references are computed on the best of the host's.
std::vector<Context> contexts_of(const Options& o) {
  std::vector<Context> all;
  for (Device* device : o.devices) {
    if (device) {
      for (const Element element : o.dtypes) all.push_back({1, default_isa(), Pass::forward, device, element});
      continue;
    }
    for (const Isa isa : o.isas.empty() ? std::vector<Isa>{default_isa()} : o.isas)
      for (const std::int64_t threads : or_usual(o.threads, {1}))
        all.push_back({static_cast<int>(threads), isa, Pass::forward, nullptr, Element::f32});
  }
  return all;
}

// FILE, or FILE@S: with all logits times S, by sqrt(S) on q and on k.
Capture scaled_capture(const std::string& path) {
  const auto at = path.rfind('@');
  if (at == std::string::npos || std::filesystem::exists(path)) return read_capture(path);
  const double scale = parse_number("--qkv FILE@S: S", path.substr(at + 1), 1e-6, 1e6);
  Capture capture = read_capture(path.substr(0, at));
  const auto factor = static_cast<float>(std::sqrt(scale));
  for (float& x : capture.q) x *= factor;
  for (float& x : capture.k) x *= factor;
  return capture;
}

void refuse_with_capture(const char* flag, const std::vector<std::int64_t>& given) {
  if (!given.empty()) throw BadSetting(fmt::format("{} cannot be given with --qkv: the file says it", flag));
}

}  // namespace

Capture Group::data(std::uint64_t seed) const {
  Capture data = capture ? *capture : make_inputs(input, shape, seed);
  data.round_to(context.element);
  return data;
}

std::string Group::title() const {
  return title_text(input, shape, pass, context.threads, context.isa_name(), name(context.element));
}

std::string title_text(const std::string& input, const Shape& shape, const std::string& pass, int threads,
                       const std::string& isa, std::string_view dtype) {
  std::string text = input;
  text += shape.n_q == shape.n_k ? fmt::format(", n = {}", shape.n_q)
                                 : fmt::format(", n_q = {}, n_k = {}", shape.n_q, shape.n_k);
  text +=
      shape.d == shape.d_v ? fmt::format(", d = {}", shape.d) : fmt::format(", d = {}, d_v = {}", shape.d, shape.d_v);
  if (shape.rows() > 1) text += fmt::format(", {} x {} heads", shape.batch, shape.heads);
  if (shape.causal) text += ", causal";
  if (pass == "backward") text += ", backward";
  if (pass == "both") text += ", forward and backward";
  for (const Isa known : {Isa::scalar, Isa::avx2, Isa::avx512})
    if (isa == name(known)) return text + fmt::format(", {} thread{}, {}", threads, threads == 1 ? "" : "s", isa);
  return text + fmt::format(", cuda, {}{}{}", isa, dtype == "f32" ? "" : ", ", dtype == "f32" ? "" : dtype);
}

std::vector<const Method*> controls() {
  std::vector<const Method*> found;
  for (const Method* method : catalogue())
    if (method->control) found.push_back(method);
  return found;
}

std::vector<Group> groups_of(const Options& o, std::vector<std::int64_t> usual_n, bool for_error,
                             const std::vector<const Method*>& extra) {
  std::vector<const Method*> methods = select(catalogue(), o.methods);
  check_knobs(o.knobs, methods, catalogue());
  for (const Method* method : extra)
    if (std::ranges::find(methods, method) == methods.end()) methods.push_back(method);

  std::vector<Group> groups;
  const auto add = [&](const std::string& input, const Shape& shape, std::shared_ptr<const Capture> capture) {
    for (Context context : contexts_of(o))
      for (const std::string& pass : o.passes.empty() ? std::vector<std::string>{"forward"} : o.passes) {
        // engines know two kinds of run: forward alone, and forward with a backward pass to come
        context.pass = pass == "forward" ? Pass::forward : Pass::both;
        groups.push_back({input, shape, pass, context, expand(methods, o.knobs, shape, for_error), capture, {}});
      }
  };
  for (const std::string& path : o.captures) {
    refuse_with_capture("--n-q", o.n_q);
    refuse_with_capture("--n-k", o.n_k);
    refuse_with_capture("-d/--head-dim", o.d);
    refuse_with_capture("--d-v", o.d_v);
    refuse_with_capture("--batch", o.batch);
    refuse_with_capture("--heads", o.heads);
    const Capture whole = scaled_capture(path);
    for (const std::int64_t n : or_usual(o.n, {whole.shape.n_k})) {
      Capture part = whole;
      if (!o.n.empty()) part = whole.first(n);
      part.shape.causal |= o.causal;
      const Shape shape = part.shape;
      add(path, shape, std::make_shared<const Capture>(std::move(part)));
    }
  }
  std::vector<std::string> families = o.families;
  if (families.empty() && o.captures.empty()) families = {"gaussian"};
  if (!families.empty())
    for (const Shape& shape : shapes_of(o, usual_n))
      for (const std::string& family : families) add(family, shape, nullptr);
  return groups;
}

std::string redraw_policy(const Options& o, const Group& g, const Member& member) {
  const Method& method = *member.method;
  if (!method.draws) return "none";
  const std::vector<TensorSpec> specs = method.draws(g.shape, member.settings);
  if (specs.empty()) return "none";
  if (g.pass == "backward") return "once";  // those of the forward pass, which stays outside of what is timed
  if (!o.redraw.empty()) return o.redraw;
  const bool cheap =
      !g.context.device || std::ranges::all_of(specs, [](const TensorSpec& spec) { return spec.law == Law::sign; });
  return method.redraws && cheap ? "each" : "once";
}

Point point_of(const Options& o, const Group& g, const Member& m, const Matched* matched) {
  Point p;
  p.method = m.method->name;
  p.control = m.method->control;
  for (const Knob& knob : m.settings.knobs()) p.knobs.emplace_back(knob.name, m.settings.text(knob.name));
  p.input = g.input;
  p.shape = g.shape;
  p.backend = g.context.backend();
  p.isa = g.context.isa_name();
  p.dtype = name(g.context.element);
  p.cache = o.cold ? "cold" : "hot";
  p.threads = g.context.threads;
  p.seed = o.seed;
  p.redraw = redraw_policy(o, g, m);
  p.pass = g.pass;
  p.work = work_of(p, m);
  if (matched) {
    p.match = matched->match;
    p.reason = matched->reason;
    if (!p.reason.empty()) p.status = Status::unsupported;
  }
  const bool searched = p.match && p.match->goal;
  p.series = m.also;
  p.series.insert(p.series.begin(), series_text(m, searched));
  identify(p);

  const Shape& s = g.shape;
  std::string r = fmt::format("yoso-bench {} -m {}", o.command, p.method);
  if (g.capture) {
    std::string quoted = g.input;
    for (std::size_t at = 0; (at = quoted.find('\'', at)) != std::string::npos; at += 4) quoted.replace(at, 1, "'\\''");
    r += fmt::format(" --qkv '{}' -n {}", quoted, std::max(s.n_q, s.n_k));
  } else {
    r += fmt::format(" --input {}", g.input);
    r += s.n_q == s.n_k ? fmt::format(" -n {}", s.n_q) : fmt::format(" --n-q {} --n-k {}", s.n_q, s.n_k);
    r += fmt::format(" -d {} --d-v {} --batch {} --heads {}", s.d, s.d_v, s.batch, s.heads);
  }
  if (s.causal) r += " --causal";
  if (p.pass != "forward") r += " --pass " + p.pass;
  r += g.context.device ? fmt::format(" --backend {}", p.backend)
                        : fmt::format(" --threads {} --isa {}", p.threads, p.isa);
  if (p.dtype != "f32") r += " --dtype " + p.dtype;
  r += fmt::format(" --seed {}", p.seed);
  if (o.cold) r += " --cache cold";
  for (const auto& [knob, value] : p.knobs)
    if (!searched || knob != m.method->main_knob) r += fmt::format(" -p {}.{}={}", p.method, knob, value);
  if (searched)
    r += fmt::format(" --match skill={} --seeds {}", *p.match->goal, o.seeds);
  else if (p.match)
    r += fmt::format(" --match skill={} --seeds {}", fmt::join(o.skills, ","), o.seeds);
  if (o.command == "speed" || o.command == "overview") {
    r += fmt::format(" --baseline {} --time-budget {} --rel-ci {} --min-samples {}", o.baseline, o.time_budget,
                     o.rel_ci, o.min_samples);
    if (o.phases) r += " --phases";
    if (p.redraw != "none" && p.pass != "backward") r += fmt::format(" --redraw {}", p.redraw);
  }
  if (o.command == "error") {
    r += fmt::format(" --seeds {}", o.seeds);
    if (p.pass == "forward") r += fmt::format(" --reference {}", o.reference_name);
    if (o.per_head) r += " --per-head";
    if (o.weights) r += " --weights";
  }
  if (o.max_batch) {
    r.erase(r.find(" --batch "), fmt::format(" --batch {}", s.batch).size());
    r += fmt::format(" --max-batch --budget {}", o.batch_budget);
  }
  if (o.command == "overview") r += fmt::format(" --seeds {}", o.seeds);
  p.repro = r;
  return p;
}

std::optional<Work> work_of(const Point& p, const Member& m) {
  std::optional<Work> work = yoso::work_of(*m.method, p.shape, m.settings, p.pass);
  const std::int64_t inputs = p.shape.q_size() + p.shape.k_size() + p.shape.v_size();
  const std::int64_t saved = p.dtype == "bf16" ? bytes_of(Element::f32) - bytes_of(Element::bf16) : 0;
  if (work) work->bytes -= static_cast<double>(saved * inputs * (p.pass == "both" ? 2 : 1));
  return work;
}

Member member_of(const Point& p) {
  const Method& method = find(catalogue(), p.method);
  Member m{&method, Settings(method.knobs, p.shape)};
  for (const auto& [knob, value] : p.knobs) m.settings.set(knob, value);
  return m;
}

std::string title_of(const Point& p) { return title_text(p.input, p.shape, p.pass, p.threads, p.isa, p.dtype); }

std::size_t memory_budget(const Options& o, Device* device) {
  if (o.memory_budget) return o.memory_budget;
  const double free = device ? static_cast<double>(device->available()) : static_cast<double>(available_memory());
  return static_cast<std::size_t>(0.8 * free);
}

void warn_of_masks(const Group& g, Report& report) {
  if (!g.capture) return;
  const auto note = g.capture->metadata.find("mask_note");
  if (note != g.capture->metadata.end() && !note->second.empty())
    report.warnings.push_back(warning("mask-note", fmt::format("{}: {}", g.input, note->second)));
}

bool guarded(Point& p, const std::function<void()>& work) {
  try {
    work();
    return true;
  } catch (const BadSetting&) {
    throw;
  } catch (const Unsupported& error) {
    p.status = Status::unsupported;
    p.reason = error.what();
  } catch (const OutOfBudget& error) {
    p.status = Status::over_budget;
    p.reason = error.what();
  } catch (const std::exception& error) {
    p.status = Status::error;
    p.reason = error.what();
  }
  return false;
}

std::string wrong_text(const CheckResult& check) {
  if (check.gradients && !(*check.gradients <= check.gradients_tolerance))
    return fmt::format("a gradient differs from its definition by {:.3g} of its size, allowed {:.3g}", *check.gradients,
                       check.gradients_tolerance);
  return fmt::format("an output differs from its definition by {:.3g}, allowed {:.3g}", check.max_abs, check.tolerance);
}

std::string regime_text(const Group& g, const Capture& data) {
  double sharp_lo = INFINITY, sharp_hi = 0, keys_lo = INFINITY, keys_hi = 0;
  for (std::int64_t row = 0; row < g.shape.rows(); ++row) {
    const HeadProfile head = profile(g.shape, data.inputs(), row);
    sharp_lo = std::min(sharp_lo, head.temperature);
    sharp_hi = std::max(sharp_hi, head.temperature);
    keys_lo = std::min(keys_lo, head.effective_keys);
    keys_hi = std::max(keys_hi, head.effective_keys);
  }
  const auto range = [](double lo, double hi) {
    return lo == hi ? fmt::format("{:.3g}", lo) : fmt::format("{:.3g}..{:.3g}", lo, hi);
  };
  return fmt::format("|q||k|/sqrt(d) = {}, effective keys {} of {}", range(sharp_lo, sharp_hi), range(keys_lo, keys_hi),
                     g.shape.n_k);
}

std::string setting_text(const Member& member) { return knob_text(member, false); }

}  // namespace yoso::app
