#include "measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include <yoso/catalogue.hpp>
#include <yoso/gradient_study.hpp>
#include <yoso/resident.hpp>

#include "contender.hpp"

namespace yoso::app {
namespace {

// Adds up the time of each named phase, and hands out medians over runs. With one thread it is CPU time, which no other
// work on the machine adds to; with more, CPU time is a sum over threads and the wall clock has to do.
class PhaseTimer final : public PhaseListener {
 public:
  PhaseTimer(Clock& clock, int threads) : clock_(clock), threads_(threads), run_began_(now()) {}
  void begin(std::string_view phase) override {
    close();
    open_ = phase;
    since_ = now();
  }
  void end_of_run() {
    close();
    open_.clear();
    for (auto& [phase, runs] : seconds_) runs.resize(run_ + 1);
    ++run_;
    totals_.push_back(now() - run_began_);
    run_began_ = now();
  }
  const std::vector<double>& totals() const { return totals_; }
  std::vector<std::pair<std::string, double>> medians() const {
    std::vector<std::pair<std::string, double>> all;
    for (const auto& [phase, runs] : seconds_) all.emplace_back(phase, median(runs));
    return all;
  }

 private:
  double now() { return threads_ == 1 ? clock_.cpu() : clock_.wall(); }
  void close() {
    if (open_.empty()) return;
    auto at = std::ranges::find(seconds_, open_, &Phase::first);
    if (at == seconds_.end()) at = seconds_.insert(seconds_.end(), {open_, {}});
    at->second.resize(run_ + 1);
    at->second[run_] += now() - since_;
  }
  using Phase = std::pair<std::string, std::vector<double>>;
  Clock& clock_;
  int threads_;
  std::vector<Phase> seconds_;
  std::string open_;
  double since_ = 0, run_began_;
  std::size_t run_ = 0;
  std::vector<double> totals_;
};

// A contender of a timed group.
struct Timed {
  std::size_t index;  // of its row
  Contender contender;
  std::optional<Timing> ended = {};  // one call took longer than the budget: there is no second
};

Sample time_once(Clock& clock, const std::function<void()>& call) {
  const double wall = clock.wall(), cpu = clock.cpu();
  call();
  return {clock.wall() - wall, clock.cpu() - cpu, false};
}

void time_phases(SpeedResult& result, Clock& clock, int threads, double budget,
                 const std::function<void(PhaseListener*)>& call) {
  constexpr std::size_t kFewest = 3, kMost = 21;
  const double end = clock.wall() + budget;
  PhaseTimer phases(clock, threads);
  while (phases.totals().size() < kMost && (phases.totals().size() < kFewest || clock.wall() < end) && !interrupted()) {
    call(&phases);
    phases.end_of_run();
  }
  if (phases.totals().empty()) return;
  result.phases = phases.medians();
  result.phase_runs = static_cast<std::int64_t>(phases.totals().size());
  result.phase_total = median(phases.totals());
}

// What the last timed call wrote, with its draws; gradients by a pass of their own, after all the others.
void recheck(Point& p, Contender& contender) {
  constexpr std::int64_t kQueries = 16;
  if (!p.check || interrupted()) return;
  const CheckResult again = contender.check(kQueries);
  p.check->rechecked = true;
  p.check->max_abs = std::max(p.check->max_abs, again.max_abs);
  if (again.gradients) p.check->gradients = std::max(p.check->gradients.value_or(0), *again.gradients);
  if (again.passed) return;
  p.check->passed = false;
  p.status = Status::wrong;
  p.reason = "right at first, but after the timed calls " + wrong_text(again);
}

std::string over(std::size_t needs, std::size_t budget) {
  return fmt::format("needs {} ({} bytes), the budget is {} ({} bytes)", bytes_text(needs), needs, bytes_text(budget),
                     budget);
}

// Sets status and memory of a row whose prediction exceeds the budget. False then.
bool affordable(Point& p, const Footprint& predicted, std::size_t budget) {
  if (predicted.total() <= budget) return true;
  p.status = Status::over_budget;
  p.reason = over(predicted.total(), budget);
  p.memory = MemoryResult{predicted, {}, {}, budget};
  return false;
}

// After an interrupt nothing new is begun: the row says so.
bool stopped(Point& p) {
  if (!interrupted()) return false;
  p.status = Status::interrupted;
  p.reason = "the run was interrupted before this point";
  return true;
}

// The one tau of `softmax-unit`: that of the methods which have one. Several would put rows side by side that are
// measured against different references.
std::int64_t sharpness(const Options& o, const Group& g) {
  std::optional<std::int64_t> tau;
  for (const Member& m : g.members) {
    if (!m.settings.has("hash_bits")) continue;
    const std::int64_t its = m.settings.integer("hash_bits");
    if (o.reference == Reference::softmax_unit && tau && *tau != its)
      throw BadSetting(
          fmt::format("--reference softmax-unit needs one --hash-bits for all methods, got {} and {}", *tau, its));
    tau = its;
  }
  return tau.value_or(9);
}

bool has_own_kernel(const Member& m) {
  if (!m.method->target) return false;
  const std::string_view target = m.method->target(m.settings);
  return std::ranges::none_of(catalogue(), [&](const Method* known) { return known->name == target; });
}

void without_total(Point& p, const char* why) {
  p.error->total.reset();
  p.error->kernel_gap.reset();
  p.error->weights.reset();
  for (HeadError& head : p.error->per_head) head.skill_total = head.angle_total = std::nullopt;
  p.reason = fmt::format("no error against softmax: {}", why);
}

// Right so far: what is left to measure can be measured. A slow method has an error too.
bool alive(const Point& p) {
  return p.status == Status::ok || p.status == Status::noisy || p.status == Status::timeout;
}

// What one call should take, from a call on the first tokens of the first head and the ratio of operations; only for
// work that could be too long. Nobody waits an hour for a first call to learn that it takes one.
std::optional<double> expected_seconds(const Options& o, const Member& m, const Group& g, const Inputs& in,
                                       Clock& clock) {
  constexpr std::int64_t kTokens = 2048;
  const auto work = work_of(*m.method, g.shape, m.settings, g.pass);
  if (!work || work->flops < 1e12) return std::nullopt;  // seconds
  Shape part = g.shape;
  part.batch = part.heads = 1;
  part.n_q = std::min(part.n_q, kTokens);
  part.n_k = std::min(part.n_k, kTokens);
  try {
    Group few = g;
    few.shape = part;
    Contender contender(o, few, m, in);
    contender.prepare();
    contender.call();
    const Sample sample = time_once(clock, [&] { contender.call(); });
    return sample.wall * work->flops / work_of(*m.method, part, m.settings, g.pass)->flops;
  } catch (const Unsupported&) {  // of the short shape alone
    return std::nullopt;
  }
}

// Sets the status of a row whose first call would not end in reasonable time. False then.
bool endurable(Point& p, std::optional<double> expected, double time_budget) {
  const double most = std::max(60.0, 20 * time_budget);
  if (!expected || *expected <= most) return true;
  p.status = Status::timeout;
  p.reason = fmt::format("one call would take about {}, more than {} (20 x --time-budget, at least a minute)",
                         seconds_text(*expected), seconds_text(most));
  return false;
}

}  // namespace

std::optional<Capture> inputs_of(const Options& o, const Group& g, std::vector<Point>& points) {
  const std::int64_t elements = g.shape.q_size() + g.shape.k_size() + g.shape.v_size() + g.shape.out_size();
  const std::size_t budget = memory_budget(o, nullptr);
  if (g.capture || static_cast<std::size_t>(elements) * sizeof(float) <= budget) return g.data(o.seed);
  for (std::size_t i = 0; i < points.size(); ++i)
    guarded(points[i], [&] {
      affordable(points[i], Instance::predict(*g.members[i].method, g.shape, g.members[i].settings, g.context), budget);
    });
  return std::nullopt;
}

std::vector<Point> points_of(const Options& o, const Group& g) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < g.members.size(); ++i)
    points.push_back(point_of(o, g, g.members[i], g.matched.empty() ? nullptr : &g.matched[i]));
  return points;
}

