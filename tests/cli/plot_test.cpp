// plot: scripts for each kind, what it refuses, and figures where gnuplot is there.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "catch.hpp"
#include "run.hpp"

using cli::run;
using cli::run_args;
using Words = std::vector<std::string>;

namespace {

const std::string kResults = std::string(YOSO_SOURCE_DIR) + "/results/";
const std::string kLengths = kResults + "01_speed_vs_length/amd-epyc-2c-avx512/fixed.json";
const std::string kMemory = kResults + "03_training_step_vs_length/amd-epyc-family-26-model-2-2c-avx512/memory.json";
const std::string kPhases =
    kResults + "03_training_step_vs_length/amd-epyc-family-26-model-2-2c-avx512/backward-gaussian.json";
const std::string kGradients = kResults + "05_gradient_estimators/amd-epyc-2c-avx512/layer1-l2.json";

const bool kGnuplot = std::system("command -v gnuplot >/dev/null 2>&1") == 0;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// The script of a figure; what gnuplot makes of it is another matter.
std::string script(Words words) {
  const std::string figure = cli::scratch("figure.svg");
  std::filesystem::remove(cli::scratch("figure.gnuplot"));
  std::filesystem::remove(figure);
  words.insert(words.begin(), "plot");
  words.insert(words.end(), {"-o", figure});
  const cli::Result result = run_args(words);
  CAPTURE(words, result.err);
  CHECK(result.code == (kGnuplot ? 0 : 4));
  CHECK(cli::exists(figure) == kGnuplot);
  return cli::read(cli::scratch("figure.gnuplot"));
}

void refuses(Words words, int code, const Words& expected) {
  const std::string figure = cli::scratch("refused.svg");
  words.insert(words.begin(), "plot");
  if (std::ranges::find(words, "-o") == words.end()) words.insert(words.end(), {"-o", figure});
  const cli::Result result = run_args(words);
  CAPTURE(words, result.err);
  CHECK(result.code == code);
  for (const std::string& word : expected) CHECK(has(result.err, word));
  CHECK_FALSE(cli::exists(figure));
  CHECK_FALSE(cli::exists(cli::scratch("refused.gnuplot")));
}

}  // namespace

TEST_CASE("plot: lines over lengths, a method a colour, predictions apart", "[cli][plot]") {
  const std::string text = script({kLengths, "--where", "threads==1"});
  CHECK(has(text, "set logscale x"));
  CHECK(has(text, "set logscale y"));
  CHECK(has(text, "'2k' 2048"));
  CHECK(has(text, "'speed-up over softmax'"));
  CHECK(has(text, "set output figure"));
  CHECK(count(text, "set label 'yoso-m hashes=32'") == 1);
  CHECK(count(text, "set label 'yoso-m hashes=32 hash_bits=auto'") == 1);
  CHECK(has(text, "'#0072b2'"));  // linformer's, in every figure
  CHECK(has(text, "_predicted with lines"));
  CHECK_FALSE(has(text, YOSO_SOURCE_DIR));
  CHECK_FALSE(has(text, cli::scratch("")));
  // the row of both settings belongs to both lines
  const auto block = [&](const std::string& name) {
    const auto from = text.find("# " + name + "\n$panel");
    REQUIRE(from != std::string::npos);
    return text.substr(from, text.find("EOD\n", text.find("EOD\n", from) + 4) - from);
  };
  CHECK(has(block("yoso-m hashes=32"), "\n256 "));
  CHECK(has(block("yoso-m hashes=32 hash_bits=auto"), "\n256 "));
  CHECK_FALSE(has(script({kLengths, "--where", "threads==1", "--linear", "x,y"}), "\nset logscale"));
}

TEST_CASE("plot: a line over a knob takes it out of the settings", "[cli][plot]") {
  const std::string text = script({kGradients, "--x", "hashes", "--y", "own.dq.cosine", "--title", "it's \"q\"\\n"});
  CHECK(has(text, "set label 'yoso-m gradient=expectation'"));
  CHECK_FALSE(has(text, "set label 'yoso-m hashes"));
  CHECK(has(text, "'512' 512"));
  CHECK(has(text, "'it''s \"q\"\\n'"));
}

TEST_CASE("plot: along a parameter of the input or a value, inputs are one line", "[cli][plot]") {
  const std::string report = cli::scratch("temperatures.json");
  REQUIRE(run("error -m yoso-m -n 16 -d 8 --hashes 4,8 --seeds 5 --per-head --input temperature:1,temperature:4 -o " +
              report)
              .code == 0);
  const std::string along =
      script({report, "--x", "parameter", "--y", "skill", "--where", "method==yoso-m", "--x-label", "sharpness"});
  CHECK(has(along, "sharpness"));
  CHECK(has(along, "'yoso-m hashes=4'"));
  CHECK(has(along, "all of yoso-m: norm=rowsum"));  // said once
  CHECK(has(script({report, "--x", "entropy", "--y", "skill", "--where", "method==yoso-m"}), "entropy"));
  refuses({report, "--x", "hashes", "--y", "skill"}, 2, {"differ in input"});
}

