// speed, memory and error of backward passes, and what is refused.
#include <set>

#include "catch.hpp"
#include "run.hpp"

using cli::measured;
using cli::run;
using nlohmann::json;

TEST_CASE("speed --pass: each pass is a group of its own, checked by its gradients, and reproducible", "[cli]") {
  const json report =
      measured("speed -m yoso-m,mean-v -n 64 --hashes 4 --pass forward,backward,both --time-budget 0.05 --phases");
  const json& points = report["points"];
  REQUIRE(points.size() == 3 * 3);
  std::set<std::string> groups, ids;
  for (const json& p : points) {
    CAPTURE(p["repro"], p["reason"]);
    groups.insert(p["group"]);
    ids.insert(p["id"]);
    CHECK((p["status"] == "ok" || p["status"] == "noisy"));
    CHECK(p["paired"]["baseline"] == "softmax");
    CHECK(p["check"]["passed"] == true);
    CHECK(p["check"]["gradients"].is_number() == (p["pass"] != "forward"));
    if (p["pass"] == "backward") CHECK(p["draws"]["policy"] != "each");  // those of the forward pass
    if (p["method"] == "yoso-m" && p["pass"] == "both") {
      CHECK(p["draws"]["policy"] == "each");
      CHECK(p["phases"].contains("hash"));
      bool named = false;
      for (const auto& [phase, seconds] : p["phases"].items()) named |= phase.starts_with("backward ");
      CHECK(named);
    }
  }
  CHECK(groups.size() == 3);
  CHECK(ids.size() == 9);
  const std::string repro = points[7]["repro"].get<std::string>().substr(std::string("yoso-bench ").size());
  bool found = false;
  for (const json& p : measured(repro)["points"]) found |= p["id"] == points[7]["id"];
  CHECK(found);
}

TEST_CASE("crossovers of one pass do not mix with those of another", "[cli]") {
  const json report = measured("speed -m mean-v -n 32,64 --pass forward,both --time-budget 0.05");
  const json& crossovers = report["summary"]["crossovers"];
  REQUIRE(crossovers.size() == 2);
  CHECK(crossovers[0]["pass"] == "forward");
  CHECK(crossovers[1]["pass"] == "both");
}

TEST_CASE("memory --pass both: what backward needs and what it writes are counted, and the resident set agrees",
          "[cli]") {
  const json report = measured("memory -m softmax,yoso-m,linformer -n 4096 --pass forward,both");
  REQUIRE(report["points"].size() == 6);
  const std::int64_t tensor = 4096 * 64 * 4;
  for (const json& p : report["points"]) {
    CAPTURE(p["repro"]);
    const json& m = p["memory"];
    CHECK(p["status"] == "ok");
    CHECK(m["predicted"] == m["peak"]);
    const double peak = m["peak"], rss = m["rss"];
    CHECK(std::abs(rss - peak) <= 0.1 * peak + 8 * 1024 * 1024);
    if (p["pass"] == "forward") {
      CHECK(m["gradients"] == 0);
      CHECK(m["saved"] == 0);
    } else {
      CHECK(m["gradients"] == 4 * tensor + m["parameters"].get<std::int64_t>());  // dout, dq, dk, dv
      CHECK(m["saved"] > 0);
    }
  }
}

TEST_CASE("memory --max-batch: the largest batch fits, one more does not", "[cli]") {
  const json report = measured("memory -m softmax,yoso-m -n 256 --pass both --max-batch --budget 16M");
  REQUIRE(report["points"].size() == 2);
  for (const json& p : report["points"]) {
    CAPTURE(p["repro"]);
    const json& most = p["memory"]["max_batch"];
    CHECK(p["status"] == "ok");
    CHECK(most["batch"] == p["shape"]["batch"]);
    CHECK(most["batch"] > 1);
    CHECK(p["memory"]["peak"] <= 16 << 20);
    CHECK(most["next"] > 16 << 20);
    CHECK(most["per_instance"].get<double>() ==
          Approx((most["next"].get<double>() - p["memory"]["peak"].get<double>())).epsilon(0.05));
  }
  const json& first = report["points"][0];
  const json again = measured(first["repro"].get<std::string>().substr(std::string("yoso-bench ").size()));
  CHECK(again["points"][0]["memory"]["max_batch"] == first["memory"]["max_batch"]);
  CHECK(again["points"][0]["id"] == first["id"]);
  CHECK(first["memory"]["budget"] == 16 << 20);
  const json capped = measured("memory -m mean-v -n 1 -d 1 --max-batch --budget 1G");
  CHECK(capped["points"][0]["memory"]["max_batch"]["batch"] == 1 << 20);
  const cli::Result none = run("memory -m softmax -n 4096 --max-batch --budget 1M");
  CHECK(none.code == 1);
  CHECK(none.out.find("over_budget: one instance needs") != std::string::npos);
}

TEST_CASE("error --pass backward: gradients stand beside softmax and the method's own target", "[cli]") {
  const json report = measured("error -m yoso-m,yoso-e -n 64 --hashes 64 --hash-bits 4 --pass backward --seeds 8");
  for (const json& p : report["points"]) {
    CAPTURE(p["method"]);
    CHECK(p["status"] == "ok");
    CHECK(p["error"]["total"].is_null());
    const json again = measured(p["repro"].get<std::string>().substr(std::string("yoso-bench ").size()));
    bool found = false;
    for (const json& other : again["points"])
      if (other["id"] == p["id"]) found = other["error"] == p["error"];
    CHECK(found);
    if (p["method"] != "yoso-m") continue;
    std::set<std::string> roles;
    for (const json& c : p["error"]["gradients"]) {
      roles.insert(c["role"]);
      CHECK(c["tensors"]["dv"]["cosine"]["median"] > 0);
      if (c["role"] == "own") CHECK(c["tensors"]["dq"]["slope"]["lo"] <= c["tensors"]["dq"]["slope"]["hi"]);
    }
    CHECK(roles == std::set<std::string>{"total", "truth", "own"});
  }
}

TEST_CASE("what does not go with a pass is refused in one line", "[cli]") {
  const std::pair<const char*, const char*> refused[] = {
      {"speed --pass sideways", "--pass must be one of forward, backward, both, got 'sideways'"},
      {"memory --pass backward", "--pass must be one of forward, both for memory"},
      {"error --pass both", "--pass must be one of forward, backward for error"},
      {"speed --pass both --match skill=0.5", "--match goes with --pass forward"},
      {"error --pass backward --per-head", "--per-head goes with --pass forward"},
      {"error --pass backward --reference own", "--reference goes with --pass forward"},
      {"overview --pass both", "overview goes with --pass forward"},
      {"speed --pass backward --redraw each", "--redraw each goes with --pass forward, both"},
      {"memory --max-batch --budget 64M --memory-budget 1M", "--budget must be at most"},
      {"memory --budget 2G", "--budget goes with --max-batch"},
      {"memory --max-batch --batch 2", "--batch cannot be given"},
      {"memory --max-batch --budget 2Q", "--budget must be"},
  };
  for (const auto& [words, message] : refused) {
    CAPTURE(words);
    const cli::Result result = run(words);
    CHECK(result.code == 2);
    CHECK(cli::one_line(result.err));
    CHECK(result.err.find(message) != std::string::npos);
  }
}
