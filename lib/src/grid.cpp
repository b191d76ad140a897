#include <yoso/grid.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include <yoso/errors.hpp>
#include <yoso/plan.hpp>
#include <yoso/selection.hpp>

namespace yoso {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::ranges::find(list, word) != list.end();
}

const Value* finite(const Row& row, const std::string& name) {
  const Value* value = row.value(name);
  return value && std::isfinite(value->median) ? value : nullptr;
}

// Settings that resolve alike at one length were run once and belong to every series that asked for them.
std::vector<Row> by_series(const std::vector<Row>& rows) {
  std::vector<Row> all;
  for (const Row& row : rows) {
    constexpr std::string_view kBetween = " | ";
    for (std::size_t at = 0; at <= row.setting.size();) {
      const std::size_t end = std::min(row.setting.find(kBetween, at), row.setting.size());
      all.push_back(row);
      all.back().setting = row.setting.substr(at, end - at);
      at = end + (end == row.setting.size() ? 1 : kBetween.size());
    }
  }
  return all;
}

std::vector<ValueName> values_of(const std::vector<Row>& rows, const std::vector<std::string>& asked) {
  const auto there = [&](const std::string& name) {
    return std::ranges::any_of(rows, [&](const Row& row) { return row.usable() && finite(row, name); });
  };
  std::vector<ValueName> values;
  for (const std::string& name : asked) {
    const ValueName& value = value_name("--value", name);
    if (!there(name)) {
      std::vector<std::string> known;
      for (const ValueName& v : value_names())
        if (there(v.name)) known.push_back(v.name);
      throw BadSetting(fmt::format("--value {}: none of these rows has it; they have {}", name,
                                   known.empty() ? "no values at all" : fmt::format("{}", fmt::join(known, ", "))));
    }
    values.push_back(value);
  }
  if (!values.empty()) return values;
  for (const char* usual : {"speedup", "time", "skill", "batch", "peak"})
    if (there(usual)) return {value_name("--value", usual)};
  // of gradients the first cosine that most rows have: methods that estimate nothing have none to their own target
  const ValueName* cosine = nullptr;
  std::ptrdiff_t most = 0;
  for (const ValueName& value : value_names()) {
    const auto n = std::ranges::count_if(rows, [&](const Row& row) { return finite(row, value.name) != nullptr; });
    if (value.name.ends_with(".cosine") && n > most) {
      cosine = &value;
      most = n;
    }
  }
  if (cosine) return {*cosine};
  for (const ValueName& value : value_names())
    if (there(value.name)) return {value};
  throw BadSetting("table: no row of these reports has a value to show");
}

class Builder {
 public:
  Builder(const Rows& rows, const GridAsk& ask) : machines_(rows.machines), ask_(ask) {
    for (const auto& [flag, fields] : {std::pair("--rows", &ask.rows), std::pair("--cols", &ask.cols)})
      for (const std::string& name : *fields) require_field(flag, name, rows.rows);
    const bool expand = contains(ask.rows, "setting") || contains(ask.cols, "setting");
    rows_ = select_rows(expand ? by_series(rows.rows) : rows.rows, ask.where);
    grids_.values = values_of(rows_, ask.values);
    if (!ask.given.empty()) rows_ = best_of(rows_, ask.given, ask.goals, grids_.values.front().name);
    std::vector<std::string> names;
    for (const ValueName& value : grids_.values) names.push_back(value.name);
    refuse_clashes(rows, rows_, names);
    // a usable row without any of the values has nothing to say here
    std::erase_if(rows_, [&](const Row& row) {
      return row.usable() &&
             std::ranges::none_of(grids_.values, [&](const ValueName& v) { return finite(row, v.name); });
    });
  }

  Grids build() {
    grids_.row_fields = ask_.rows;
    grids_.col_fields = ask_.cols;
    grids_.best = ask_.best;
    grids_.picked = !ask_.given.empty();
    split();
    std::vector<std::string> said = ask_.rows;
    said.insert(said.end(), ask_.cols.begin(), ask_.cols.end());
    grids_.context = shared_context(rows_, machines_, said);
    titles();
    const std::vector<Key> splits = keys(rows_, grids_.split_fields);
    for (const Key& at : splits) {
      std::vector<Row> part;
      for (const Row& row : rows_)
        if (key(row, grids_.split_fields) == at) part.push_back(row);
      grids_.grids.push_back(grid(at, part));
    }
    return std::move(grids_);
  }

