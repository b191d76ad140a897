// Flags as they were typed: cli.cpp fills them in, interpret.cpp makes Options of them.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "options.hpp"

namespace yoso::app {

using Texts = std::vector<std::string>;

// Every value is taken as text and parsed by our own functions, so that messages name flag, range and value alike.
struct Raw {
  Texts methods, n, n_q, n_k, d, d_v, batch, heads, threads, isas, backends, dtypes, passes, inputs, captures,
      own_knobs, tags;
  std::map<std::string, Texts> knobs;
  std::string seed, time_budget, rel_ci, min_samples, redraw, memory_budget, seeds, reference, format, progress;
  std::string launches, extrapolate_beyond, batch_budget, cache;
  Texts match, kinds, zips, retry;
  std::string total_budget, missing_shards;
  bool no_rss = false;
  Texts rows, cols, values, fail_on;  // compare and table
  std::string digits, min_effect, given;
  bool no_intervals = false;
};

// Checks every flag and fills the rest of `options` in. Throws BadSetting naming flag, allowed range and value.
void interpret(const Raw& raw, Options& options);

}  // namespace yoso::app
