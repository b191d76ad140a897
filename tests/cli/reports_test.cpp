// table and compare: what they read, write, refuse, and with which exit code.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "catch.hpp"
#include "run.hpp"

using cli::run;
using cli::run_args;
using cli::scratch;
using Json = nlohmann::json;

namespace {

const std::string kSpeed = std::string(YOSO_SOURCE_DIR) + "/results/01_speed_vs_length/amd-epyc-2c-avx512/fixed.json";
const std::string kMemory = std::string(YOSO_SOURCE_DIR) +
                            "/results/03_training_step_vs_length/amd-epyc-family-26-model-2-2c-avx512/memory.json";
const std::string kErrors =
    std::string(YOSO_SOURCE_DIR) + "/results/05_gradient_estimators/amd-epyc-2c-avx512/layer1-l2.json";

void refuses(const std::vector<std::string>& args, int code, const std::vector<std::string>& expected) {
  CAPTURE(args);
  const cli::Result result = run_args(args);
  CAPTURE(result.err);
  CHECK(result.code == code);
  CHECK(result.out.empty());
  CHECK(cli::one_line(result.err));
  for (const std::string& word : expected) {
    CAPTURE(word);
    CHECK(result.err.find(word) != std::string::npos);
  }
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The report, with every point changed.
template <class Change>
std::string doctored(const std::string& from, const char* name, const Change& change) {
  Json report = cli::read_json(from);
  change(report);
  const std::string path = scratch(name);
  cli::write(path, report.dump());
  return path;
}

void slow_down(Json& report) {
  for (Json& point : report["points"])
    if (Json& time = point["time"]; time.is_object()) {
      for (const char* name : {"min", "q1", "median", "q3", "max"}) time[name] = 1.1 * time[name].get<double>();
      if (time["ci"].is_object())
        for (const char* name : {"lo", "hi"}) time["ci"][name] = 1.1 * time["ci"][name].get<double>();
    }
}

}  // namespace

TEST_CASE("table: a committed report in every format", "[reports]") {
  const cli::Result md = run_args({"table", kSpeed, "--where", "n <= 512 && threads == 1", "--best"});
  REQUIRE(md.code == 0);
  CHECK(md.err.empty());
  CHECK(md.out.starts_with("speed-up over softmax by n; pass = forward, input = gaussian"));
  CHECK(has(md.out, "| **6.61** [6.57, 6.67] |\n"));
  CHECK(has(md.out, " 0.742 [0.731, 0.761] |"));
  const cli::Result csv = run_args({"table", kSpeed, "--format", "csv", "--where", "n <= 512"});
  CHECK(csv.out.starts_with("threads,method,setting,speedup n=128,speedup_lo n=128,speedup_hi n=128,"));
  const cli::Result lines = run_args({"table", kSpeed, kMemory, "--format", "jsonl", "--value", "time,peak"});
  REQUIRE(lines.code == 0);
  std::size_t times = 0, peaks = 0, refused = 0;
  for (std::size_t at = 0; at < lines.out.size();) {
    const std::size_t end = lines.out.find('\n', at);
    const Json cell = Json::parse(lines.out.substr(at, end - at));
    times += cell["quantity"] == "time" && cell["value"].is_number();
    peaks += cell["quantity"] == "peak" && cell["value"].is_number();
    refused += cell["status"] == "over_budget" && cell["value"].is_null();
    at = end + 1;
  }
  CHECK(times == 334 + 2 * 3);  // at n = 512, two threads counts, three rows belong to two settings each
  CHECK(peaks == 103);
  CHECK(refused == 2);  // once for each value
  const cli::Result wide = run_args({"table", kErrors, "--value", "own.dq.cosine,own.dk.cosine", "--cols", "none"});
  CHECK(wide.code == 0);
  CHECK(has(wide.out, "own.dq.cosine"));
}

TEST_CASE("table: a file is written whole, and never over what it reads", "[reports]") {
  const std::string out = scratch("table.tex");
  const cli::Result result = run_args({"table", kMemory, "--format", "latex", "-o", out});
  CHECK(result.code == 0);
  CHECK(result.out.empty());
  CHECK(has(cli::read(out), "softmax-naive &  & \\num{1.50} & \\num{4.00} & \\num{12.0}"));
  CHECK(has(cli::read(out), " & over\\_budget \\\\\n"));
  const std::string copy = doctored(kMemory, "copy.json", [](Json&) {});
  refuses({"table", copy, "-o", copy}, 2, {"-o", "copy.json"});
  refuses({"table", kMemory, "-o", "/nonexistent/folder/t.md"}, 3, {"/nonexistent/folder/t.md"});
}

TEST_CASE("table: pdflatex takes what --format latex writes", "[reports]") {
  if (std::system("pdflatex --version > /dev/null 2>&1") != 0) return;  // no TeX here
  const std::string awkward = doctored(kSpeed, "awkward.json", [](Json& report) {
    for (Json& point : report["points"])
      point["input"] = "[*a_b&c%d#e$f~g^h\\i{j}\"k|l<m>n`o--p\xc3\xa4\xc4\x85\xe4\xb8\xad\n";
  });
  const std::string folder = scratch("tex");
  std::filesystem::create_directory(folder);
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--best", "--rows", "input,method,setting"},
        std::vector<std::string>{"--value", "time,speedup", "--where", "n<=256"}}) {
    std::vector<std::string> args{"table", awkward, "--format", "latex", "-o", folder + "/table.tex"};
    args.insert(args.end(), more.begin(), more.end());
    REQUIRE(run_args(args).code == 0);
    cli::write(folder + "/page.tex",
               "\\documentclass{article}\n\\usepackage{booktabs,siunitx}\n\\begin{document}\n\\input{table}\n\\end{"
               "document}\n");
    const std::string command =
        "cd " + folder + " && pdflatex -interaction=nonstopmode -halt-on-error -draftmode page.tex > page.out 2>&1";
    const int code = std::system(command.c_str());
    CAPTURE(cli::read(folder + "/page.out"));
    CHECK(code == 0);
  }
}

