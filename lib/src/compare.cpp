#include <yoso/compare.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include <yoso/errors.hpp>
#include <yoso/selection.hpp>

namespace yoso {
namespace {

bool is_time(const std::string& name) { return name == "time" || name == "ratio" || name == "speedup"; }
bool is_count(const ValueName& name) { return name.unit == "B" || name.name == "batch" || name.name == "flops"; }
bool broke(const Row& row) { return row.status == "wrong" || row.status == "error"; }
bool equal(const Value& a, const Value& b) { return a.median == b.median && a.lo == b.lo && a.hi == b.hi; }

// What makes numbers incomparable, one line for each thing.
std::vector<std::string> differences(const Rows& a, const Rows& b) {
  const auto texts = [](const auto& list, const auto& text) {
    std::set<std::string> all;
    for (const auto& item : list) all.insert(text(item));
    return fmt::format("{}", fmt::join(all, "; "));
  };
  std::vector<std::string> found;
  const auto compare = [&](const char* what, const std::string& x, const std::string& y) {
    if (x != y) found.push_back(fmt::format("{} ({} / {})", what, x.empty() ? "none" : x, y.empty() ? "none" : y));
  };
  const auto of_origins = [&](const char* what, const auto& text) {
    compare(what, texts(a.origins, text), texts(b.origins, text));
  };
  const auto machine = [](const Machine& m) { return m.text(); };
  compare("machine", texts(a.machines, machine), texts(b.machines, machine));
  of_origins("compiler", [](const Origin& o) { return o.compiler; });
  of_origins("build type", [](const Origin& o) { return o.build_type; });
  of_origins("sanitizers", [](const Origin& o) { return o.sanitizers; });
  of_origins("compiler flags", [](const Origin& o) { return o.flags; });
  const auto of_machines = [&](const char* what, const auto& text) {
    compare(what, texts(a.machines, text), texts(b.machines, text));
  };
  of_machines("system", [](const Machine& m) { return m.os; });
  of_machines("governor", [](const Machine& m) { return m.governor; });
  of_machines("environment variables", [](const Machine& m) { return m.variables; });
  return found;
}

// The configuration, and the machine as well where there are several.
std::vector<std::string> names_of(const Rows& rows, bool machines) {
  std::vector<std::string> names;
  for (const Row& row : rows.rows) {
    const auto machine = std::ranges::find(rows.machines, row.environment, &Machine::id);
    names.push_back(machines && machine != rows.machines.end() ? row.id + machine->text() : row.id);
  }
  return names;
}

Change change_of(const ValueName& name, const Row& a, const Row& b, double min_effect) {
  Change change;
  change.value = name.name;
  change.a = *a.value(name.name);
  change.b = *b.value(name.name);
  if (change.a.median > 0 && change.b.median > 0) change.ratio = ratio_of(change.a, change.b);
  if (is_time(name.name)) {
    change.verdict = time_verdict(change.a, change.b, min_effect, name.less_is_better);
    change.measured = a.status != "predicted" && b.status != "predicted";
    const bool relative = name.name != "time";
    if (relative) change.measured &= !a.baseline_predicted && !b.baseline_predicted;
    const Value *ra = a.value("ratio"), *rb = b.value("ratio");
    if (name.name == "time" && ra && rb && ra->median > 0 && a.baseline == b.baseline && !a.baseline_predicted &&
        !b.baseline_predicted)
      change.paired = rb->median / ra->median;
  } else if (is_count(name)) {
    change.verdict = change.a.median == change.b.median ? "same" : change.a.median < change.b.median ? "more" : "less";
    change.measured = true;
  } else {
    change.verdict = error_verdict(name.name, change.a, change.b);
    change.measured = true;
  }
  change.regression = change.verdict == "slower" || change.verdict == "worse" ||
                      change.verdict == (name.less_is_better ? "more" : "less");
  return change;
}

std::vector<std::string> values_of(const std::vector<PointChange>& points, const std::vector<std::string>& asked) {
  const auto both = [&](const std::string& name) {
    return std::ranges::any_of(points, [&](const PointChange& p) {
      return p.a.usable() && p.b.usable() && p.a.value(name) && p.b.value(name);
    });
  };
  std::vector<std::string> values;
  for (const std::string& name : asked) {
    value_name("--value", name);
    if (!both(name)) throw BadSetting(fmt::format("--value {}: the reports have it for no point in common", name));
    values.push_back(name);
  }
  if (!values.empty()) return values;
  for (const char* usual : {"time", "peak", "skill"})
    if (both(usual)) values.emplace_back(usual);
  for (const ValueName& name : value_names())
    if (values.empty() && name.name.ends_with(".cosine") && both(name.name)) values.push_back(name.name);
  return values;
}

// Logarithms of medians and of both half-widths, over points.
void put_mean(ReportChange& all) {
  double sum = 0, below = 0, above = 0;
  for (const PointChange& point : all.points)
    for (const Change& change : point.changes) {
      if (change.value != "time" || !change.measured || !change.ratio || !change.ratio->lo) continue;
      const Value& r = *change.ratio;
      sum += std::log(r.median);
      below += std::pow(std::log(r.median / *r.lo), 2);
      above += std::pow(std::log(*r.hi / r.median), 2);
      ++all.mean_of;
    }
  if (all.mean_of == 0) return;
  const auto n = static_cast<double>(all.mean_of);
  all.mean_ratio =
      Value{std::exp(sum / n), std::exp((sum - std::sqrt(below)) / n), std::exp((sum + std::sqrt(above)) / n)};
}

}  // namespace

Value ratio_of(const Value& a, const Value& b) {
  Value ratio{b.median / a.median, {}, {}};
  const bool both = a.lo && a.hi && b.lo && b.hi && *a.lo > 0 && *b.lo > 0;
  if (!both) return ratio;
  // below and above the median; an interval that does not hold its median says no more than how wide it is
  const auto widths = [](const Value& v) {
    if (*v.lo <= v.median && v.median <= *v.hi) return std::pair(std::log(v.median / *v.lo), std::log(*v.hi / v.median));
    return std::pair(std::log(*v.hi / *v.lo) / 2, std::log(*v.hi / *v.lo) / 2);
  };
  const auto [below_a, above_a] = widths(a);
  const auto [below_b, above_b] = widths(b);
  ratio.lo = ratio.median * std::exp(-std::hypot(below_b, above_a));
  ratio.hi = ratio.median * std::exp(std::hypot(above_b, below_a));
  return ratio;
}

std::string time_verdict(const Value& a, const Value& b, double min_effect, bool less_is_better) {
  if (equal(a, b)) return "same";  // one measurement, twice
  if (!(a.median > 0) || !(b.median > 0)) return "unclear";
  const Value ratio = ratio_of(a, b);
  if (!ratio.lo) return "unclear";
  if (*ratio.hi < 1 - min_effect) return less_is_better ? "faster" : "slower";
  if (*ratio.lo > 1 + min_effect) return less_is_better ? "slower" : "faster";
  return *ratio.lo >= 1 - min_effect && *ratio.hi <= 1 + min_effect ? "same" : "unclear";
}

std::string error_verdict(const std::string& name, const Value& a, const Value& b) {
  // a sum in another order moves the last bits of a float
  const double slack = 1e-6 * std::max({1.0, std::abs(a.median), std::abs(b.median)});
  if (std::abs(a.median - b.median) <= slack) return "same";
  const double a_lo = a.lo.value_or(a.median), a_hi = a.hi.value_or(a.median);
  const double b_lo = b.lo.value_or(b.median), b_hi = b.hi.value_or(b.median);
  if (a_lo <= b_hi && b_lo <= a_hi) return "same";
  const double towards = one_is_best(name)                            ? std::abs(b.median - 1) - std::abs(a.median - 1)
                         : value_name("--value", name).less_is_better ? b.median - a.median
                                                                      : a.median - b.median;
  return towards < 0 ? "better" : "worse";
}

std::size_t ReportChange::count(const std::string& value, const std::string& verdict) const {
  std::size_t n = 0;
  for (const PointChange& point : points)
    n += static_cast<std::size_t>(std::ranges::count_if(
        point.changes, [&](const Change& c) { return c.value == value && c.verdict == verdict; }));
  return n;
}

namespace {

template <class Kind>
std::size_t regressions(const ReportChange& all, const Kind& kind) {
  std::size_t n = 0;
  for (const PointChange& point : all.points)
    n += static_cast<std::size_t>(std::ranges::count_if(
        point.changes, [&](const Change& c) { return c.regression && kind(value_name("--value", c.value)); }));
  return n;
}

}  // namespace

std::size_t ReportChange::slower() const {
  return regressions(*this, [](const ValueName& name) { return is_time(name.name); });
}
std::size_t ReportChange::more() const {
  return regressions(*this, [](const ValueName& name) { return is_count(name); });
}
std::size_t ReportChange::worse() const {
  return regressions(*this, [](const ValueName& name) { return !is_time(name.name) && !is_count(name); });
}
std::size_t ReportChange::lost() const {
  return static_cast<std::size_t>(std::ranges::count_if(points, &PointChange::lost));
}

ReportChange compare_reports(const std::string& path_a, const std::string& path_b, const CompareAsk& ask) {
  Rows a = read_rows(path_a), b = read_rows(path_b);
  ReportChange all;
  all.file_a = path_a;
  all.file_b = path_b;
  all.min_effect = ask.min_effect;
  all.differences = differences(a, b);
  if (!all.differences.empty() && !ask.force)
    throw BadSetting(fmt::format("compare: {} and {} differ in {}; --force compares them all the same", path_a, path_b,
                                 fmt::join(all.differences, ", ")));
  if (!ask.where.empty()) {
    a.rows = select_rows(a.rows, ask.where);
    b.rows = select_rows(b.rows, ask.where);
  }
  const bool machines = a.machines.size() > 1 && b.machines.size() > 1;
  const std::vector<std::string> names_a = names_of(a, machines), names_b = names_of(b, machines);
  std::map<std::string, std::size_t> at_b;
  for (std::size_t i = 0; i < names_b.size(); ++i) at_b.emplace(names_b[i], i);
  std::set<std::size_t> taken;
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    const auto found = at_b.find(names_a[i]);
    if (found == at_b.end() || !taken.insert(found->second).second) {
      all.only_a.push_back(a.rows[i]);
      continue;
    }
    PointChange point{a.rows[i], b.rows[found->second], {}, false, false};
    point.status_changed = point.a.status != point.b.status;
    point.lost = (point.a.usable() && !point.b.usable()) || (!broke(point.a) && broke(point.b));
    all.points.push_back(std::move(point));
  }
  for (std::size_t i = 0; i < b.rows.size(); ++i)
    if (!taken.contains(i)) all.only_b.push_back(b.rows[i]);
  if (all.points.empty())
    throw BadSetting(fmt::format("compare: {} ({} points) and {} ({} points) have no point in common", path_a,
                                 a.rows.size(), path_b, b.rows.size()));
  all.values = values_of(all.points, ask.values);
  for (const Rows* side : {&a, &b}) refuse_clashes(*side, side->rows, all.values);
  // reports of `check` hold no values: their statuses are compared
  const auto measured = [](const std::vector<Row>& rows) {
    return std::ranges::any_of(rows, [](const Row& row) {
      return row.value("time") || row.value("peak") || row.value("skill") || row.value("own.dq.cosine");
    });
  };
  if (all.values.empty() && (measured(a.rows) || measured(b.rows)))
    throw BadSetting(fmt::format("compare: {} and {} measured nothing in common at their {} common points", path_a,
                                 path_b, all.points.size()));
  for (PointChange& point : all.points)
    if (point.a.usable() && point.b.usable())
      for (const std::string& name : all.values)
        if (point.a.value(name) && point.b.value(name))
          point.changes.push_back(change_of(value_name("--value", name), point.a, point.b, ask.min_effect));
  all.machines = a.machines;
  put_mean(all);
  return all;
}

