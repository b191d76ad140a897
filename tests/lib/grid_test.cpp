#include <yoso/grid.hpp>

#include <yoso/errors.hpp>
#include <yoso/selection.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

Row row(const char* method, const char* setting, std::int64_t n) {
  static int count = 0;
  Row r;
  r.id = "id" + std::to_string(++count);
  r.method = method;
  r.setting = setting;
  r.input = "gaussian";
  r.pass = "forward";
  r.backend = "cpu";
  r.isa = "avx2";
  r.status = "ok";
  r.environment = "e1";
  r.shape = {1, 1, n, n, 64, 64, false};
  return r;
}

Row timed(const char* method, const char* setting, std::int64_t n, double median, double lo, double hi) {
  Row r = row(method, setting, n);
  r.values["time"] = {median, lo, hi};
  return r;
}

Rows rows_of(std::vector<Row> list) {
  Rows rows;
  rows.machines = {{"e1", "Some CPU", "avx2", "Linux", "", "", 2}};
  rows.rows = std::move(list);
  return rows;
}

GridAsk ask_for(std::vector<std::string> values) {
  GridAsk ask;
  ask.values = std::move(values);
  return ask;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// softmax and yoso-m at two lengths, one of them noisy, one missing; names that every format must escape
Rows awkward() {
  Row noisy = timed("yoso-m", "hash_bits=auto", 1024, 4e-3, 3.5e-3, 5e-3);
  noisy.status = "noisy";
  Row none = row("a|b,\"c\"_%", "x&y#{$}~^\\", 512);
  none.status = "unsupported";
  return rows_of({timed("softmax", "", 512, 1e-3, 0.9e-3, 1.1e-3), timed("softmax", "", 1024, 8e-3, 7.99e-3, 8.01e-3),
                  noisy, none});
}

}  // namespace

TEST_CASE("grid: Markdown has a unit for each column, intervals, statuses and dashes", "[grid]") {
  CHECK(to_markdown(make_grids(awkward(), {}), {}) ==
        "time (median time of a pass) by n; pass = forward, input = gaussian, d = 64, batch = 1, heads = 1, isa = "
        "avx2, threads = 1, Some CPU, 2 cores, avx2\n"
        "\n"
        "| method      | setting        |          512 (ms) |         1024 (ms) |\n"
        "|-------------|----------------|------------------:|------------------:|\n"
        "| softmax     |                | 1.00 [0.90, 1.10] | 8.00 [7.99, 8.01] |\n"
        "| yoso-m      | hash_bits=auto |                 - | 4.00 [3.50, 5.00] |\n"
        "| a\\|b,\"c\"\\_% | x&y#{$}~^\\\\    |       unsupported |                 - |\n"
        "\n"
        "in brackets: the median's interval; -: not measured\n");
}

TEST_CASE("grid: without intervals a noisy row still prints its own", "[grid]") {
  const std::string text = to_markdown(make_grids(awkward(), {}), {3, false});
  CHECK(has(text, " 1.00 |"));
  CHECK(has(text, "8.00 |"));
  CHECK(has(text, "4.00 [3.50, 5.00] |"));
  CHECK_FALSE(has(text, "[0.90"));
}

TEST_CASE("grid: CSV quotes by RFC 4180 and stays in SI, lo and hi apart", "[grid]") {
  CHECK(to_csv(make_grids(awkward(), {}), {}) ==
        "method,setting,time[s] n=512,time_lo[s] n=512,time_hi[s] n=512,time_status n=512,time[s] n=1024,"
        "time_lo[s] n=1024,time_hi[s] n=1024,time_status n=1024\n"
        "softmax,,0.001,0.0009,0.0011,ok,0.008,0.00799,0.00801,ok\n"
        "yoso-m,hash_bits=auto,,,,,0.004,0.0035,0.005,noisy\n"
        "\"a|b,\"\"c\"\"_%\",x&y#{$}~^\\,,,,unsupported,,,,\n");
  CHECK(has(to_csv(make_grids(awkward(), {}), {3, false}),
            "method,setting,time[s] n=512,time_status n=512,time[s] n=1024,time_status n=1024\nsoftmax,,0.001,ok,"));
}

