// What the measuring commands write: rows, statuses, repro lines, and what must grow or fall.
#include <csignal>
#include <map>

#include <yoso/environment.hpp>

#include "catch.hpp"
#include "run.hpp"

using cli::measured;
using cli::run;
using cli::run_args;
using nlohmann::json;

namespace {

const std::string kCapture = std::string(YOSO_SOURCE_DIR) + "/experiments/data/use-lite-layer0-n2048.safetensors";
const std::string kSmallCapture = std::string(YOSO_SOURCE_DIR) + "/experiments/data/use-lite-layer1-n512.safetensors";

}  // namespace

TEST_CASE("speed: every row is paired, checked and reproducible", "[cli]") {
  const json report = measured("speed -m yoso-m,linear -n 32,64 --hashes 4,8 --time-budget 0.05 --phases");
  const json& points = report["points"];
  REQUIRE(points.size() == 2 * 4);  // softmax joins as the baseline
  for (const json& p : points) {
    CAPTURE(p["repro"]);
    CHECK((p["status"] == "ok" || p["status"] == "noisy"));
    CHECK(p["time"]["median"] > 0);
    CHECK(p["time"]["n"] >= 1);
    CHECK(p["paired"]["baseline"] == "softmax");
    CHECK(p["check"]["passed"] == true);
    CHECK(p["check"]["rechecked"] == true);
    CHECK(p["check"]["hash"].get<std::string>().size() == 16);
    CHECK(p["paired"]["cpu_ratio"] > 0);
    CHECK(p["phase_sum"]["runs"] >= 3);
    double sum = 0;
    for (const json& seconds : p["phases"]) sum += seconds.get<double>();
    CHECK(p["phase_sum"]["sum"].get<double>() == Approx(sum));
    CHECK(p["phase_sum"]["total"] > 0);
    CHECK(p["phase_sum"]["clock"] == "cpu");
    if (p["method"] == "softmax") CHECK(p["paired"]["ratio"] == 1.0);
    if (p["method"] == "yoso-m") {
      CHECK(p["draws"]["policy"] == "each");
      CHECK(p["phases"].contains("draw"));
    }
  }
  // the repro line of a row gives a row with the same id
  const json& wanted = points[2];
  const std::string repro = wanted["repro"].get<std::string>().substr(std::string("yoso-bench ").size());
  const json again = measured(repro);
  bool found = false;
  for (const json& p : again["points"]) {
    if (p["id"] != wanted["id"]) continue;
    found = true;
    CHECK(p["check"]["hash"] == wanted["check"]["hash"]);  // the same bits
    CHECK_FALSE(p["phases"].empty());
  }
  CHECK(found);
}

TEST_CASE("speed --phases: a table of what each part of a pass takes", "[cli]") {
  const cli::Result result = run("speed -m linformer -n 64 --time-budget 0.05 --phases");
  REQUIRE(result.code == 0);
  for (const char* word : {"phases: medians", "project", "attend", "outside of phases"}) {
    CAPTURE(word);
    CHECK(result.out.find(word) != std::string::npos);
  }
}

TEST_CASE("speed: a call longer than its budget is a row of status timeout, with what is known", "[cli]") {
  // one call of softmax over 24 heads takes more than 0.1 s on any machine of today
  const json report = measured("speed -m mean-v -n 2k --heads 24 --isa scalar --time-budget 0.01");
  for (const json& p : report["points"]) {
    if (p["method"] != "softmax") continue;
    CHECK(p["status"] == "timeout");
    CHECK(p["time"]["n"] == 1);
    CHECK(p["time"]["stop"] == "timeout");
    CHECK(p["time"]["ci"].is_null());
    CHECK(p["reason"].get<std::string>().find("budget") != std::string::npos);
  }
}

TEST_CASE("speed: the report says what the machine was like while it measured", "[cli]") {
  const json report = measured("speed -m linear -n 16 --time-budget 0.02");
  CHECK(report["run"]["during"]["seconds"] > 0);
  for (const json& p : report["points"]) {  // nobody asked for them
    CHECK(p["phases"].empty());
    CHECK(p["phase_sum"].is_null());
  }
  CHECK(measured("memory -m softmax -n 8 --no-rss")["run"]["during"].is_null());
}

TEST_CASE("variables and builds that matter are warned about on the terminal and in the report", "[cli]") {
  const std::string path = cli::scratch("warned.json");
  const cli::Result result = run("speed -m linear -n 16 --time-budget 0.02 -o " + path,
                                 {"OPENBLAS_CORETYPE=Haswell", "OMP_WAIT_POLICY=passive", "OMP_NUM_THREADS=3"});
  REQUIRE(result.code == 0);
  std::map<std::string, int> codes;
  const json report = cli::read_json(path);
  for (const json& w : report["warnings"]) ++codes[w["code"]];
  CHECK(codes["openblas-env"] >= 1);
  CHECK(codes["omp-env"] >= 1);
  CHECK(codes["sanitizer"] == (yoso::built_with_sanitizers() ? 1 : 0));
  CHECK(result.err.find("warning openblas-env: OPENBLAS_CORETYPE=Haswell") != std::string::npos);
  CHECK(result.err.find("warning omp-env: OMP_WAIT_POLICY=passive") != std::string::npos);
  CHECK(result.err.find("OMP_NUM_THREADS") == std::string::npos);
}

