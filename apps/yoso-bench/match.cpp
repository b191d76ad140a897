#include "match.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include <yoso/catalogue.hpp>
#include <yoso/launches.hpp>

namespace yoso::app {
namespace {

constexpr double kMostCost = 4;  // times the operations of exact attention: beyond, no skill is worth it

const Knob& main_knob(const Method& method) { return *std::ranges::find(method.knobs, method.main_knob, &Knob::name); }

double flops(const Member& m, const Knob& knob, std::int64_t value) {
  Settings s = m.settings;
  s.set(knob.name, fmt::format("{}", value));
  return m.method->work(s.shape(), s).flops;
}

// The admissible value nearest to `value` going up or down; nothing beyond the bounds.
std::optional<std::int64_t> admissible(const Knob& knob, std::int64_t value, int step) {
  const auto lowest = static_cast<std::int64_t>(knob.lowest), highest = static_cast<std::int64_t>(knob.highest);
  for (; value >= lowest && value <= highest; value += step)
    if (!knob.fits || knob.fits(value)) return value;
  return std::nullopt;
}

// The largest value whose cost is allowed and which still changes something (values beyond n are clamped).
struct Top {
  std::int64_t value;
  bool by_cost;  // more would cost too much
};

Top top_of(const Member& m, const Knob& knob, double allowed) {
  const std::int64_t lowest = *admissible(knob, static_cast<std::int64_t>(knob.lowest), 1);
  const std::int64_t highest = *admissible(knob, static_cast<std::int64_t>(knob.highest), -1);
  if (!m.method->work) return {highest, false};
  const double most = flops(m, knob, highest);
  // flops grow with the value: bisect for the first value that is as dear as it gets, or too dear
  std::int64_t below = lowest - 1, at = highest;
  const auto ends = [&](std::int64_t value) {
    const double cost = flops(m, knob, value);
    return cost > allowed || cost >= most;
  };
  while (at - below > 1) {
    const auto middle = admissible(knob, below + (at - below) / 2, 1);
    if (!middle || *middle >= at) break;
    (ends(*middle) ? at : below) = *middle;
  }
  if (flops(m, knob, at) <= allowed) return {at, false};
  return {std::max(lowest, admissible(knob, at - 1, -1).value_or(lowest)), true};
}

struct Attempt {
  std::int64_t value = 0;
  std::optional<Summary> skill;
  std::string failure;  // why there is none
  std::string ceiling;  // what its own target has, where that is not softmax: no setting of the main knob does better
};

std::string key_of(const std::string& input, const Shape& s, std::string_view isa, std::string_view dtype,
                   std::string_view method, const std::string& series, const std::optional<double>& goal) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", input, s.batch, s.heads, s.n_q, s.n_k, s.d, s.d_v,
                     s.causal, isa, dtype, method, series, goal ? fmt::format("{}", *goal) : std::string());
}

// Skills of one member over its main knob, each measured once.
class Search {
 public:
  Search(const Options& o, ErrorStudy& study, const Group& g, const Member& m, bool shared_qk)
      : o_(o), study_(study), group_(g), member_(m), shared_qk_(shared_qk) {}

  const Attempt& at(const std::string& value) {
    const auto known = tried_.find(value);
    if (known != tried_.end()) return known->second;
    Attempt attempt;
    Member m = member_;
    if (!value.empty()) {
      m.settings.set(m.method->main_knob, value);
      attempt.value = m.settings.integer(m.method->main_knob);
    }
    try {
      const Footprint needs = Instance::predict(*m.method, group_.shape, m.settings, group_.context);
      if (needs.total() > memory_budget(o_, group_.context.device))
        throw OutOfBudget(fmt::format("needs {}", bytes_text(needs.total())));
      if (m.method->shares_qk && !shared_qk_) throw Unsupported("no skill against softmax: it needs shared Q and K");
      const ErrorResult error = study_.run(*m.method, m.settings, o_.seeds, o_.seed, false);
      if (error.total) attempt.skill = (*error.total)["skill"];
      if (error.kernel_gap)
        if (const auto own = (*error.kernel_gap)["skill"])
          attempt.ceiling = fmt::format("; what it estimates has {}", number_text(own->median, 3));
      if (!attempt.skill) attempt.failure = "no skill against softmax: it estimates something else";
    } catch (const Unsupported& error) {
      attempt.failure = error.what();
    } catch (const OutOfBudget& error) {
      attempt.failure = error.what();
    } catch (const DeviceError& error) {
      attempt.failure = error.what();
    }
    return tried_.emplace(value, std::move(attempt)).first->second;
  }
  const Attempt& at(std::int64_t value) { return at(fmt::format("{}", value)); }