void add_baseline(const Options& o, Group& g) {
  if (o.baseline == "none") return;
  const Method& method = find(catalogue(), o.baseline);
  if (std::ranges::any_of(g.members, [&](const Member& m) { return m.method == &method; })) return;
  g.members.insert(g.members.begin(), Member{&method, Settings(method.knobs, g.shape)});
}

void time_group(const Options& o, const Group& g, const Capture& data, std::vector<Point>& points) {
  const Inputs in = data.inputs();
  std::optional<std::size_t> known_budget;  // before the first of them has taken its part
  std::vector<Timed> contenders;
  MachineClock machine_clock;
  std::optional<DeviceClock> device_clock;
  if (g.context.device) device_clock.emplace(*g.context.device);
  Clock& clock = device_clock ? static_cast<Clock&>(*device_clock) : machine_clock;
  for (std::size_t i = 0; i < points.size(); ++i) {
    Point& p = points[i];
    const Member& m = g.members[i];
    if (!alive(p) || stopped(p)) continue;
    guarded(p, [&] {
      if (!known_budget) {
        if (o.cold) g.context.device->flush_cache();  // whose memory is no member's
        known_budget = memory_budget(o, g.context.device);
      }
      if (!affordable(p, Instance::predict(*m.method, g.shape, m.settings, g.context), *known_budget)) return;
      if (!endurable(p, expected_seconds(o, m, g, in, clock), o.time_budget)) return;
      Timed c{i, {o, g, m, in}};
      c.contender.prepare();
      const Sample first = time_once(clock, [&] { c.contender.call_with_old_draws(); });
      if (too_long(first, o.time_budget, g.context.threads)) c.ended = timed_out(first);
      if (m.method->oracle) {
        p.check = c.contender.check(64);
        if (!p.check->passed) {
          p.status = Status::wrong;
          p.reason = wrong_text(*p.check) + ": not timed";
          return;
        }
      }
      contenders.push_back(std::move(c));
    });
  }
  if (contenders.empty()) return;

  std::vector<std::function<void()>> calls;
  for (Timed& c : contenders)
    if (!c.ended) calls.emplace_back([&] { c.contender.call(); });
  Protocol protocol;
  protocol.time_budget = o.time_budget;
  protocol.rel_ci = o.rel_ci;
  protocol.min_samples = o.min_samples;
  protocol.warm_up = std::min(0.1, o.time_budget / 4);
  protocol.threads = g.context.threads;
  protocol.seed = o.seed;
  protocol.interrupted = interrupted;
  if (o.cold) protocol.before_sample = [&] { g.context.device->flush_cache(); };
  std::vector<Timing> timings;
  try {
    timings = measure(calls, protocol, clock);
  } catch (const DeviceError& error) {  // they run in turns, and a kernel's failure shows when the device is waited for
    for (const Timed& c : contenders) {
      points[c.index].status = Status::error;
      points[c.index].reason = fmt::format("while the group was timed: {}", error.what());
    }
    return;
  }
  for (std::size_t c = 0; c < contenders.size(); ++c)
    if (contenders[c].ended) timings.insert(timings.begin() + static_cast<std::ptrdiff_t>(c), *contenders[c].ended);

  const auto baseline =
      std::ranges::find_if(contenders, [&](const Timed& c) { return points[c.index].method == o.baseline; });
  for (std::size_t c = 0; c < contenders.size(); ++c) {
    Point& p = points[contenders[c].index];
    if (timings[c].samples.empty()) {
      stopped(p);
      continue;
    }
    SpeedResult result;
    result.timing = timings[c];
    const auto beside = static_cast<std::size_t>(baseline - contenders.begin());
    if (baseline != contenders.end() && !timings[beside].samples.empty()) {  // an interrupt may come before its turn
      result.baseline = o.baseline;
      result.paired = pair_with(timings[c], timings[beside], protocol.level, contenders.size() - 1);
    }
    if (result.timing.stop == "timeout") {
      p.status = Status::timeout;
      p.reason = fmt::format("one call takes {}, longer than the budget of {}: not repeated",
                             seconds_text(result.timing.median), seconds_text(o.time_budget));
    } else if (result.timing.noisy) {
      p.status = Status::noisy;
    }
    if (g.context.device) {
      result.device = g.context.device->state();
      guarded(p, [&] { result.kernels = contenders[c].contender.kernels(); });
    }
    guarded(p, [&] {
      recheck(p, contenders[c].contender);
      if (o.phases && p.status != Status::timeout)
        time_phases(result, clock, g.context.threads, o.time_budget,
                    [&](PhaseListener* phases) { contenders[c].contender.call(phases); });
    });
    p.speed = std::move(result);
  }
}

