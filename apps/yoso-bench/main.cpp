// Exceptions become one line on stderr and an exit code, here and nowhere else.
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <new>
#include <string>

#include <yoso/errors.hpp>

#include "options.hpp"

namespace {

int fail(int code, const char* what) {
  std::fprintf(stderr, "yoso-bench: %s\n", what);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace yoso::app;
  static const std::map<std::string, std::function<int(const Options&)>> kCommands{
      {"list", run_list},   {"env", run_env},     {"speed", run_speed},       {"memory", run_memory},
      {"error", run_error}, {"check", run_check}, {"validate", run_validate}, {"overview", run_overview}};
  try {
    const Options options = parse_command_line(argc, argv);
    return options.command.empty() ? 0 : kCommands.at(options.command)(options);
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
