// Flags -> Options. The only file that includes CLI11, which costs 13 s a translation unit.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <set>

#include <yoso/catalogue.hpp>
#include <yoso/families.hpp>
#include <yoso/schema.hpp>

#include "raw.hpp"

namespace yoso::app {
namespace {

const char* const kFooter =
    "Lists: 512,1k,2k or 512..16k*2 or 512..4096+512 (k = 1024); repeating a flag appends.\n"
    "Exit codes: 0 ok; 1 some points failed; 2 usage; 3 bad input file; 4 backend not available; "
    "75 a sweep stopped early, resumable; 130 interrupted.";

void add_axes(CLI::App& sub, Raw& raw, Options& o) {
  sub.add_option("-m,--method", raw.methods, "methods, by name, or all")->type_name("LIST");
  sub.add_option("-n,--seq-len", raw.n, "tokens: queries and keys")->type_name("LIST");
  sub.add_option("--n-q", raw.n_q, "queries, where they are not as many as keys")->type_name("LIST");
  sub.add_option("--n-k", raw.n_k, "keys, where they are not as many as queries")->type_name("LIST");
  sub.add_option("-d,--head-dim", raw.d, "width of queries and keys (64)")->type_name("LIST");
  sub.add_option("--d-v", raw.d_v, "width of values (as -d)")->type_name("LIST");
  sub.add_option("--batch", raw.batch, "batch items (1)")->type_name("LIST");
  sub.add_option("--heads", raw.heads, "heads (1)")->type_name("LIST");
  sub.add_flag("--causal", o.causal, "query i sees keys j <= i + n_k - n_q (a capture may say so itself)");
  sub.add_option("--threads", raw.threads, "threads (1)")->type_name("LIST");
  sub.add_option("--isa", raw.isas, "instruction sets: scalar, avx2, avx512, or all (YOSO_ISA, else the best here)")
      ->type_name("LIST");
  sub.add_option("--backend", raw.backends,
                 "cpu, cuda (exit code 4 where there is none), or auto: cuda if it works (cpu)")
      ->type_name("LIST");
  sub.add_option("--dtype", raw.dtypes, "of q, k and v: f32, or bf16, which goes with --backend cuda (f32)")
      ->type_name("LIST");
  sub.add_option("--pass", raw.passes,
                 "forward, backward (not for memory), or both: a training step (not for error) (forward)")
      ->type_name("LIST");
  sub.add_option("--input", raw.inputs, "synthetic inputs (gaussian), see `list inputs`")->type_name("LIST");
  sub.add_option("--qkv", raw.captures,
                 "captured inputs: a .safetensors file, or a folder of .npy files; PATH@S: with all logits times S")
      ->type_name("PATH");
  sub.add_option("--seed", raw.seed, "seed of inputs and draws (1)")->type_name("N");
  sub.add_option("-p,--param", raw.own_knobs, "a knob of one method: performer.features=128,256")
      ->type_name("M.KNOB=LIST");
  std::map<std::string, std::string> helps;
  for (const Method* method : catalogue())
    for (const Knob& knob : method->knobs) {
      std::string& help = helps[std::string(knob.name)];
      help += fmt::format("{}{}: {} [{}]", help.empty() ? "" : "; ", method->name, knob.help, knob.usual);
    }
  for (const auto& [knob, help] : helps)
    sub.add_option("--" + dashes(knob), raw.knobs[knob], help)
        ->type_name("LIST")
        ->group("Knobs (of every selected method that has them)");
}

void add_output(CLI::App& sub, Raw& raw, Options& o) {
  sub.add_option("-o,--output", o.output, "write a JSON report (replaced whole or not at all)")->type_name("FILE");
  sub.add_option("--format", raw.format, "what stdout carries: table (usual) or json")->type_name("F");
  sub.add_option("--tag", raw.tags, "key=value to keep in the report")->type_name("K=V");
  sub.add_option("--progress", raw.progress, "auto, plain or none, on stderr")->type_name("P");
}

void add_timing(CLI::App& sub, Raw& raw, Options& o) {
  sub.add_option("--time-budget", raw.time_budget, "seconds a point (1)")->type_name("S");
  sub.add_option("--rel-ci", raw.rel_ci, "stop when the interval's relative half-width is at most this (0.01)")
      ->type_name("X");
  sub.add_option("--min-samples", raw.min_samples, "... and this many samples are there (20)")->type_name("N");
  sub.add_option("--redraw", raw.redraw,
                 "random draws: each call, in the timed region, or once (by method; on cuda where all are signs)")
      ->type_name("R");
  sub.add_option("--baseline", o.baseline, "the method that ratios are taken to, or none")->type_name("M");
  sub.add_flag("--samples", o.samples, "write every sample to the report");
}

void add_speed(CLI::App& sub, Raw& raw, Options& o) {
  sub.add_option("--cache", raw.cache,
                 "hot, or cold: a device's last cache is written over before every sample, which is one call (hot)")
      ->type_name("C");
  sub.add_option("--launches", raw.launches,
                 "launch the whole process N times and take medians and intervals over launches (1); 5 give 93.75 %")
      ->type_name("N");
  sub.add_option("--extrapolate-beyond", raw.extrapolate_beyond,
                 "longer than N, methods that grow as n^2 are not run but predicted by their operations")
      ->type_name("N");
  sub.add_option("--match", raw.match,
                 "skill=0.5,0.9: search each method's main knob for the least value that reaches it, and time it there")
      ->type_name("skill=LIST");
  sub.add_option("--seeds", raw.seeds, "draws of a random method, for --match (20)")->type_name("N");
  sub.add_option("--settled", o.settled, "take what --match finds from this report; what it lacks is searched for")
      ->type_name("REPORT");
}

void add_budget(CLI::App& sub, Raw& raw) {
  sub.add_option("--memory-budget", raw.memory_budget, "bytes a point may use, as 512M or 2G (80 % of what is free)")
      ->type_name("B");
}

void add_error(CLI::App& sub, Raw& raw, Options& o) {
  sub.add_option("--seeds", raw.seeds, "draws of a random method (20)")->type_name("N");
  sub.add_option("--reference", raw.reference,
                 "softmax (usual), softmax-unit (YOSO's sharpness on unit vectors), or own")
      ->type_name("R");
  sub.add_flag("--per-head", o.per_head, "every head with its entropy, effective keys and norms");
  sub.add_flag("--weights", o.weights,
               "row mass and top-k recall of the weights; costs n / d_v forward passes a point");
}

const char* const kPhasesHelp = "what each part of a pass takes (hash, build, query, ...), in runs of its own";

// What a sweep measures, and for `sweep` how it is run.
void add_sweep(CLI::App& sub, Raw& raw, Options& o, bool runs) {
  sub.add_option("RECIPE", o.recipe, "a recipe, or what `plan -o` wrote; without one the flags say what is measured")
      ->type_name("FILE");
  add_axes(sub, raw, o);
  add_timing(sub, raw, o);
  add_error(sub, raw, o);
  add_budget(sub, raw);
  sub.add_flag("--phases", o.phases, kPhasesHelp);
  sub.add_flag("--no-rss", raw.no_rss, "do not fork a child to check the resident set");
  sub.add_option("--kinds", raw.kinds, "what is measured: speed, memory, error (all three)")->type_name("LIST");
  sub.add_option("--zip", raw.zips, "axes that go together value by value: seq-len,hashes")->type_name("AXES");
  sub.add_option("--where", o.where, "only points for which this holds: 'hashes<=n/8 && method!=softmax'")
      ->type_name("COND");
  sub.add_option("--shard", o.shard, "the share I of N, by whole groups, or auto: from Slurm, MPI or GNU parallel")
      ->type_name("I/N");
  sub.add_flag("--smoke", o.smoke, "a recipe's fields for a trial of seconds");
  if (!runs) {
    sub.add_option("-o,--output", o.output, "write the plan as JSON, for sweep and merge")->type_name("FILE");
    sub.add_option("--format", raw.format, "what stdout carries: table (usual) or json")->type_name("F");
    return;
  }
  sub.add_option("--out", o.out, "folder of the points, a file each; what is there already is not measured again")
      ->type_name("FOLDER");
  sub.add_option("--retry", raw.retry,
                 "measure again what ended as noisy, error, wrong, timeout, over_budget, unsupported")
      ->type_name("LIST");
  sub.add_flag("--force", o.force, "measure everything again");
  sub.add_option("--only", o.only, "only points whose id begins so")->type_name("ID");
  sub.add_flag("--fail-fast", o.fail_fast, "stop at the first point that is wrong or breaks");
  sub.add_option("--total-budget", raw.total_budget, "begin nothing after so long, as 90, 10m, 2h; exit code 75")
      ->type_name("S");
  sub.add_option("--tag", raw.tags, "key=value to keep in the reports")->type_name("K=V");
  sub.add_option("--progress", raw.progress, "auto, bar, plain or none, on stderr")->type_name("P");
}

void add_merge(CLI::App& sub, Raw& raw, Options& o) {
  sub.add_option("PATH", o.files, "folders of a sweep, or reports")->type_name("PATH");
  sub.add_option("--plan", o.plan, "the plan that should be complete (plan.json of the first folder)")
      ->type_name("FILE");
  sub.add_option("-o,--output", o.output, "write the report (replaced whole or not at all)")->type_name("FILE");
  sub.add_option("--format", raw.format, "json: the report on stdout too")->type_name("F");
  sub.add_flag("--force", o.force, "merge what different builds measured");
  sub.add_option("--missing-shards", raw.missing_shards,
                 "print which of N shards lack points, as 0,2, and merge nothing")
      ->type_name("N");
}

void add_reports(CLI::App& sub, Raw& raw, Options& o, const char* formats) {
  sub.add_option("REPORT", o.files, "reports, or folders that a sweep wrote")->type_name("PATH");
  sub.add_option("--value", raw.values, "values by name: time, ratio, speedup, peak, skill, own.skill, ...")
      ->type_name("LIST");
  sub.add_option("--where", o.grid.where, "rows for which this holds: 'n >= 1k && method != softmax'")
      ->type_name("COND");
  sub.add_option("--format", raw.format, formats)->type_name("F");
}

void add_table(CLI::App& sub, Raw& raw, Options& o) {
  add_reports(sub, raw, o, "md (usual), csv, latex (needs booktabs and siunitx), or jsonl (an object a cell)");
  sub.add_option("--rows", raw.rows, "fields or knobs that name a row (method,setting)")->type_name("LIST");
  sub.add_option("--cols", raw.cols, "fields or knobs that name a column, or none: the values are the columns (n)")
      ->type_name("LIST");
  sub.add_option("--given", raw.given,
                 "skill=0.5,0.9: of each method the best --value (time) at such a skill; ratio=0.1,1: within such a "
                 "time (skill)")
      ->type_name("V=LIST");
  sub.add_flag("--best", o.grid.best, "bold: the best of each column and what cannot be told from it");
  sub.add_option("--digits", raw.digits, "significant digits of md and latex (3); csv and jsonl carry all")
      ->type_name("N");
  sub.add_flag("--no-intervals", raw.no_intervals, "medians alone, but for noisy rows");
  sub.add_option("-o,--output", o.output, "write the table to a file instead of stdout")->type_name("FILE");
}

void add_compare(CLI::App& sub, Raw& raw, Options& o) {
  add_reports(sub, raw, o, "what stdout carries: table (usual) or json");
  sub.add_option("--min-effect", raw.min_effect, "a change of time below this does not matter (2%)")->type_name("X");
  sub.add_option(
         "--fail-on", raw.fail_on,
         "exit with 1 when a point is slower, has a worse error (or is missing or broken in B), or needs more memory")
      ->type_name("slower,error,memory");
  sub.add_flag("--force", o.compare.force, "also when machine or build differ");
  sub.add_option("-o,--output", o.output, "write the comparison as JSON")->type_name("FILE");
}

void add_plot(CLI::App& sub, Options& o) {
  sub.add_option("REPORT", o.files, "reports, or folders of a sweep's")->type_name("REPORT");
  sub.add_option("-o,--output", o.output, "the figure, .svg, .pdf or .png; its gnuplot script is written beside it")
      ->type_name("FIGURE");
  sub.add_option("--kind", o.plot.kind,
                 "line (usual): a value against a field; pareto: what quality costs; phases: bars of the parts of a "
                 "pass; memory: peak bytes")
      ->type_name("K");
  sub.add_option("--x", o.plot.x, "line: a field of numbers, such as a knob (n); pareto: a value (time)")
      ->type_name("NAME");
  sub.add_option("--y", o.plot.y, "a value: time, ratio, speedup, peak, skill, own.skill, angle, own.dq.cosine, ...")
      ->type_name("NAME");
  sub.add_option("--facet", o.plot.facet, "a panel for each value of this field (at most 6), on shared axes")
      ->type_name("FIELD");
  sub.add_option("--where", o.plot.where, "only rows that fulfil this: 'threads==1 && n>=512'")->type_name("COND");
  sub.add_option("--linear", o.plot.linear, "axes that are not logarithmic: x, y or both")->type_name("x,y");
  sub.add_option("--size", o.plot.size, "of the figure in cm (16x10)")->type_name("WxH");
  sub.add_option("--title", o.plot.title, "above the figure")->type_name("TEXT");
  sub.add_option("--x-label", o.plot.x_label, "instead of the name of --x")->type_name("TEXT");
  sub.add_option("--y-label", o.plot.y_label, "instead of the name of --y")->type_name("TEXT");
}

Texts flags_of(const CLI::App& sub) {
  Texts flags;
  for (const CLI::Option* option : sub.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    for (const std::string& name : option->get_snames()) flags.push_back("-" + name);
  }
  return flags;
}

// CLI11 takes "-5" for a flag; "--seed=-5" it does not, and our own range check can then speak.
Texts join_negative_values(int argc, const char* const* argv) {
  static const std::map<std::string, std::string> kLong{
      {"-n", "--seq-len"}, {"-d", "--head-dim"}, {"-m", "--method"}, {"-o", "--output"}, {"-p", "--param"}};
  Texts args;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const bool negative = arg.size() > 1 && arg[0] == '-' && std::isdigit(static_cast<unsigned char>(arg[1]));
    if (negative && !args.empty() && args.back().starts_with("-") && args.back().find('=') == std::string::npos) {
      const auto long_name = kLong.find(args.back());
      args.back() = (long_name == kLong.end() ? args.back() : long_name->second) + "=" + arg;
    } else {
      args.push_back(arg);
    }
  }
  return args;
}

[[noreturn]] void refuse_extra(const std::string& extra, const Texts& known, const std::string& where) {
  const bool flag = extra.starts_with("-");
  const std::string bare = extra.substr(0, extra.find('='));
  const std::string close = nearest(bare, known);
  throw BadSetting(fmt::format("unknown {} '{}'{}; see yoso-bench {}--help",
                               flag            ? "flag"
                               : where.empty() ? "command"
                                               : "argument",
                               bare, close.empty() ? "" : fmt::format(" (did you mean {}?)", close),
                               where.empty() ? "" : where + " "));
}

}  // namespace