TEST_CASE("table: bad input is refused by name", "[reports]") {
  refuses({"table"}, 2, {"table", "report"});
  refuses({"table", "/nonexistent.json"}, 3, {"/nonexistent.json"});
  cli::write(scratch("text.json"), "not json");
  refuses({"table", scratch("text.json")}, 3, {"text.json"});
  refuses({"table", kSpeed, "--format", "xml"}, 2, {"--format", "md, csv, latex, jsonl", "'xml'"});
  refuses({"table", kSpeed, "--digits", "0"}, 2, {"--digits", "[1, 17]", "'0'"});
  refuses({"table", kSpeed, "--rows", "metod"}, 2, {"--rows", "metod", "did you mean method"});
  refuses({"table", kSpeed, "--rows", "method,n"}, 2, {"--cols n", "--rows"});
  refuses({"table", kSpeed, "--value", "skil"}, 2, {"--value", "skil", "skill"});
  refuses({"table", kSpeed, "--value", "skill"}, 2, {"--value skill", "time"});
  refuses({"table", kSpeed, "--where", "n <"}, 2, {"--where"});
  refuses({"table", kSpeed, "--wher", "n < 1"}, 2, {"--wher", "--where"});
  // two measurements of one point do not fit in one cell
  refuses({"table", kSpeed, doctored(kSpeed, "slower.json", slow_down), "--value", "time"}, 2,
          {"slower.json", "compare"});
}

TEST_CASE("compare: a report with itself is the same, a slower copy is slower", "[reports]") {
  const cli::Result same = run_args({"compare", kSpeed, kSpeed, "--fail-on", "slower,error,memory"});
  CHECK(same.code == 0);
  CHECK(has(same.out, "\ntime: 334 same\n"));
  const std::string slow = doctored(kSpeed, "slow.json", slow_down);
  CHECK(run_args({"compare", kSpeed, slow}).code == 0);
  const cli::Result slower = run_args({"compare", kSpeed, slow, "--fail-on", "slower", "--format", "json"});
  CHECK(slower.code == 1);
  const Json found = Json::parse(slower.out);
  CHECK(found["slower"] == 148);  // of the others the interval is too wide
  CHECK(found["mean_time_ratio"]["median"].get<double>() == Approx(1.1));
  CHECK(found["mean_time_ratio_of"] == 320);  // without the predicted
  CHECK(run_args({"compare", slow, kSpeed, "--fail-on", "slower"}).code == 0);
  CHECK(run_args({"compare", kSpeed, slow, "--fail-on", "slower", "--min-effect", "20%"}).code == 0);
  CHECK(run_args({"compare", kSpeed, slow, "--fail-on", "error,memory"}).code == 0);
}

