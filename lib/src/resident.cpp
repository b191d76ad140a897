#include <yoso/resident.hpp>

#include <fmt/format.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fstream>

#include <yoso/environment.hpp>

namespace yoso {
namespace {

// "VmHWM:  1234 kB" in bytes
std::optional<std::size_t> status_field(const char* key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) return std::stoull(line.substr(std::strlen(key) + 1)) * 1024;
  return std::nullopt;
}

// Sets the peak back to the present size.
bool reset_peak() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return static_cast<bool>(file);
}

// What the child sends: a kind byte and a text: 'b' bytes, a space and the payload; 'p' the payload alone; 'f' a
// failure.
void send(int pipe, char kind, const std::string& text) {
  const std::string message = kind + text;
  [[maybe_unused]] const auto sent = ::write(pipe, message.data(), message.size());
}

[[noreturn]] void child(int pipe, const std::function<std::string()>& work) {
  try {
    const bool clean = reset_peak();
    const auto before = status_field("VmRSS:");
    const std::string payload = work();
    const auto peak = status_field("VmHWM:");
    if (clean && before && peak && !built_with_sanitizers())
      send(pipe, 'b', fmt::format("{} {}", *peak > *before ? *peak - *before : 0, payload));
    else
      send(pipe, 'p', payload);
  } catch (const std::exception& error) {
    send(pipe, 'f', error.what());
  }
  ::_exit(0);
}

}  // namespace

ResidentGrowth resident_growth(const std::function<std::string()>& work) {
  ::malloc_trim(0);  // free heap pages would be reused by the child without growing its resident set
  int ends[2];
  if (::pipe(ends) != 0) return {std::nullopt, {}, fmt::format("pipe: {}", std::strerror(errno))};
  const pid_t pid = ::fork();
  if (pid < 0) {
    ::close(ends[0]);
    ::close(ends[1]);
    return {std::nullopt, {}, fmt::format("fork: {}", std::strerror(errno))};
  }
  if (pid == 0) {
    // a child that outlives a killed parent would hold its locks
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    child(ends[1], work);
  }
  ::close(ends[1]);
  std::string message;
  char buffer[512];
  for (;;) {
    const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    message.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status))
    return {std::nullopt,
            {},
            fmt::format("the child was killed by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)))};
  if (message.empty()) return {std::nullopt, {}, "the child said nothing"};
  const std::string text = message.substr(1);
  if (message[0] == 'f') return {std::nullopt, {}, text};
  if (message[0] == 'p') return {std::nullopt, text, {}};
  const auto space = text.find(' ');
  return {std::stoull(text.substr(0, space)), text.substr(space + 1), {}};
}

}  // namespace yoso