  // The least value that reaches the goal, to within 1/64: doubling, then bisection. Nothing when none does.
  std::optional<std::int64_t> least(double goal, const Top& top) {
    const Knob& knob = main_knob(*member_.method);
    const auto reached = [&](std::int64_t value) {
      const Attempt& attempt = at(value);
      return attempt.skill && attempt.skill->median >= goal;
    };
    std::int64_t value = *admissible(knob, static_cast<std::int64_t>(knob.lowest), 1), missed = value - 1;
    while (!reached(value)) {
      if (value >= top.value || interrupted()) return std::nullopt;
      missed = value;
      value = std::min(top.value, admissible(knob, 2 * value, 1).value_or(top.value));
    }
    while ((value - missed) * 64 > value && !interrupted()) {
      const std::int64_t half = missed + (value - missed) / 2;
      auto middle = admissible(knob, half, 1);
      if (!middle || *middle >= value) middle = admissible(knob, half, -1);
      if (!middle || *middle <= missed) break;
      (reached(*middle) ? value : missed) = *middle;
    }
    return value;
  }

  // The most skilful of all that were tried; a failure when none has a skill.
  const Attempt& best() const {
    const Attempt* best = &tried_.begin()->second;
    for (const auto& [value, attempt] : tried_)
      if (attempt.skill && (!best->skill || attempt.skill->median > best->skill->median)) best = &attempt;
    return *best;
  }

 private:
  const Options& o_;
  ErrorStudy& study_;
  const Group& group_;
  const Member& member_;
  bool shared_qk_;
  std::map<std::string, Attempt> tried_;
};

std::string missed_text(const Knob& knob, double goal, const Attempt& best, const Top& top) {
  if (!best.skill) return best.failure;
  const std::string why = top.by_cost ? "more would cost over 4 times the operations of exact attention" : "the most";
  return fmt::format("skill {} not reached: {} at {}={} ({}{})", goal, number_text(best.skill->median, 3), knob.name,
                     best.value, best.value == top.value ? why : fmt::format("tried up to {}, {}", top.value, why),
                     best.ceiling);
}

}  // namespace

Matcher::Matcher(const Options& o) : options_(o) {
  for (const Method* method : select(catalogue(), o.methods)) {
    const std::string knob(method->main_knob);
    if (knob.empty()) continue;
    if (o.knobs.shared.contains(knob) || o.knobs.own.contains({std::string(method->name), knob}))
      throw BadSetting(fmt::format("--{} cannot be given with --match, which searches it", dashes(knob)));
  }
  if (o.settled.empty()) return;
  std::ifstream file(o.settled, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw BadInput(fmt::format("--settled {}: cannot read the file", o.settled));
  for (const Point& p : read_launch(text.str(), o.settled).points) {
    if (!p.match || p.series.empty()) continue;
    const bool refused = p.status == Status::unsupported || p.match->missed;
    const auto value = std::ranges::find(p.knobs, find(catalogue(), p.method).main_knob,
                                         [](const auto& knob) { return std::string_view(knob.first); });
    found_[key_of(p.input, p.shape, p.isa, p.dtype, p.method, p.series.front(), p.match->goal)] = {
        p.match->goal && value != p.knobs.end() ? value->second : std::string(),
        {*p.match, refused ? p.reason : std::string()}};
  }
}

void Matcher::settle(Group& g, const Capture& data) {
  const Method& exact = find(catalogue(), "softmax");
  const double allowed = kMostCost * exact.work(g.shape, Settings(exact.knobs, g.shape)).flops;
  std::optional<ErrorStudy> study;
  std::vector<Member> members;
  for (const Member& m : g.members) {
    const bool searched = !m.method->main_knob.empty();
    std::optional<Search> search;
    for (std::size_t i = 0; i < (searched ? options_.skills.size() : 1); ++i) {
      if (interrupted()) return;
      const std::optional<double> goal = searched ? std::optional(options_.skills[i]) : std::nullopt;
      const std::string key = key_of(g.input, g.shape, g.context.isa_name(), name(g.context.element), m.method->name,
                                     series_text(m, searched), goal);
      if (!found_.contains(key)) {
        if (!study) study.emplace(catalogue(), exact, g.shape, data.inputs(), g.context, Reference::softmax);
        if (!search) search.emplace(options_, *study, g, m, data.shared_qk);
        Found found;
        if (!searched) {
          found.matched.match.reached = search->at("").skill;
        } else {
          const Knob& knob = main_knob(*m.method);
          const Top top = top_of(m, knob, allowed);
          const auto value = search->least(*goal, top);
          const Attempt& attempt = value ? search->at(*value) : search->best();
          found.value = fmt::format("{}", attempt.value);
          found.matched = {{goal, attempt.skill, !value}, value ? "" : missed_text(knob, *goal, attempt, top)};
        }
        found_[key] = found;
      }
      const Found& found = found_.at(key);
      members.push_back(m);
      if (searched) members.back().settings.set(m.method->main_knob, found.value);
      g.matched.push_back(found.matched);
    }
  }
  g.members = std::move(members);
}

}  // namespace yoso::app
