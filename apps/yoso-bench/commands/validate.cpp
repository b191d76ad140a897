// validate: reports against the schema compiled in.
#include <fmt/format.h>

#include <yoso/schema.hpp>

#include "../options.hpp"

namespace yoso::app {

int run_validate(const Options& o) {
  if (!o.print_schema.empty()) {
    fmt::print("{}", schema_text(o.print_schema));
    return 0;
  }
  if (o.files.empty()) throw BadSetting("validate: a file is missing");
  bool valid = true;
  for (const std::string& path : o.files) {
    const Verdict verdict = validate_file(path);
    if (verdict.problems.empty()) {
      fmt::print("{}: valid {} {}{}\n", path, verdict.schema, verdict.version,
                 verdict.schema == "yoso-bench/report" ? fmt::format(", {} points", verdict.points) : "");
      continue;
    }
    valid = false;
    for (const std::string& problem : verdict.problems) fmt::print(stderr, "{}: {}\n", path, problem);
  }
  return valid ? 0 : 3;
}

}  // namespace yoso::app
