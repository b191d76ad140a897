// Rows of reports as tables: what `yoso-bench table` writes.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <yoso/rows.hpp>

namespace yoso {

struct GridAsk {
  std::vector<std::string> rows{"method", "setting"}, cols{"n"};  // fields; cols may be empty: values are the columns
  std::vector<std::string> values;                                // empty: the first of the usual ones that is there
  std::string where;
  std::string given;  // with `goals`: of each method only what best_of() picks, and in each cell its setting
  std::vector<double> goals;
  bool best = false;  // mark the best of each column, and what cannot be told from it
};

struct GridCell {
  std::string status, id;      // empty: nothing was measured here
  std::string note;            // the setting, where it is no row or column of its own
  std::optional<Value> value;  // of a row that is usable
  bool predicted = false;      // it, or the baseline that it is taken to
  bool unsure = false;         // noisy or cut short: its interval is part of what it says
  bool control = false, best = false;
};

using Key = std::vector<std::string>;

// One table. Where rows differ in a field that is neither a row nor a column, there is one for each of its texts.
struct Grid {
  Key split;  // in the order of Grids::split_fields
  std::vector<Key> rows, cols;
  std::vector<std::vector<std::vector<GridCell>>> cells;  // [value][row][column]
};

struct Grids {
  std::vector<std::string> row_fields, col_fields, split_fields;
  std::vector<ValueName> values;
  std::vector<std::string> titles;  // of the values: "speed-up over softmax"
  std::string context;              // what all rows share
  bool best = false;
  bool picked = false;  // each cell holds a setting of its own (GridCell::note)
  std::vector<Grid> grids;
};

// Throws BadSetting naming --rows, --cols, --value or --where; also when two rows would fall in one cell and no field
// tells them apart: nothing is dropped in silence.
Grids make_grids(const Rows& rows, const GridAsk& ask);

// All grids as one, whose rows begin with the fields that split them.
Grid joined(const Grids& grids);

struct GridStyle {
  int digits = 3;         // significant ones, of md and latex; csv and jsonl carry every bit
  bool intervals = true;  // without them rows that are unsure still print theirs
};
std::string to_markdown(const Grids& grids, const GridStyle& style);
std::string to_latex(const Grids& grids, const GridStyle& style);  // needs booktabs and siunitx
std::string to_csv(const Grids& grids, const GridStyle& style);
std::string to_jsonl(const Grids& grids, const GridStyle& style);

// A unit that suits a column: numbers are divided by `size`.
struct Scale {
  double size = 1;
  std::string text;  // "ms"; empty: a pure number
};
Scale scale_of(const std::string& unit, const std::vector<double>& numbers);
// A number and its interval in plain digits: "6.61", "6.58", "6.65". lo and hi are empty when there is no interval, or
// when it is a single point.
struct Digits {
  std::string median, lo, hi;
};
Digits digits_of(const Value& value, double size, int digits);

}  // namespace yoso