std::string to_json(const ReportChange& change) {
  using Json = nlohmann::ordered_json;
  const auto value = [](const std::optional<Value>& v) -> Json {
    if (!v) return nullptr;
    return {{"median", v->median},
            {"lo", v->lo ? Json(*v->lo) : Json(nullptr)},
            {"hi", v->hi ? Json(*v->hi) : Json(nullptr)}};
  };
  const auto names = [](const Row& row) -> Json {
    return {{"id", row.id},           {"method", row.method},
            {"setting", row.setting}, {"input", row.input},
            {"pass", row.pass},       {"isa", row.isa},
            {"threads", row.threads}, {"n", std::max(row.shape.n_q, row.shape.n_k)}};
  };
  const auto list = [&](const std::vector<Row>& rows) {
    Json all = Json::array();
    for (const Row& row : rows) all.push_back(names(row));
    return all;
  };
  Json points = Json::array();
  for (const PointChange& point : change.points) {
    Json changes = Json::array();
    for (const Change& c : point.changes)
      changes.push_back({{"value", c.value},
                         {"verdict", c.verdict},
                         {"regression", c.regression},
                         {"a", value(c.a)},
                         {"b", value(c.b)},
                         {"ratio", value(c.ratio)},
                         {"paired_ratio", c.paired ? Json(*c.paired) : Json(nullptr)}});
    Json j = names(point.a);
    j["status_a"] = point.a.status;
    j["status_b"] = point.b.status;
    j["lost"] = point.lost;
    j["changes"] = changes;
    points.push_back(j);
  }
  const Json all = {{"a", change.file_a},
                    {"b", change.file_b},
                    {"differences", change.differences},
                    {"min_effect", change.min_effect},
                    {"slower", change.slower()},
                    {"memory", change.more()},
                    {"error", change.worse() + change.lost()},
                    {"mean_time_ratio", value(change.mean_ratio)},
                    {"mean_time_ratio_of", change.mean_of},
                    {"points", points},
                    {"only_a", list(change.only_a)},
                    {"only_b", list(change.only_b)}};
  return all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace yoso
