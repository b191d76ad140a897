// The whole program on the emulated device: what a machine with a GPU would do, but for the times.
#include <set>

#include "catch.hpp"
#include "cli/run.hpp"

using nlohmann::json;

namespace {

const std::string kQuick = " --time-budget 0.002 --min-samples 1";

std::string status_of(const json& point) { return point.at("status").get<std::string>(); }

}  // namespace

TEST_CASE("speed on a device: rows carry backend, architecture and a command that repeats them", "[cli]") {
  const json report = cli::measured(
      "speed -m softmax,yoso-m,longformer -n 33 -d 20 --heads 2 --backend cuda --pass "
      "forward,both --hashes 4 --phases" +
      kQuick);
  REQUIRE(report.at("points").size() == 6);
  CHECK(report.at("environments")[0].at("gpu").at("name") == "emulator");
  for (const json& point : report.at("points")) {
    CAPTURE(point.at("method"), point.at("reason"));
    CHECK(point.at("backend") == "cuda");
    CHECK(point.at("isa") == "emulated");
    CHECK(point.at("check").at("passed") == true);
    CHECK(point.at("cache") == "hot");
    const auto repro = point.at("repro").get<std::string>();
    CHECK(repro.find(" --backend cuda ") != repro.npos);
    CHECK(repro.find("--isa") == repro.npos);
    const json again = cli::measured(repro.substr(repro.find(' ') + 1));
    bool found = false;
    for (const json& other : again.at("points")) found |= other.at("id") == point.at("id");
    CHECK(found);
  }
}

TEST_CASE("cpu and cuda are groups of one report", "[cli]") {
  const json report = cli::measured(
      "speed -m softmax,yoso-m -n 16 --hashes 2 --projection packed,gaussian --backend cpu,cuda" + kQuick);
  std::set<std::string> groups, backends;
  for (const json& point : report.at("points")) {
    groups.insert(point.at("group").get<std::string>());
    backends.insert(point.at("backend").get<std::string>());
    if (point.at("method") != "yoso-m") continue;
    // what a device does not draw itself the host would, and that is not what is to be timed
    const bool hosts = point.at("backend") == "cuda" && point.at("knobs").at("projection") == "gaussian";
    CHECK(point.at("draws").at("policy") == (hosts ? "once" : "each"));
  }
  CHECK(groups.size() == 2);
  CHECK(backends == std::set<std::string>{"cpu", "cuda"});
}

TEST_CASE("a device that fails on the way costs no other row, and the run goes on to its end", "[cli]") {
  const auto outcome = [](const std::string& words, int answers) {
    const std::string path = cli::scratch("lost.json");
    const cli::Result ran = cli::run(words + " -o " + path, {"YOSO_EMULATED_ANSWERS=" + std::to_string(answers)});
    CAPTURE(words, answers, ran.code, ran.err);
    REQUIRE((ran.code == 0 || ran.code == 1));
    const json report = cli::read_json(path);
    std::size_t lost = 0, theirs = 0;
    for (const json& point : report.at("points")) {
      theirs += point.at("backend") == "cuda";
      if (status_of(point) != "error") continue;
      ++lost;
      CHECK(point.at("backend") == "cuda");
      CHECK(point.at("reason").get<std::string>().find("device is lost") != std::string::npos);
    }
    CHECK(report.at("points").size() >= 4);
    CHECK((answers > 0 || lost == theirs));
    return lost;
  };
  // from the first call on the device, over its first use, to the midst of timing and of what follows
  for (const std::string& words : {"speed -m softmax --backend cpu,cuda -n 8,16 --phases" + kQuick,
                                   std::string("memory -m softmax --backend cpu,cuda -n 8,16"),
                                   std::string("error -m softmax --backend cpu,cuda -n 8,16 --seeds 2"),
                                   std::string("check -m softmax --backend cpu,cuda -n 8,16 --batch 1 --heads 1")}) {
    CAPTURE(words);
    const std::size_t lost_at_once = outcome(words, 0);
    CHECK(lost_at_once > 0);
    for (const int answers : {5, 12, 25, 50, 100, 200, 400}) outcome(words, answers);
  }
}

TEST_CASE("a cold cache is said and is another point", "[cli]") {
  const json hot = cli::measured("speed -m softmax -n 16 --backend cuda" + kQuick);
  const json cold = cli::measured("speed -m softmax -n 16 --backend cuda --cache cold" + kQuick);
  CHECK(cold.at("points")[0].at("cache") == "cold");
  CHECK(cold.at("points")[0].at("time").at("inner") == 1);
  CHECK(cold.at("points")[0].at("id") != hot.at("points")[0].at("id"));
}