void weigh_group(const Options& o, const Group& g, const Capture& data, std::vector<Point>& points,
                 const PointDone& done) {
  const Inputs in = data.inputs();
  const auto one = [&](Point& p, const Member& m) {
    if (stopped(p)) return;
    guarded(p, [&] {
      const std::size_t budget = memory_budget(o, g.context.device);
      const bool masked = in.keep_q || in.keep_k;
      const Footprint predicted = Instance::predict(*m.method, g.shape, m.settings, g.context, masked);
      if (!affordable(p, predicted, budget)) return;
      p.memory = MemoryResult{predicted, {}, {}, budget};
      const auto run = [&](const Inputs& inputs, float* out) {
        Instance instance(*m.method, g.shape, m.settings, g.context, o.seed);
        instance.forward(inputs, out);
        GradientBuffers gradients;  // with the upstream gradient, what Footprint::gradients says
        if (g.pass != "forward") {
          gradients = GradientBuffers(g.shape, instance.parameters().specs());
          const std::vector<float> dout = upstream_gradient(g.shape, o.seed);
          instance.backward(inputs, {out, dout.data()}, gradients.view());
        }
        return instance.measured();
      };
      const auto run_alone = [&]() -> std::string {
        // everything the point needs is allocated here, and nothing else, so that the resident set grows by its sum
        const Buffer q(predicted.inputs), out(predicted.outputs);
        std::byte* at = q.bytes().data();
        const auto place = [&](const float* from, std::int64_t size) {
          const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(float);
          std::memcpy(at, from, bytes);
          at += bytes;
          return reinterpret_cast<const float*>(at - bytes);
        };
        Inputs copy = in;
        copy.q = place(in.q, g.shape.q_size());
        copy.k = place(in.k, g.shape.k_size());
        copy.v = place(in.v, g.shape.v_size());
        const Footprint f = run(copy, out.as<float>().data());
        return fmt::format("{} {} {} {}", f.draws, f.parameters, f.saved, f.scratch);
      };
      Footprint measured = predicted;
      const auto keep = [&](const Footprint& f) {
        measured.draws = f.draws;
        measured.parameters = f.parameters;
        measured.saved = f.saved;
        measured.scratch = f.scratch;
      };
      if (g.context.device || !o.measure_rss) {  // a device's memory is no part of this process's resident set
        std::vector<float> out(static_cast<std::size_t>(g.shape.out_size()));
        keep(run(in, out.data()));
      } else {
        const ResidentGrowth growth = resident_growth(run_alone);
        if (!growth.failure.empty()) throw std::runtime_error(growth.failure);
        Footprint f;
        std::sscanf(growth.payload.c_str(), "%zu %zu %zu %zu", &f.draws, &f.parameters, &f.saved, &f.scratch);
        keep(f);
        p.memory->rss = growth.bytes;
      }
      p.memory->measured = measured;
    });
  };
  for (std::size_t i = 0; i < points.size(); ++i) {
    one(points[i], g.members[i]);
    if (done) done(points[i]);
  }
}