 private:
  std::string text(const Row& row, const std::string& name) const {
    if (name == "goal" && !ask_.given.empty())
      return fmt::format("{} {} {}", ask_.given,
                         value_name("--given", ask_.given).less_is_better ? "<=" : ">=", field(row, name));
    return name == "environment" ? machine_text(machines_, row.environment) : field(row, name);
  }
  Key key(const Row& row, const std::vector<std::string>& fields) const {
    Key texts;
    for (const std::string& name : fields) texts.push_back(text(row, name));
    return texts;
  }

  // The keys there are: numbers in ascending order, words in that of the reports.
  std::vector<Key> keys(const std::vector<Row>& rows, const std::vector<std::string>& fields) const {
    std::vector<std::map<std::string, double>> ranks;
    for (const std::string& name : fields) {
      std::map<std::string, double> rank;
      bool numbers = true;
      for (const Row& row : rows) {
        rank.emplace(text(row, name), static_cast<double>(rank.size()));
        numbers &= text(row, name).empty() || std::isfinite(number(row, name).value_or(HUGE_VAL));
      }
      if (numbers)
        for (const Row& row : rows) rank[text(row, name)] = number(row, name).value_or(-HUGE_VAL);
      ranks.push_back(std::move(rank));
    }
    std::set<std::pair<std::vector<double>, Key>> sorted;
    for (const Row& row : rows) {
      std::vector<double> rank;
      for (std::size_t f = 0; f < fields.size(); ++f) rank.push_back(ranks[f].at(text(row, fields[f])));
      sorted.emplace(std::move(rank), key(row, fields));
    }
    std::vector<Key> all;
    for (const auto& [rank, texts] : sorted) all.push_back(texts);
    return all;
  }

  // Fields that tell tables apart: every circumstance in which rows differ, and what else keeps two rows from one cell.
  void split() {
    std::vector<std::string> placed = ask_.rows;
    placed.insert(placed.end(), ask_.cols.begin(), ask_.cols.end());
    const bool found_batch = std::ranges::any_of(rows_, [](const Row& row) { return row.value("batch"); });
    const bool lengths = contains(placed, "n_q") || contains(placed, "n_k");
    const bool parameters = contains(placed, "parameter");  // then an input is a family at one of them
    for (const std::string& name : varying(rows_, context_fields()))
      if (!contains(placed, name) && !(name == "batch" && found_batch) && !(name == "n" && lengths) &&
          !(name == "input" && parameters))
        grids_.split_fields.push_back(name);
    if (parameters && !contains(placed, "family") && !varying(rows_, {"family"}).empty())
      grids_.split_fields.emplace_back("family");
    std::vector<std::string> others{"goal", "method", "setting", "n", "n_q", "n_k", "redraw"};
    std::set<std::string> knobs;
    for (const Row& row : rows_)
      for (const auto& [knob, value] : row.knobs) knobs.insert(knob);
    others.insert(others.end(), knobs.begin(), knobs.end());
    for (bool again = true; again;) {
      again = false;
      std::vector<std::string> all = placed;
      all.insert(all.end(), grids_.split_fields.begin(), grids_.split_fields.end());
      std::map<Key, std::vector<const Row*>> cells;
      for (const Row& row : rows_) {
        if (!row.usable()) continue;
        std::vector<const Row*>& cell = cells[key(row, all)];
        for (const Row* other : cell)
          if (!again && collide(row, *other)) {
            grids_.split_fields.push_back(apart(row, *other, all, others));
            again = true;
          }
        if (again) break;
        cell.push_back(&row);
      }
    }
  }

  bool collide(const Row& a, const Row& b) const {
    return std::ranges::any_of(grids_.values,
                               [&](const ValueName& v) { return finite(a, v.name) && finite(b, v.name); });
  }

  std::string apart(const Row& a, const Row& b, const std::vector<std::string>& used,
                    const std::vector<std::string>& candidates) const {
    for (const std::string& name : candidates)
      if (!contains(used, name) && text(a, name) != text(b, name)) return name;
    throw BadSetting(fmt::format(
        "table: points {} and {} fall in one cell and no field tells them apart; --where can choose", a.id, b.id));
  }

  void titles() {
    std::set<std::string> baselines;
    for (const Row& row : rows_)
      if (!row.baseline.empty()) baselines.insert(row.baseline);
    const std::string baseline = baselines.size() == 1 ? *baselines.begin() : "the baseline";
    for (const ValueName& value : grids_.values)
      grids_.titles.push_back(value.name == "speedup" ? "speed-up over " + baseline
                              : value.name == "ratio" ? "time over that of " + baseline
                                                      : value.name);
  }

