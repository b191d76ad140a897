#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "catch.hpp"
#include "run.hpp"

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

const char* const kHead = R"({"schema": {"name": "yoso-bench/recipe", "version": "1.0"}, "studies": [)";

std::string recipe(const std::string& name, const std::string& studies) {
  const std::string path = cli::scratch(name);
  cli::write(path, kHead + studies + "]}");
  return path;
}

// Three lengths, two methods and two controls, errors only: deterministic.
std::string small() {
  return recipe("small.json", R"({"notes": "n", "kinds": "error", "method": ["softmax", "yoso-m"], "seq-len": "8..32*2",
                                  "hashes": "2,4", "head-dim": 8, "seeds": 5})");
}

std::string fresh(const std::string& name) {
  const std::string path = cli::scratch(name);
  fs::remove_all(path);
  return path;
}

std::set<std::string> point_names(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder + "/points"))
    if (entry.path().extension() != ".tmp") names.insert(entry.path().filename().string());  // of a kill
  return names;
}

json merged(const std::string& folders) {
  const std::string path = cli::scratch("merged.json");
  const cli::Result result = cli::run("merge " + folders + " -o " + path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  REQUIRE(cli::run("validate " + path).code == 0);
  return cli::read_json(path);
}

std::map<std::string, json> errors_by_id(const json& report) {
  std::map<std::string, json> all;
  for (const json& p : report["points"]) {
    CHECK(all.emplace(p["id"].get<std::string>(), p["error"]).second);  // every point once
  }
  return all;
}

cli::Result sweep(const std::string& words) { return cli::run("sweep " + words + " --progress none"); }

}  // namespace

TEST_CASE("plan lists every point of a recipe, and a filter and a zip leave out what they should", "[sweep]") {
  const cli::Result all = cli::run("plan " + small() + " --format json");
  REQUIRE(all.code == 0);
  const json plan = json::parse(all.out);
  REQUIRE(plan["groups"].size() == 3);
  for (const json& g : plan["groups"]) CHECK(g["points"].size() == 5);  // softmax, 2 x yoso-m, mean-v, subsample
  CHECK(cli::run("plan " + small() + " --format json").out == all.out);

  const std::string filtered = recipe("filtered.json", R"({"kinds": "memory", "method": "yoso-m", "seq-len": "8,16,32",
                                      "hashes": "1,2,4,8", "where": "hashes <= n / 8"})");
  const json some = json::parse(cli::run("plan " + filtered + " --format json").out);
  std::vector<std::size_t> sizes;
  for (const json& g : some["groups"]) sizes.push_back(g["points"].size());
  CHECK(sizes == std::vector<std::size_t>{1, 2, 3});

  const std::string zipped = recipe("zipped.json", R"({"kinds": "memory", "method": "yoso-m", "seq-len": "8,16,32",
                                      "hashes": "1,2,4", "zip": "seq-len,hashes"})");
  const json pairs = json::parse(cli::run("plan " + zipped + " --format json").out);
  std::vector<std::string> settings;
  for (const json& g : pairs["groups"])
    for (const json& p : g["points"]) settings.push_back(p["setting"]);
  CHECK(settings == std::vector<std::string>{"hashes=1", "hashes=2", "hashes=4"});
}

TEST_CASE("axes work without a recipe, and a written plan is run as it stands", "[sweep]") {
  const std::string out = fresh("flags"), plan = cli::scratch("plan.json");
  REQUIRE(cli::run("plan -m yoso-m -n 8,16 -d 8 --hashes 2,4 --kinds memory -o " + plan).code == 0);
  REQUIRE(cli::run("validate " + plan).code == 0);
  REQUIRE(sweep(plan + " --out " + out).code == 0);
  CHECK(point_names(out).size() == 4);
  CHECK(sweep("-m yoso-m -n 8,16 -d 8 --hashes 2,4 --kinds memory --out " + out).out.find("4 there before") !=
        std::string::npos);
  json doctored = cli::read_json(plan);
  doctored["id"] = "0123456789abcdef";
  cli::write(plan, doctored.dump());
  const cli::Result result = sweep(plan + " --out " + fresh("doctored"));
  CHECK(result.code == 3);
  CHECK(cli::one_line(result.err));
}

