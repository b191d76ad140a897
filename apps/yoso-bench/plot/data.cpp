// Rows to panels. What must never happen: two conditions drawn as one curve, or a row that vanishes without a word.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <set>

#include <yoso/errors.hpp>
#include <yoso/plan.hpp>
#include <yoso/selection.hpp>

#include "figure.hpp"

namespace yoso::app::plot {
namespace {

constexpr std::size_t kMostPanels = 6;

bool plain(const std::string& text) {
  return std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

// as a shell and --where read it
std::string condition(const std::string& name, const std::string& value) {
  return plain(value) ? fmt::format("--where '{}=={}'", name, value) : fmt::format("--where \"{}=='{}'\"", name, value);
}

std::vector<std::string> values_of(const std::vector<Row>& rows, const std::string& name) {
  std::vector<std::string> values;
  for (const Row& row : rows)
    if (std::string value = field(row, name); std::ranges::find(values, value) == values.end())
      values.push_back(std::move(value));
  return values;
}

std::string listed(const std::vector<std::string>& values) {
  std::vector<std::string> some(values.begin(), values.begin() + std::min<std::ptrdiff_t>(4, std::ssize(values)));
  return fmt::format("{}{}", fmt::join(some, ", "),
                     values.size() > some.size() ? fmt::format(" and {} more", values.size() - some.size()) : "");
}

[[noreturn]] void refuse_mixture(const Request& request, const std::string& name,
                                 const std::vector<std::string>& values) {
  throw BadSetting(fmt::format("--kind {}: the rows differ in {} ({}); choose with {}{}", request.kind, name,
                               listed(values), condition(name, values.back()),
                               request.facet.empty() && values.size() <= kMostPanels
                                   ? fmt::format(" or draw panels with --facet {}", name)
                                   : ""));
}

// n follows n_q and n_k, d follows d_v: a field that always equals one that is drawn hides nothing.
bool follows(const std::vector<Row>& rows, const std::string& name, const std::string& drawn) {
  static const std::set<std::string> kTokens{"n", "n_q", "n_k"}, kWidths{"d", "d_v"};
  for (const auto& kin : {kTokens, kWidths})
    if (kin.contains(name) && kin.contains(drawn))
      return std::ranges::all_of(rows, [&](const Row& row) { return field(row, name) == field(row, drawn); });
  return false;
}

// Every panel has one value of the field.
bool told_by_facet(const Request& request, const std::vector<Row>& rows, const std::string& name) {
  std::map<std::string, std::string> values;
  return !request.facet.empty() && std::ranges::all_of(rows, [&](const Row& row) {
    return values.emplace(field(row, request.facet), field(row, name)).first->second == field(row, name);
  });
}

constexpr const char* kContext[] = {"input", "pass",  "n",     "n_q",    "n_k",        "d",
                                    "d_v",   "batch", "heads", "causal", "threads",    "backend",
                                    "isa",   "dtype", "cache", "seed",   "environment"};

void check_mixture(const Request& request, const std::vector<Row>& rows, const std::string& x) {
  // along a parameter of the input, or a value that follows from it (entropy), an input is one of a family
  const bool family = request.kind == "line" && (x == "parameter" || rows.front().value(x));
  for (const std::string field_name : kContext) {
    const std::string name = family && field_name == "input" ? "family" : field_name;
    if (name == x || name == request.facet) continue;
    const auto values = values_of(rows, name);
    if (values.size() < 2 || follows(rows, name, x) || follows(rows, name, request.facet)) continue;
    if (told_by_facet(request, rows, name)) continue;  // panel_title says it
    refuse_mixture(request, name, values);
  }
  // Draws are redrawn as suits a method and its pass: only one method's in one panel must agree.
  std::map<std::string, std::vector<Row>> own;
  for (const Row& row : rows) own[fmt::format("{} {}", row.method, field(row, request.facet))].push_back(row);
  for (const auto& [method, list] : own)
    if (const auto values = values_of(list, "redraw"); values.size() > 1 && x != "redraw")
      refuse_mixture(request, "redraw", values);
}

// Two rows for one mark: names what tells them apart.
[[noreturn]] void refuse_pair(const Request& request, const Row& a, const Row& b) {
  std::vector<std::string> names{"n_q", "n_k", "d", "d_v", "seed", "redraw", "environment"};
  for (const Row* row : {&a, &b})
    for (const auto& [knob, value] : row->knobs) names.push_back(knob);
  for (const std::string& name : names)
    if (field(a, name) != field(b, name)) refuse_mixture(request, name, {field(a, name), field(b, name)});
  throw BadSetting(fmt::format("--kind {}: {} {} is there twice (rows {} and {}); give one report of the two",
                               request.kind, a.method, a.setting, a.id, b.id));
}

std::optional<double> numeric(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// What the facet says, a captured input by its file's name, and what else tells a panel from the others.
std::string panel_title(const Request& request, const std::vector<Row>& all, const Row& row) {
  if (request.facet.empty()) return "";
  const std::string value = field(row, request.facet);
  std::string title = request.facet == "input" || request.facet == "family"
                          ? std::filesystem::path(value).stem().string()
                      : value.empty() ? fmt::format("no {}", request.facet)
                                      : fmt::format("{} = {}", request.facet, value);
  for (const std::string name : {"n", "d", "threads"})
    if (name != request.facet && name != request.x && values_of(all, name).size() > 1 &&
        told_by_facet(request, all, name))
      title += fmt::format(", {} = {}", name, field(row, name));
  return title;
}

// One panel a value of the facet; numbers ascending, names as they come.
std::vector<std::pair<std::string, std::vector<Row>>> facets(const Request& request, const std::vector<Row>& rows) {
  if (request.facet.empty()) return {{"", rows}};
  std::vector<std::string> values = values_of(rows, request.facet);
  if (values.size() > kMostPanels)
    throw BadSetting(fmt::format("--facet must be a field of at most {} values, {} has {} ({}); choose with --where",
                                 kMostPanels, request.facet, values.size(), listed(values)));
  if (std::ranges::all_of(values, [](const std::string& v) { return numeric(v).has_value(); }))
    std::ranges::sort(values, {}, [](const std::string& v) { return *numeric(v); });
  std::vector<std::pair<std::string, std::vector<Row>>> panels;
  for (const std::string& value : values) {
    std::vector<Row> own;
    std::ranges::copy_if(rows, std::back_inserter(own),
                         [&](const Row& row) { return field(row, request.facet) == value; });
    panels.emplace_back(panel_title(request, rows, own.front()), own);
  }
  return panels;
}

// Settings of a row ("hashes=32 | hashes=32 hash_bits=auto" are two that came to the same), each split into words.
std::vector<std::vector<std::string>> series_of(const Row& row) {
  std::vector<std::vector<std::string>> all;
  std::string rest = row.setting;
  for (;;) {
    const auto bar = rest.find(" | ");
    std::vector<std::string> words;
    for (const std::string& word : split(rest.substr(0, bar), ' '))
      if (!word.empty()) words.push_back(word);
    all.push_back(words);
    if (bar == std::string::npos) return all;
    rest = rest.substr(bar + 3);
  }
}

std::string without(const std::vector<std::string>& words, const std::string& knob) {
  std::vector<std::string> rest;
  for (const std::string& word : words)
    if (knob.empty() || !word.starts_with(knob + "=")) rest.push_back(word);
  return fmt::format("{}", fmt::join(rest, " "));
}

std::optional<std::string> knob_of(const std::vector<std::string>& words, const std::string& knob) {
  for (const std::string& word : words)
    if (word.starts_with(knob + "=")) return word.substr(knob.size() + 1);
  return std::nullopt;
}

Curve& curve_of(Panel& panel, const Row& row, const std::string& setting) {
  for (Curve& curve : panel.curves)
    if (curve.method == row.method && curve.setting == setting) return curve;
  panel.curves.push_back({row.method, setting, "", row.control, false, {}});
  return panel.curves.back();
}

bool predicted(const Row& row, const std::string& value) {
  const bool pair = value == "ratio" || value == "speedup";
  return row.status == "predicted" || (pair && row.baseline_predicted);
}

// The rows that have all of `values`; says which methods have none.
std::vector<Row> having(const Request& request, const std::vector<Row>& rows, const std::vector<std::string>& values) {
  std::vector<Row> kept;
  std::map<std::string, std::map<std::string, std::size_t>> lacking;
  for (const Row& row : rows) {
    const auto missing = std::ranges::find_if(values, [&](const std::string& v) { return !row.value(v); });
    if (missing == values.end())
      kept.push_back(row);
    else
      ++lacking[*missing][row.method];
  }
  for (const auto& [value, methods] : lacking) {
    std::vector<std::string> texts;
    for (const auto& [method, count] : methods)
      texts.push_back(fmt::format("{} ({} row{})", method, count, count == 1 ? "" : "s"));
    fmt::print(stderr, "left out, no {}: {}\n", value, fmt::join(texts, ", "));
  }
  if (kept.empty()) throw BadSetting(fmt::format("--kind {}: no row has {}", request.kind, fmt::join(values, " and ")));
  return kept;
}

// What a method's rows run over: of the numeric words of their settings the one of most values.
std::string running_knob(const std::vector<Row>& rows, const std::string& method) {
  std::map<std::string, std::set<std::string>> values;
  for (const Row& row : rows) {
    if (row.method != method) continue;
    for (const auto& words : series_of(row))
      for (const std::string& word : words)
        if (const auto at = word.find('='); at != std::string::npos && numeric(word.substr(at + 1)))
          values[word.substr(0, at)].insert(word.substr(at + 1));
  }
  std::string best;
  for (const auto& [knob, own] : values)
    if (own.size() > (best.empty() ? 1 : values[best].size())) best = knob;
  return best;
}

// The rule of overview's verdicts: not worse in either, and better in one beyond both intervals.
bool dominates(const Mark& a, const Mark& b, bool less_x, bool less_y) {
  const auto better = [](const Value& p, const Value& q, bool less) {
    return less ? p.hi.value_or(p.median) < q.lo.value_or(q.median) : p.lo.value_or(p.median) > q.hi.value_or(q.median);
  };
  const auto no_worse = [](const Value& p, const Value& q, bool less) {
    return less ? p.median <= q.median : p.median >= q.median;
  };
  return no_worse(a.x, b.x, less_x) && no_worse(a.y, b.y, less_y) &&
         (better(a.x, b.x, less_x) || better(a.y, b.y, less_y));
}

void judge(Panel& panel, bool less_x, bool less_y) {
  std::vector<Mark*> marks;
  for (Curve& curve : panel.curves)
    for (Mark& mark : curve.marks) marks.push_back(&mark);
  for (Mark* mark : marks)
    mark->dominated =
        std::ranges::any_of(marks, [&](const Mark* other) { return dominates(*other, *mark, less_x, less_y); });
}

// What all settings of a method share is said once, and not at each of its curves.
void say_once(std::vector<Panel>& panels) {
  std::map<std::string, std::vector<std::set<std::string>>> settings;
  for (const Panel& panel : panels)
    for (const Curve& curve : panel.curves) {
      const auto words = split(curve.setting, ' ');
      settings[curve.method].emplace_back(words.begin(), words.end());
    }
  for (const auto& entry : settings) {
    const std::string& method = entry.first;
    const auto& all = entry.second;
    if (std::ranges::all_of(all, [&](const auto& words) { return words == all.front(); })) continue;
    std::vector<std::string> common;
    for (const std::string& word : all.front())
      if (!word.empty() && std::ranges::all_of(all, [&](const auto& words) { return words.contains(word); }))
        common.push_back(word);
    // a curve of nothing else keeps its name, and so do the others
    if (common.empty() || std::ranges::any_of(all, [&](const auto& words) { return words.size() == common.size(); }))
      continue;
    for (Panel& panel : panels)
      for (Curve& curve : panel.curves)
        for (const std::string& word : common)
          if (curve.method == method)
            curve.setting = without(split(curve.setting, ' '), word.substr(0, word.find('=')));
    panels.front().notes.push_back(fmt::format("all of {}: {}", method, fmt::join(common, " ")));
  }
}

}  // namespace

std::vector<Row> selected(const std::vector<Row>& rows, const std::vector<std::string>& where) {
  if (rows.empty()) throw BadSetting("the report has no rows");
  std::vector<Row> kept = rows;
  for (const std::string& text : where) kept = select_rows(kept, text);
  std::map<std::string, std::size_t> unusable;
  for (const Row& row : kept)
    if (!row.usable()) ++unusable[row.status];
  std::erase_if(kept, [](const Row& row) { return !row.usable(); });
  for (const auto& [status, count] : unusable)
    fmt::print(stderr, "left out, {}: {} row{}\n", status, count, count == 1 ? "" : "s");
  if (kept.empty()) throw BadSetting("no row holds a result that could be drawn");
  return kept;
}

std::string baseline_of(const std::vector<Row>& rows, const std::string& value) {
  if (value != "ratio" && value != "speedup") return "";
  std::set<std::string> names;
  for (const Row& row : rows)
    if (row.value(value) && !row.baseline.empty()) names.insert(row.baseline);
  if (names.size() > 1)
    throw BadSetting(fmt::format("{}: the rows are compared with several baselines ({}); give reports of one", value,
                                 fmt::join(names, ", ")));
  return names.empty() ? "the baseline" : *names.begin();
}

std::vector<Panel> line_panels(const Request& request, const std::vector<Row>& all) {
  const std::vector<Row> rows = having(request, all, {request.y});
  if (std::ranges::none_of(rows, [&](const Row& row) { return number(row, request.x).has_value(); }))
    throw BadSetting(fmt::format("--x must be a field of numbers, such as n or a knob, or a value; got {} ({})",
                                 request.x, listed(values_of(rows, request.x))));
  check_mixture(request, rows, request.x);
  std::vector<Panel> panels;
  std::map<std::string, std::size_t> no_number;
  for (const auto& [title, own] : facets(request, rows)) {
    Panel& panel = panels.emplace_back(Panel{title, {}, {}});
    std::map<std::pair<std::string, double>, const Row*> seen;
    for (const Row& row : own) {
      const auto x = number(row, request.x);
      if (!x && !field(row, request.x).empty()) {
        ++no_number[fmt::format("{} has {} = {}", row.method, request.x, field(row, request.x))];
        continue;
      }
      for (const auto& words : series_of(row)) {
        // what the axis or the panel says
        const std::string setting = without(split(without(words, request.x), ' '), request.facet);
        const auto [other, fresh] = seen.try_emplace({row.method + " " + setting, x.value_or(0)}, &row);
        if (!fresh && other->second == &row) continue;
        if (!fresh) refuse_pair(request, *other->second, row);
        Curve& curve = curve_of(panel, row, setting);
        curve.level = !x;
        curve.marks.push_back({{x.value_or(0), {}, {}}, *row.value(request.y), "", predicted(row, request.y), false});
      }
    }
    for (Curve& curve : panel.curves) std::ranges::sort(curve.marks, {}, [](const Mark& m) { return m.x.median; });
  }
  say_once(panels);
  for (const auto& [what, count] : no_number)
    fmt::print(stderr, "left out, {}: {} row{}\n", what, count, count == 1 ? "" : "s");
  return panels;
}

std::vector<Panel> pareto_panels(const Request& request, const std::vector<Row>& all) {
  const std::vector<Row> rows = having(request, all, {request.x, request.y});
  check_mixture(request, rows, "");
  std::vector<Panel> panels;
  for (const auto& [title, own] : facets(request, rows)) {
    Panel& panel = panels.emplace_back(Panel{title, {}, {}});
    std::map<std::pair<std::string, std::string>, const Row*> seen;
    for (const Row& row : own) {
      const std::string knob = running_knob(rows, row.method);
      const auto words = series_of(row).front();
      const std::string setting = without(words, knob), value = knob_of(words, knob).value_or("");
      const auto [other, fresh] = seen.try_emplace({row.method + " " + setting, value}, &row);
      if (!fresh) refuse_pair(request, *other->second, row);
      Curve& curve = curve_of(panel, row, setting);
      curve.knob = knob;
      curve.marks.push_back({*row.value(request.x), *row.value(request.y), value, predicted(row, request.x), false});
    }
    for (Curve& curve : panel.curves)
      std::ranges::stable_sort(curve.marks, {}, [](const Mark& m) { return numeric(m.label).value_or(0); });
    judge(panel, value_name("--x", request.x).less_is_better, value_name("--y", request.y).less_is_better);
  }
  return panels;
}

std::vector<Panel> bar_panels(const Request& request, const std::vector<Row>& all) {
  std::vector<Row> rows;
  if (request.kind == "memory") {
    rows = having(request, all, {"peak"});
  } else {
    std::ranges::copy_if(all, std::back_inserter(rows), [](const Row& row) { return !row.phases.empty(); });
    if (rows.empty()) throw BadSetting("--kind phases: no row has phases; measure them with yoso-bench speed --phases");
    if (const std::size_t count = all.size() - rows.size(); count > 0)
      fmt::print(stderr, "left out, without phases: {} row{}\n", count, count == 1 ? "" : "s");
  }
  check_mixture(request, rows, "");
  std::vector<Panel> panels;
  for (const auto& [title, own] : facets(request, rows)) {
    Panel& panel = panels.emplace_back(Panel{title, {}, {}});
    std::map<std::string, const Row*> seen;
    for (const Row& row : own) {
      const auto [other, fresh] = seen.try_emplace(row.method + " " + row.setting, &row);
      if (!fresh) refuse_pair(request, *other->second, row);
      Bar bar{row.method, row.setting, row.control, row.phases};
      if (request.kind == "memory") {
        const double peak = row.value("peak")->median;
        const Value *saved = row.value("saved"), *scratch = row.value("scratch");
        bar.parts = {{"all together", peak}};  // a predicted peak has no parts
        if (saved && scratch)
          bar.parts = {{"inputs, outputs, draws", peak - saved->median - scratch->median},
                       {"saved", saved->median},
                       {"scratch", scratch->median}};
        std::erase_if(bar.parts, [](const auto& part) { return part.second <= 0; });
      }
      panel.bars.push_back(bar);
    }
  }
  return panels;
}

}  // namespace yoso::app::plot
