#include "launches.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <yoso/launches.hpp>

namespace yoso::app {
namespace {

namespace fs = std::filesystem;

// Holds the reports of the launches until they are combined.
class Folder {
 public:
  Folder() {
    std::error_code none;
    const fs::path place = fs::temp_directory_path(none);
    if (none) throw BadSetting("--launches needs a folder for temporary files: TMPDIR must name one, or /tmp exist");
    std::string pattern = (place / "yoso-bench-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::system_error(errno, std::generic_category(), pattern);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string report(int launch) const { return path_ / fmt::format("launch-{}.json", launch); }

 private:
  fs::path path_;
};

class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  }
  ~Pipe() {
    for (const int end : ends_)
      if (end >= 0) close(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int out() const { return ends_[0]; }
  int in() const { return ends_[1]; }
  void close_in() {
    close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

// The arguments of this run without those that are the launching process's own.
std::vector<std::string> arguments(const Options& o, const std::string& report, const std::string& settled) {
  static constexpr std::string_view kOwn[] = {"--launches", "--output", "--progress", "--format", "-o"};
  std::vector<std::string> args{o.argv.front()};
  for (std::size_t i = 1; i < o.argv.size(); ++i) {
    const std::string& arg = o.argv[i];
    if (std::ranges::find(kOwn, arg) != std::end(kOwn)) {
      ++i;  // and its value
      continue;
    }
    const bool joined = std::ranges::any_of(kOwn, [&](std::string_view flag) {
      return flag == "-o" ? arg.starts_with("-o") : arg.starts_with(flag) && arg.substr(flag.size()).starts_with("=");
    });
    if (!joined) args.push_back(arg);
  }
  args.insert(args.end(), {"--progress", "plain", "-o", report});
  if (!settled.empty()) args.insert(args.end(), {"--settled", settled});
  return args;
}

struct Ending {
  int status = 0;
  std::string said;  // the last line on its stderr that is neither progress nor a warning
};

class Child {
 public:
  explicit Child(std::vector<std::string> args) {
    std::vector<char*> argv;
    argv.reserve(args.size() + 1);
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);  // whatever ends this process ends its launches
      const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
      if (getppid() != parent || dup2(nowhere, STDOUT_FILENO) < 0 || dup2(pipe_.in(), STDERR_FILENO) < 0) _exit(126);
      execv("/proc/self/exe", argv.data());
      _exit(127);
    }
    pipe_.close_in();
  }

  // Passes progress on until the child ends; an interrupt is passed to it.
  Ending wait(const std::string& label, Progress& progress) {
    Ending ending;
    std::string pending;
    bool told = false;
    for (;;) {
      if (interrupted() && !told) {
        kill(pid_, SIGINT);
        told = true;
      }
      pollfd ready{pipe_.out(), POLLIN, 0};
      if (poll(&ready, 1, 200) <= 0) continue;
      char buffer[4096];
      const ssize_t size = read(pipe_.out(), buffer, sizeof buffer);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) break;
      pending.append(buffer, static_cast<std::size_t>(size));
      for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
        const std::string line = pending.substr(0, end);
        pending.erase(0, end + 1);
        if (line.starts_with("["))
          progress.say(fmt::format("{}: {}", label, line));
        else if (!line.starts_with("warning ") && !line.starts_with("report: "))
          ending.said = line;
      }
    }
    while (waitpid(pid_, &ending.status, 0) < 0 && errno == EINTR) {
    }
    return ending;
  }

 private:
  Pipe pipe_;
  pid_t pid_ = -1;
};

[[noreturn]] void fail(const std::string& label, const Ending& ending) {
  if (WIFSIGNALED(ending.status))
    throw std::runtime_error(fmt::format("{} was ended by signal {}", label, WTERMSIG(ending.status)));
  const int code = WEXITSTATUS(ending.status);
  std::string why = ending.said;
  if (why.starts_with("yoso-bench: ")) why.erase(0, std::string_view("yoso-bench: ").size());
  const std::string message =
      fmt::format("{} failed: {}", label, why.empty() ? fmt::format("exit code {}", code) : why);
  if (code == 2) throw BadSetting(message);
  if (code == 3) throw BadInput(message);
  if (code == 4) throw DeviceError(message);
  throw std::runtime_error(message);
}

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void add_warnings(const LaunchReport& launch, Report& report) {
  for (const Warning& w : launch.warnings)
    if (std::ranges::none_of(report.warnings,
                             [&](const Warning& known) { return known.code == w.code && known.point == w.point; }))
      report.warnings.push_back(w);
}

}  // namespace

std::vector<Point> launch(const Options& o, Report& report) {
  const Folder folder;
  Progress progress(o.progress, static_cast<std::size_t>(o.launches));
  std::vector<LaunchReport> launches;
  for (int i = 1; i <= o.launches && !interrupted(); ++i) {
    const std::string label = fmt::format("launch {} of {}", i, o.launches);
    const bool search_done = i > 1 && !o.skills.empty() && o.settled.empty();
    Child child(arguments(o, folder.report(i), search_done ? folder.report(1) : std::string()));
    const Ending ending = child.wait(label, progress);
    if (interrupted()) break;
    // 1: some of its rows failed, which the report says
    const bool reported = WIFEXITED(ending.status) && WEXITSTATUS(ending.status) <= 1 && fs::exists(folder.report(i));
    if (!reported) fail(label, ending);
    launches.push_back(read_launch(contents(folder.report(i)), label));
    add_warnings(launches.back(), report);
  }
  report.launches = std::max(1, static_cast<int>(launches.size()));
  std::vector<Point> points = combine(launches, o.rel_ci);
  for (Point& p : points) {
    p.repro += fmt::format(" --launches {}", o.launches);
    const Member m = member_of(p);  // a report does not hold the stages of the work
    if (p.work) p.work = work_of(p, m);
  }
  return points;
}

}  // namespace yoso::app
