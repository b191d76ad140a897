// repro: runs experiments/NAME, which writes its reports, tables and figures.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <yoso/errors.hpp>
#include <yoso/knobs.hpp>

#include "../options.hpp"
#include "../output.hpp"

namespace yoso::app {
namespace {

namespace fs = std::filesystem;

constexpr int kNoBackend = 4;  // as main.cpp and experiments/09_gpu/run.sh have it

std::vector<std::string> experiments() {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("experiments", none))
    if (fs::exists(entry.path() / "run.sh")) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  if (names.empty()) throw BadInput("experiments/: no experiment is here: run this in a checkout of the repository");
  return names;
}

// "07", "pareto" or the whole name.
std::string pick(const std::vector<std::string>& names, const std::string& asked) {
  std::vector<std::string> found;
  for (const std::string& name : names)
    if (name == asked || name.starts_with(asked + "_") || (name.size() > 3 && name.substr(3) == asked))
      found.push_back(name);
  if (found.size() == 1) return found.front();
  const std::string close = nearest(asked, names);
  throw BadSetting(fmt::format("unknown experiment '{}'{}; there are {} and all", asked,
                               close.empty() ? "" : fmt::format(" (did you mean {}?)", close), fmt::join(names, ", ")));
}

int run_script(const std::string& name) {
  const std::string script = "experiments/" + name + "/run.sh";
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    execl("/bin/sh", "sh", script.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int run_repro(const Options& o) {
  const std::vector<std::string> names = experiments();
  if (o.topic.empty()) {
    for (const std::string& name : names) fmt::print("{}\n", name);
    return 0;
  }
  setenv("YOSO_BENCH", fs::read_symlink("/proc/self/exe").c_str(), 1);
  if (o.smoke) {
    setenv("SMOKE", "1", 1);
    setenv("RESULTS", "build/smoke", 0);  // numbers of a smoke run are no results
  }
  std::vector<std::string> failed;
  const bool all = o.topic == "all";
  for (const std::string& name : all ? names : std::vector{pick(names, o.topic)}) {
    const int code = run_script(name);
    if (code >= 128 || code == 130) return code;  // a signal ends them all
    if (code == kNoBackend && !all) return code;
    if (code != 0 && code != kNoBackend) failed.push_back(name);  // what needs a GPU has said that there is none
  }
  if (failed.empty()) return 0;
  fmt::print(stderr, "yoso-bench: failed: {}\n", fmt::join(failed, ", "));
  return 1;
}

}  // namespace yoso::app
