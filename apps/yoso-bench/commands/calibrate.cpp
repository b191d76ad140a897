// env --calibrate: what this machine can do at best, measured and kept.
#include <fmt/format.h>

#include <yoso/calibration.hpp>

#include "../bench.hpp"
#include "calibration_table.hpp"
#include "primitives/primitives.hpp"

namespace yoso::app {

std::string calibration_table(const Calibration& c) {
  std::vector<std::string> header{"isa", "threads", "multiply-add", "add", "exp"};
  if (!c.limits.empty())
    for (const LevelRate& level : c.limits.front().levels) header.push_back(level.level + " read / update");
  Table table(header, 1);
  for (const Limits& l : c.limits) {
    std::vector<std::string> row{l.isa, fmt::format("{}", l.threads), rate_text(l.fma, "FLOP"), rate_text(l.add, "add"),
                                 rate_text(l.exp, "exp")};
    for (const LevelRate& level : l.levels)
      row.push_back(fmt::format("{:.3g} / {:.3g} GB/s", level.read / 1e9, level.update / 1e9));
    row.resize(header.size(), "-");
    table.row(row);
  }
  return table.text();
}

int run_calibrate(const Options& o) {
  std::vector<CalibrationKernels> kernels;
  for (const Isa isa : isas_here()) {
    const Primitives& p = primitives(isa);
    kernels.push_back(
        {isa, p.multiply_adds, p.additions, p.mixed_additions, p.exponentials, p.read_words, p.update_words});
  }
  const BuildInfo build = this_build();
  Environment environment = this_environment();
  const std::string path = calibration_path(calibration_key(environment, build));
  check_calibration_path(path);
  environment.calibration = calibrate(kernels, environment, build);
  environment.calibration_problem.clear();
  save_calibration(*environment.calibration, path);
  fmt::print(stderr, "calibration: {}\n", path);
  const std::vector<Warning> warnings = warnings_of(environment, build);
  for (const Warning& w : warnings)
    if (w.code != "openblas-env") fmt::print(stderr, "warning {}: {}\n", w.code, w.message);
  if (o.json) {
    fmt::print("{}", to_json(environment, build, warnings));
    return 0;
  }
  fmt::print(
      "{}\nBest quartile of repeats, all threads together; {:.1f} s. An update reads and writes, and both count.\n",
      calibration_table(*environment.calibration), environment.calibration->took);
  return 0;
}

}  // namespace yoso::app
