// What was asked for on the command line, as plain data. Nothing here knows CLI11.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <yoso/compare.hpp>
#include <yoso/cpu.hpp>
#include <yoso/device.hpp>
#include <yoso/grid.hpp>
#include <yoso/plan.hpp>
#include <yoso/study.hpp>

namespace yoso::app {

// plot, as text: commands/plot.cpp reads it
struct PlotOptions {
  std::string kind = "line", x, y, facet, title, linear, size = "16x10", x_label, y_label;
  std::vector<std::string> where;
};

struct Options {
  std::string command;
  std::vector<std::string> argv;

  // axes; an empty list means the command's usual value
  std::vector<std::string> methods{"all"};
  std::vector<std::int64_t> n, n_q, n_k, d, d_v, batch, heads, threads;
  std::vector<Isa> isas;
  std::vector<Device*> devices{nullptr};      // backends; null: the CPU
  std::string backend_note;                   // why `--backend auto` took the CPU
  std::vector<Element> dtypes{Element::f32};  // of q, k and v
  std::vector<std::string> passes;            // forward, backward, both
  bool causal = false;
  std::vector<std::string> families, captures;
  KnobLists knobs;
  std::uint64_t seed = 1;

  // measuring
  std::string baseline = "softmax";  // "none": no ratios
  double time_budget = 1;            // seconds a point
  double rel_ci = 0.01;
  int min_samples = 20;
  std::string redraw;                   // "", "each" or "once"
  bool cold = false;                    // each sample begins with an empty device cache
  int launches = 1;                     // of the whole process
  std::int64_t extrapolate_beyond = 0;  // longer ones of quadratic methods are predicted; 0: none
  std::vector<double> skills;           // to match, each a row; empty: knobs as they are
  std::string settled;                  // a report to take matched settings from
  std::uint64_t memory_budget = 0;      // bytes; 0: 80 % of what is free
  bool measure_rss = true;
  bool max_batch = false;
  std::uint64_t batch_budget = 0;  // bytes, of max_batch
  std::int64_t seeds = 20;
  bool per_head = false;
  bool weights = false;
  Reference reference = Reference::softmax;
  std::string reference_name = "softmax";

  // output
  std::string output;
  bool json = false;  // JSON on stdout instead of a table
  bool samples = false;
  std::map<std::string, std::string> tags;
  std::string progress = "auto";

  bool phases = false;     // speed: what each part of a pass takes
  bool calibrate = false;  // env
  bool self_test = false;  // env
  bool atomics = false;    // env

  // sweep, plan, merge and repro
  std::string recipe;              // a recipe or a plan file; empty: the axes above
  std::vector<std::string> kinds;  // speed, memory, error; empty: all of them
  std::vector<std::string> zips;   // axes that go together: "seq-len,hashes"
  std::string where;               // a Filter
  std::string out;                 // folder of the points
  std::string shard;               // "0/3", "auto"; empty: all
  std::vector<std::string> retry;  // statuses that are measured again
  std::string only;                // the beginning of a point's id
  bool force = false, fail_fast = false, smoke = false;
  double total_budget = 0;  // seconds; 0: none
  std::string plan;         // merge: a plan file
  int missing_shards = 0;   // merge: of so many shards, print those that lack points; 0: no

  std::string topic;               // list METHOD, repro NAME
  std::vector<std::string> files;  // validate FILE..., merge FOLDER...
  std::string print_schema;

  // compare and table
  GridAsk grid;
  GridStyle style;
  std::string grid_format = "md";  // md, csv, latex, jsonl
  CompareAsk compare;
  std::vector<std::string> fail_on;  // slower, error, memory
  PlotOptions plot;                  // plot REPORT..., which are in `files`
};

// Bytes a point may use: --memory-budget, or 80 % of what is free on the host or the device.
std::size_t memory_budget(const Options& options, Device* device);

// Parses argv, or prints help or version and returns a command of "". Throws BadSetting.
Options parse_command_line(int argc, const char* const* argv);

// One function a command; the exit code.
int run_list(const Options& options);
int run_env(const Options& options);
int run_calibrate(const Options& options);  // env --calibrate
int run_self_test(const Options& options);  // env --self-test
int run_atomics(const Options& options);    // env --atomics
int run_speed(const Options& options);
int run_memory(const Options& options);
int run_error(const Options& options);
int run_check(const Options& options);
int run_validate(const Options& options);
int run_overview(const Options& options);
int run_sweep(const Options& options);
int run_plan(const Options& options);
int run_merge(const Options& options);
int run_repro(const Options& options);
int run_table(const Options& options);
int run_compare(const Options& options);
void refuse_overwriting(const Options& options);  // -o must not be one of the files to read
int run_plot(const Options& options);

}  // namespace yoso::app
