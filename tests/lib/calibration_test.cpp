// Calibration: what is measured of kernels whose speed is known, and the file that keeps it.
#include <yoso/calibration.hpp>

#include <time.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

#include <yoso/errors.hpp>
#include <yoso/report.hpp>
#include <yoso/schema.hpp>

#include "catch.hpp"
#include "files.hpp"

using namespace yoso;

namespace {

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

Calibration example(const std::string& key) {
  Calibration c;
  c.key = key;
  c.made_at = "2026-11-24T12:00:00Z";
  c.took = 1.5;
  c.limits = {{"scalar", 1, 1e9, 2e9, 3e9, {{"L1", 32768, 1, 16384, 4e9, 5e9}, {"memory", {}, 2, 1 << 20, 6e9, 7e9}}}};
  return c;
}

// Sets or unsets a variable of the environment until the end of a test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) const {
    if (value)
      setenv(name_, value, 1);
    else
      unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("calibration: rates come out positive for every limit, level and thread count", "[calibration]") {
  CalibrationKernels k;
  k.isa = Isa::scalar;
  const auto spin = [](std::int64_t rounds) {
    volatile float x = 0;
    for (std::int64_t i = 0; i < 100 * rounds; ++i) x = x + 1;
    return static_cast<double>(100 * rounds);
  };
  k.multiply_adds = k.additions = k.mixed_additions = spin;
  k.exponentials = [&](const float* x, std::int64_t n, std::int64_t rounds) {
    CHECK(n % 128 == 0);
    CHECK(x[0] <= 0);
    return spin(rounds);
  };
  k.read_words = [](const std::uint32_t* x, std::int64_t n, std::int64_t rounds) {
    std::uint32_t sum = 0;
    for (std::int64_t r = 0; r < rounds; ++r)
      for (std::int64_t i = 0; i < n; i += 64) sum += *static_cast<const volatile std::uint32_t*>(x + i);
    return sum;
  };
  k.update_words = [](std::uint32_t* x, std::int64_t n, std::int64_t rounds) {
    for (std::int64_t r = 0; r < rounds; ++r)
      for (std::int64_t i = 0; i < n; i += 64) {
        volatile std::uint32_t& word = x[i];
        word = word + 1;
      }
  };
  Environment e;
  e.cores = 2;
  e.caches = {{1, 32768, 1}, {2, 32768, 1}, {3, 1 << 20, 2}};  // a second level no larger than the first is left out
  e.memory_available = 64 << 20;
  const Calibration c = calibrate({k}, e, this_build(), {1e-5, 3, 1e-3});
  REQUIRE(c.limits.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const Limits& l = c.limits[i];
    CHECK(l.isa == "scalar");
    CHECK(l.threads == (i ? 2 : 1));
    CHECK(l.fma > 0);
    CHECK(l.add >= 0.4 * l.fma);  // never below one addition in each multiply-add; the rest is noise
    CHECK(l.exp > 0);
    REQUIRE(l.levels.size() == 3);
    CHECK(l.levels[0].level == "L1");
    CHECK(l.levels[1].level == "L3");
    CHECK(l.levels[2].level == "memory");
    CHECK_FALSE(l.levels[2].capacity);
    for (const LevelRate& level : l.levels) {
      CHECK(level.measured_with % 512 == 0);
      CHECK(level.read > 0);
      CHECK(level.update > 0);
    }
    CHECK(l.levels[0].measured_with == 16384);
    CHECK(l.levels[1].measured_with * l.threads <= 1 << 19);
    CHECK(l.levels[2].measured_with * l.threads >= 4 << 20);
  }
  CHECK(c.key == calibration_key(e, this_build()));
}

TEST_CASE("calibration: the file gives back what it was given, and its key tells machines and builds apart",
          "[calibration]") {
  const files::Folder folder;
  const std::string path = folder / "deep/calibration.json";
  std::string problem;
  CHECK_FALSE(load_calibration(path, "k", problem));
  CHECK(problem.empty());  // there is none: no problem
  save_calibration(example("k"), path);
  const auto c = load_calibration(path, "k", problem);
  REQUIRE(c);
  CHECK(problem.empty());
  CHECK(c->made_at == "2026-11-24T12:00:00Z");
  REQUIRE(c->limits.size() == 1);
  CHECK(c->limits[0].add == 2e9);
  CHECK(c->limits[0].levels[0].capacity == 32768);
  CHECK_FALSE(c->limits[0].levels[1].capacity);
  CHECK(c->limits[0].levels[1].update == 7e9);

  Environment e;
  BuildInfo b;
  const std::string key = calibration_key(e, b);
  e.caches = {{1, 1, 1}};
  CHECK(calibration_key(e, b) != key);
  e.caches.clear();
  e.cpu_model = "another";
  CHECK(calibration_key(e, b) != key);
  e.cpu_model.reset();
  e.load_1min = 9;  // what changes from day to day does not matter
  CHECK(calibration_key(e, b) == key);
  b.flags = "-O0";
  CHECK(calibration_key(e, b) != key);
}

TEST_CASE("calibration: a damaged or foreign file is ignored and named", "[calibration]") {
  const files::Folder folder;
  save_calibration(example("k"), folder / "good.json");
  const std::string good = text_of(folder / "good.json");
  std::string problem;
  CHECK_FALSE(load_calibration(folder / "good.json", "other", problem));
  CHECK(problem.find("another machine") != std::string::npos);
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    REQUIRE(text.find(from) != std::string::npos);
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& bad :
       {std::string(), std::string("{"), good.substr(0, good.size() / 2), std::string("[1,2]"), std::string("\xff\xfe"),
        replaced("yoso-bench/calibration", "something"), replaced("1000000000.0", "-1"),
        replaced("1000000000.0", "\"x\""), replaced("1000000000.0", "1e999"),
        replaced("\"threads\": 1", "\"threads\": 0"), replaced("memory", "L2"), replaced("\"limits\"", "\"limit\"")}) {
    CAPTURE(bad);
    const std::string path = folder.write("bad.json", bad);
    CHECK_FALSE(load_calibration(path, "k", problem));
    CHECK(problem.starts_with(path + ": "));
    CHECK(problem.find("ignored") != std::string::npos);
    CHECK(problem.find('\n') == std::string::npos);
  }
  CHECK_THROWS_AS(save_calibration(example("k"), ""), BadInput);
  CHECK_THROWS_AS(save_calibration(example("k"), folder / "good.json/below.json"), BadInput);
  CHECK(text_of(folder / "good.json") == good);
}

