// gnuplot is another program, needed only when a figure is made.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <yoso/errors.hpp>

#include "figure.hpp"

namespace yoso::app::plot {
namespace {

namespace fs = std::filesystem;

constexpr int kNotFound = 127;

struct Ending {
  int code;
  std::string said;
};

// In `folder`; what it writes to stdout or stderr is kept.
Ending start(const std::string& folder, std::vector<std::string> args) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid == 0) {
    setenv("SOURCE_DATE_EPOCH", "0", 1);  // for a cairo newer than 1.16, see undate()
    if (chdir(folder.c_str()) != 0 || dup2(pipe[1], STDOUT_FILENO) < 0 || dup2(pipe[1], STDERR_FILENO) < 0) _exit(126);
    execvp(argv[0], argv.data());
    _exit(errno == ENOENT || errno == EACCES || errno == ENOTDIR ? kNotFound : 126);
  }
  close(pipe[1]);
  Ending ending;
  char buffer[4096];
  for (ssize_t size; (size = read(pipe[0], buffer, sizeof buffer)) != 0;) {
    if (size > 0) ending.said.append(buffer, static_cast<std::size_t>(size));
    if (size < 0 && errno != EINTR) break;
  }
  close(pipe[0]);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  ending.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ending;
}

// cairo writes the date into a pdf; the same report shall give the same bytes. Nothing moves, so the file stays valid.
void undate(const fs::path& path) {
  std::ostringstream read;
  read << std::ifstream(path, std::ios::binary).rdbuf();
  std::string text = read.str();
  for (const std::string key : {"/CreationDate (D:", "/ModDate (D:"})
    if (const auto at = text.find(key); at != std::string::npos)
      if (const auto end = text.find(')', at); end != std::string::npos && end - at - key.size() >= 14)
        text.replace(at + key.size(), 14, "20000101000000");
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// gnuplot shows the line it did not like, then a caret, then what was wrong: the last that says something.
std::string last_line(const std::string& text) {
  std::string last;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.size() > 1) last = line;
    at = end + 1;
  }
  return last.empty() ? "it said nothing" : last;
}

}  // namespace

void run_gnuplot(const std::string& script, const std::string& figure) {
  const fs::path path(figure);
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  const std::string partial = fmt::format("yoso-plot.{}.tmp", getpid());
  const fs::path made = fs::path(folder) / partial;
  // -d: no start-up files of the user's, which could change the figure
  const Ending ending = start(folder, {"gnuplot", "-d", "-e", fmt::format("figure = '{}'", partial),
                                       "./" + fs::path(script).filename().string()});
  std::error_code ignored;
  if (ending.code == kNotFound)
    throw DeviceError(fmt::format("gnuplot is not installed (Debian package gnuplot-nox): wrote {}; run gnuplot {}{}",
                                  script, fs::path(script).filename().string(),
                                  path.has_parent_path() ? " in " + folder : ""));
  if (ending.code != 0 || !fs::exists(made)) {
    fs::remove(made, ignored);
    throw std::runtime_error(
        fmt::format("gnuplot failed ({}), no {}: {}", ending.code, figure, last_line(ending.said)));
  }
  if (!ending.said.empty()) fmt::print(stderr, "gnuplot: {}\n", last_line(ending.said));
  if (path.extension() == ".pdf") undate(made);
  std::error_code failed;
  fs::rename(made, path, failed);
  if (!failed) return;
  fs::remove(made, ignored);
  throw BadInput(fmt::format("{}: cannot be written: {}", figure, failed.message()));
}

}  // namespace yoso::app::plot
