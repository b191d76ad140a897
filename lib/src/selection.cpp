#include <yoso/selection.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include <yoso/errors.hpp>
#include <yoso/filter.hpp>
#include <yoso/knobs.hpp>

namespace yoso {
namespace {

const std::vector<std::string> kAlways{
    "method", "setting", "input", "pass",  "backend", "isa",  "status", "redraw",  "verdict",     "n",     "n_q",
    "n_k",    "d",       "d_v",   "batch", "heads",   "seed", "causal", "threads", "environment", "dtype", "cache"};

// What a name in a condition stands for. A field that every row has stands for its text even when that is empty.
std::optional<std::string> meaning(const Row& row, const std::string& name) {
  if (std::ranges::find(kAlways, name) != kAlways.end()) return field(row, name);
  if (const std::string text = field(row, name); !text.empty()) return text;
  if (const Value* value = row.value(name)) return fmt::format("{}", value->median);
  return std::nullopt;
}

// The comparisons of a condition, apart: each must speak of something.
std::vector<std::string> comparisons(std::string_view condition) {
  std::vector<std::string> all(1);
  char quote = 0;
  for (std::size_t i = 0; i < condition.size(); ++i) {
    const char c = condition[i];
    if (quote ? c == quote : c == '\'' || c == '"') quote = quote ? '\0' : c;
    if (!quote && (condition.substr(i, 2) == "&&" || condition.substr(i, 2) == "||")) {
      all.emplace_back();
      ++i;
    } else {
      all.back() += c;
    }
  }
  return all;
}

void require_meaning(const std::vector<Row>& rows, std::string_view condition) {
  for (const std::string& comparison : comparisons(condition)) {
    const Filter part("--where", comparison);
    const std::vector<std::string>& names = part.names();
    const auto known = [&](const std::string& name) {
      return std::ranges::any_of(rows, [&](const Row& row) { return meaning(row, name).has_value(); });
    };
    const auto unknown = std::ranges::find_if_not(names, known);
    if (!names.empty() && unknown == names.end()) continue;
    std::set<std::string> fields(kAlways.begin(), kAlways.end());
    for (const Row& row : rows) {
      for (const auto& [knob, value] : row.knobs) fields.insert(knob);
      for (const auto& [name, value] : row.values) fields.insert(name);
    }
    const std::vector<std::string> list(fields.begin(), fields.end());
    const std::string close = names.empty() ? "" : nearest(*unknown, list);
    throw BadSetting(fmt::format(
        "--where: {} in '{}'{}",
        names.empty() ? "no field or value of these rows"
                      : fmt::format("'{}' is no field or value of these rows", *unknown),
        comparison, close.empty() ? "; a text with a / needs quotes" : fmt::format(" (did you mean {}?)", close)));
  }
}

bool differ(const std::vector<Row>& rows, const std::string& name) {
  return std::ranges::any_of(rows, [&](const Row& row) { return field(row, name) != field(rows.front(), name); });
}

}  // namespace

std::vector<Row> select_rows(const std::vector<Row>& rows, std::string_view condition) {
  if (condition.empty()) return rows;
  const Filter filter("--where", condition);
  require_meaning(rows, condition);
  std::vector<Row> left;
  for (const Row& row : rows)
    if (filter([&](const std::string& name) { return meaning(row, name); })) left.push_back(row);
  if (left.empty()) throw BadSetting(fmt::format("--where '{}' holds for none of the {} rows", condition, rows.size()));
  return left;
}

void refuse_clashes(const Rows& read, const std::vector<Row>& rows, const std::vector<std::string>& values) {
  for (const Clash& clash : read.clashes)
    if (std::ranges::find(values, clash.value) != values.end() &&
        std::ranges::find(rows, clash.id, &Row::id) != rows.end())
      throw BadSetting(
          fmt::format("{}: its {} of point {} is not that of another report given: take one of them, or see yoso-bench "
                      "compare",
                      clash.file, clash.value, clash.id));
}

std::vector<Row> best_of(const std::vector<Row>& rows, const std::string& given, const std::vector<double>& goals,
                         const std::string& sought) {
  const bool less_given = value_name("--given", given).less_is_better;
  const bool less_sought = value_name("--value", sought).less_is_better;
  std::map<std::vector<std::string>, std::vector<const Row*>> contests;
  std::vector<std::vector<std::string>> order;  // of the rows
  for (const Row& row : rows) {
    if (!row.usable() || !row.value(given) || !row.value(sought)) continue;
    std::vector<std::string> contest{row.method};
    for (const std::string& name : context_fields()) contest.push_back(field(row, name));
    if (!contests.contains(contest)) order.push_back(contest);
    contests[contest].push_back(&row);
  }
  std::vector<Row> all;
  bool reached = false;
  for (const auto& contest : order)
    for (const double goal : goals) {
      const Row* best = nullptr;
      for (const Row* row : contests.at(contest)) {
        const double has = row->value(given)->median, its = row->value(sought)->median;
        if (less_given ? has > goal : has < goal) continue;
        const double known = best ? best->value(sought)->median : 0;
        if (!best || (less_sought ? its < known : its > known)) best = row;
      }
      reached |= best != nullptr;
      all.push_back(best ? *best : *contests.at(contest).front());
      if (!best) {
        all.back().values.clear();
        all.back().status = "not reached";
      }
      all.back().values["goal"] = {goal, {}, {}};
    }
  if (!reached) throw BadSetting(fmt::format("--given {}: no row reaches any of these", given));
  return all;
}

const std::vector<std::string>& context_fields() {
  static const std::vector<std::string> kFields{"environment", "pass",   "input", "n",       "d",
                                                "d_v",         "causal", "batch", "heads",   "backend",
                                                "isa",         "dtype",  "cache", "threads", "seed"};
  return kFields;
}

std::vector<std::string> varying(const std::vector<Row>& rows, const std::vector<std::string>& fields) {
  std::vector<std::string> found;
  for (const std::string& name : fields)
    if (differ(rows, name)) found.push_back(name);
  return found;
}

std::vector<std::string> constant(const std::vector<Row>& rows, const std::vector<std::string>& fields) {
  std::vector<std::string> found;
  for (const std::string& name : fields)
    if (!differ(rows, name)) found.push_back(name);
  return found;
}

std::string shared_context(const std::vector<Row>& rows, const std::vector<Machine>& machines,
                           const std::vector<std::string>& said) {
  if (rows.empty()) return "";
  const Row& row = rows.front();
  std::vector<std::string> parts;
  for (const std::string& name : constant(rows, context_fields())) {
    const std::string text = field(row, name);
    const bool usual = (name == "causal" && text == "no") || (name == "backend" && text == "cpu") ||
                       (name == "dtype" && text == "f32") || (name == "cache" && text == "hot") ||
                       (name == "seed" && text == "1") || (name == "d_v" && text == field(row, "d"));
    const bool told = std::ranges::find(said, name) != said.end();
    if (name != "environment" && !usual && !told && !text.empty()) parts.push_back(fmt::format("{} = {}", name, text));
  }
  if (constant(rows, {"environment"}).size() == 1 && !machine_text(machines, row.environment).empty())
    parts.push_back(machine_text(machines, row.environment));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string machine_text(const std::vector<Machine>& machines, const std::string& environment) {
  const auto found = std::ranges::find(machines, environment, &Machine::id);
  if (found == machines.end()) return environment;
  const bool alone = std::ranges::none_of(
      machines, [&](const Machine& m) { return m.id != environment && m.text() == found->text(); });
  return alone ? found->text() : fmt::format("{} ({})", found->text(), environment.substr(0, 8));
}

bool one_is_best(std::string_view value) {
  return value.ends_with(".norm_ratio") || value.ends_with(".slope") || value == "row_mass";
}

}  // namespace yoso
