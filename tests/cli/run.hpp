// Runs the real binary.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cli {

struct Result {
  int code = 0;
  std::string out, err;
};

// Arguments as a shell would split them; no shell is involved. `variables` are added to the environment ("A=1").
Result run_args(const std::vector<std::string>& args, const std::vector<std::string>& variables = {});
Result run(const std::string& words, const std::vector<std::string>& variables = {});

// As run(), but sends `signal` after `seconds`.
Result run_and_signal(const std::string& words, int signal, double seconds);

std::string scratch(const std::string& name);  // a path in this test's own temporary folder
std::string read(const std::string& path);
void write(const std::string& path, const std::string& text);
bool exists(const std::string& path);
nlohmann::json read_json(const std::string& path);

// The report of a command that has to end with 0, and that `validate` has to accept.
nlohmann::json measured(const std::string& words);

// True when text is exactly one line.
bool one_line(const std::string& text);

}  // namespace cli
