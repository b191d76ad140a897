// Validation of reports against the schemas compiled into the program.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace yoso {

struct Verdict {
  std::string schema, version;        // what the document says it is
  std::vector<std::string> problems;  // empty: valid. One line each, with the place in the document
  std::size_t points = 0;             // rows of a report
};

// Throws BadInput when the file cannot be read, is not JSON, or names no schema we know.
Verdict validate_file(const std::string& path);
Verdict validate(std::string_view json, const std::string& origin);

std::vector<std::string> schema_names();
std::string_view schema_text(std::string_view name);  // throws BadSetting

}  // namespace yoso
