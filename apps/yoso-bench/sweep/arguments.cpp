#include "sweep/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <yoso/errors.hpp>

namespace yoso::app {
namespace {

struct Flag {
  std::string_view name;
  bool value, list = false;
};

// How a sweep is run; every other flag says what is measured.
constexpr Flag kOfTheRun[] = {{"--out", true},       {"--shard", true},        {"--retry", true, true},
                              {"--force", false},    {"--only", true},         {"--fail-fast", false},
                              {"--smoke", false},    {"--total-budget", true}, {"-o", true},
                              {"--output", true},    {"--format", true},       {"--progress", true},
                              {"--tag", true, true}, {"--memory-budget", true}};

// Calls f(argument, of the run) for every argument after the command.
template <class F>
void for_arguments(const std::vector<std::string>& argv, const F& f) {
  for (std::size_t i = 2; i < argv.size(); ++i) {
    const std::string& arg = argv[i];
    const auto flag = std::ranges::find_if(kOfTheRun, [&](const Flag& known) {
      return arg == known.name || (arg.starts_with(known.name) && arg.substr(known.name.size()).starts_with("="));
    });
    const bool joined = arg.size() > 2 && arg.starts_with("-o") && arg[2] != '=';  // -oFILE
    const bool run = flag != std::end(kOfTheRun) || joined;
    f(arg, run);
    if (joined || !run || !flag->value || arg != flag->name) continue;
    if (i + 1 < argv.size()) f(argv[++i], true);
    while (flag->list && i + 1 < argv.size() && !argv[i + 1].starts_with("-")) f(argv[++i], true);
  }
}

}  // namespace

std::vector<std::string> arguments_of(const Study& study) {
  std::vector<std::string> args{"yoso-bench", "sweep"};
  for (const auto& [name, values] : study.fields) {
    const std::string flag = "--" + name;
    const bool run = std::ranges::any_of(kOfTheRun, [&](const Flag& known) { return known.name == flag; });
    if (name == "help" || name == "version" || name == "RECIPE")
      throw BadSetting(fmt::format("{}: field '{}' says nothing of what to measure", study.place, name));
    if (run)
      throw BadSetting(
          fmt::format("{}: field '{}' says how a sweep is run: give it on the command line", study.place, name));
    for (const std::string& value : values) args.push_back(flag + "=" + value);
  }
  // last, so that one which wants a value finds none instead of the next field
  for (const auto& [name, values] : study.fields)
    if (values.empty()) args.push_back("--" + name);
  return args;
}

std::vector<std::string> study_arguments(const std::vector<std::string>& argv) {
  std::vector<std::string> args{"yoso-bench", "sweep"};
  for_arguments(argv, [&](const std::string& arg, bool run) {
    if (!run) args.push_back(arg);
  });
  return args;
}

void refuse_axes(const std::vector<std::string>& argv, const std::string& recipe) {
  for_arguments(argv, [&](const std::string& arg, bool run) {
    if (!run && arg != recipe)
      throw BadSetting(fmt::format("{} cannot be given with a recipe: {} says what is measured", arg, recipe));
  });
}

}  // namespace yoso::app
