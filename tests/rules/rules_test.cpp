// What the compiler does not check: which way includes point, how long files are, what a method's folder holds.
#include <algorithm>
#include <filesystem>
#include <map>

#include "catch.hpp"
#include "tree.hpp"

namespace {

const std::filesystem::path kRoot = YOSO_SOURCE_DIR;

bool exists(const std::string& file) { return std::filesystem::is_regular_file(kRoot / file); }

bool is_code(const std::string& file) {
  return file.ends_with(".cpp") || file.ends_with(".hpp") || file.ends_with(".cu") || file.ends_with(".cuh");
}

bool is_text(const std::string& content) { return content.find('\0') == content.npos; }

}  // namespace

TEST_CASE("includes point from apps to kernels to lib", "[rules]") {
  std::size_t seen = 0;
  for (const std::string& file : rules::files(kRoot, true)) {
    if (!is_code(file)) continue;
    for (const std::string& include : rules::includes(rules::read(kRoot / file))) {
      CAPTURE(file, include);
      CHECK(rules::forbidden(file, include, exists) == "");
      ++seen;
    }
  }
  CHECK(seen > 50);  // the walk found the sources
}

TEST_CASE("the include rules catch what they are for", "[rules]") {
  const auto forbidden = [](std::string_view file, std::string_view include) {
    // the files of a small imaginary tree
    return rules::forbidden(file, include, [](const std::string& path) {
      for (const std::string_view known :
           {"kernels/oracle.hpp", "kernels/primitives/primitives.hpp", "kernels/a/engine.hpp", "kernels/b/engine.hpp",
            "lib/src/text.hpp", "lib/include/yoso/shape.hpp", "apps/yoso-bench/cli.hpp", "tests/catch.hpp", "cmake/version.hpp.in",
            "kernels/simt/simt.hpp", "kernels/simt/bf16.hpp", "tests/simt/emulator.hpp"})
        if (path == known) return true;
      return false;
    });
  };
  struct Case {
    std::string_view file, include;
    bool allowed;
  };
  for (const Case& c : {
           Case{"lib/include/yoso/shape.hpp", "<cstdint>", true},
           Case{"lib/include/yoso/method.hpp", "<yoso/shape.hpp>", true},
           Case{"lib/include/yoso/method.hpp", "<fmt/format.h>", false},
           Case{"lib/include/yoso/method.hpp", "<yoso/catalogue.hpp>", false},
           Case{"lib/include/yoso/method.hpp", "<yoso/gone.hpp>", false},
           Case{"lib/src/report.cpp", "<nlohmann/json.hpp>", true},
           Case{"lib/src/report.cpp", "<sys/mman.h>", true},
           Case{"lib/src/report.cpp", "\"text.hpp\"", true},
           Case{"lib/src/report.cpp", "\"version.hpp\"", true},
           Case{"lib/src/report.cpp", "\"gone.hpp\"", false},
           Case{"lib/src/report.cpp", "<CLI/CLI.hpp>", false},
           Case{"lib/src/report.cpp", "<yoso/catalogue.hpp>", false},
           Case{"lib/src/report.cpp", "\"primitives/primitives.hpp\"", false},
           Case{"lib/src/report.cpp", "\"../../kernels/a/engine.hpp\"", false},
           Case{"kernels/a/method.cpp", "\"engine.hpp\"", true},
           Case{"kernels/a/method.cpp", "\"oracle.hpp\"", true},
           Case{"kernels/a/method.cpp", "\"primitives/primitives.hpp\"", true},
           Case{"kernels/a/method.cpp", "\"b/engine.hpp\"", false},
           Case{"kernels/a/method.cpp", "\"../b/engine.hpp\"", false},
           Case{"kernels/a/method.cpp", "\"text.hpp\"", false},
           Case{"kernels/a/method.cpp", "<nlohmann/json.hpp>", false},
           Case{"kernels/a/method.cpp", "<torch/torch.h>", false},
           Case{"kernels/a/cuda.cu", "<cuda_runtime.h>", true},
           Case{"kernels/a/cuda.cu", "<fmt/format.h>", false},
           Case{"kernels/a/cuda.cu", "\"simt/simt.hpp\"", true},
           Case{"kernels/a/cuda.hpp", "<cuda_runtime.h>", false},
           Case{"kernels/a/cuda.cu", "\"simt/emulator.hpp\"", false},
           Case{"kernels/simt/simt.hpp", "\"simt/emulator.hpp\"", true},
           Case{"kernels/simt/simt.hpp", "\"simt/bf16.hpp\"", true},
           Case{"kernels/simt/bf16.hpp", "\"simt/emulator.hpp\"", false},
           Case{"kernels/simt/cuda.hpp", "<cuda_runtime.h>", true},
           Case{"kernels/simt/draw.hpp", "<Random123/philox.h>", true},
           Case{"kernels/simt/bf16.hpp", "<Random123/philox.h>", false},
           Case{"kernels/primitives/primitives.cpp", "<immintrin.h>", true},
           Case{"kernels/primitives/primitives.cpp", "\"../a/engine.hpp\"", false},
           Case{"apps/yoso-bench/cli.cpp", "<CLI/CLI.hpp>", true},
           Case{"apps/yoso-bench/cli.cpp", "<yoso/catalogue.hpp>", true},
           Case{"apps/yoso-bench/main.cpp", "\"a/engine.hpp\"", false},
           Case{"tests/cli/cli_test.cpp", "\"catch.hpp\"", true},
           Case{"tests/cli/cli_test.cpp", "\"../../apps/yoso-bench/cli.hpp\"", false},
           Case{"tests/lib/text_test.cpp", "\"../../lib/src/text.hpp\"", true},
       }) {
    CAPTURE(c.file, c.include);
    CHECK(forbidden(c.file, c.include).empty() == c.allowed);
  }
}

