// speed in several launches, over lengths it does not run, and at matched skill.
#include <algorithm>
#include <csignal>
#include <map>

#include "catch.hpp"
#include "run.hpp"

using cli::measured;
using cli::run;
using cli::run_args;
using nlohmann::json;

namespace {

const std::string kCapture = std::string(YOSO_SOURCE_DIR) + "/experiments/data/use-lite-layer1-n512.safetensors";

void refuses(const std::string& words, const std::vector<std::string>& expected) {
  CAPTURE(words);
  const cli::Result result = run(words);
  CAPTURE(result.err);
  CHECK(result.code == 2);
  CHECK(cli::one_line(result.err));
  for (const std::string& word : expected) CHECK(result.err.find(word) != std::string::npos);
}

// The row that a repro line gives under the same id.
json again(const json& point) {
  const std::string repro = point["repro"];
  CAPTURE(repro);
  const std::string path = cli::scratch("again.json");
  std::string words = repro.substr(std::string("yoso-bench ").size());
  for (auto at = words.find('\''); at != std::string::npos; at = words.find('\'')) words.erase(at, 1);
  const int code = run(words + " -o " + path).code;
  CHECK((code == 0 || code == 1));
  const json report = cli::read_json(path);
  for (const json& p : report["points"])
    if (p["id"] == point["id"]) return p;
  FAIL("no row has the id " << point["id"]);
  return {};
}

}  // namespace

TEST_CASE("launches: every launch is kept, and estimates and intervals are over them", "[cli]") {
  const json report = measured("speed -m linear -n 32,64 --launches 3 --time-budget 0.02 --progress none");
  CHECK(report["run"]["launches"] == 3);
  REQUIRE(report["points"].size() == 4);
  for (const json& p : report["points"]) {
    REQUIRE(p["launches"].size() == 3);
    std::vector<double> medians, ratios;
    for (const json& launch : p["launches"]) {
      medians.push_back(launch["median"]);
      ratios.push_back(launch["ratio"]);
    }
    std::ranges::sort(medians);
    std::ranges::sort(ratios);
    CHECK(p["time"]["median"] == medians[1]);
    CHECK(p["time"]["ci"]["lo"] == medians[0]);
    CHECK(p["time"]["ci"]["hi"] == medians[2]);
    CHECK(p["time"]["ci"]["level"] == Approx(0.75));
    CHECK(p["paired"]["ratio"] == ratios[1]);
    CHECK(p["paired"]["level"] == Approx(0.75));
  }
  CHECK(again(report["points"][1])["launches"].size() == 3);
  const cli::Result shown =
      run("speed -m linear -n 16 --launches=2 --time-budget 0.01 --progress plain --format table");
  CHECK(shown.code == 0);
  CHECK(shown.err.find("launch 2 of 2: [1/1]") != std::string::npos);
  CHECK(shown.out.find("50 %") != std::string::npos);
}

TEST_CASE("launches: a launch that fails is an error, and nothing is written", "[cli]") {
  const std::string path = cli::scratch("kept-launches.json");
  cli::write(path, "precious");
  const cli::Result result = run("speed -m linear -n 8 --launches 2 --progress none -o " + path, {"YOSO_ISA=mmx"});
  CHECK(result.code == 2);
  CHECK(result.out.empty());
  CHECK(cli::read(path) == "precious");
  // the temporary folder is there for the parent only to find that it cannot be used
  const cli::Result nowhere =
      run("speed -m linear -n 8 --launches 2 --progress none -o " + path, {"TMPDIR=/nonexistent"});
  CHECK(nowhere.code != 0);
  CHECK(cli::one_line(nowhere.err));
  CHECK(cli::read(path) == "precious");
  refuses("speed --launches 0", {"--launches", "[1, 50]", "'0'"});
  refuses("speed --launches two", {"--launches", "'two'"});
  refuses("memory --launches 2", {"--launches"});
}

