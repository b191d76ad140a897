// The files of the repository, as the rules see them.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rules {

// Files that git tracks, or, with `untracked`, those it would track once added. Paths are relative to the root, with
// forward slashes. Outside a git work tree (an unpacked archive) there are no tracked files, and all are untracked.
std::vector<std::string> files(const std::filesystem::path& root, bool untracked);

std::string read(const std::filesystem::path& file);
std::vector<std::string> lines(std::string_view text);

// Everything between < > or " " after #include, with its brackets: "<vector>", "\"oracle.hpp\"".
std::vector<std::string> includes(std::string_view text);

// Why `file` may not have `include`; empty: it may. `exists` tells whether a path relative to the root is a file.
std::string forbidden(std::string_view file, std::string_view include, bool (*exists)(const std::string&));

// Where the links of a Markdown page lead in the repository: [text](target), without its #section; not in code.
std::vector<std::string> links(std::string_view text);

// The first absolute path of somebody's machine in a line; empty: none.
std::string machine_path(std::string_view line);

}  // namespace rules