TEST_CASE("a sweep resumes, retries, and sets damaged files aside", "[sweep]") {
  const std::string out = fresh("resume"), line = small() + " --out " + out;
  REQUIRE(sweep(line).code == 0);
  const auto names = point_names(out);
  REQUIRE(names.size() == 15);
  const auto whole = errors_by_id(merged(out));

  const std::string first = out + "/points/" + *names.begin(), second = out + "/points/" + *std::next(names.begin());
  fs::remove(first);
  std::ofstream(second, std::ios::trunc) << cli::read(second).substr(0, 500);
  const cli::Result again = sweep(line);
  CHECK(again.code == 0);
  CHECK(again.out.find("2 points measured") != std::string::npos);
  CHECK(again.err.find(*std::next(names.begin())) != std::string::npos);
  CHECK(cli::exists(second + ".damaged"));
  CHECK(errors_by_id(merged(out)) == whole);

  CHECK(sweep(line + " --only " + names.begin()->substr(0, 12) + " --force").out.find("1 point measured") !=
        std::string::npos);
  CHECK(sweep(line + " --only zzz").code == 2);
  CHECK(sweep(line + " --total-budget 0").code == 2);
  CHECK(sweep(line + " --retry noisy,error").out.find("0 points measured") != std::string::npos);

  const std::string other = recipe("other.json", R"({"kinds": "error", "method": "softmax", "seq-len": 8})");
  const cli::Result refused = sweep(other + " --out " + out);
  CHECK(refused.code == 2);
  CHECK(refused.err.find("another plan") != std::string::npos);
  CHECK(point_names(out).size() == 16);  // with the damaged one: nothing was lost
}

TEST_CASE("shards share out every point once, and merge does not care about order", "[sweep]") {
  std::string folders, reversed;
  std::size_t points = 0;
  for (int i = 0; i < 3; ++i) {
    const std::string out = fresh("shard" + std::to_string(i));
    REQUIRE(sweep(small() + " --out " + out + " --shard " + std::to_string(i) + "/3").code == 0);
    points += point_names(out).size();
    folders += out + " ";
    reversed = out + " " + reversed;
  }
  CHECK(points == 15);
  const std::string whole = fresh("whole");
  REQUIRE(sweep(small() + " --out " + whole).code == 0);
  CHECK(errors_by_id(merged(folders)) == errors_by_id(merged(whole)));
  const std::string once = (merged(folders), cli::read(cli::scratch("merged.json")));
  CHECK((merged(reversed), cli::read(cli::scratch("merged.json"))) == once);

  const std::string some = cli::scratch("shard0") + " " + cli::scratch("shard2");
  const cli::Result partial = cli::run("merge " + some + " -o " + cli::scratch("partial.json"));
  CHECK(partial.code == 1);
  CHECK(partial.err.find("missing: 5 of 15") != std::string::npos);
  CHECK(cli::read_json(cli::scratch("partial.json"))["run"]["status"] == "partial");
  CHECK(cli::run("merge " + some + " --missing-shards 3").out == "1\n");
  CHECK(cli::run("merge " + folders + " --missing-shards 3").out.empty());

  // a shard finds out which it is
  const std::string array = fresh("array");
  REQUIRE(cli::run("sweep " + small() + " --progress none --shard auto --out " + array,
                   {"SLURM_ARRAY_TASK_ID=6", "SLURM_ARRAY_TASK_COUNT=3", "SLURM_ARRAY_TASK_MIN=5"})
              .code == 0);
  CHECK(point_names(array) == point_names(cli::scratch("shard1")));
  CHECK(sweep(small() + " --shard auto --out " + array).code == 2);
}

TEST_CASE("two runs in one folder exclude each other; two shards do not", "[sweep]") {
  const std::string out = fresh("locked");
  fs::create_directories(out);
  std::ofstream(out + "/lock") << "4711\n";
  const int lock = open((out + "/lock").c_str(), O_RDWR);
  REQUIRE(flock(lock, LOCK_EX | LOCK_NB) == 0);
  const cli::Result refused = sweep(small() + " --out " + out);
  CHECK(refused.code == 2);
  CHECK(cli::one_line(refused.err));
  CHECK(refused.err.find("process 4711") != std::string::npos);
  REQUIRE(flock(lock, LOCK_SH | LOCK_NB) == 0);  // what a shard holds
  CHECK(sweep(small() + " --out " + out).code == 2);
  CHECK(sweep(small() + " --out " + out + " --shard 1/3").code == 0);
  close(lock);
}