Options parse_command_line(int argc, const char* const* argv) {
  Options o;
  Raw raw;
  o.argv.assign(argv, argv + argc);
  CLI::App app("yoso-bench: speed, memory and error of YOSO attention and its rivals", "yoso-bench");
  app.footer(kFooter);
  app.set_version_flag("--version", "yoso-bench " + this_build().version);
  app.allow_extras();

  std::vector<CLI::App*> subs;
  const auto sub = [&](const char* name, const char* help) {
    CLI::App* s = app.add_subcommand(name, help);
    s->allow_extras();
    s->footer(kFooter);
    subs.push_back(s);
    return s;
  };
  CLI::App* list = sub("list",
                       "methods, backends, passes and knobs; `list METHOD` explains one, `list inputs` the families, "
                       "`list warnings` the codes");
  list->add_option("METHOD", o.topic, "a method's name, inputs, or warnings");
  list->add_flag("--json", o.json, "as JSON");
  CLI::App* env = sub("env", "the machine, this build, and whether it is quiet enough to measure");
  env->add_flag("--json", o.json, "as JSON");
  env->add_flag("--calibrate", o.calibrate,
                "measure what this machine can do at best and keep it for the rooflines of later runs (seconds)");
  env->add_flag("--self-test", o.self_test, "does the harness find 5 %, and nothing where nothing is? (a minute)");
  env->add_flag("--atomics", o.atomics, "how fast the GPU adds atomically, by kernels that do nothing else (seconds)");
  env->add_option("-o,--output", o.output, "write the rates of --atomics as JSON")->type_name("FILE");
  CLI::App* speed = sub("speed", "how long: interleaved timings, paired with a baseline");
  CLI::App* memory = sub("memory", "how many bytes: arenas, and the resident set of a forked child");
  memory->add_flag("--no-rss", raw.no_rss, "do not fork a child to check the resident set");
  memory->add_flag("--max-batch", o.max_batch,
                   "search the largest batch whose peak fits --budget: predicted, then verified by running it");
  memory->add_option("--budget", raw.batch_budget, "bytes for --max-batch, as 512M or 2G (the memory budget)")
      ->type_name("B");
  CLI::App* error = sub("error", "how wrong: sampling error, kernel gap and total error, over seeds");
  add_error(*error, raw, o);
  CLI::App* check =
      sub("check",
          "correctness only: every method against its double-precision definition; usually at n = 1, 33 and "
          "257, 2 batch items of 2 heads, with every instruction set");
  CLI::App* validate = sub("validate", "reports against the schema compiled in");
  validate->add_option("FILE", o.files, "reports")->type_name("FILE");
  validate->add_option("--print-schema", o.print_schema, "print a schema: report, environment, catalogue or atomics")
      ->type_name("NAME");
  CLI::App* overview = sub(
      "overview",
      "the main job: speed, memory and error side by side, with verdicts; -n sets the lengths of the table of growth, "
      "captures are judged whole, synthetic inputs at n = 1024");
  overview->add_option("--seeds", raw.seeds, "draws of a random method (20)")->type_name("N");
  CLI::App* sweep = sub("sweep", "a recipe, or axes: many points of any kind, a file each; resumable, shardable");
  add_sweep(*sweep, raw, o, true);
  CLI::App* plan = sub("plan", "the points of a sweep, their ids and what they should take, without running it");
  add_sweep(*plan, raw, o, false);
  add_merge(*sub("merge", "the points of a sweep, or several reports, as one report"), raw, o);
  CLI::App* repro =
      sub("repro", "run an experiment of experiments/: report, tables, figures; without a name: list them");
  repro->add_option("NAME", o.topic, "07_pareto, 07, pareto, or all");
  repro->add_flag("--smoke", o.smoke, "seconds instead of minutes, into build/smoke");
  for (CLI::App* s : {speed, memory, error, check, overview}) {
    add_axes(*s, raw, o);
    add_output(*s, raw, o);
    if (s != check) add_budget(*s, raw);
  }
  for (CLI::App* s : {speed, overview}) add_timing(*s, raw, o);
  add_speed(*speed, raw, o);
  speed->add_flag("--phases", o.phases, kPhasesHelp);

  add_table(*sub("table", "reports as a table: Markdown, CSV, LaTeX or JSON lines"), raw, o);
  add_compare(*sub("compare", "two reports of the same points: what is faster, slower, bigger or worse in the second"),
              raw, o);

  add_plot(*sub("plot", "figures of reports, through gnuplot: lines, Pareto fronts, bars of phases or of memory"), o);

  try {
    Texts args = join_negative_values(argc, argv);
    std::ranges::reverse(args);  // CLI11 pops from the back
    app.parse(args);
  } catch (const CLI::CallForHelp&) {
    const auto parsed = app.get_subcommands();
    fmt::print("{}", parsed.empty() ? app.help() : parsed.front()->help());
    return {};
  } catch (const CLI::CallForVersion&) {
    fmt::print("yoso-bench {}\n", this_build().version);
    return {};
  } catch (const CLI::Error& failure) {
    throw BadSetting(failure.what());
  }
  Texts commands;
  for (const CLI::App* s : subs) commands.push_back(s->get_name());
  const auto parsed = app.get_subcommands();
  if (parsed.empty()) {
    const auto extras = app.remaining();
    if (extras.empty())
      throw BadSetting(
          fmt::format("a command is missing: one of {}; see yoso-bench --help", fmt::join(commands, ", ")));
    refuse_extra(extras.front(), extras.front().starts_with("-") ? Texts{"--help", "--version"} : commands, "");
  }
  if (parsed.size() > 1)
    throw BadSetting(fmt::format("one command at a time: {} and {}", parsed[0]->get_name(), parsed[1]->get_name()));
  o.command = parsed.front()->get_name();
  if (const auto extras = parsed.front()->remaining(true); !extras.empty())
    refuse_extra(extras.front(), flags_of(*parsed.front()), o.command);
  interpret(raw, o);
  return o;
}

}  // namespace yoso::app