TEST_CASE("plot: a panel's title says in what else it differs", "[cli][plot]") {
  const std::string report = cli::scratch("widths.json");
  REQUIRE(run("error -m softmax-naive -n 16 -d 8 --input gaussian -o " + report).code == 0);
  const std::string other = cli::scratch("widths2.json");
  REQUIRE(run("error -m softmax-naive -n 16 -d 16 --input unit -o " + other).code == 0);
  const std::string text = script({report, other, "--facet", "input", "--y", "angle", "--where", "method!=subsample"});
  CHECK(has(text, "gaussian, d = 8"));
  CHECK(has(text, "unit, d = 16"));
}

TEST_CASE("plot: memory is lines over lengths and bars at one", "[cli][plot]") {
  const std::string lines = script({kMemory, "--kind", "memory"});
  CHECK(has(lines, "'1 GiB' 1.07374182e+09"));
  CHECK(has(lines, "'peak memory'"));
  const std::string bars = script({kMemory, "--kind", "memory", "--where", "n==4k"});
  CHECK(has(bars, "boxxyerror"));
  CHECK(has(bars, "'544 MiB'"));  // softmax-naive
  CHECK(has(bars, "# saved"));
  CHECK(has(bars, "'peak memory (MiB)'"));
}

TEST_CASE("plot: phases side by side", "[cli][plot]") {
  const std::string text = script({kPhases, "--kind", "phases", "--facet", "pass", "--where", "n==4k"});
  CHECK(count(text, "\nplot ") == 2);
  CHECK(has(text, "'pass = forward'"));
  CHECK(has(text, "'pass = backward'"));
  CHECK(has(text, "# pairs"));
  CHECK(has(text, "'yoso-m hashes=32'"));
  CHECK(has(text, "'46.7 ms'"));  // the backward pass of softmax
}

TEST_CASE("plot: pareto says what is dominated and hides nothing", "[cli][plot]") {
  const std::string report = cli::scratch("overview.json");
  const cli::Result measured =
      run("overview -m softmax,yoso-m,linformer,mean-v,subsample -n 64 --input gaussian,clustered --hashes 1,8,64 "
          "--k 8,32 --seeds 3 --time-budget 0.02 --progress none -o " +
          report);
  CAPTURE(measured.err);
  REQUIRE(measured.code == 0);
  refuses({report, "--kind", "pareto"}, 2, {"differ in input", "gaussian", "clustered", "--facet input"});
  const std::string text = script({report, "--kind", "pareto", "--facet", "input", "--where", "n==1024"});
  CHECK(count(text, "\nplot ") == 2);
  CHECK(has(text, "_frontier with steps"));
  CHECK(has(text, "xyerrorbars"));
  CHECK(has(text, ", by hashes'"));
  CHECK(has(text, "set label '64' at graph"));
  CHECK(has(text, "_dominated using"));
  CHECK(has(text, "mean-v, off the axis (time "));
  CHECK(has(text, "arrows: below −1"));  // one hash of yoso-m is far below
  CHECK(count(text, "_below_") >= 2);
}

TEST_CASE("plot: what a report calls things stays text", "[cli][plot]") {
  nlohmann::json report = cli::read_json(kMemory);
  const std::string evil = "it's\nset output 'stolen'\n# \\";
  for (auto& point : report["points"])
    if (point["method"] == "linformer") point["method"] = evil;
  const std::string path = cli::scratch("evil.json");
  cli::write(path, report.dump());
  const std::string text = script({path, "--kind", "memory"});
  CHECK(has(text, "it''s set output ''stolen''"));
  CHECK_FALSE(has(text, "\nset output 'stolen'"));
  CHECK_FALSE(has(text, "\\\n$panel"));  // a comment that goes on would swallow the data
}

