// What the binary says: lists, help, refusals, exit codes.
#include <fmt/format.h>

#include <yoso/catalogue.hpp>
#include <yoso/environment.hpp>
#include <yoso/warnings.hpp>

#include "catch.hpp"
#include "run.hpp"

using cli::run;
using cli::run_args;

namespace {

// A refusal: the exit code, one line on stderr that holds every expected word, nothing on stdout.
void refuses(const std::string& words, int code, const std::vector<std::string>& expected) {
  CAPTURE(words);
  const cli::Result result = run(words);
  CAPTURE(result.err);
  CHECK(result.code == code);
  CHECK(result.out.empty());
  CHECK(cli::one_line(result.err));
  for (const std::string& word : expected) {
    CAPTURE(word);
    CHECK(result.err.find(word) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("list names every method of the catalogue, and its JSON validates", "[cli]") {
  const cli::Result table = run("list");
  REQUIRE(table.code == 0);
  std::size_t methods = 0, controls = 0;
  for (const yoso::Method* method : yoso::catalogue()) {
    (method->control ? controls : methods) += 1;
    CAPTURE(method->name);
    CHECK(table.out.find(std::string(method->name)) != std::string::npos);
    const cli::Result one = run_args({"list", std::string(method->name)});
    CHECK(one.code == 0);
    for (const yoso::Knob& knob : method->knobs) CHECK(one.out.find(knob.flag()) != std::string::npos);
  }
  CHECK(methods >= 10);
  CHECK(controls >= 2);
  CHECK(table.out.find(fmt::format("{} methods and {} controls", methods, controls)) != std::string::npos);

  const cli::Result json = run("list --json");
  REQUIRE(json.code == 0);
  cli::write(cli::scratch("list.json"), json.out);
  CHECK(run_args({"validate", cli::scratch("list.json")}).code == 0);
  CHECK(nlohmann::json::parse(json.out)["methods"].size() == methods + controls);
}

TEST_CASE("env describes machine and build, and its JSON validates", "[cli]") {
  CHECK(run("env").code == 0);
  const cli::Result json = run("env --json");
  REQUIRE(json.code == 0);
  cli::write(cli::scratch("env.json"), json.out);
  CHECK(run_args({"validate", cli::scratch("env.json")}).code == 0);
}

TEST_CASE("list warnings names every code", "[cli]") {
  const cli::Result result = run("list warnings");
  REQUIRE(result.code == 0);
  for (const yoso::WarningCode& w : yoso::warning_codes())
    CHECK(result.out.find(std::string(w.code)) != std::string::npos);
}

TEST_CASE("env --self-test prints its counts; what it finds of a loaded machine is not for a test to say", "[cli]") {
  const cli::Result result = run("env --self-test");
  CAPTURE(result.out, result.err);
  CHECK((result.code == 0 || result.code == 1));
  CHECK(result.out.find("not different") != std::string::npos);
  CHECK(result.out.find("autocorrelation 0.6") != std::string::npos);
  CHECK(result.out.find("fault of the program") == std::string::npos);  // the simulated part is the same everywhere
}

TEST_CASE("help is there for the program and every command, and names every knob", "[cli]") {
  CHECK(run("--help").code == 0);
  CHECK(run("--version").out.find(yoso::this_build().version) != std::string::npos);
  for (const char* command :
       {"list", "env", "speed", "memory", "error", "check", "validate", "overview", "table", "compare"})
    CHECK(run_args({command, "--help"}).code == 0);
  const std::string help = run("speed --help").out;
  for (const yoso::Method* method : yoso::catalogue())
    for (const yoso::Knob& knob : method->knobs) CHECK(help.find(knob.flag()) != std::string::npos);
}

TEST_CASE("unknown names are refused with the nearest known one", "[cli]") {
  refuses("sped", 2, {"sped", "speed"});
  refuses("", 2, {"command"});
  refuses("speed --hashs 8", 2, {"--hashs", "--hashes"});
  refuses("speed -m yoso-n", 2, {"yoso-n", "yoso-m"});
  refuses("speed -m yoso-m -p yoso-m.hashs=8", 2, {"hashs", "hashes"});
  refuses("speed -m yoso-m -p yosom.hashes=8", 2, {"yosom", "yoso-m"});
  refuses("speed -p hashes=8", 2, {"-p", "hashes=8"});
  refuses("speed --input gausian", 2, {"gausian", "gaussian"});
  refuses("speed --baseline sofmax", 2, {"sofmax", "softmax"});
  refuses("error --reference soft", 2, {"--reference", "softmax-unit", "soft"});
  refuses("list sofmax", 2, {"sofmax", "softmax"});
  refuses("speed -m softmax --hashes 8", 2, {"--hashes", "yoso-m", "softmax"});
  refuses("speed -m softmax -p yoso-m.hashes=8", 2, {"yoso-m", "softmax"});
  refuses("speed stray", 2, {"stray"});
  refuses("speed list", 2, {"one command", "speed", "list"});
}

TEST_CASE("values out of range are refused with flag, range and value", "[cli]") {
  refuses("speed -n 0", 2, {"--seq-len", "[1,", "'0'"});
  refuses("speed -n -5", 2, {"--seq-len", "-5"});
  refuses("speed -n 12x", 2, {"--seq-len", "12x"});
  refuses("speed -n 99999999999999999999", 2, {"--seq-len", "99999999999999999999"});
  refuses("speed -n 1k..512*2", 2, {"--seq-len", "1k..512*2"});
  refuses("speed --seed -1", 2, {"--seed", "-1"});
  refuses("speed --threads 0", 2, {"--threads", "0"});
  refuses("speed --time-budget nan", 2, {"--time-budget", "nan"});
  refuses("speed --time-budget -1", 2, {"--time-budget", "-1"});
  refuses("speed -n 2147483647 -d 2147483647", 2, {"2^40"});
  refuses("memory --memory-budget 0", 2, {"--memory-budget", "'0'"});
  refuses("memory --memory-budget lots", 2, {"--memory-budget", "lots"});
  refuses("error --seeds 0", 2, {"--seeds", "'0'"});
  refuses("speed -m yoso-m --hashes 0", 2, {"--hashes", "[1, 4096]", "'0'"});
  refuses("speed -m yoso-m --hash-bits 0", 2, {"--hash-bits", "[1, 16]", "'0'", "2^0"});
  refuses("speed -m yoso-m --hash-bits 17", 2, {"--hash-bits", "[1, 16]", "'17'", "2^17"});
  refuses("speed -m yoso-m --norm l3", 2, {"--norm", "l2", "rowsum", "l3"});
  refuses("speed --tag novalue", 2, {"--tag", "novalue"});
  refuses("speed --format xml", 2, {"--format", "xml"});
  refuses("speed -n", 2, {"seq-len"});
}

TEST_CASE("without a device, cuda is refused by name in one line, and auto takes the CPU and says so", "[cli]") {
  const std::vector<std::string> hidden{"CUDA_VISIBLE_DEVICES="};  // also where there is one
  for (const char* command : {"speed", "memory", "error", "check", "overview", "sweep --kinds speed", "plan"}) {
    const cli::Result result = run(std::string(command) + " -m softmax -n 16 --backend cuda", hidden);
    CAPTURE(command, result.err);
    CHECK(result.code == 4);
    CHECK(cli::one_line(result.err));
    CHECK(result.err.find("--backend cuda: no CUDA") != std::string::npos);
  }
  const std::string report = cli::scratch("auto.json");
  const cli::Result result = run("speed -m softmax -n 16 --time-budget 0.01 --backend auto -o " + report, hidden);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(result.err.find("warning backend-auto: --backend auto uses the CPU: no CUDA") != std::string::npos);
  const nlohmann::json json = cli::read_json(report);
  CHECK(json.at("points")[0].at("backend") == "cpu");
  CHECK(json.at("environments")[0].at("gpu").is_null());
}

TEST_CASE("YOSO_ISA forces an instruction set, and refuses an unknown one", "[cli]") {
  const cli::Result forced = run("env --json", {"YOSO_ISA=scalar"});
  REQUIRE(forced.code == 0);
  CHECK(nlohmann::json::parse(forced.out)["environment"]["cpu"]["isa_usual"] == "scalar");
  const cli::Result unknown = run("speed -n 8", {"YOSO_ISA=mmx"});
  CHECK(unknown.code == 2);
  CHECK(unknown.err.find("YOSO_ISA") != std::string::npos);
  refuses("speed --isa mmx", 2, {"mmx", "avx2"});
}

TEST_CASE("files that cannot be read or written are refused before anything is measured", "[cli]") {
  refuses("speed -n 64k -o /nonexistent/folder/r.json", 3, {"/nonexistent/folder/r.json"});
  refuses("error --qkv /nonexistent.safetensors", 3, {"/nonexistent.safetensors"});
  refuses("validate /nonexistent.json", 3, {"/nonexistent.json"});
  refuses("validate", 2, {"file"});
  const std::string folder = cli::scratch("");
  CHECK(run_args({"speed", "-n", "8", "-o", folder}).code == 3);
  cli::write(cli::scratch("text.json"), "not json");
  CHECK(run_args({"validate", cli::scratch("text.json")}).code == 3);
  cli::write(cli::scratch("foreign.json"), R"({"schema": {"name": "other", "version": "1.0"}})");
  CHECK(run_args({"validate", cli::scratch("foreign.json")}).code == 3);
  cli::write(cli::scratch("broken.safetensors"), std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10));
  const cli::Result broken = run_args({"error", "--qkv", cli::scratch("broken.safetensors")});
  CHECK(broken.code == 3);
  CHECK(cli::one_line(broken.err));
  CHECK(broken.err.find("broken.safetensors") != std::string::npos);
}

TEST_CASE("a doctored report is invalid, and the message says where", "[cli]") {
  const std::string good = cli::scratch("good.json"), bad = cli::scratch("bad.json");
  REQUIRE(run_args({"memory", "-n", "16", "-m", "softmax", "--no-rss", "-o", good}).code == 0);
  REQUIRE(run_args({"validate", good}).code == 0);
  for (const char* pointer : {"/points/0/status", "/points/0/shape/n_q", "/run/seed", "/schema/version"}) {
    CAPTURE(pointer);
    nlohmann::json report = cli::read_json(good);
    report[nlohmann::json::json_pointer(pointer)] = "nonsense";
    cli::write(bad, report.dump());
    const cli::Result result = run_args({"validate", bad});
    CHECK(result.code == 3);
    CHECK(!result.err.empty());
  }
  nlohmann::json report = cli::read_json(good);
  report["points"][0].erase("repro");
  report["points"][0]["an addition of a later version"] = 1;
  cli::write(bad, report.dump());
  CHECK(run_args({"validate", bad}).code == 3);
  report["points"][0]["repro"] = "yoso-bench";
  cli::write(bad, report.dump());
  CHECK(run_args({"validate", bad}).code == 0);  // unknown fields are ignored
}

TEST_CASE("every schema can be printed and is JSON", "[cli]") {
  for (const char* name : {"report", "environment", "catalogue", "atomics"}) {
    const cli::Result schema = run_args({"validate", "--print-schema", name});
    CHECK(schema.code == 0);
    CHECK(nlohmann::json::parse(schema.out).contains("$schema"));
  }
  CHECK(run("validate --print-schema nothing").code == 2);
}