  GridCell cell(const Row& row, const std::string& name) const {
    GridCell cell{row.status,  row.id, ask_.given.empty() || !row.usable() ? "" : row.setting, {}, false, false,
                  row.control, false};
    if (!row.usable()) return cell;
    const Value* value = finite(row, name);
    if (!value) return {};
    cell.value = *value;
    const bool of_time = name == "time" || name == "ratio" || name == "speedup";
    cell.predicted = of_time && (row.status == "predicted" || (name != "time" && row.baseline_predicted));
    cell.unsure = of_time && (row.status == "noisy" || row.status == "timeout");
    return cell;
  }

  Grid grid(const Key& at, const std::vector<Row>& rows) const {
    Grid grid{at, keys(rows, ask_.rows), keys(rows, ask_.cols), {}};
    grid.cells.assign(grids_.values.size(),
                      std::vector<std::vector<GridCell>>(grid.rows.size(), std::vector<GridCell>(grid.cols.size())));
    std::map<Key, std::size_t> row_at, col_at;
    for (std::size_t i = 0; i < grid.rows.size(); ++i) row_at[grid.rows[i]] = i;
    for (std::size_t i = 0; i < grid.cols.size(); ++i) col_at[grid.cols[i]] = i;
    for (const Row& row : rows)
      for (std::size_t v = 0; v < grids_.values.size(); ++v) {
        GridCell& here = grid.cells[v][row_at.at(key(row, ask_.rows))][col_at.at(key(row, ask_.cols))];
        GridCell there = cell(row, grids_.values[v].name);
        if (!here.value && !there.status.empty() && (there.value || here.status.empty())) here = std::move(there);
      }
    if (ask_.best)
      for (std::size_t v = 0; v < grids_.values.size(); ++v)
        for (std::size_t c = 0; c < grid.cols.size(); ++c) mark_best(grid.cells[v], c, grids_.values[v]);
    return grid;
  }

  // How far a value is from the best there can be; only the order matters.
  static double distance(const ValueName& name, double x) {
    if (one_is_best(name.name)) return std::abs(x - 1);
    return name.less_is_better ? x : -x;
  }

  static void mark_best(std::vector<std::vector<GridCell>>& rows, std::size_t c, const ValueName& name) {
    // measured methods first; controls and predictions only where there is nothing else
    for (const auto& [controls, predictions] :
         {std::pair(false, false), std::pair(true, false), std::pair(true, true)}) {
      const GridCell* best = nullptr;
      const auto counts = [&, cs = controls, ps = predictions](const GridCell& cell) {
        return cell.value && (cs || !cell.control) && (ps || cell.status != "predicted");
      };
      for (const auto& row : rows)
        if (counts(row[c]) && (!best || distance(name, row[c].value->median) < distance(name, best->value->median)))
          best = &row[c];
      if (!best) continue;
      const Value top = *best->value;
      for (auto& row : rows)
        if (counts(row[c])) {
          const Value& value = *row[c].value;
          const bool overlap = value.lo && top.lo && *value.lo <= *top.hi && *top.lo <= *value.hi;
          row[c].best = value.median == top.median || overlap;
        }
      return;
    }
  }

  const std::vector<Machine>& machines_;
  const GridAsk& ask_;
  std::vector<Row> rows_;
  Grids grids_;
};

}  // namespace

Grids make_grids(const Rows& rows, const GridAsk& ask) {
  if (rows.rows.empty()) throw BadSetting("table: these reports have no rows");
  return Builder(rows, ask).build();
}

Grid joined(const Grids& grids) {
  Grid all;
  for (const Grid& grid : grids.grids)
    for (const Key& col : grid.cols)
      if (std::ranges::find(all.cols, col) == all.cols.end()) all.cols.push_back(col);
  const auto as_number = [](const std::string& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
  };
  std::ranges::stable_sort(all.cols, [&](const Key& a, const Key& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
      if (const auto x = as_number(a[i]), y = as_number(b[i]); x && y && *x != *y) return *x < *y;
    return false;
  });
  all.cells.resize(grids.values.size());
  for (const Grid& grid : grids.grids)
    for (std::size_t r = 0; r < grid.rows.size(); ++r) {
      Key key = grid.split;
      key.insert(key.end(), grid.rows[r].begin(), grid.rows[r].end());
      all.rows.push_back(std::move(key));
      for (std::size_t v = 0; v < grids.values.size(); ++v) {
        std::vector<GridCell>& line = all.cells[v].emplace_back(all.cols.size());
        for (std::size_t c = 0; c < grid.cols.size(); ++c)
          line[static_cast<std::size_t>(std::ranges::find(all.cols, grid.cols[c]) - all.cols.begin())] =
              grid.cells[v][r][c];
      }
    }
  return all;
}

}  // namespace yoso
