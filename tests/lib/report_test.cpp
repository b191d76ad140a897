#include <yoso/report.hpp>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include <yoso/resident.hpp>
#include <yoso/schema.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("yoso-report-test-" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directory(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

Point timed_point() {
  Point p;
  p.method = "yoso-m";
  p.knobs = {{"hashes", "32"}, {"norm", "l2"}};
  p.input = "gaussian";
  p.isa = "scalar";
  SpeedResult speed;
  speed.timing.n = 3;
  speed.timing.median = 0.5;
  speed.timing.stop = "budget";
  speed.timing.max = INFINITY;  // must not reach the file
  p.speed = speed;
  p.work = Work{100, 200};
  identify(p);
  return p;
}

}  // namespace

TEST_CASE("a report with every kind of row is valid against its own schema", "[report]") {
  Report report = start_report({"yoso-bench"}, 7);
  Point p = timed_point();
  CHECK_FALSE(validate(to_json(report), "empty").points);
  p.speed->timing.max = 1;
  p.memory = MemoryResult{Footprint{1, 2, 3, 4, 5, 6}, Footprint{1, 2, 3, 4, 5, 6}, 100, 1000};
  ErrorResult error;
  Comparison c;
  c.reference = "softmax";
  for (const auto& [metric, value] : named(Metrics{})) {
    c.metrics.emplace_back(metric, Summary{0.5, 0.4, std::nullopt});
    c.heads.emplace_back(metric, std::nullopt);
  }
  error.total = c;
  error.per_head.push_back({});
  p.error = error;
  p.check = CheckResult{1e-7, 1e-4, true, 64, "0123456789abcdef", true};
  report.points.push_back(p);
  Point refused = timed_point();
  refused.speed.reset();
  refused.status = Status::unsupported;
  refused.reason = "no";
  report.points.push_back(refused);
  report.warnings.push_back({"load", "busy", p.id});
  const Verdict verdict = validate(to_json(report), "test");
  CAPTURE(verdict.problems);
  CHECK(verdict.problems.empty());
  CHECK(verdict.points == 2);
}

TEST_CASE("infinity and NaN become null, which the schema refuses where a number must be", "[report]") {
  Report report = start_report({"yoso-bench"}, 7);
  report.points.push_back(timed_point());
  const std::string json = to_json(report);
  CHECK(json.find("inf") == std::string::npos);
  CHECK_FALSE(validate(json, "test").problems.empty());
}

TEST_CASE("ids tell configurations apart and groups do not tell methods apart", "[report]") {
  const Point a = timed_point();
  Point b = a;
  b.knobs[0].second = "64";
  identify(b);
  CHECK(a.id != b.id);
  CHECK(a.group == b.group);
  b.shape.n_k = 99;
  identify(b);
  CHECK(a.group != b.group);
  Point again = timed_point();
  CHECK(again.id == a.id);
  again.dtype = "bf16";
  identify(again);
  CHECK(again.id != a.id);
  CHECK(again.group != a.group);
}

TEST_CASE("an output file is replaced whole or not touched", "[report]") {
  const Folder folder;
  const std::string path = folder.path / "out.json";
  std::ofstream(path) << "old";
  {
    OutputFile abandoned(path);
    CHECK(text_of(path) == "old");
  }
  CHECK(text_of(path) == "old");
  {
    OutputFile file(path);
    file.commit("new");
  }
  CHECK(text_of(path) == "new");
  const std::string link = folder.path / "link.json";
  std::filesystem::create_symlink(path, link);
  OutputFile(link).commit("through a link");
  CHECK(std::filesystem::is_symlink(link));
  CHECK(text_of(path) == "through a link");
  std::filesystem::remove(link);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);  // nothing left beside it
  CHECK_THROWS_AS(OutputFile(folder.path / "no" / "such.json"), BadInput);
  CHECK_THROWS_AS(OutputFile(folder.path.string()), BadInput);
}

TEST_CASE("the resident set of a child grows by what it touches", "[resident]") {
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  const ResidentGrowth growth = resident_growth([] {
    const Buffer buffer(kBytes);
    buffer.touch();
    return std::string("payload");
  });
  CHECK(growth.failure.empty());
  CHECK(growth.payload == "payload");
  if (built_with_sanitizers()) {
    CHECK_FALSE(growth.bytes);
  } else {
    REQUIRE(growth.bytes);
    CHECK(*growth.bytes >= kBytes);
    CHECK(*growth.bytes <= kBytes + (std::size_t{8} << 20));
  }
}

TEST_CASE("a child that fails says why", "[resident]") {
  const ResidentGrowth thrown = resident_growth([]() -> std::string { throw Unsupported("not here"); });
  CHECK_FALSE(thrown.bytes);
  CHECK(thrown.failure == "not here");
  const ResidentGrowth killed = resident_growth([]() -> std::string { std::_Exit((::raise(SIGKILL), 0)); });
  CHECK_FALSE(killed.bytes);
  CHECK(killed.failure.find("signal 9") != std::string::npos);
}
