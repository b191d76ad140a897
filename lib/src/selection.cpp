#include <yoso/selection.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include <yoso/errors.hpp>
#include <yoso/filter.hpp>
#include <yoso/knobs.hpp>

namespace yoso {
namespace {

const std::vector<std::string> kAlways{"method", "setting", "input", "pass",   "backend", "isa",        "status",
                                       "redraw", "verdict", "n",     "n_q",    "n_k",     "d",          "d_v",
                                       "batch",  "heads",   "seed",  "causal", "threads", "environment"};

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
    if (std::ranges::any_of(names, known)) continue;
    std::set<std::string> fields(kAlways.begin(), kAlways.end());
    for (const Row& row : rows) {
      for (const auto& [knob, value] : row.knobs) fields.insert(knob);
      for (const auto& [name, value] : row.values) fields.insert(name);
    }
    const std::vector<std::string> list(fields.begin(), fields.end());
    const std::string close = names.empty() ? "" : nearest(names.front(), list);
    throw BadSetting(fmt::format("--where: no field or value of these rows in '{}'{}", comparison,
                                 close.empty() ? "" : fmt::format(" (did you mean {}?)", close)));
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

const std::vector<std::string>& context_fields() {
  static const std::vector<std::string> kFields{"environment", "pass",  "input",   "n",   "d",       "d_v", "causal",
                                                "batch",       "heads", "backend", "isa", "threads", "seed"};
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