TEST_CASE("launches: an interrupt ends the children too", "[cli]") {
  const std::string path = cli::scratch("stopped-launches.json");
  const cli::Result result = cli::run_and_signal(
      "speed -m linear -n 16,32,48 --launches 50 --time-budget 1 --rel-ci 0.000001 --progress none -o " + path, SIGINT,
      0.7);
  CHECK(result.code == 130);
  CHECK_FALSE(cli::exists(path));  // no launch was complete
}

TEST_CASE("crossovers are in the report and the table when there are several lengths", "[cli]") {
  const std::string words = "speed -m mean-v,softmax-naive -n 128,256,512 --time-budget 0.05 --rel-ci 0.5";
  const json report = measured(words);
  const json& found = report["summary"]["crossovers"];
  REQUIRE(found.size() == 2);
  for (const json& c : found) {
    CAPTURE(c);
    CHECK(c["skill_goal"].is_null());
    CHECK(c["first"] == 128);
    CHECK(c["last"] == 512);
    // by the rows themselves: a busy machine decides what is won, not what follows from it
    std::map<int, bool> won;
    for (const json& p : report["points"])
      if (p["method"] == c["method"])
        won[p["shape"]["n_k"]] = !p["paired"]["hi"].is_null() && p["paired"]["ratio"] < 1 && p["paired"]["hi"] < 1;
    int from = 0;
    for (auto at = won.rbegin(); at != won.rend() && at->second; ++at) from = at->first;
    CHECK((from ? c["n"] == from : c["n"].is_null()));
    if (from) CHECK(c["verdict"] == (from == 128 ? "already" : "from"));
  }
  CHECK(run(words).out.find("faster from n") != std::string::npos);
  CHECK(run("speed -m mean-v -n 64 --time-budget 0.01").out.find("faster from n") == std::string::npos);
  CHECK(measured("speed -m mean-v -n 64 --time-budget 0.01")["summary"]["crossovers"].empty());
}

TEST_CASE("what grows as n^2 is predicted beyond a length, and marked wherever it enters", "[cli]") {
  const json report = measured(
      "speed -m softmax,softmax-naive,yoso-m,linear -n 256,64,128 --hash-bits auto,7 --hashes 2 "
      "--extrapolate-beyond 128 --time-budget 0.02");
  std::map<std::string, json> at128;
  for (const json& p : report["points"])
    if (p["shape"]["n_k"] == 128) at128[p["method"]] = p;
  int predicted = 0;
  for (const json& p : report["points"]) {
    CAPTURE(p["method"], p["shape"]);
    const bool far = p["shape"]["n_k"] == 256;
    const bool square = p["method"] == "softmax" || p["method"] == "softmax-naive";
    CHECK((p["status"] == "predicted") == (far && square));
    if (p["status"] == "predicted") {
      ++predicted;
      CHECK(p["time"].is_null());
      CHECK(p["paired"].is_null());
      const json& from = at128[p["method"]];
      CHECK(p["predicted"]["from_point"] == from["id"]);
      CHECK(p["predicted"]["seconds"].get<double>() == Approx(4 * from["time"]["median"].get<double>()).epsilon(0.01));
      CHECK(again(p)["status"] == "predicted");
    } else {
      CHECK(p["predicted"].is_null());
      CHECK(p["paired"]["baseline_predicted"] == far);
      CHECK((p["paired"]["rounds"] == 0) == far);
    }
  }
  CHECK(predicted == 2);
  const cli::Result text =
      run("speed -m softmax,linear -n 64,128 --extrapolate-beyond 64 --time-budget 0.01 --launches 2");
  CHECK(text.out.find("predicted: from n = 64") != std::string::npos);
  CHECK(text.out.find("~") != std::string::npos);
  // nothing to predict from
  const json alone = measured("speed -m softmax,linear -n 128 --extrapolate-beyond 64 --time-budget 0.01");
  for (const json& p : alone["points"])
    if (p["method"] == "softmax") CHECK(p["status"] == "unsupported");
  refuses("speed --extrapolate-beyond 0", {"--extrapolate-beyond", "'0'"});
  refuses("speed --extrapolate-beyond 8 --match skill=0.5", {"--extrapolate-beyond", "--match"});
  refuses("speed --extrapolate-beyond 8 --n-q 4", {"--extrapolate-beyond", "--n-q"});
}

