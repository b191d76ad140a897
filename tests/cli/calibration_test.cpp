// env --calibrate: measured once, kept, shown, and in every later report.
#include <filesystem>

#include "catch.hpp"
#include "run.hpp"

using cli::run;
using nlohmann::json;

namespace {

std::string only_file_below(const std::string& folder) {
  std::string found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) found = found.empty() ? entry.path().string() : "more than one";
  return found;
}

}  // namespace

TEST_CASE("env --calibrate keeps what later runs show", "[cli][calibration]") {
  const std::string cache = cli::scratch("cache");
  const std::vector<std::string> variables{"XDG_CACHE_HOME=" + cache};
  const std::string speed = "speed -m linear -n 32 --time-budget 0.02 -o " + cli::scratch("row.json");

  const cli::Result before = run(speed, variables);
  REQUIRE(before.code == 0);
  CHECK(before.out.find("env --calibrate") != std::string::npos);
  const json bare = cli::read_json(cli::scratch("row.json"));
  CHECK(bare["environments"][0]["calibration"].is_null());
  CHECK(bare["points"][0]["work"]["roofline_s"].is_null());
  CHECK(run("env", variables).out.find("env --calibrate") != std::string::npos);

  const cli::Result made = run("env --calibrate --json", variables);
  CAPTURE(made.err);
  REQUIRE(made.code == 0);
  cli::write(cli::scratch("calibrated.json"), made.out);
  CHECK(cli::run_args({"validate", cli::scratch("calibrated.json")}).code == 0);
  const json environment = json::parse(made.out)["environment"];
  const json& calibration = environment["calibration"];
  const std::size_t counts = environment["cpu"]["cores"] > 1 ? 2 : 1;
  CHECK(calibration["limits"].size() == environment["cpu"]["isa"].size() * counts);
  for (const json& limits : calibration["limits"]) {
    CAPTURE(limits);
    CHECK(limits["fma_flops_per_s"] > 1e6);
    CHECK(limits["adds_per_s"] > 1e6);
    CHECK(limits["exps_per_s"] > 1e5);
    CHECK(limits["levels"].size() == environment["cpu"]["caches"].size() + 1);
  }

  CHECK(json::parse(run("env --json", variables).out)["environment"]["calibration"] == calibration);
  CHECK(run("env", variables).out.find("multiply-add") != std::string::npos);
  const cli::Result after = run(speed, variables);
  REQUIRE(after.code == 0);
  CHECK(after.out.find("roofline") != std::string::npos);
  CHECK(after.out.find("env --calibrate") == std::string::npos);
  const json full = cli::read_json(cli::scratch("row.json"));
  CHECK(full["environments"][0]["calibration"] == calibration);
  for (const json& p : full["points"]) {
    CHECK(p["work"]["roofline_pct"] > 0);
    CHECK(p["work"]["limit"].is_string());
  }
  CHECK(cli::run_args({"validate", cli::scratch("row.json")}).code == 0);

  const std::string file = only_file_below(cache);
  REQUIRE(cli::exists(file));
  cli::write(file, cli::read(file).substr(0, 100));
  const cli::Result damaged = run(speed, variables);
  CHECK(damaged.code == 0);
  CHECK(damaged.err.find("warning calibration: " + file) != std::string::npos);
  CHECK(cli::read_json(cli::scratch("row.json"))["environments"][0]["calibration"].is_null());
}

TEST_CASE("a calibration that cannot be kept is not made", "[cli][calibration]") {
  cli::write(cli::scratch("no-folder"), "");
  const cli::Result result = run("env --calibrate", {"XDG_CACHE_HOME=" + cli::scratch("no-folder")});
  CHECK(result.code == 3);
  CHECK(result.out.empty());
  CHECK(cli::one_line(result.err));
  CHECK(result.err.find("cannot be kept") != std::string::npos);
  CHECK(run("env --calibrate --self-test").code == 2);
}