TEST_CASE("what a method has not is an unsupported row, and the run goes on", "[cli]") {
  const json report = measured("speed -m softmax,linear --causal -n 16 --time-budget 0.02");
  std::map<std::string, std::string> status;
  for (const json& p : report["points"]) status[p["method"]] = p["status"];
  CHECK(status["softmax"] != "unsupported");
  CHECK(status["linear"] == "unsupported");
  CHECK(run("speed -m linear --causal -n 16 --baseline none").code == 1);  // nothing came out
}

TEST_CASE("memory: tiled softmax and yoso-m grow linearly, naive softmax quadratically, and the child agrees",
          "[cli]") {
  const json report = measured("memory -m softmax,softmax-naive,yoso-m -n 1k,2k,4k --hashes 8");
  std::map<std::string, std::map<int, double>> peak;
  for (const json& p : report["points"]) {
    REQUIRE(p["status"] == "ok");
    const json& m = p["memory"];
    const double sum = m["inputs"].get<double>() + m["outputs"].get<double>() + m["draws"].get<double>() +
                       m["parameters"].get<double>() + m["saved"].get<double>() + m["scratch"].get<double>();
    CHECK(m["peak"] == sum);
    CHECK(m["predicted"] == sum);
    if (yoso::built_with_sanitizers())
      CHECK(m["rss"].is_null());
    else
      CHECK(std::abs(m["rss"].get<double>() - sum) <= 0.1 * sum + 8 * 1024 * 1024);
    peak[p["method"]][p["shape"]["n_k"]] = sum;
  }
  for (const char* method : {"softmax", "yoso-m"}) {
    CAPTURE(method);
    CHECK(peak[method][4096] / peak[method][2048] < 2.05);
    CHECK(peak[method][4096] / peak[method][1024] < 4.1);
  }
  CHECK(peak["softmax-naive"][4096] / peak["softmax-naive"][2048] > 3.7);
}

TEST_CASE("memory: a point beyond the budget is a row with both numbers", "[cli]") {
  const std::string path = cli::scratch("budget.json");
  const cli::Result result = run("memory -m softmax,softmax-naive -n 2k --memory-budget 4M -o " + path);
  CHECK(result.code == 0);
  const json report = cli::read_json(path);
  for (const json& p : report["points"]) {
    if (p["method"] == "softmax") {
      CHECK(p["status"] == "ok");
    } else {
      CHECK(p["status"] == "over_budget");
      CHECK(p["memory"]["budget"] == 4 * 1024 * 1024);
      CHECK(p["memory"]["predicted"] > 4 * 1024 * 1024);
      CHECK(p["memory"]["peak"].is_null());
      const std::string reason = p["reason"];
      CHECK(reason.find("4194304") != std::string::npos);
      CHECK(reason.find(std::to_string(p["memory"]["predicted"].get<long>())) != std::string::npos);
    }
  }
}

TEST_CASE("error on real activations: more hashes, less error; controls are there; threads change nothing", "[cli]") {
  const std::string words = "error --qkv " + kCapture + " -n 256 -m yoso-m --hashes 8,32,128 --hash-bits 8 --seeds 8";
  const json one = measured(words + " --threads 1"), two = measured(words + " --threads 2");
  REQUIRE(one["points"].size() == two["points"].size());
  std::vector<double> skill, angle;
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i < one["points"].size(); ++i) {
    const json& p = one["points"][i];
    CHECK(p["error"] == two["points"][i]["error"]);
    ++seen[p["method"]];
    if (p["method"] != "yoso-m") continue;
    skill.push_back(p["error"]["sampling"]["metrics"]["skill"]["median"]);
    angle.push_back(p["error"]["sampling"]["metrics"]["angle"]["median"]);
    CHECK(p["error"]["sampling"]["reference"] == "yoso-e");
    CHECK(p["error"]["total"]["reference"] == "softmax");
    CHECK(p["knobs"]["norm"] == "rowsum");
  }
  REQUIRE(skill.size() == 3);
  CHECK(skill[0] < skill[1]);
  CHECK(skill[1] < skill[2]);
  CHECK(angle[0] > angle[1]);
  CHECK(angle[1] > angle[2]);
  CHECK(seen["mean-v"] == 1);
  CHECK(seen["subsample"] == 1);
}

