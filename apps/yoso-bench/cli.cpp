// Flags -> Options. The only file that includes CLI11, which costs 13 s a translation unit.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <set>

#include <yoso/catalogue.hpp>
#include <yoso/families.hpp>
#include <yoso/schema.hpp>

#include "options.hpp"

namespace yoso::app {
namespace {

using Texts = std::vector<std::string>;

// Every value is taken as text and parsed by our own functions, so that messages name flag, range and value alike.
struct Raw {
  Texts methods, n, n_q, n_k, d, d_v, batch, heads, threads, isas, passes, inputs, captures, own_knobs, tags;
  std::map<std::string, Texts> knobs;
  std::string seed, time_budget, rel_ci, min_samples, redraw, memory_budget, seeds, reference, format, progress;
  std::string launches, extrapolate_beyond, batch_budget;
  Texts match;
  bool no_rss = false;
};

const char* const kFooter =
    "Lists: 512,1k,2k or 512..16k*2 or 512..4096+512 (k = 1024); repeating a flag appends.\n"
    "Exit codes: 0 ok; 1 some points failed; 2 usage; 3 bad input file; 4 backend not available; 130 interrupted.";

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
  sub.add_option("--pass", raw.passes,
                 "forward, backward (not for memory), or both: a training step (not for error) (forward)")
      ->type_name("LIST");
  sub.add_option("--input", raw.inputs, "synthetic inputs (gaussian), see `list inputs`")->type_name("LIST");
  sub.add_option("--qkv", raw.captures, "captured inputs: a .safetensors file, or a folder of .npy files")
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
  sub.add_option("--redraw", raw.redraw, "random draws: each call, in the timed region, or once (by method)")
      ->type_name("R");
  sub.add_option("--baseline", o.baseline, "the method that ratios are taken to, or none")->type_name("M");
  sub.add_flag("--samples", o.samples, "write every sample to the report");
}

void add_speed(CLI::App& sub, Raw& raw, Options& o) {
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

std::vector<std::int64_t> counts(const char* flag, const Texts& texts, std::int64_t highest) {
  std::vector<std::int64_t> all;
  for (const std::string& text : texts)
    for (const std::int64_t value : parse_counts(flag, text, 1, highest))
      if (std::ranges::find(all, value) == all.end()) all.push_back(value);  // a point is measured once
  return all;
}

Texts items(const Texts& texts) {
  Texts all;
  for (const std::string& text : texts)
    for (const std::string& item : split(text))
      if (std::ranges::find(all, item) == all.end()) all.push_back(item);
  return all;
}

std::string one_of(const char* flag, const std::string& text, const Texts& allowed) {
  if (std::ranges::find(allowed, text) == allowed.end())
    throw BadSetting(fmt::format("{} must be one of {}, got '{}'", flag, fmt::join(allowed, ", "), text));
  return text;
}

std::int64_t whole(const char* flag, const std::string& text, std::int64_t lowest, std::int64_t highest) {
  try {
    if (const auto values = parse_counts(flag, text, lowest, highest); values.size() == 1) return values[0];
  } catch (const BadSetting&) {  // whose message speaks of lists
  }
  throw BadSetting(fmt::format("{} must be a whole number in [{}, {}], got '{}'", flag, lowest, highest, text));
}

// "skill=0.5,0.9", in ascending order
void interpret_match(const Texts& texts, Options& o) {
  for (const std::string& text : texts) {
    if (!text.starts_with("skill=")) throw BadSetting(fmt::format("--match must look like skill=0.5, got '{}'", text));
    for (const std::string& goal : split(text.substr(6))) {
      const double skill = parse_number("--match skill", goal, 0.001, 0.999999);
      if (std::ranges::find(o.skills, skill) == o.skills.end()) o.skills.push_back(skill);
    }
  }
  std::ranges::sort(o.skills);
}

void interpret_speed(const Raw& raw, Options& o) {
  if (!raw.launches.empty()) o.launches = static_cast<int>(whole("--launches", raw.launches, 1, 50));
  if (!raw.extrapolate_beyond.empty())
    o.extrapolate_beyond = whole("--extrapolate-beyond", raw.extrapolate_beyond, 1, (std::int64_t{1} << 31) - 1);
  interpret_match(raw.match, o);
  if (!o.settled.empty() && o.skills.empty()) throw BadSetting("--settled needs --match");
  if (o.extrapolate_beyond && !o.skills.empty())
    throw BadSetting(
        "--extrapolate-beyond cannot be given with --match: a skill needs exact attention at every length");
  if (o.extrapolate_beyond && (!o.n_q.empty() || !o.n_k.empty()))
    throw BadSetting("--extrapolate-beyond goes with -n/--seq-len, not with --n-q and --n-k");
}

// What goes with which pass, and the search for a batch.
void interpret_passes(const Raw& raw, Options& o) {
  const bool backward = std::ranges::any_of(o.passes, [](const std::string& pass) { return pass != "forward"; });
  const auto refuse = [&](bool given, const char* flag, const char* why) {
    if (backward && given) throw BadSetting(fmt::format("{} goes with --pass forward: {}", flag, why));
  };
  refuse(o.command == "overview", "overview", "its verdicts weigh a forward pass");
  refuse(!o.skills.empty(), "--match", "a skill is one of outputs");
  refuse(o.weights, "--weights", "they are those of outputs");
  refuse(o.per_head, "--per-head", "gradients are compared as means over heads");
  refuse(!raw.reference.empty(), "--reference", "gradients are compared with softmax and with the method's own target");
  if (o.redraw == "each" && std::ranges::find(o.passes, "backward") != o.passes.end())
    throw BadSetting("--redraw each goes with --pass forward, both: backward uses the draws of its forward pass");
  if (o.command == "memory" && std::ranges::find(o.passes, "backward") != o.passes.end())
    throw BadSetting(
        "--pass must be one of forward, both for memory: backward needs what forward saved, got 'backward'");
  if (o.command == "error" && std::ranges::find(o.passes, "both") != o.passes.end())
    throw BadSetting("--pass must be one of forward, backward for error: each has errors of its own, got 'both'");
  if (!raw.batch_budget.empty()) {
    if (!o.max_batch) throw BadSetting("--budget goes with --max-batch; a point's limit is --memory-budget");
    o.batch_budget = parse_bytes("--budget", raw.batch_budget);
  }
  if (o.max_batch && !o.batch.empty())
    throw BadSetting("--max-batch searches the batch: --batch cannot be given with it");
  if (o.max_batch) {
    const std::uint64_t most = memory_budget(o);
    if (o.batch_budget == 0) o.batch_budget = most;
    if (o.batch_budget > most)
      throw BadSetting(fmt::format("--budget must be at most {} bytes ({}), got {}", most,
                                   o.memory_budget ? "--memory-budget" : "80 % of what is free", o.batch_budget));
  }
  if (o.max_batch && !o.captures.empty())
    throw BadSetting("--max-batch cannot be given with --qkv: a capture has the batch it has");
}

void interpret(const Raw& raw, Options& o) {
  constexpr std::int64_t kMost = (std::int64_t{1} << 31) - 1;
  if (!raw.methods.empty()) o.methods = items(raw.methods);
  select(catalogue(), o.methods);  // refuses unknown names now
  o.n = counts("-n/--seq-len", raw.n, kMost);
  o.n_q = counts("--n-q", raw.n_q, kMost);
  o.n_k = counts("--n-k", raw.n_k, kMost);
  o.d = counts("-d/--head-dim", raw.d, kMost);
  o.d_v = counts("--d-v", raw.d_v, kMost);
  o.batch = counts("--batch", raw.batch, kMost);
  o.heads = counts("--heads", raw.heads, kMost);
  o.threads = counts("--threads", raw.threads, 1024);
  for (const std::string& text : items(raw.isas)) {
    if (text == "all") {
      for (const Isa isa : isas_here()) o.isas.push_back(isa);
      continue;
    }
    o.isas.push_back(parse_isa(text));
    if (!runs_here(o.isas.back())) throw DeviceError(fmt::format("--isa {}: this machine cannot run it", text));
  }
  for (const std::string& text : items(raw.passes))
    o.passes.push_back(one_of("--pass", text, {"forward", "backward", "both"}));
  o.families = items(raw.inputs);
  for (const std::string& family : o.families) parse_family(family);
  for (const std::string& path : raw.captures)
    if (std::ranges::find(o.captures, path) == o.captures.end()) o.captures.push_back(path);
  for (const auto& [knob, texts] : raw.knobs)
    for (const std::string& text : texts)
      for (std::string& value : parse_values("--" + dashes(knob), text))
        o.knobs.shared[knob].push_back(std::move(value));
  for (const std::string& text : raw.own_knobs) parse_own_knob(catalogue(), text, o.knobs);
  if (!raw.seed.empty()) o.seed = static_cast<std::uint64_t>(whole("--seed", raw.seed, 0, INT64_MAX));
  if (!raw.time_budget.empty()) o.time_budget = parse_number("--time-budget", raw.time_budget, 0.001, 86400);
  if (!raw.rel_ci.empty()) o.rel_ci = parse_number("--rel-ci", raw.rel_ci, 1e-6, 1);
  if (!raw.min_samples.empty()) o.min_samples = static_cast<int>(whole("--min-samples", raw.min_samples, 1, 1000));
  if (!raw.redraw.empty()) o.redraw = one_of("--redraw", raw.redraw, {"each", "once"});
  if (!raw.memory_budget.empty()) o.memory_budget = parse_bytes("--memory-budget", raw.memory_budget);
  if (!raw.seeds.empty()) o.seeds = whole("--seeds", raw.seeds, 1, 100000);
  if (!raw.reference.empty()) {
    o.reference_name = one_of("--reference", raw.reference, {"softmax", "softmax-unit", "own"});
    o.reference = o.reference_name == "softmax" ? Reference::softmax
                  : o.reference_name == "own"   ? Reference::own
                                                : Reference::softmax_unit;
  }
  if (!raw.format.empty()) o.json = one_of("--format", raw.format, {"table", "json"}) == "json";
  if (!raw.progress.empty()) o.progress = one_of("--progress", raw.progress, {"auto", "plain", "none"});
  for (const std::string& text : raw.tags) {
    const auto at = text.find('=');
    if (at == std::string::npos || at == 0)
      throw BadSetting(fmt::format("--tag must look like key=value, got '{}'", text));
    o.tags[text.substr(0, at)] = text.substr(at + 1);
  }
  o.measure_rss = !raw.no_rss;
  one_of("--kind", o.plot.kind, {"line", "pareto", "phases", "memory"});
  interpret_speed(raw, o);
  interpret_passes(raw, o);
  if (o.calibrate && o.self_test) throw BadSetting("--calibrate and --self-test: one at a time");
  const bool pairs = o.command == "speed" || o.command == "overview";
  if (pairs && o.baseline != "none") find(catalogue(), o.baseline);
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
  CLI::App* speed = sub("speed", "how long: interleaved timings, paired with a baseline");
  CLI::App* memory = sub("memory", "how many bytes: arenas, and the resident set of a forked child");
  memory->add_flag("--no-rss", raw.no_rss, "do not fork a child to check the resident set");
  memory->add_flag("--max-batch", o.max_batch,
                   "search the largest batch whose peak fits --budget: predicted, then verified by running it");
  memory->add_option("--budget", raw.batch_budget, "bytes for --max-batch, as 512M or 2G (the memory budget)")
      ->type_name("B");
  CLI::App* error = sub("error", "how wrong: sampling error, kernel gap and total error, over seeds");
  error->add_option("--seeds", raw.seeds, "draws of a random method (20)")->type_name("N");
  error
      ->add_option("--reference", raw.reference,
                   "softmax (usual), softmax-unit (YOSO's sharpness on unit vectors), or own")
      ->type_name("R");
  error->add_flag("--per-head", o.per_head, "every head with its entropy, effective keys and norms");
  error->add_flag("--weights", o.weights,
                  "row mass and top-k recall of the weights; costs n / d_v forward passes a point");
  CLI::App* check = sub("check", "correctness only: every method against its double-precision definition");
  CLI::App* validate = sub("validate", "reports against the schema compiled in");
  validate->add_option("FILE", o.files, "reports")->type_name("FILE");
  validate->add_option("--print-schema", o.print_schema, "print a schema: report, environment or catalogue")
      ->type_name("NAME");
  CLI::App* overview = sub(
      "overview",
      "the main job: speed, memory and error side by side, with verdicts; -n sets the lengths of the table of growth, "
      "captures are judged whole, synthetic inputs at n = 1024");
  overview->add_option("--seeds", raw.seeds, "draws of a random method (20)")->type_name("N");
  for (CLI::App* s : {speed, memory, error, check, overview}) {
    add_axes(*s, raw, o);
    add_output(*s, raw, o);
    if (s != check) add_budget(*s, raw);
  }
  for (CLI::App* s : {speed, overview}) add_timing(*s, raw, o);
  add_speed(*speed, raw, o);
  speed->add_flag("--phases", o.phases, "what each part of a pass takes (hash, build, query, ...), in runs of its own");

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
