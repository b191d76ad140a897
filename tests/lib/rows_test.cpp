#include <yoso/rows.hpp>

#include <filesystem>
#include <fstream>

#include <yoso/errors.hpp>
#include <yoso/report.hpp>

#include "catch.hpp"
#include "files.hpp"

using namespace yoso;

namespace {

Point point(const char* method, std::int64_t n) {
  Point p;
  p.method = method;
  p.input = "gaussian";
  p.isa = "scalar";
  p.shape = {1, 2, n, n, 64, 64, false};
  p.knobs = {{"hashes", "32"}};
  p.series = {"hashes=32"};
  identify(p);
  return p;
}

Point timed(Point p, double seconds, double ratio) {
  SpeedResult speed;
  speed.timing.n = 20;
  speed.timing.n_eff = 20;
  speed.timing.stop = "ci";
  speed.timing.median = seconds;
  speed.timing.ci = Interval{0.9 * seconds, 1.1 * seconds, 0.95};
  speed.baseline = "softmax";
  speed.paired = Paired{};
  speed.paired->rounds = 20;
  speed.paired->ratio = ratio;
  speed.paired->ci = Interval{ratio / 2, ratio * 2, 0.95};
  p.speed = speed;
  return p;
}

Point judged(Point p, double skill) {
  ErrorResult error;
  error.total = Comparison{
      "softmax", {{"skill", Summary{skill, skill - 0.1, skill + 0.1}}}, {{"skill", std::pair(skill, skill)}}};
  for (const char* other : {"angle", "cosine", "rel_fro", "rel_row_median", "rel_row_p95", "max_abs"}) {
    error.total->metrics.emplace_back(other, std::nullopt);
    error.total->heads.emplace_back(other, std::nullopt);
  }
  p.error = error;
  p.status = Status::noisy;
  return p;
}

void write(const std::string& path, const std::vector<Point>& points) {
  Report report = start_report({"yoso-bench"}, 1);
  report.points = points;
  std::ofstream(path) << to_json(report);
}

}  // namespace

TEST_CASE("rows: a report's numbers come back by name", "[rows]") {
  const files::Folder folder;
  write(folder / "a.json", {timed(point("yoso-m", 512), 2, 0.25)});
  const Rows rows = read_rows(folder / "a.json");
  REQUIRE(rows.rows.size() == 1);
  const Row& row = rows.rows[0];
  CHECK(row.setting == "hashes=32");
  CHECK(row.value("time")->median == 2);
  CHECK(row.value("time")->lo == Approx(1.8));
  CHECK(row.value("ratio")->median == 0.25);
  CHECK(row.value("speedup")->median == 4);
  CHECK(*row.value("speedup")->lo == 2);
  CHECK(*row.value("speedup")->hi == 8);
  CHECK(row.value("skill") == nullptr);
  CHECK(field(row, "hashes") == "32");
  CHECK(number(row, "n") == 512);
  CHECK(field(row, "features").empty());
  Row other = row;
  other.input = "angle:-0.5";
  CHECK(field(other, "family") == "angle");
  CHECK(number(other, "parameter") == -0.5);
  other.input = "data/x.safetensors@16";
  CHECK(field(other, "family") == "data/x.safetensors");
  CHECK(number(other, "parameter") == 16);
  CHECK(field(row, "family") == "gaussian");
  CHECK(field(row, "parameter").empty());
  CHECK(rows.machines.size() == 1);
}

TEST_CASE("rows: files of a folder that measured one point are one row, with the worse status", "[rows]") {
  const files::Folder folder;
  write(folder / "a.json", {timed(point("yoso-m", 512), 2, 0.25)});
  write(folder / "b.json", {judged(point("yoso-m", 512), 0.5), judged(point("yoso-m", 1024), 0.5)});
  const Rows rows = read_rows(folder.path());
  REQUIRE(rows.rows.size() == 2);
  CHECK(rows.rows[0].value("time")->median == 2);
  CHECK(rows.rows[0].value("skill")->median == 0.5);
  CHECK(rows.rows[0].status == "noisy");
}

TEST_CASE("rows: what is no report is refused by name", "[rows]") {
  const files::Folder folder;
  CHECK_THROWS_AS(read_rows(folder / "none.json"), BadInput);
  std::ofstream(folder / "x.json") << "{";
  CHECK_THROWS_WITH(read_rows(folder / "x.json"), Catch::Contains("x.json"));
  std::filesystem::create_directory(folder / "empty");
  CHECK_THROWS_WITH(read_rows(folder / "empty"), Catch::Contains("no reports"));
  CHECK_THROWS_WITH(value_name("--value", "speedups"), Catch::Contains("did you mean speedup"));
  CHECK_THROWS_WITH(require_field("--rows", "metod", {}), Catch::Contains("did you mean method"));
}