TEST_CASE("compare: bytes, errors and statuses that got worse", "[reports]") {
  const std::string bigger = doctored(kMemory, "bigger.json", [](Json& report) {
    report["points"][0]["memory"]["peak"] = report["points"][0]["memory"]["peak"].get<std::int64_t>() + 1;
  });
  const cli::Result more = run_args({"compare", kMemory, bigger, "--fail-on", "memory"});
  CHECK(more.code == 1);
  CHECK(has(more.out, "peak: 1 more, 102 same\n"));
  CHECK(run_args({"compare", bigger, kMemory, "--fail-on", "memory"}).code == 0);

  const std::string broken = doctored(kMemory, "broken.json", [](Json& report) {
    report["points"][0]["status"] = "wrong";
    report["points"].erase(1);
  });
  const cli::Result lost = run_args({"compare", kMemory, broken, "--fail-on", "error"});
  CHECK(lost.code == 1);
  CHECK(has(lost.out, "ok -> wrong"));
  CHECK(has(lost.out, "lost or broken in B: 1 point\n"));
  CHECK(has(lost.out, "only in A (" + kMemory + "): 1 point: "));

  const std::string worse = doctored(kErrors, "worse.json", [](Json& report) {
    for (Json& comparison : report["points"][0]["error"]["gradients"])
      for (const char* name : {"median", "lo", "hi"}) comparison["tensors"]["dq"]["cosine"][name] = 0.01;
  });
  CHECK(run_args({"compare", kErrors, worse, "--value", "own.dq.cosine", "--fail-on", "error"}).code == 1);
  CHECK(run_args({"compare", worse, kErrors, "--value", "own.dq.cosine", "--fail-on", "error"}).code == 0);
}

TEST_CASE("compare: other machines and builds only by force", "[reports]") {
  const std::string other = doctored(kMemory, "other.json", [](Json& report) {
    report["environments"][0]["cpu"]["cores"] = 64;
    report["build"]["type"] = "Debug";
  });
  refuses({"compare", kMemory, other}, 2, {"machine", "64 cores", "build type", "Debug", "--force"});
  const cli::Result forced = run_args({"compare", kMemory, other, "--force"});
  CHECK(forced.code == 0);
  CHECK(cli::one_line(forced.err));
  CHECK(has(forced.err, "warning"));
  CHECK(has(forced.out, "peak: 103 same\n"));
}

TEST_CASE("compare: bad input is refused by name", "[reports]") {
  refuses({"compare", kSpeed}, 2, {"two reports", "got 1"});
  refuses({"compare", kSpeed, kErrors}, 2, {"334 points", "15 points", "no point in common"});
  refuses({"compare", kSpeed, kSpeed, "--fail-on", "faster"}, 2, {"--fail-on", "slower, error, memory", "'faster'"});
  refuses({"compare", kSpeed, kSpeed, "--min-effect", "2"}, 2, {"--min-effect", "[0%, 50%]", "'2'"});
  refuses({"compare", kSpeed, kSpeed, "--min-effect", "lots"}, 2, {"--min-effect", "'lots'"});
  refuses({"compare", kSpeed, kSpeed, "--value", "peak"}, 2, {"--value peak"});
  refuses({"compare", kSpeed, kSpeed, "--where", "n > 1m"}, 2, {"--where", "none"});
  refuses({"compare", kSpeed, "/nonexistent.json"}, 3, {"/nonexistent.json"});
  const cli::Result json = run_args({"compare", kMemory, kMemory, "-o", scratch("change.json")});
  CHECK(json.code == 0);
  CHECK(cli::read_json(scratch("change.json"))["points"].size() == 104);
}