TEST_CASE("match: the least setting that reaches a skill is found, timed, and shown with its skill", "[cli]") {
  const std::string words = "speed -m subsample,linformer,linear,performer,reformer --qkv " + kCapture +
                            " -n 96,128 --match skill=0.9,0.5 --seeds 8 --time-budget 0.01";
  const json report = measured(words);
  std::map<std::string, std::map<double, json>> rows;
  for (const json& p : report["points"]) {
    CAPTURE(p["method"], p["match"], p["reason"]);
    REQUIRE_FALSE(p["match"].is_null());
    const json& match = p["match"];
    if (p["method"] == "linear" || p["method"] == "softmax") {
      CHECK(match["goal"].is_null());
      CHECK_FALSE(p["time"].is_null());
      CHECK_FALSE(match["reached"].is_null());
      continue;
    }
    if (p["shape"]["n_k"] == 128) rows[p["method"]][match["goal"]] = p;
    if (p["method"] == "reformer") {
      CHECK(p["status"] == "unsupported");
      CHECK(match["reached"].is_null());
      CHECK(p["reason"].get<std::string>().find("shared Q and K") != std::string::npos);
    } else if (p["method"] == "performer") {
      CHECK(p["status"] == "unsupported");
      CHECK(match["missed"] == true);
      CHECK(match["reached"] < match["goal"]);
      CHECK(p["reason"].get<std::string>().find("not reached") != std::string::npos);
    } else {
      CHECK((p["status"] == "ok" || p["status"] == "noisy"));
      CHECK(match["reached"] >= match["goal"]);
      CHECK(match["missed"] == false);
    }
  }
  for (const char* method : {"subsample", "linformer"}) {
    const char* knob = std::string(method) == "subsample" ? "keys" : "k";
    CAPTURE(method);
    const json &half = rows[method][0.5], &most = rows[method][0.9];
    CHECK(half["knobs"][knob] < most["knobs"][knob]);
    CHECK(half["id"] != most["id"]);
    CHECK(again(half)["knobs"] == half["knobs"]);
    // one less does not reach it
    const int value = half["knobs"][knob];
    const json less = measured("error -m " + std::string(method) + " --qkv " + kCapture + " -n 128 --seeds 8 -p " +
                               method + "." + knob + "=" + std::to_string(value - 1));
    for (const json& p : less["points"])
      if (p["method"] == method && p["knobs"][knob] == value - 1)
        CHECK(p["error"]["total"]["metrics"]["skill"]["median"] < 0.5);
  }
  int apart = 0;
  for (const json& c : report["summary"]["crossovers"]) apart += !c["skill_goal"].is_null();
  CHECK(apart == 2 * 3);  // subsample, linformer, performer; reformer has no skill to match
}

TEST_CASE("match: launches search once, and bad goals are refused", "[cli]") {
  const std::string words = "speed -m subsample --input clustered -n 64 --match skill=0.5 --seeds 6 --time-budget 0.01";
  const json one = measured(words), three = measured(words + " --launches 3 --progress none");
  REQUIRE(one["points"].size() == three["points"].size());
  for (std::size_t i = 0; i < one["points"].size(); ++i) {
    CHECK(one["points"][i]["id"] == three["points"][i]["id"]);
    CHECK(one["points"][i]["match"] == three["points"][i]["match"]);
  }
  refuses("speed --match 0.5", {"--match", "skill=0.5", "'0.5'"});
  refuses("speed --match skill=2", {"--match skill", "[0.001,", "'2'"});
  refuses("speed --match skill=", {"--match skill"});
  refuses("speed -m yoso-m --hashes 8 --match skill=0.5", {"--hashes", "--match"});
  refuses("speed --settled x.json", {"--settled", "--match"});
  CHECK(run("speed -m subsample --match skill=0.5 --settled /nonexistent.json").code == 3);
}