TEST_CASE("signals and a spent budget end a sweep cleanly", "[sweep]") {
  const std::string slow = recipe("slow.json", R"({"kinds": "speed", "method": "softmax,linear", "seq-len": "8..64+1",
                                  "time-budget": 0.2})");
  const std::string words = "sweep " + slow + " --progress none --out ";
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, {SIGTERM, 75}, {SIGUSR1, 75}}) {
    const std::string out = fresh("signal" + std::to_string(signal));
    const cli::Result result = cli::run_and_signal(words + out, signal, 1.2);
    CHECK(result.code == code);
    CHECK(result.out.find("goes on from here") != std::string::npos);
    for (const std::string& name : point_names(out)) {
      CHECK(cli::run("validate " + out + "/points/" + name).code == 0);
      CHECK(cli::read_json(out + "/points/" + name)["points"][0]["status"] != "interrupted");
    }
  }
  CHECK(cli::run(words + fresh("budget") + " --total-budget 0.5").code == 75);
}

// What was measured before a kill is kept, and what a run that was killed ten times measured is what an undisturbed one
// does.
TEST_CASE("a sweep of 500 points, killed ten times at random, gives the same points", "[sweep]") {
  const std::string many = recipe(
      "many.json", R"({"kinds": "error", "method": "yoso-m", "seq-len": "8..39+1", "hashes": "1..14+1", "head-dim": 8,
                       "seeds": 5, "where": "method != subsample"})");
  const std::string calm = fresh("calm"), stormy = fresh("stormy");
  REQUIRE(sweep(many + " --out " + calm).code == 0);
  std::mt19937 random(7);  // NOLINT: the same moments in every run
  std::uniform_real_distribution<double> moment(0.02, 0.25);
  std::size_t before = 0;
  int killed = 0;
  for (int i = 0; i < 10; ++i) {
    const cli::Result result =
        cli::run_and_signal("sweep " + many + " --progress none --out " + stormy, SIGKILL, moment(random));
    killed += result.code == 128 + SIGKILL;
    const std::size_t now = fs::exists(stormy + "/points") ? point_names(stormy).size() : 0;
    CHECK(now >= before);
    before = now;
  }
  CHECK(killed > 0);
  REQUIRE(sweep(many + " --out " + stormy).code == 0);
  const auto expected = errors_by_id(merged(calm));
  CHECK(expected.size() >= 480);
  CHECK(errors_by_id(merged(stormy)) == expected);
}

