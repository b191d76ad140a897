// Exceptions become one line on stderr and an exit code, here and nowhere else.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <map>
#include <new>
#include <string>
#include <system_error>

#include <yoso/errors.hpp>

#include "options.hpp"

namespace {

int fail(int code, const char* what) {
  std::fprintf(stderr, "yoso-bench: %s\n", what);
  return code;
}

// A program started without stdin, stdout or stderr would give their numbers to the files it opens.
void open_standard_streams() {
  for (int file = open("/dev/null", O_RDWR); file >= 0; file = open("/dev/null", O_RDWR))
    if (file > STDERR_FILENO) {
      close(file);
      break;
    }
}

// What is still buffered must arrive. A reader who left early (`| head`) has had what it wanted.
int flushed(int code) {
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return code;
  if (errno == EPIPE) return code;
  return fail(3, (std::string("stdout: cannot write: ") + std::strerror(errno)).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  using namespace yoso::app;
  open_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);  // the report is worth more than the table
  static const std::map<std::string, std::function<int(const Options&)>> kCommands{
      {"list", run_list},   {"env", run_env},         {"speed", run_speed},       {"memory", run_memory},
      {"error", run_error}, {"check", run_check},     {"validate", run_validate}, {"overview", run_overview},
      {"sweep", run_sweep}, {"plan", run_plan},       {"merge", run_merge},       {"repro", run_repro},
      {"table", run_table}, {"compare", run_compare}, {"plot", run_plot}};
  try {
    const Options options = parse_command_line(argc, argv);
    return flushed(options.command.empty() ? 0 : kCommands.at(options.command)(options));
  } catch (const std::system_error& error) {
    if (error.code().value() == EPIPE) return 0;
    return fail(3, error.what());
  } catch (const yoso::BadSetting& error) {
    return fail(2, error.what());
  } catch (const yoso::BadInput& error) {
    return fail(3, error.what());
  } catch (const yoso::DeviceError& error) {
    return fail(4, error.what());
  } catch (const std::bad_alloc&) {
    return fail(1, "out of memory");
  } catch (const std::exception& error) {
    return fail(1, error.what());
  }
}
