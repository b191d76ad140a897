// The golden test has to fail when it should: doctored copies of cases, made in a temporary folder, are given to it.
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "catch.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Result {
  int status = -1;
  std::string output, last_line;
};

Result golden(const std::string& folder) {
  Result result;
  FILE* const pipe = popen((GOLDEN " '" + folder + "' 2>&1").c_str(), "r");
  REQUIRE(pipe);
  char line[4096];
  while (std::fgets(line, sizeof line, pipe)) {
    result.output += line;
    result.last_line = line;
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.status = WEXITSTATUS(status);  // otherwise it crashed, and -1 is no expected status
  return result;
}

// A folder of its own for one test, removed afterwards.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "golden-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path copy(const std::string& id) const {
    const fs::path to = path_ / id;
    fs::copy(fs::path(YOSO_SOURCE_DIR "/tests/golden/cases") / id, to);
    for (const auto& file : fs::directory_iterator(to))  // the originals may be read-only
      fs::permissions(file.path(), fs::perms::owner_write, fs::perm_options::add);
    return to;
  }
  std::string name() const { return path_.string(); }

 private:
  fs::path path_;
};

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

using Doctoring = std::function<void(const fs::path&)>;

Doctoring in_json(const std::function<void(json&)>& change) {
  return [change](const fs::path& folder) {
    json parsed = json::parse(read(folder / "case.json"));
    change(parsed);
    write(folder / "case.json", parsed.dump());
  };
}

Doctoring param(const std::string& name, const json& value) {
  return in_json([name, value](json& j) { j["params"][name] = value; });
}

// Element `index` of an array; the values are the file's last bytes.
Doctoring element(const std::string& array, std::size_t index, const std::function<float(float)>& change) {
  return [=](const fs::path& folder) {
    const fs::path path = folder / (array + ".npy");
    std::string bytes = read(path);
    std::size_t header = 10 + static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
    char* const at = bytes.data() + header + index * sizeof(float);
    float value = 0;
    std::memcpy(&value, at, sizeof value);
    value = change(value);
    std::memcpy(at, &value, sizeof value);
    write(path, bytes);
  };
}

Doctoring remove(const std::string& file) {
  return [=](const fs::path& folder) { REQUIRE(fs::remove(folder / file)); };
}

Doctoring truncate(const std::string& file, std::uintmax_t size) {
  return [=](const fs::path& folder) { fs::resize_file(folder / file, size); };
}

struct Doctored {
  const char* id;
  const char* what;
  Doctoring doctor;
  const char* reason;  // has to stand in the line about the case
};

const auto one_more = [](float x) { return x + 1; };
const auto a_bit_more = [](float x) { return x + 1e-3f; };