TEST_CASE("grid: JSON lines hold a cell each", "[grid]") {
  const std::string text = to_jsonl(make_grids(rows_of({timed("softmax", "", 512, 0.5, 0.25, 1)}), {}), {});
  CHECK(has(text,
            R"({"method":"softmax","setting":"","n":512,"quantity":"time","value":0.5,"lo":0.25,"hi":1.0,"unit":"s",)"
            R"("status":"ok","predicted":false,"id":"id)"));
  CHECK(std::ranges::count(text, '\n') == 1);
  CHECK(has(to_jsonl(make_grids(awkward(), {}), {}),
            R"("value":null,"lo":null,"hi":null,"unit":"s","status":"unsupported")"));
}

TEST_CASE("grid: LaTeX escapes what TeX would read", "[grid]") {
  GridAsk ask = ask_for({"time"});
  ask.best = true;
  const std::string text = to_latex(make_grids(awkward(), ask), {});
  CHECK(has(text,
            "\\begin{tabular}{llrr}\n\\toprule\n& & \\multicolumn{2}{c}{time, by n} \\\\\n\\cmidrule(lr){3-4}\n"
            "method & setting & 512 (\\si{ms}) & 1024 (\\si{ms}) \\\\\n\\midrule\n"));
  CHECK(has(text,
            "a\\textbar{}b,\\char34{}c\\char34{}\\_\\% & x\\&y\\#\\{\\$\\}\\textasciitilde{}\\textasciicircum{}"
            "\\textbackslash{} & unsupported & -- \\\\\n"));
  CHECK(has(text, "softmax &  & $\\mathbf{1.00}$ {\\footnotesize[\\num{0.90}, \\num{1.10}]} & \\num{8.00} "));
  CHECK(has(text, "hash\\_bits=auto & -- & $\\mathbf{4.00}$ "));
  CHECK(text.ends_with("\\bottomrule\n\\end{tabular}\n"));
}

TEST_CASE("grid: rows under other circumstances are in tables of their own", "[grid]") {
  Row two = timed("softmax", "", 512, 2, 1.9, 2.1), other = timed("yoso-m", "", 512, 3, 2.9, 3.1);
  two.threads = 2;
  other.threads = 2;
  other.input = "clustered";
  Row elsewhere = timed("softmax", "", 512, 9, 8.9, 9.1);
  const Grids grids = make_grids(rows_of({timed("softmax", "", 512, 1, 0.9, 1.1), two, other}), {});
  CHECK(grids.split_fields == std::vector<std::string>{"input", "threads"});
  REQUIRE(grids.grids.size() == 3);
  const std::string text = to_markdown(grids, {});
  CHECK(has(text, "**input = gaussian, threads = 1**\n"));
  CHECK(has(text, "**input = gaussian, threads = 2**\n"));
  CHECK(has(text, "**input = clustered, threads = 2**\n"));
  CHECK(has(to_csv(grids, {}), "input,threads,method,setting,time[s] n=512"));
  CHECK(has(to_csv(grids, {}), "\nclustered,2,yoso-m,,3,2.9,3.1,ok\n"));
  CHECK(has(to_jsonl(grids, {}), R"({"input":"clustered","threads":2,"method":"yoso-m")"));
  // nothing tells these two apart
  CHECK_THROWS_WITH(make_grids(rows_of({timed("softmax", "", 512, 1, 0.9, 1.1), elsewhere}), {}),
                    Catch::Contains("one cell"));
}

TEST_CASE("grid: what else would share a cell is split as well: knobs, goals, machines", "[grid]") {
  Row few = timed("yoso-m", "", 512, 1, 1, 1), many = timed("yoso-m", "", 512, 2, 2, 2);
  few.knobs["hashes"] = "8";
  many.knobs["hashes"] = "64";
  CHECK(make_grids(rows_of({many, few}), {}).split_fields == std::vector<std::string>{"hashes"});
  few.values["goal"] = {0.5, {}, {}};
  many.values["goal"] = {0.9, {}, {}};
  CHECK(make_grids(rows_of({many, few}), {}).split_fields == std::vector<std::string>{"goal"});
  many.environment = "e2";
  Rows rows = rows_of({many, few});
  rows.machines.push_back({"e2", "Other CPU", "avx2", "Linux", "", "", 1});
  CHECK(has(to_markdown(make_grids(rows, {}), {}), "**environment = Other CPU, 1 core, avx2**"));
  rows.machines.back() = rows.machines.front();
  rows.machines.back().id = "e2";
  CHECK(has(to_markdown(make_grids(rows, {}), {}), "**environment = Some CPU, 2 cores, avx2 (e2)**"));
}

TEST_CASE("grid: a row of several series is in each of them", "[grid]") {
  const Grids grids = make_grids(rows_of({timed("yoso-m", "hashes=8", 256, 1, 1, 1),
                                          timed("yoso-m", "hashes=8 | hashes=8 hash_bits=auto", 512, 2, 2, 2)}),
                                 {});
  REQUIRE(grids.grids.size() == 1);
  CHECK(to_csv(grids, {3, false}) ==
        "method,setting,time[s] n=256,time_status n=256,time[s] n=512,time_status n=512\n"
        "yoso-m,hashes=8,1,ok,2,ok\n"
        "yoso-m,hashes=8 hash_bits=auto,,,2,ok\n");
}

TEST_CASE("grid: several values side by side, without columns of their own", "[grid]") {
  Row r = timed("yoso-m", "", 512, 0.002, 0.002, 0.002);
  r.values["peak"] = {3.0 * 1024 * 1024, {}, {}};
  GridAsk ask = ask_for({"time", "peak"});
  ask.cols = {};
  const std::string text = to_markdown(make_grids(rows_of({r}), ask), {});
  CHECK(has(text, "| method | setting | time (ms) | peak (MiB) |\n"));
  CHECK(has(text, "| yoso-m |         |      2.00 |       3.00 |\n"));
  CHECK(has(to_latex(make_grids(rows_of({r}), ask), {}), "\\multicolumn{1}{c}{time} & \\multicolumn{1}{c}{peak}"));
}

TEST_CASE("grid: the best, what cannot be told from it, and controls apart", "[grid]") {
  Row control = timed("mean-v", "", 512, 1, 0.9, 1.1);
  control.control = true;
  Row guess = row("far", "", 512);
  guess.status = "predicted";
  guess.values["time"] = {0.5, {}, {}};
  const auto best = [](const Rows& rows, const char* value) {
    GridAsk ask = ask_for({value});
    ask.best = true;
    const Grids grids = make_grids(rows, ask);
    std::string names;
    for (std::size_t r = 0; r < grids.grids[0].rows.size(); ++r)
      if (grids.grids[0].cells[0][r][0].best) names += grids.grids[0].rows[r][0] + " ";
    return names;
  };
  CHECK(best(rows_of({timed("a", "", 512, 2, 1.9, 2.1), timed("b", "", 512, 2.15, 2.05, 2.3),
                      timed("c", "", 512, 2.2, 2.15, 2.3), control, guess}),
             "time") == "a b ");
  CHECK(best(rows_of({control, guess}), "time") == "mean-v ");
  Row x = row("x", "", 512), y = row("y", "", 512), z = row("z", "", 512);
  x.values["skill"] = {0.9, {}, {}};
  y.values["skill"] = {0.9, {}, {}};
  z.values["skill"] = {0.8, 0.7, 0.95};  // an interval against a number without one says nothing
  CHECK(best(rows_of({x, y, z}), "skill") == "x y ");
  x.values["own.dq.norm_ratio"] = {1.5, {}, {}};
  y.values["own.dq.norm_ratio"] = {0.9, {}, {}};
  CHECK(best(rows_of({x, y}), "own.dq.norm_ratio") == "y ");
}

TEST_CASE("grid: predicted numbers carry a ~, in time only", "[grid]") {
  Row r = row("softmax", "", 512);
  r.status = "predicted";
  r.values["time"] = {2, {}, {}};
  Row s = row("yoso-m", "", 512);
  s.baseline = "softmax";
  s.baseline_predicted = true;
  s.values["time"] = {1, {}, {}};
  s.values["speedup"] = {2.5, 2.25, 2.75};
  const std::string text = to_markdown(make_grids(rows_of({r, s}), ask_for({"time", "speedup"})), {});
  CHECK(has(text, "~2 |"));
  CHECK(has(text, " 1 |"));
  CHECK(has(text, "~2.50 [2.25, 2.75] |"));
  CHECK(has(text, "speed-up over softmax 512"));
  CHECK(has(to_latex(make_grids(rows_of({r, s}), {}), {}), "$\\sim$\\num{2.50}"));
  CHECK(has(to_csv(make_grids(rows_of({r, s}), {}), {3, false}), "yoso-m,,2.5,predicted\n"));
}

TEST_CASE("grid: of each method the best at a goal, with its setting", "[grid]") {
  const auto point = [](const char* method, const char* setting, double seconds, double skill) {
    Row r = timed(method, setting, 512, seconds, seconds, seconds);
    r.values["skill"] = {skill, {}, {}};
    return r;
  };
  Row broken = point("a", "k=0", 0.1, 0.99);
  broken.status = "wrong";
  const Rows rows = rows_of({point("a", "k=1", 1, 0.2), point("a", "k=2", 2, 0.6), point("a", "k=4", 4, 0.8),
                             point("b", "h=1", 3, 0.55), broken});
  GridAsk ask = ask_for({"time"});
  ask.rows = {"method"};
  ask.cols = {"goal"};
  ask.given = "skill";
  ask.goals = {0.1, 0.5, 0.7};
  const std::string fastest = to_markdown(make_grids(rows, ask), {});
  CAPTURE(fastest);
  CHECK(has(fastest, " 1 (k=1) "));
  CHECK(has(fastest, " 2 (k=2) "));
  CHECK(has(fastest, " 4 (k=4) "));
  CHECK(has(fastest, " 3 (h=1) "));
  CHECK(has(fastest, "skill >= 0.5 (s)"));
  CHECK_FALSE(has(fastest, "k=0"));

  const std::vector<Row> exact = best_of(rows.rows, "time", {0.5, 2.5, 10}, "skill");
  std::vector<std::string> picked;
  for (const Row& r : exact)
    if (r.usable()) picked.push_back(r.method + " " + r.setting + " " + field(r, "goal"));
  CHECK(picked == std::vector<std::string>{"a k=2 2.5", "a k=4 10", "b h=1 10"});
  CHECK_THROWS_WITH(best_of(rows.rows, "skill", {0.9}, "time"), Catch::Contains("--given skill"));
}

TEST_CASE("grid: an input's parameter as a column keeps families apart", "[grid]") {
  std::vector<Row> list;
  for (const char* input : {"angle:0.5", "angle:0.9", "temperature:4"}) {
    list.push_back(timed("a", "", 512, 1, 1, 1));
    list.back().input = input;
  }
  GridAsk ask = ask_for({"time"});
  ask.cols = {"parameter"};
  const Grids grids = make_grids(rows_of(list), ask);
  CHECK(grids.split_fields == std::vector<std::string>{"family"});
  REQUIRE(grids.grids.size() == 2);
  CHECK(grids.grids[0].cols == std::vector<Key>{{"0.5"}, {"0.9"}});
}

TEST_CASE("grid: digits", "[grid]") {
  const auto said = [](Value value, double size, int digits) {
    const Digits d = digits_of(value, size, digits);
    return d.lo.empty() ? d.median : d.median + " [" + d.lo + ", " + d.hi + "]";
  };
  CHECK(said({9.996, {}, {}}, 1, 3) == "10.0");
  CHECK(said({1234.5, {}, {}}, 1, 3) == "1234");
  CHECK(said({1, 1, 1}, 1, 3) == "1");
  CHECK(said({0.0123456, {}, {}}, 1, 2) == "0.012");
  CHECK(said({2e-5, {}, {}}, 1, 3) == "2.00e-05");
  CHECK(said({2e-5, -0.02, 0.02}, 1, 3) == "0.000 [-0.020, 0.020]");
  CHECK(said({-2e-5, -0.02, 0.02}, 1, 3) == "0.000 [-0.020, 0.020]");
  CHECK(said({-28.626, -31.682, -27.186}, 1, 3) == "-28.6 [-31.7, -27.2]");
  CHECK(said({4 * 1048576.0, {}, {}}, 1048576, 3) == "4.00");
  CHECK(scale_of("s", {3e-6, 5e-6, 1}).text == "us");
  CHECK(scale_of("B", {1.5e9}).text == "GiB");
  CHECK(scale_of("", {1e9}).text.empty());
}

TEST_CASE("grid: what cannot be shown is refused", "[grid]") {
  const Rows rows = awkward();
  CHECK_THROWS_WITH(make_grids(rows, ask_for({"peak"})), Catch::Contains("--value peak") && Catch::Contains("time"));
  CHECK_THROWS_WITH(make_grids(rows, ask_for({"tiem"})), Catch::Contains("did you mean time"));
  GridAsk ask;
  ask.cols = {"m"};
  CHECK_THROWS_WITH(make_grids(rows, ask), Catch::Contains("--cols") && Catch::Contains("'m'"));
  ask = {};
  ask.where = "metod == softmax";
  CHECK_THROWS_WITH(make_grids(rows, ask), Catch::Contains("--where") && Catch::Contains("did you mean method"));
  ask.where = "n > 4k";
  CHECK_THROWS_WITH(make_grids(rows, ask), Catch::Contains("none of the 4 rows"));
  Rows twice = rows_of({timed("softmax", "", 512, 1, 1, 1)});
  twice.clashes = {{twice.rows[0].id, "time", "b.json"}};
  CHECK_THROWS_WITH(make_grids(twice, {}), Catch::Contains("b.json") && Catch::Contains("compare"));
}

TEST_CASE("selection: conditions speak of fields, knobs and values", "[selection]") {
  Row r = timed("yoso-m", "", 512, 0.5, 0.4, 0.6);
  r.knobs["hashes"] = "32";
  const std::vector<Row> rows{r, timed("softmax", "", 1024, 2, 2, 2)};
  CHECK(select_rows(rows, "").size() == 2);
  CHECK(select_rows(rows, "hashes < 8").size() == 1);  // softmax has none: nothing speaks against it
  CHECK(select_rows(rows, "time < 1").size() == 1);
  CHECK(select_rows(rows, "setting == ''").size() == 2);
  CHECK(select_rows(rows, "method != linformer && n >= 1k").size() == 1);
  CHECK_THROWS_AS(select_rows(rows, "method == softmax && hashs < 3"), BadSetting);
}
