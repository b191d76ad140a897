// The report: what was measured, where, and how to measure it again. Schema "yoso-bench/report", shipped in
// share/yoso-bench and embedded in the binary. SI units, one a field; unknown is null; NaN and infinity never appear.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <yoso/crossover.hpp>
#include <yoso/environment.hpp>
#include <yoso/instance.hpp>
#include <yoso/metrics.hpp>
#include <yoso/timing.hpp>
#include <yoso/warnings.hpp>

namespace yoso {

inline constexpr const char* kReportSchema = "yoso-bench/report";
inline constexpr const char* kReportVersion = "1.3";  // additions raise the minor number; fields keep their meaning

enum class Status : std::uint8_t { ok, noisy, wrong, over_budget, unsupported, timeout, error, interrupted, predicted };
std::string_view name(Status status);

// Median over seeds and its interval; lo and hi are null when there are too few seeds for one, or when the method has
// untrained random parameters, of which only one draw is seen.
struct Summary {
  double median = 0;
  std::optional<double> lo, hi;
};

// One comparison of outputs with a reference: each metric's mean over heads (of max_abs the largest), summarised over
// seeds.
struct Comparison {
  std::string reference;  // "softmax", "yoso-e", ...
  std::vector<std::pair<std::string, std::optional<Summary>>> metrics;
  // Smallest and largest head of each metric (median over seeds): the spread over heads, which is no sampling noise.
  std::vector<std::pair<std::string, std::optional<std::pair<double, double>>>> heads;