TEST_CASE("error: exact methods are exact, no attention has skill zero, heads are profiled", "[cli]") {
  const json report = measured("error -m softmax,softmax-naive -n 96 --heads 2 --per-head");
  for (const json& p : report["points"]) {
    const json& skill = p["error"]["total"]["metrics"]["skill"];
    if (p["method"] == "softmax" || p["method"] == "softmax-naive") CHECK(skill["median"] > 1 - 1e-8);
    if (p["method"] == "mean-v") CHECK(std::abs(skill["median"].get<double>()) < 1e-6);
    REQUIRE(p["error"]["per_head"].size() == 2);
    for (const json& head : p["error"]["per_head"]) {
      CHECK(head["entropy"] > 0);
      CHECK(head["effective_keys"] <= 96);
      CHECK(head["effective_keys"] >= 1);
    }
  }
}

TEST_CASE("check passes for every method on every instruction set of this machine", "[cli]") {
  const cli::Result result = run("check -n 1,33 --batch 1 --heads 1 -d 16");
  CAPTURE(result.out);
  CHECK(result.code == 0);
  CHECK(result.out.find(" 0 failed") != std::string::npos);
}

TEST_CASE("a report is replaced whole or not at all", "[cli]") {
  const std::string path = cli::scratch("kept.json");
  cli::write(path, "precious");
  CHECK(run("memory -m sofmax -o " + path).code == 2);
  CHECK(run("error -m softmax --qkv /nonexistent -o " + path).code == 3);
  CHECK(cli::read(path) == "precious");
  CHECK(run("memory -m softmax -n 8 --no-rss -o " + path).code == 0);
  CHECK(run_args({"validate", path}).code == 0);
}

TEST_CASE("an interrupted run keeps what it has and says so", "[cli]") {
  const std::string path = cli::scratch("interrupted.json");
  const cli::Result result =
      cli::run_and_signal("speed -m linear -n 16,32,48,64 --time-budget 1 --rel-ci 0.000001 -o " + path, SIGINT, 1.0);
  CHECK(result.code == 130);
  const json report = cli::read_json(path);
  CHECK(report["run"]["status"] == "interrupted");
  CHECK(report["points"].size() < 8);  // four groups of 2 s and more each: no machine is through after one
  CHECK(run_args({"validate", path}).code == 0);
}

TEST_CASE("overview: one report with time, memory and error in every comparable row, and verdicts", "[cli]") {
  const json report = measured("overview -m yoso-m,linformer --qkv " + kSmallCapture +
                               " -n 64 --input gaussian --hashes 8,16 --seeds 6 --time-budget 0.02");
  std::map<std::string, int> verdicts;
  for (const json& p : report["points"]) {
    if (p["verdict"].is_null()) continue;
    CHECK_FALSE(p["time"].is_null());
    CHECK_FALSE(p["memory"].is_null());
    CHECK_FALSE(p["error"].is_null());
    ++verdicts[p["verdict"]];
  }
  CHECK(verdicts["frontier"] >= 1);
  const cli::Result text =
      run("overview -m linear --qkv " + kCapture + " -n 64 --seeds 2 --time-budget 0.01 --no-such");
  CHECK(text.code == 2);
}

TEST_CASE("a point is measured once, however often it is asked for", "[cli]") {
  const json report = measured("memory -m yoso-m --hashes 8,8 --hash-bits 6,auto -n 64,64 --no-rss");
  CHECK(report["points"].size() == 1);
}

TEST_CASE("inputs beyond the budget are rows, not a crash, and the rest is measured", "[cli]") {
  const json report = measured("memory -m softmax -n 64,2147483647 --memory-budget 1M --no-rss");
  REQUIRE(report["points"].size() == 2);
  CHECK(report["points"][0]["status"] == "ok");
  CHECK(report["points"][1]["status"] == "over_budget");
}

TEST_CASE("text that is not UTF-8 does not cost the report", "[cli]") {
  const std::string path = cli::scratch("bytes.json");
  CHECK(run_args({"memory", "-m", "softmax", "-n", "8", "--no-rss", "--tag", "a=\xff\xfe", "-o", path}).code == 0);
  CHECK(run_args({"validate", path}).code == 0);
}

TEST_CASE("no error against softmax where it would mean nothing, not by head either", "[cli]") {
  const json report = measured("error -m reformer,performer --kernel relu -n 160 --seeds 2 --per-head");
  for (const json& p : report["points"]) {
    if (p["control"] == true) continue;
    CAPTURE(p["method"]);
    CHECK(p["error"]["total"].is_null());
    CHECK(p["error"]["kernel_gap"].is_null());
    CHECK_FALSE(p["error"]["sampling"].is_null());
    CHECK_FALSE(p["reason"].is_null());
    for (const json& head : p["error"]["per_head"]) CHECK(head["skill_total"].is_null());
  }
}

TEST_CASE("softmax-unit has one sharpness for all rows of a table", "[cli]") {
  const std::string words = "error -m yoso-e -n 32 --reference softmax-unit --hash-bits ";
  const json report = measured(words + "4");
  for (const json& p : report["points"]) CHECK(p["error"]["total"]["reference"] == "softmax-unit(tau=4)");
  const cli::Result two = run(words + "4,8");
  CHECK(two.code == 2);
  CHECK(two.err.find("--hash-bits") != std::string::npos);
}