TEST_CASE("bf16 inputs are rows of their own, which their command repeats", "[cli]") {
  const json report = cli::measured(
      "speed -m softmax,yoso-m,longformer -n 33 -d 20 --heads 2 --backend cuda --dtype f32,bf16 --pass forward,both "
      "--hashes 4" +
      kQuick);
  REQUIRE(report.at("points").size() == 12);
  std::set<std::string> ids, groups;
  for (const json& point : report.at("points")) {
    CAPTURE(point.at("method"), point.at("dtype"), point.at("reason"));
    ids.insert(point.at("id").get<std::string>());
    groups.insert(point.at("group").get<std::string>());
    const bool bf16 = point.at("dtype") == "bf16";
    const auto repro = point.at("repro").get<std::string>();
    CHECK((repro.find(" --dtype bf16 ") != repro.npos) == bf16);
    if (bf16 && point.at("method") == "longformer") {
      CHECK(status_of(point) == "unsupported");
      CHECK(point.at("reason") == "bf16 inputs are not on cuda for this method");
      continue;
    }
    CHECK(point.at("check").at("passed") == true);
    if (!bf16) continue;
    const json again = cli::measured(repro.substr(repro.find(' ') + 1));
    bool found = false;
    for (const json& other : again.at("points")) found |= other.at("id") == point.at("id");
    CHECK(found);
  }
  CHECK(ids.size() == 12);
  CHECK(groups.size() == 4);

  const std::string what = "memory -m softmax -n 33 -d 20 --backend cuda --dtype ";
  const auto inputs = [&](const char* dtype) {
    return cli::measured(what + dtype).at("points")[0].at("memory").at("inputs").get<std::int64_t>();
  };
  CHECK(inputs("bf16") == std::int64_t{3} * 33 * 20 * 2);
  CHECK(inputs("f32") == 2 * inputs("bf16"));

  // the references see the rounded values: nothing is left but what the kernels round
  const json error = cli::measured("error -m softmax -n 48 -d 16 --seeds 1 --backend cuda --dtype bf16");
  for (const json& point : error.at("points"))
    if (point.at("method") == "softmax")
      CHECK(point.at("error").at("total").at("metrics").at("skill").at("median").get<double>() > 0.9999);
}

TEST_CASE("check, memory and error run on a device", "[cli]") {
  const json check = cli::measured("check --backend cuda -n 17 --heads 2 --batch 1 -d 20 --hashes 3 --features 8");
  std::size_t passed = 0;
  for (const json& point : check.at("points")) {
    CAPTURE(point.at("method"), point.at("reason"));
    CHECK((status_of(point) == "ok" || status_of(point) == "unsupported"));
    passed += status_of(point) == "ok";
  }
  CHECK(passed >= 7);

  const json memory = cli::measured("memory -m softmax,yoso-m -n 33 --backend cuda --pass both");
  for (const json& point : memory.at("points")) {
    CHECK(point.at("memory").at("peak") == point.at("memory").at("predicted"));
    CHECK(point.at("memory").at("rss").is_null());  // its memory is no part of the process
  }

  // the same draws and the same definition: the same error, but for rounding
  const std::string what = "error -m yoso-m -n 48 -d 16 --seeds 3 --hashes 8 ";
  const json here = cli::measured(what + "--backend cpu"), there = cli::measured(what + "--backend cuda");
  const auto skill = [](const json& report) {
    for (const json& point : report.at("points"))
      if (point.at("method") == "yoso-m")
        return point.at("error").at("total").at("metrics").at("skill").at("median").get<double>();
    return 0.0;
  };
  CHECK(skill(here) != 0);
  CHECK(std::abs(skill(here) - skill(there)) < 1e-4);
}

TEST_CASE("a device's groups can be swept and merged", "[cli]") {
  const std::string folder = cli::scratch("points");
  const cli::Result swept = cli::run(
      "sweep -m softmax,yoso-m -n 16,32 --hashes 2 --backend cpu,cuda --kinds speed --no-rss "
      "--where backend==cuda||n==16 --out " +
      folder + kQuick);
  CAPTURE(swept.err);
  REQUIRE(swept.code == 0);
  const json report = cli::measured("merge " + folder);
  CHECK(report.at("points").size() == 6);
}

TEST_CASE("env --atomics measures a device and writes what validate accepts", "[cli]") {
  const std::string file = cli::scratch("atomics.json");
  const cli::Result result = cli::run("env --atomics -o " + file);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(result.out.find("float4") != result.out.npos);
  CHECK(cli::run("validate " + file).code == 0);
  const json all = json::parse(cli::run("env --atomics --json").out);
  CHECK(all.at("device").at("name") == "emulator");
  std::set<std::string> kinds;
  for (const json& rate : all.at("rates")) {
    kinds.insert(rate.at("memory").get<std::string>() + " " + rate.at("type").get<std::string>() + " " +
                 rate.at("addresses").get<std::string>());
    CHECK(rate.at("per_second").get<double>() > 0);
    CHECK(rate.at("cycles").is_null());  // the emulator has no clock
  }
  CHECK(kinds.size() == 10);
}

TEST_CASE("what goes with a device and what does not", "[cli]") {
  for (const char* words : {"speed --backend cuda --isa scalar", "speed --backend cuda --threads 2",
                            "speed --cache cold", "speed --backend gpu", "speed --cache warm --backend cuda",
                            "speed --dtype bf16", "speed --dtype f32,bf16 --backend cpu,cuda", "speed --dtype f16",
                            "env -o rates.json", "env --atomics --self-test"}) {
    const cli::Result result = cli::run(words);
    CAPTURE(words, result.err);
    CHECK(result.code == 2);
    CHECK(cli::one_line(result.err));
  }
  const std::string refused = cli::run("speed --dtype bf16 --backend cpu").err;
  for (const char* part : {"--dtype", "f32", "--backend cuda", "'bf16'"}) CHECK(refused.find(part) != refused.npos);
  const cli::Result listed = cli::run("list");
  CHECK(listed.out.find("emulated only") != listed.out.npos);
  CHECK(cli::run("env").out.find("emulator") != std::string::npos);
}