const std::vector<Doctored>& doctored() {
  static const std::vector<Doctored> list = {
      {"softmax_mask", "an output", element("out", 70, a_bit_more), "1 of"},
      {"softmax_mask", "an output that is no number", element("out", 0, [](float) { return NAN; }), "out.npy"},
      {"softmax_mask", "a gradient", element("dk", 12, a_bit_more), "dk: 1 of"},
      {"softmax_mask", "the upstream gradient", element("dout", 30, one_more), "outside the tolerance"},
      {"softmax_mask", "no upstream gradient", in_json([](json& j) { j["arrays"].erase("dout"); }),
       "'dout' is missing"},
      {"softmax_mask", "an unknown gradient", in_json([](json& j) {
         j["arrays"]["dqk"] = j["arrays"]["dq"];
         j["arrays"].erase("dq");
       }),
       "dqk"},
      {"reformer_l_basic", "a gradient of the shared Q and K", element("dqk", 3, a_bit_more), "dqk: 1 of"},
      {"performer_yoso_mask", "a gradient through scaled inputs", element("dq", 3, a_bit_more), "dq: 1 of"},
      {"yosoe_v1_basic", "another gradient, in words", param("gradient", "true derivative"), "gradient"},
      {"yosom_v1_gauss_mask", "another gradient", param("n2_backward", true), "gradient"},
      {"softmax_mask", "a mask bit", element("mask", 0, [](float x) { return 1 - x; }), "outside the tolerance"},
      {"softmax_mask", "a mask between", element("mask", 3, [](float) { return 0.5f; }), "neither 0 nor 1"},
      {"softmax_basic", "an input", element("k", 9, one_more), "outside the tolerance"},
      {"softmax_basic", "an unknown variant", in_json([](json& j) { j["variant"] = "flash"; }),
       "unknown variant 'flash'"},
      {"softmax_basic", "an unknown method", in_json([](json& j) { j["method"] = "softmin"; }),
       "unknown method 'softmin'"},
      {"softmax_basic", "an unknown parameter", param("temperature", 2), "unknown parameter 'temperature'"},
      {"softmax_basic", "another scale", param("scale", "1/d"), "scale"},
      {"softmax_basic", "another scale, a number", param("scale", 0.5), "scale"},
      {"softmax_basic", "no variant", in_json([](json& j) { j.erase("variant"); }), "variant"},
      {"softmax_basic", "no shape", in_json([](json& j) { j.erase("shape"); }), "shape"},
      {"softmax_basic", "a wrong shape", in_json([](json& j) { j["shape"]["n"] = 18; }), "has to be"},
      {"softmax_basic", "a huge shape", in_json([](json& j) { j["shape"]["n"] = 1e11; }), "count"},
      {"softmax_basic", "a negative shape", in_json([](json& j) { j["shape"]["n"] = -1; }), "count"},
      {"softmax_basic", "shapes that disagree", in_json([](json& j) { j["arrays"]["q"]["shape"][2] = 18; }), "q.npy"},
      {"softmax_basic", "a missing entry", in_json([](json& j) { j["arrays"].erase("k"); }), "'k' is missing"},
      {"softmax_basic", "no output", in_json([](json& j) { j["arrays"].erase("out"); }), "'out' is missing"},
      {"softmax_basic", "a new role", in_json([](json& j) { j["arrays"]["q"]["role"] = "guess"; }), "role"},
      {"softmax_basic", "an unknown array", in_json([](json& j) {
         j["arrays"]["bias"] = j["arrays"]["k"];
         j["arrays"]["k"]["role"] = "input";
       }),
       "bias.npy"},
      {"softmax_basic", "params that are no object", in_json([](json& j) { j["params"] = 3; }), "params"},
      {"softmax_basic", "a tolerance of NaN", in_json([](json& j) { j["tolerance"]["out"]["atol"] = "inf"; }), "atol"},
      {"softmax_basic", "no tolerance", in_json([](json& j) { j["tolerance"].erase("out"); }), "outside the tolerance"},
      {"softmax_basic", "a missing file", remove("v.npy"), "v.npy"},
      {"softmax_basic", "no case.json", remove("case.json"), "case.json"},
      {"softmax_basic", "half a case.json", truncate("case.json", 200), "not JSON"},
      {"softmax_basic", "a short file", truncate("q.npy", 300), "q.npy"},
      {"softmax_basic", "an empty file", truncate("q.npy", 0), "q.npy"},
      {"yosoe_v1_mask", "another dot_scale", param("dot_scale", 0.5), "outside the tolerance"},
      {"yosoe_v1_mask", "a dot_scale out of range", param("dot_scale", 2), "dot_scale"},
      {"yosoe_v1_mask", "an unnormalised output", param("normalize_output", false), "outside the tolerance"},
      {"yosoe_v1_conv", "an even window", param("conv_window", 4), "odd"},
      {"yosoe_v1_conv", "a convolution weight", element("conv_w", 2, one_more), "outside the tolerance"},
      {"yosom_v1_gauss_mask", "a query code", element("q_codes", 5, one_more), "q_codes: 1 of"},
      {"yosom_v1_gauss_mask", "a key code", element("k_codes", 17, one_more), "k_codes: 1 of"},
      {"yosom_v1_gauss_mask", "an output", element("out", 3, a_bit_more), "out: 1 of"},
      {"yosom_v1_gauss_mask", "an unknown hasher", param("hasher", "simhash"), "simhash"},
      {"yosom_v1_gauss_mask", "fewer hashes", param("num_hash", 8), "hyperplanes"},
      {"yosom_v1_gauss_mask", "no hyperplanes", in_json([](json& j) { j["arrays"].erase("hyperplanes"); }),
       "hyperplanes"},
      {"yosom_v1_hadamard_mask", "a sign", element("dmat", 0, [](float x) { return -x; }), "codes"},
      {"linformer_yoso_mask", "the projection", element("E", 0, one_more), "outside the tolerance"},
      {"linformer_lucidrains_short", "too short a seq_len", param("seq_len", 16), "seq_len"},
      {"performer_softmax", "another eps", param("eps", 1e-6), "eps"},
      {"performer_softmax", "a feature", element("projection", 0, one_more), "outside the tolerance"},
      {"reformer_l_basic", "a bucket", element("buckets", 40, one_more), "buckets: 1 of"},
      {"reformer_l_basic", "the rotations", element("rotations", 0, [](float x) { return -4 * x; }), "buckets"},
      {"reformer_hf_basic", "chunks_before", param("chunks_before", 2), "chunks_before"},
      {"reformer_hf_basic", "an odd bucket count", param("num_buckets", 7), "even"},
      {"reformer_hf_decoder", "not a decoder", param("is_decoder", false), "outside the tolerance"},
      {"nystrom_yoso", "fewer iterations", param("iterations", 2), "outside the tolerance"},
      {"longformer_local", "another window", param("attention_window", 4), "outside the tolerance"},
      {"longformer_local", "an odd window", param("attention_window", 7), "even"},
      {"linear_idiap_mask", "another denominator", param("denom_eps", 1e-3), "denom_eps"},
  };
  return list;
}

}  // namespace