TEST_CASE("calibration: the file lies where the XDG specification says", "[calibration]") {
  const Variable home("HOME", "/somebody");
  {
    const Variable cache("XDG_CACHE_HOME", "/cache");
    CHECK(calibration_path("k") == "/cache/yoso-bench/calibration-k.json");
  }
  {
    const Variable cache("XDG_CACHE_HOME", "relative");  // to be ignored
    CHECK(calibration_path("k") == "/somebody/.cache/yoso-bench/calibration-k.json");
  }
  const Variable cache("XDG_CACHE_HOME", nullptr), nobody("HOME", nullptr);
  CHECK(calibration_path("k").empty());
}

TEST_CASE("calibration: reports carry it, and rows their roofline", "[calibration][report]") {
  Report report = start_report({"yoso-bench"}, 1);
  Point p;
  p.isa = "scalar";
  p.work = Work{4e9, 8};
  SpeedResult speed;
  speed.timing.n = 1;
  speed.timing.median = 8;
  speed.timing.stop = "budget";
  p.speed = speed;
  identify(p);
  report.points = {p};
  report.environment.calibration.reset();
  const std::string without = to_json(report);
  CHECK(validate(without, "test").problems.empty());
  CHECK(without.find("\"roofline_pct\": null") != std::string::npos);
  CHECK(without.find("\"achieved_flops_per_s\": 500000000.0") != std::string::npos);
  report.environment.calibration = example("k");
  const std::string with = to_json(report);
  const Verdict verdict = validate(with, "test");
  CAPTURE(verdict.problems);
  CHECK(verdict.problems.empty());
  CHECK(with.find("\"roofline_s\": 4.0") != std::string::npos);
  CHECK(with.find("\"roofline_pct\": 50.0") != std::string::npos);
  CHECK(with.find("\"limit\": \"fma\"") != std::string::npos);
  CHECK(with.find("\"update_bytes_per_s\": 7000000000.0") != std::string::npos);
}
