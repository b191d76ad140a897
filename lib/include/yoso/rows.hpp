// The rows of any report, flat: what tables, figures and comparisons read.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yoso/shape.hpp>

namespace yoso {

// A measured number with its interval; lo and hi are both there or both not.
struct Value {
  double median = 0;
  std::optional<double> lo, hi;
};

struct Row {
  std::string id, group, environment, repro;
  std::string method, setting;  // setting: knobs as asked for, "hashes=32 hash_bits=auto"; empty when all are usual
  std::string input, pass, backend, isa, dtype, cache, redraw, status, reason, verdict;
  bool control = false;
  Shape shape;
  int threads = 1;
  std::uint64_t seed = 1;
  std::map<std::string, std::string> knobs;  // resolved
  std::string baseline;                      // the method that `ratio` and `speedup` are taken to; empty: none
  bool baseline_predicted = false;           // it was not run at this length
  std::map<std::string, Value> values;       // what was measured, by the names of value_names()
  std::vector<std::pair<std::string, double>> phases;  // seconds

  const Value* value(std::string_view name) const;  // null: not measured
  bool usable() const;  // status ok, noisy, timeout or predicted: what it holds may be shown
};

// What made the numbers, one for each distinct report that went in.
struct Origin {
  std::string file, git_sha, build_type, compiler, sanitizers, flags;
  bool git_dirty = false;
};

struct Machine {
  std::string id, cpu, isa, os;
  std::string governor, variables;  // "OMP_NUM_THREADS=2 ..."; empty: unknown, none
  int cores = 0;
  std::string gpu = {};      // empty: none was used
  std::string text() const;  // "AMD EPYC, 2 cores, avx512", "..., NVIDIA H100"
};

// Two files measured one thing of one row, and disagree. The first one's is in the row.
struct Clash {
  std::string id, value, file;  // file: the second one
};

struct Rows {
  std::vector<Origin> origins;
  std::vector<Machine> machines;
  std::vector<Row> rows;  // in the order of the files
  std::vector<Clash> clashes;
};

// A report, or a folder that a sweep wrote (its points/ folder). Rows of one id, measured for time and for error say,
// are one row. Throws BadInput naming the file when it cannot be read or is no valid report.
Rows read_rows(const std::string& path);
Rows read_rows(const std::vector<std::string>& paths);  // of all of them, in order

// Names a value may have, with the unit and what it is, for help texts and messages: "time", "s", "median time".
struct ValueName {
  std::string name, unit, what;
  bool less_is_better;
};
const std::vector<ValueName>& value_names();
// Throws BadSetting naming `flag` and the nearest known name. Gradients' names are of the form own.dq.cosine.
const ValueName& value_name(std::string_view flag, std::string_view name);

// What identifies a row, as text: method, setting, input (family and parameter: what stands before and after its : or
// @), pass, backend, isa, dtype, cache, status, verdict, redraw, n, n_q, n_k, d, d_v, batch, heads, threads, seed,
// causal, environment, goal (of --match), or a knob. Empty when it has no such knob.
std::string field(const Row& row, std::string_view name);
// As a number, when it is one; of a name that is no field, the median of that value.
std::optional<double> number(const Row& row, std::string_view name);
// Throws BadSetting naming `flag` when `name` is no field of any of the rows.
void require_field(std::string_view flag, std::string_view name, const std::vector<Row>& rows);

}  // namespace yoso