TEST_CASE("golden passes a faithful copy", "[golden]") {
  const Folder folder;
  folder.copy("softmax_mask");
  folder.copy("yosom_v1_gauss_mask");
  const Result result = golden(folder.name());
  CAPTURE(result.output);
  CHECK(result.status == 0);
  CHECK(result.last_line == "2 passed, 0 failed, 0 not offered\n");
}

TEST_CASE("golden fails a doctored case, and only that", "[golden]") {
  for (const Doctored& d : doctored()) {
    const Folder folder;
    folder.copy("linear_n1");
    d.doctor(folder.copy(d.id));
    const Result result = golden(folder.name());
    CAPTURE(d.id, d.what, result.output);
    CHECK(result.status == 1);
    CHECK(result.last_line == "1 passed, 1 failed, 0 not offered\n");
    CHECK(result.output.find("FAILED       " + std::string(d.id)) != std::string::npos);
    CHECK(result.output.find(d.reason) != std::string::npos);
  }
}

TEST_CASE("golden judges by rule, not by name", "[golden]") {
  const Folder folder;
  const fs::path not_ours = folder.copy("linear_yoso"), ours = folder.copy("linear_n1");
  fs::rename(not_ours, folder.name() + "/softmax_basic");
  fs::rename(ours, folder.name() + "/linear_yoso");
  const Result result = golden(folder.name());
  CAPTURE(result.output);
  CHECK(result.status == 0);
  CHECK(result.last_line == "1 passed, 0 failed, 1 not offered\n");
  CHECK(result.output.find("not offered  softmax_basic") != std::string::npos);
}

TEST_CASE("golden fails when nothing ran", "[golden]") {
  const Folder folder;
  CHECK(golden(folder.name()).status == 1);  // no case at all
  folder.copy("linear_yoso");
  CHECK(golden(folder.name()).status == 1);  // none of ours
  CHECK(golden(folder.name() + "/nowhere").status == 1);
}