void judge_group(const Options& o, const Group& g, const Capture& data, std::vector<Point>& points,
                 const PointDone& done) {
  ErrorStudy study(catalogue(), find(catalogue(), "softmax"), g.shape, data.inputs(), g.context, o.reference,
                   sharpness(o, g));
  const auto one = [&](Point& p, const Member& m) {
    if (!alive(p) || stopped(p)) return;
    guarded(p, [&] {
      if (!affordable(p, Instance::predict(*m.method, g.shape, m.settings, g.context),
                      memory_budget(o, g.context.device)))
        return;
      p.error = study.run(*m.method, m.settings, o.seeds, o.seed, o.per_head);
      if (o.weights && !m.method->shares_qk) p.error->weights = study.weigh(*m.method, m.settings, o.seed);
    });
    if (!p.error) return;
    // against softmax of q and k these errors would say nothing about the method
    if (m.method->shares_qk && !data.shared_qk)
      without_total(p, "it needs shared Q and K");
    else if (!m.method->shares_qk && has_own_kernel(m))
      without_total(p, "it estimates a kernel of its own");
  };
  for (std::size_t i = 0; i < points.size(); ++i) {
    one(points[i], g.members[i]);
    if (done) done(points[i]);
  }
}

void judge_gradients(const Options& o, const Group& g, const Capture& data, std::vector<Point>& points,
                     const PointDone& done) {
  GradientStudy study(catalogue(), find(catalogue(), "softmax"), g.shape, data.inputs(), g.context, o.seed);
  const auto one = [&](Point& p, const Member& m) {
    if (stopped(p)) return;
    guarded(p, [&] {
      if (!affordable(p, Instance::predict(*m.method, g.shape, m.settings, g.context),
                      memory_budget(o, g.context.device)))
        return;
      // where q is the key too, its gradient holds both roles: no reference has such a one
      p.error = study.run(*m.method, m.settings, o.seeds, !m.method->shares_qk && !has_own_kernel(m));
      if (m.method->shares_qk) p.reason = "its dq is that of a shared Q and K: nothing to compare it with";
    });
  };
  for (std::size_t i = 0; i < points.size(); ++i) {
    one(points[i], g.members[i]);
    if (done) done(points[i]);
  }
}

}  // namespace yoso::app