TEST_CASE("plot: the same bytes each time, and whole figures", "[cli][plot]") {
  if (!kGnuplot) {
    WARN("gnuplot is not installed: no figure is drawn");
    return;
  }
  for (const std::string extension : {"svg", "pdf", "png"}) {
    const std::string figure = cli::scratch("same." + extension), text = cli::scratch("same.gnuplot");
    const std::string words = "plot " + kPhases + " --where n==4k&&pass==backward --y time --x threads -o " + figure;
    REQUIRE(run(words).code == 0);
    const std::string first = cli::read(figure), first_text = cli::read(text);
    REQUIRE(first.size() > 1000);
    std::filesystem::remove(figure);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // a pdf knows the second it was made in
    REQUIRE(run(words).code == 0);
    CHECK((cli::read(figure) == first));  // not to be printed
    CHECK(cli::read(text) == first_text);
    if (extension == "svg") {
      CHECK(first.starts_with("<?xml"));
      CHECK(has(first, "</svg>"));
      CHECK(count(first, "<g ") + count(first, "<g>") == count(first, "</g>"));
      for (const char* name : {"softmax", "yoso-m hashes=32", "linformer k=256", "performer features=256"})
        CHECK(has(first, name));
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(cli::scratch("")))
    CHECK(entry.path().extension() != ".tmp");
}

TEST_CASE("plot: without gnuplot the script is there and the exit code is 4", "[cli][plot]") {
  const std::string figure = cli::scratch("bare.pdf");
  const cli::Result result = run_args({"plot", kMemory, "-o", figure}, {"PATH=/nowhere"});
  CHECK(result.code == 4);
  CHECK(has(result.err, "gnuplot is not installed (Debian package gnuplot-nox): wrote " + cli::scratch("bare.gnuplot") +
                            "; run gnuplot bare.gnuplot in "));
  CHECK(has(cli::read(cli::scratch("bare.gnuplot")), "pdfcairo"));
  CHECK_FALSE(cli::exists(figure));
}

TEST_CASE("plot: a gnuplot that fails leaves no figure and one line", "[cli][plot]") {
  const std::string folder = cli::scratch("broken");
  std::filesystem::create_directory(folder);
  cli::write(folder + "/gnuplot",
             "#!/bin/sh\necho half >\"yoso-plot.$$.tmp\"\necho 'line 3: no such terminal' >&2\nexit 1\n");
  std::filesystem::permissions(folder + "/gnuplot", std::filesystem::perms::owner_all);
  const std::string figure = cli::scratch("failed.svg");
  cli::write(figure, "precious");
  const cli::Result result =
      run_args({"plot", kMemory, "--where", "status==ok", "-o", figure}, {"PATH=" + folder + ":/usr/bin:/bin"});
  CAPTURE(result.err);
  CHECK(result.code == 1);
  CHECK(cli::one_line(result.err));
  CHECK(has(result.err, "line 3: no such terminal"));
  CHECK(cli::read(figure) == "precious");
}

TEST_CASE("plot: never draws a mixture", "[cli][plot]") {
  refuses({kLengths}, 2, {"differ in threads (1, 2)", "--where 'threads==2'", "--facet threads"});
  refuses({kLengths, "--where", "threads==1", "--x", "hashes"}, 2, {"differ in n ", "and 6 more", "--where 'n=="});
  refuses({kPhases, "--kind", "phases", "--where", "n==4k"}, 2, {"differ in pass (forward, backward)"});
  refuses({kLengths, "--facet", "n", "--where", "threads==1", "--x", "hashes"}, 2,
          {"--facet", "at most 6", "n has 10"});
  // rows that only a resolved knob tells apart
  nlohmann::json other = cli::read_json(kGradients);
  for (auto& point : other["points"]) {
    point["id"] = std::string(point["id"]) + "x";
    if (point["knobs"].contains("norm")) point["knobs"]["norm"] = "none";
  }
  cli::write(cli::scratch("other.json"), other.dump());
  refuses({kGradients, cli::scratch("other.json"), "--x", "hashes", "--y", "own.dq.cosine"}, 2,
          {"differ in norm (l2, none)", "--where 'norm==none'"});
}

TEST_CASE("plot: what was given wrongly is named", "[cli][plot]") {
  const std::string one = "threads==1";
  refuses({kLengths, "-o", "figure.jpg"}, 2, {"-o must end in .svg, .pdf or .png, got 'figure.jpg'"});
  refuses({kLengths, "--kind", "pie"}, 2, {"--kind must be one of line, pareto, phases, memory, got 'pie'"});
  refuses({kLengths, "--size", "16"}, 2, {"--size must look like 16x10", "'16'"});
  refuses({kLengths, "--size", "1x10"}, 2, {"--size", "[4, 100]", "1"});
  refuses({kLengths, "--size", "5x3", "--where", one}, 2, {"--size", "too small"});
  refuses({kLengths, "--linear", "z"}, 2, {"--linear must be of x, y, got 'z'"});
  refuses({kLengths, "--where", "threads=="}, 2, {"--where"});
  refuses({kLengths, "--where", "theads==1"}, 2, {"--where", "'theads==1'", "did you mean heads?"});
  refuses({kLengths, "--where", "threads==7"}, 2, {"--where", "none of the 334 rows"});
  refuses({kLengths, "--where", one, "--x", "hashse"}, 2, {"--x", "did you mean hashes?"});
  refuses({kLengths, "--where", one, "--x", "input"}, 2, {"--x must be a field of numbers", "gaussian"});
  refuses({kLengths, "--where", one, "--y", "tiem"}, 2, {"--y", "did you mean time?"});
  refuses({kLengths, "--where", one, "--y", "skill"}, 2, {"no row has skill"});
  refuses({kLengths, "--where", one, "--facet", "colour"}, 2, {"--facet: unknown field 'colour'"});
  refuses({kLengths, "--kind", "phases"}, 2, {"no row has phases", "--phases"});
  refuses({kPhases, "--kind", "phases", "--x", "n"}, 2, {"--kind phases draws bars"});
  refuses({}, 2, {"a report is missing"});
  refuses({"gone.json"}, 3, {"gone.json"});
}