  std::optional<Summary> operator[](std::string_view metric) const;
};

struct HeadError {
  HeadProfile profile;
  std::optional<double> skill_total, angle_total, skill_sampling, angle_sampling;  // median over seeds
};

// How a method spreads its weights over the keys, beside exact attention; of one draw, over a few queries of every row.
struct WeightResult {
  std::optional<double> row_mass;     // mean over queries of the sum of their weights: 1 for an average
  std::optional<double> topk_recall;  // of the `top` keys that exact attention weighs most, the share found
  std::int64_t top = 0;
};

// A gradient beside a reference: how each tensor points and how long it is. Means over heads, summarised over seeds.
struct GradientComparison {
  struct Tensor {
    std::string name;  // "dq", "dk", "dv"
    // cosine of the angle between the two; |g| / |reference|; <g, reference> / |reference|^2, which noise does not
    // change on average, so that another value than 1 is a bias
    std::optional<Summary> cosine, norm_ratio, slope;
  };
  std::string reference;  // "softmax", "yoso-e", "yoso-e gradient=lower-bound"
  std::string role;  // "total": exact softmax; "truth": the derivative of what it estimates; "own": what it aims at
  std::vector<Tensor> tensors;
};

struct ErrorResult {
  std::int64_t seeds = 1;                // 1 for a method that draws nothing
  std::optional<Comparison> total;       // output against exact softmax attention
  std::optional<Comparison> sampling;    // output against the method's own target; null when it is its own target
  std::optional<Comparison> kernel_gap;  // its own target against exact softmax attention; null when that is softmax
  // Root mean square, over outputs, of (mean over seeds - own target) in standard errors: about 1 when unbiased. Null
  // with fewer than 5 seeds, or when most outputs vary by rounding only.
  std::optional<double> bias_z;
  std::optional<WeightResult> weights;        // only when asked for, and where outputs are linear in the values
  std::vector<HeadError> per_head;            // only when asked for
  std::vector<GradientComparison> gradients;  // of a backward pass, which has nothing of the above but `seeds`
};

// The largest batch whose peak is within a budget: predicted, then verified by running it.
struct MaxBatch {
  std::int64_t batch = 0;              // 0: not even one fits
  std::optional<double> per_instance;  // bytes that one more batch item adds; null: not known from one batch alone
  std::optional<double> fixed;         // bytes that do not grow with the batch (parameters, memory of a thread)
  std::optional<std::size_t> next;     // peak that one more item would have
};

struct MemoryResult {
  Footprint predicted;                     // declared by the method, without running it
  std::optional<Footprint> measured;       // high-water marks of a run; null when the point was over budget
  std::optional<std::size_t> rss;          // growth of the resident set of a forked child that ran the point
  std::optional<std::size_t> budget;       // what it was allowed
  std::optional<MaxBatch> max_batch = {};  // only when asked for
};

struct CheckResult {
  double max_abs = 0;    // largest difference from the double-precision definition
  double tolerance = 0;  // largest allowed difference at that element
  bool passed = false;
  std::int64_t queries = 0;  // how many queries of every row were checked
  std::string hash;          // of the bits of the whole output, with the first draws
  // The worst tensor of a backward pass: error relative to its size (yoso/gradients.hpp), and what is allowed
  std::optional<double> gradients;
  double gradients_tolerance = 0;
  bool rechecked = false;  // whether an output of the timed calls was checked too
};

// What one of several launches of the whole process measured.
struct Launch {
  double median = 0;            // seconds
  std::optional<double> ratio;  // paired, to the baseline
};

// A time that was not measured: that of the method's largest measured length, by the ratio of their operations.
struct Predicted {
  double seconds = 0;
  std::string from_point;  // id
};

// A row whose main knob was searched for the least value that reaches a skill, or which stands beside such rows.
struct Match {
  std::optional<double> goal;      // skill asked for; null: the method has no main knob
  std::optional<Summary> reached;  // skill against softmax at this setting; null: it has no meaning
  bool missed = false;             // the goal was not reached
};

struct SpeedResult {
  Timing timing;
  std::vector<std::pair<std::string, double>> phases;  // seconds, median of a few runs apart from the timed ones
  std::int64_t phase_runs = 0;
  double phase_total = 0;               // seconds, median of those runs as a whole: the phases' sum should be near it
  std::optional<std::string> baseline;  // the method the ratio is taken to
  std::optional<Paired> paired;
  bool baseline_predicted = false;    // the ratio is to a predicted time, and its interval is that of this method alone
  std::vector<Launch> launches;       // of several; empty: there was one
  std::vector<KernelUse> kernels;     // of a device, in the order of one call
  std::optional<DeviceState> device;  // right after the timed calls
};

struct Point {
  std::string id, group;  // hashes of the configuration, with and without the method and its knobs
  std::string repro;      // a command line that measures this point again
  std::string method;
  bool control = false;
  std::vector<std::pair<std::string, std::string>> knobs;  // resolved, as they would be typed
  std::vector<std::string> series;  // the setting as asked for ("hash_bits=auto"), by which rows of other lengths go
                                    // with this one; several when settings resolve alike here
  std::string input;                // a family's name or a capture's path
  Shape shape;
  std::string pass = "forward", backend = "cpu", isa, dtype = "f32";  // dtype: of q, k and v
  int threads = 1;
  std::uint64_t seed = 1;
  std::string cache = "hot";    // "cold": a device's last cache is written over before every sample
  std::string redraw = "none";  // "each" call draws afresh, inside the timed region; "once"; "none": nothing is drawn
  Status status = Status::ok;
  std::string reason;
  std::optional<SpeedResult> speed;
  std::optional<MemoryResult> memory;
  std::optional<ErrorResult> error;
  std::optional<CheckResult> check;
  std::optional<Work> work;
  std::optional<Predicted> predicted;
  std::optional<Match> match;
  std::string verdict;  // of the overview table; empty when none was given
};

struct Report {
  std::string id, started_at, finished_at, status = "complete";
  std::vector<std::string> argv;
  std::map<std::string, std::string> tags;
  std::uint64_t seed = 1;
  std::string plan, shard;  // of a sweep: the plan's id, "0/3"; else empty
  BuildInfo build;
  Environment environment;
  std::optional<Disturbance> during;  // what the machine was like while it measured
  std::vector<Point> points;
  std::vector<Warning> warnings;
  std::vector<Crossover> crossovers;
  int launches = 1;      // of the whole process, that every row was measured in
  bool samples = false;  // whether every timing sample is written
};

// Fills id, times, build and environment in.
Report start_report(std::vector<std::string> argv, std::uint64_t seed);

// Sets id and group from the configuration.
void identify(Point& point);

std::string to_json(const Report& report);
std::string to_json(const Environment& environment, const BuildInfo& build, const std::vector<Warning>& warnings);
std::string to_json(Methods methods);

// A file that is either replaced whole or not touched at all: written to a temporary name beside it, synced, renamed.
class OutputFile {
 public:
  // Tries the place out, so that an unwritable one is known before anything is measured. Throws BadInput.
  explicit OutputFile(std::string path);
  void commit(const std::string& text) const;
  const std::string& path() const { return path_; }

 private:
  std::string temporary() const;
  int create() const;
  void sync_folder() const;
  std::string path_, target_, suffix_;  // as given, with links resolved, and of the temporary name
};

}  // namespace yoso
