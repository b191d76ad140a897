// golden [FOLDER]: runs every case of a folder forward. Exit status 1 when one fails, or when none could be run.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "run.hpp"

namespace {

enum class Verdict { passed, failed, not_offered };

// A case is somebody's file: whatever is wrong with it, the others are still run.
std::pair<Verdict, std::string> judge(const std::filesystem::path& folder) try {
  const golden::Case c(folder);
  const std::string wrong = golden::failure(c, golden::plan(c));
  return {wrong.empty() ? Verdict::passed : Verdict::failed, wrong};
} catch (const golden::NotOffered& reason) {
  return {Verdict::not_offered, reason.what()};
} catch (const std::exception& reason) {
  return {Verdict::failed, reason.what()};
}

std::vector<std::filesystem::path> cases_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> cases;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_directory()) cases.push_back(entry.path());
  std::sort(cases.begin(), cases.end());
  return cases;
}

int run(const std::filesystem::path& folder) {
  int passed = 0, failed = 0, not_offered = 0;
  for (const std::filesystem::path& path : cases_in(folder)) {
    const auto [verdict, reason] = judge(path);
    const std::string id = path.filename().string();
    switch (verdict) {
      case Verdict::passed:
        ++passed;
        break;
      case Verdict::failed:
        ++failed;
        std::printf("FAILED       %s: %s\n", id.c_str(), reason.c_str());
        break;
      case Verdict::not_offered:
        ++not_offered;
        std::printf("not offered  %s: %s\n", id.c_str(), reason.c_str());
        break;
    }
  }
  std::printf("%d passed, %d failed, %d not offered\n", passed, failed, not_offered);
  return failed > 0 || passed == 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const chosen = std::getenv("YOSO_GOLDEN");
  const std::filesystem::path folder = argc > 1            ? argv[1]
                                       : chosen && *chosen ? chosen
                                                           : YOSO_SOURCE_DIR "/tests/golden/cases";
  try {
    if (argc <= 2) return run(folder);
    std::fprintf(stderr, "usage: golden [FOLDER OF CASES]\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "golden: %s\n", error.what());
  }
  return 1;
}
