#include "tree.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>

namespace rules {
namespace fs = std::filesystem;
namespace {

bool starts(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

std::string output_of(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string all;
  std::array<char, 4096> part;
  for (std::size_t n; pipe && (n = std::fread(part.data(), 1, part.size(), pipe.get())) > 0;) all.append(part.data(), n);
  return all;
}

std::vector<std::string> walk(const fs::path& root) {
  std::vector<std::string> found;
  for (fs::recursive_directory_iterator at(root), end; at != end; ++at) {
    const std::string name = at->path().filename().string();
    if (at->is_directory() && (name == "build" || name == ".git")) at.disable_recursion_pending();
    if (at->is_regular_file()) found.push_back(at->path().lexically_relative(root).generic_string());
  }
  return found;
}

// Where a file stands. Rooms are the folders of kernels/ that hold one method each.
struct Place {
  enum Layer { headers, harness, shared, room, app, test, other } layer;
  std::string_view name;  // of the room
};

Place place(std::string_view file) {
  if (starts(file, "lib/include/")) return {Place::headers, {}};
  if (starts(file, "lib/")) return {Place::harness, {}};
  if (starts(file, "apps/")) return {Place::app, {}};
  if (starts(file, "tests/")) return {Place::test, {}};
  if (!starts(file, "kernels/")) return {Place::other, {}};
  const std::string_view below = file.substr(std::string_view("kernels/").size());
  const std::string_view folder = below.substr(0, below.find('/'));
  if (folder == below || folder == "primitives" || folder == "simt") return {Place::shared, {}};
  return {Place::room, folder};
}

// The file that a quoted include means: beside the including file, in one of the folders we put on the include path, or
// the template that CMake generates it from.
std::string resolve(std::string_view file, std::string_view name, bool (*exists)(const std::string&)) {
  for (const fs::path& folder : {fs::path(file).parent_path(), fs::path("kernels"), fs::path("lib/src"), fs::path("tests"),
                                 fs::path("apps/yoso-bench")}) {
    const std::string path = (folder / name).lexically_normal().generic_string();
    if (exists(path)) return path;
  }
  const std::string generated = "cmake/" + std::string(name) + ".in";
  return exists(generated) ? generated : std::string();
}

// The library a header in angle brackets belongs to; empty: the standard library or the system.
std::string_view library(std::string_view name) {
  struct Known {
    std::string_view prefix, owner;
  };
  for (const Known& k : {Known{"CLI/", "CLI11"}, Known{"fmt/", "fmt"}, Known{"nlohmann/", "json"},
                         Known{"valijson/", "valijson"}, Known{"Random123/", "Random123"}, Known{"xxhash", "xxHash"},
                         Known{"catch2/", "Catch2"}, Known{"dnnl", "oneDNN"}, Known{"oneapi/", "oneDNN"},
                         Known{"cblas", "BLAS"}, Known{"Eigen/", "Eigen"}, Known{"cuda", "CUDA"}, Known{"cublas", "CUDA"},
                         Known{"boost/", "Boost"}, Known{"absl/", "Abseil"}})
    if (starts(name, k.prefix)) return k.owner;
  return {};
}

// What each layer may include of other people's code.
bool may_use(const Place& from, std::string_view file, std::string_view lib) {
  if (file.ends_with(".cu") || file == "kernels/simt/cuda.hpp") return lib == "CUDA";
  if (file == "kernels/simt/draw.hpp") return lib == "Random123";
  switch (from.layer) {
    case Place::headers: return false;
    case Place::harness:
      return lib == "fmt" || lib == "json" || lib == "valijson" || lib == "Random123" || lib == "xxHash";
    case Place::shared:
    case Place::room: return lib == "oneDNN";
    case Place::app: return lib == "CLI11" || lib == "fmt";
    case Place::test:
    case Place::other: return true;
  }
  return false;
}

std::string forbidden_own(const Place& from, const std::string& target) {
  const Place to = place(target);
  if (to.layer == Place::app && from.layer != Place::app) return "nobody includes apps";
  if (from.layer == Place::test) return {};
  if (to.layer == Place::test) return "only tests include tests";
  if (to.layer == Place::harness && from.layer != Place::harness) return "lib/src is private to lib";
  switch (from.layer) {
    case Place::headers:
    case Place::harness:
      return to.layer == Place::shared || to.layer == Place::room ? "lib knows nothing of kernels" : "";
    case Place::shared: return to.layer == Place::room ? "what methods share knows no method" : "";
    case Place::room:
      return to.layer == Place::room && to.name != from.name ? "a method never includes another method's files" : "";
    case Place::app: return to.layer == Place::room ? "apps know methods by the catalogue only" : "";
    case Place::test:
    case Place::other: break;
  }
  return {};
}

}  // namespace

std::vector<std::string> files(const fs::path& root, bool untracked) {
  // safe.directory: a clone that another user owns is still ours to read
  const std::string git = "git -c safe.directory='*' -C '" + root.string() + "' ls-files --cached";
  std::vector<std::string> found = lines(output_of(git + (untracked ? " --others --exclude-standard" : "") + " 2>/dev/null"));
  if (found.empty() && untracked) found = walk(root);
  std::erase_if(found, [&](const std::string& file) { return !fs::is_regular_file(root / file); });  // deleted, not staged
  std::ranges::sort(found);
  return found;
}

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    all.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

std::vector<std::string> includes(std::string_view text) {
  std::vector<std::string> found;
  for (const std::string& whole : lines(text)) {
    std::string_view line = whole;
    const auto skip = [&](std::string_view word) {
      line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
      const bool here = starts(line, word);
      if (here) line.remove_prefix(word.size());
      return here;
    };
    if (!skip("#") || !skip("include") || !skip("") || line.empty()) continue;
    const std::size_t end = line.find(line.front() == '<' ? '>' : '"', 1);
    if (end != line.npos && (line.front() == '<' || line.front() == '"')) found.emplace_back(line.substr(0, end + 1));
  }
  return found;
}

std::string forbidden(std::string_view file, std::string_view include, bool (*exists)(const std::string&)) {
  const Place from = place(file);
  const std::string_view name = include.substr(1, include.size() - 2);
  if (include.front() == '"') {
    const std::string target = resolve(file, name, exists);
    if (target.empty()) return "no such file";
    // in a build without a CUDA compiler, tests bring what kernels are written in
    if (file == "kernels/simt/simt.hpp" && target == "tests/simt/emulator.hpp") return {};
    return forbidden_own(from, target);
  }
  if (name.ends_with("/catalogue.hpp"))
    return from.layer == Place::app || from.layer == Place::test ? "" : "only apps and tests know the catalogue";
  if (starts(name, "yoso/")) return exists("lib/include/" + std::string(name)) ? "" : "no such public header";
  const std::string_view lib = library(name);
  if (!lib.empty()) return may_use(from, file, lib) ? "" : std::string(lib) + " has no place here";
  // What is left is the standard library or the system: no folder, or one of the system's own.
  const bool system = name.find('/') == name.npos || starts(name, "sys/") || starts(name, "linux/") ||
                      starts(name, "asm/") || starts(name, "sanitizer/");
  return system ? "" : "a library that tests/rules does not know";
}

std::vector<std::string> links(std::string_view text) {
  std::vector<std::string> found;
  bool fenced = false;
  for (const std::string& line : lines(text)) {
    if (starts(line, "```")) fenced = !fenced;
    if (fenced || starts(line, "    ")) continue;
    for (std::size_t at = 0; (at = line.find("](", at)) != line.npos;) {
      at += 2;
      std::string target = line.substr(at, line.find(')', at) - at);
      target = target.substr(0, target.find('#'));
      if (!target.empty() && target.find("://") == target.npos) found.push_back(target);
    }
  }
  return found;
}

std::string machine_path(std::string_view line) {
  for (const std::string_view root : {"work", "root", "home", "Users", "studio", "farm", "mnt"}) {
    const std::string folder = "/" + std::string(root) + "/";
    for (std::size_t at = line.find(folder); at != line.npos; at = line.find(folder, at + 1)) {
      // after a letter, a digit or a dot it is the middle of a longer path or of an address
      const char before = at == 0 ? ' ' : line[at - 1];
      if (std::string_view(" \t\"'`=(<[:,").find(before) == std::string_view::npos) continue;
      return std::string(line.substr(at, line.find_first_of(" \t\"'`)>]", at) - at));
    }
  }
  return {};
}

}  // namespace rules
