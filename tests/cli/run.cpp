#include "run.hpp"

#include "catch.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace cli {
namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "yoso-cli-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp failed");
    path = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

Folder& folder() {
  static Folder the;
  return the;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

Result start(const std::vector<std::string>& args, const std::vector<std::string>& variables, int signal,
             double seconds) {
  const std::string out = scratch("stdout"), err = scratch("stderr");
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("fork failed");
  if (pid == 0) {
    const auto redirect = [](const std::string& path, int to) {
      const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      if (file < 0 || dup2(file, to) < 0) _exit(126);
    };
    redirect(out, 1);
    redirect(err, 2);
    for (std::string variable : variables) putenv(strdup(variable.c_str()));
    std::vector<char*> argv{const_cast<char*>(YOSO_BENCH)};
    for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    execv(YOSO_BENCH, argv.data());
    _exit(127);
  }
  if (signal) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    kill(pid, signal);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read(out), read(err)};
}

}  // namespace

Result run_args(const std::vector<std::string>& args, const std::vector<std::string>& variables) {
  return start(args, variables, 0, 0);
}
Result run(const std::string& words, const std::vector<std::string>& variables) {
  return start(words_of(words), variables, 0, 0);
}
Result run_and_signal(const std::string& words, int signal, double seconds) {
  return start(words_of(words), {}, signal, seconds);
}

std::string scratch(const std::string& name) { return folder().path + "/" + name; }

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
bool exists(const std::string& path) { return std::filesystem::exists(path); }
nlohmann::json read_json(const std::string& path) { return nlohmann::json::parse(read(path)); }
nlohmann::json measured(const std::string& words) {
  const std::string path = scratch("report.json");
  CAPTURE(words);
  const Result result = run(words + " -o " + path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  REQUIRE(run_args({"validate", path}).code == 0);
  return read_json(path);
}

bool one_line(const std::string& text) {
  return !text.empty() && std::ranges::count(text, '\n') == 1 && text.back() == '\n';
}

}  // namespace cli