TEST_CASE("include directives are found", "[rules]") {
  const auto found = rules::includes("#include <a>\n  #  include \"b.hpp\"  // why\n// #include <c>\n#include MACRO\n#define d <e>\n");
  CHECK(found == std::vector<std::string>{"<a>", "\"b.hpp\""});
}

TEST_CASE("CLI11 is compiled in one place", "[rules]") {
  // 13 s for each file that includes it
  std::vector<std::string> users;
  for (const std::string& file : rules::files(kRoot, true))
    if (is_code(file))
      for (const std::string& include : rules::includes(rules::read(kRoot / file)))
        if (include.find("CLI/") != include.npos) users.push_back(file);
  CAPTURE(users);
  CHECK(users.size() <= 1);
  for (const std::string& file : users) CHECK(file.ends_with(".cpp"));
}

TEST_CASE("a source file fits in a reader's head", "[rules]") {
  constexpr std::size_t kLongest = 500;
  for (const std::string& file : rules::files(kRoot, false)) {
    if (!is_code(file) && !file.ends_with(".cmake") && !file.ends_with(".py") && !file.ends_with("CMakeLists.txt")) continue;
    CAPTURE(file);
    CHECK(rules::lines(rules::read(kRoot / file)).size() <= kLongest);
  }
}

TEST_CASE("links of pages lead somewhere", "[rules]") {
  std::size_t seen = 0;
  for (const std::string& file : rules::files(kRoot, false)) {
    if (!file.ends_with(".md")) continue;
    for (const std::string& link : rules::links(rules::read(kRoot / file))) {
      CAPTURE(file, link);
      CHECK(std::filesystem::exists(kRoot / std::filesystem::path(file).parent_path() / link));
      ++seen;
    }
  }
  CHECK((seen > 50 || rules::files(kRoot, false).empty()));
  CHECK(rules::links("a [b](c/d.md#e) ![f](g.svg) [h](https://i.j) [k](#l)\n    m[n](o)\n```\n[p](q)\n```\n") ==
        std::vector<std::string>{"c/d.md", "g.svg"});
}

TEST_CASE("no file names a path of somebody's machine", "[rules]") {
  for (const std::string& file : rules::files(kRoot, false)) {
    const std::string content = rules::read(kRoot / file);
    if (!is_text(content)) continue;
    for (const std::string& line : rules::lines(content)) {
      CAPTURE(file, line);
      if (const std::string path = rules::machine_path(line); !path.empty()) FAIL_CHECK(path);
    }
  }
  const std::string home = std::string("/") + "home/";
  CHECK(rules::machine_path("read(\"" + home + "me/x.npy\")") == home + "me/x.npy");
  CHECK(rules::machine_path("https://example.org" + home + "page " + home + "x") == home + "x");
  CHECK(rules::machine_path("https://example.org" + home + "page").empty());
}

TEST_CASE("a method's folder explains itself and has an oracle", "[rules]") {
  // Only what is committed is held to this: a method.cpp that somebody is trying out may stand alone.
  std::map<std::string, std::string> sources;  // of each room
  const std::vector<std::string> tracked = rules::files(kRoot, false);
  for (const std::string& file : tracked)
    if (file.starts_with("kernels/") && file.ends_with("/method.cpp")) sources[file.substr(0, file.rfind('/'))];
  for (auto& [room, text] : sources)
    for (const std::string& file : tracked)
      if (file.starts_with(room + "/") && file.ends_with(".cpp")) text += rules::read(kRoot / file);
  for (const auto& [room, text] : sources) {
    CAPTURE(room);
    CHECK(exists(room + "/README.md"));
    CHECK(text.find(".oracle = ") != text.npos);
  }
}