TEST_CASE("a full disk ends a sweep with one clear line, and it can be resumed", "[sweep]") {
  const std::string disk = fresh("disk");
  fs::create_directories(disk);
  if (mount("none", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
    WARN("cannot mount a small disk here (not root?)");
    return;
  }
  const cli::Result full = sweep(small() + " --out " + disk + "/sweep");
  const bool resumable = cli::exists(disk + "/sweep/plan.json") && !point_names(disk + "/sweep").empty();
  const bool grown = mount("none", disk.c_str(), "tmpfs", MS_REMOUNT, "size=4m") == 0;
  const cli::Result rest = sweep(small() + " --out " + disk + "/sweep");
  std::size_t points = point_names(disk + "/sweep").size();
  REQUIRE(umount(disk.c_str()) == 0);
  CHECK(full.code == 3);
  CHECK(full.err.find("No space left on device") != std::string::npos);
  CHECK(full.err.find("goes on from here") != std::string::npos);
  CHECK(resumable);
  CHECK(grown);
  CHECK(rest.code == 0);
  CHECK(points == 15);
}

TEST_CASE("two studies that measure one point in two ways are refused, not dropped", "[sweep]") {
  const char* const one = R"({"kinds": "error", "method": "yoso-m", "seq-len": 8, "hashes": 2, "seeds": 5})";
  const char* const other = R"({"kinds": "error", "method": "yoso-m", "seq-len": 8, "hashes": 2, "seeds": 6})";
  const std::string twice = std::string(one) + ", ";
  CHECK(cli::run("plan " + recipe("twice.json", twice + one)).code == 0);
  const cli::Result refused = cli::run("plan " + recipe("twice.json", twice + other));
  CHECK(refused.code == 2);
  CHECK(cli::one_line(refused.err));
  CHECK(refused.err.find("studies[1]") != std::string::npos);
  CHECK(refused.err.find("seeds=5") != std::string::npos);
  CHECK(refused.err.find("seeds=6") != std::string::npos);
}

TEST_CASE("merge keeps nothing in silence", "[sweep]") {
  const std::string timed =
      recipe("timed.json", R"({"kinds": "speed", "method": "linear", "seq-len": 8, "time-budget": 0.01})");
  const std::string a = fresh("twice-a"), b = fresh("twice-b"), out = cli::scratch("twice.json");
  REQUIRE(sweep(timed + " --out " + a).code == 0);
  REQUIRE(sweep(timed + " --out " + b).code == 0);
  const cli::Result both = cli::run("merge " + a + " " + b + " -o " + out);  // two times of one point
  CHECK(both.code == 3);
  CHECK(both.err.find("another time") != std::string::npos);

  // two machines: a row each, and a word on it
  for (const std::string& name : point_names(b)) {
    auto elsewhere = nlohmann::ordered_json::parse(cli::read(b + "/points/" + name));
    elsewhere["environments"][0]["id"] = "elsewhere";
    elsewhere["environments"][0]["cpu"]["model"] = "Other CPU";
    elsewhere["points"][0]["env"] = "elsewhere";
    cli::write(b + "/points/" + name, elsewhere.dump());
  }
  const cli::Result machines = cli::run("merge " + a + " " + b + " -o " + out);
  CAPTURE(machines.err);
  CHECK(machines.code == 0);
  CHECK(machines.err.find("more than one environment") != std::string::npos);

  // a damaged point is missing, and its shard is to run again
  cli::write(a + "/points/" + *point_names(a).begin(), "{");
  const cli::Result damaged = cli::run("merge " + a + " --missing-shards 1");
  CHECK(damaged.out == "0\n");
  CHECK(damaged.err.find("damaged") != std::string::npos);
}

TEST_CASE("a captured input that changed is another plan", "[sweep]") {
  const std::string capture = cli::scratch("capture.safetensors");
  fs::copy_file(std::string(YOSO_SOURCE_DIR) + "/experiments/data/use-lite-layer1-n512.safetensors", capture,
                fs::copy_options::overwrite_existing);
  fs::permissions(capture, fs::perms::owner_all);
  const std::string out = fresh("capture"), words = "-m linear -n 16 --kinds memory --qkv " + capture + " --out " + out;
  REQUIRE(sweep(words).code == 0);
  REQUIRE(sweep(words).code == 0);
  std::string bytes = cli::read(capture);
  const std::size_t first = 8 + static_cast<unsigned char>(bytes[0]) + 256 * static_cast<unsigned char>(bytes[1]);
  bytes[first] = static_cast<char>(bytes[first] ^ 1);  // of a first token: the header's length comes first
  cli::write(capture, bytes);
  const cli::Result changed = sweep(words);
  CHECK(changed.code == 2);
  CHECK(changed.err.find("another plan") != std::string::npos);
}

TEST_CASE("a recipe's mistakes are named by file and field", "[sweep]") {
  const auto refusal = [](const std::string& studies, const std::string& command = "plan") {
    const cli::Result result = cli::run(command + " " + recipe("bad.json", studies));
    CAPTURE(studies, result.err);
    CHECK(result.code == 2);
    CHECK(cli::one_line(result.err));
    CHECK(result.err.find("bad.json: studies[0]") != std::string::npos);
    return result.err;
  };
  CHECK(refusal(R"({"hashs": 3})").find("did you mean --hashes") != std::string::npos);
  CHECK(refusal(R"({"seq-len": "12x"})").find("12x") != std::string::npos);
  CHECK(refusal(R"({"where": "hashes <"})").find("--where") != std::string::npos);
  CHECK(refusal(R"({"where": "hashs < 3"})").find("--where") != std::string::npos);
  CHECK(refusal(R"({"zip": "seq-len,hashes", "seq-len": "8,16", "hashes": "1,2,3"})").find("2 and 3") !=
        std::string::npos);
  CHECK(refusal(R"({"kinds": "sped"})").find("speed, memory, error") != std::string::npos);
  CHECK(refusal(R"({"out": "x"})").find("command line") != std::string::npos);
  CHECK(refusal(R"({"method": "yoso"})").find("yoso") != std::string::npos);
  CHECK(refusal(R"({"help": true})").find("'help'") != std::string::npos);
  CHECK(refusal(R"({"seq-len": true, "method": "linear"})").find("--seq-len") != std::string::npos);
  CHECK(refusal(R"({"zip": "seq-len,seq-len", "seq-len": "8,16"})").find("twice") != std::string::npos);

  cli::write(cli::scratch("bad.json"), "{");
  CHECK(cli::run("plan " + cli::scratch("bad.json")).code == 3);
  cli::write(cli::scratch("bad.json"), std::string(kHead) + R"({"hashes": null}]})");
  CHECK(cli::run("plan " + cli::scratch("bad.json")).code == 3);
  CHECK(cli::run("plan " + small() + " -n 8").code == 2);
  CHECK(cli::run("sweep " + small()).code == 2);
  for (const char* shard : {"3/3", "-1/3", "1", "a/b", "1/0"})
    CHECK(sweep(small() + " --out " + fresh("no") + " --shard " + shard).code == 2);
  CHECK(cli::run("merge " + cli::scratch("nowhere") + " -o " + cli::scratch("x.json")).code == 3);
}
