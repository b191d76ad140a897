#include <yoso/capture.hpp>

#include <sys/stat.h>

#include <cmath>
#include <numeric>

#include "allocations.hpp"
#include "files.hpp"

using namespace yoso;
using files::check_refusal;
using files::refusal;

namespace {

using Extents = std::vector<std::int64_t>;

std::size_t count(const Extents& shape) {
  return static_cast<std::size_t>(std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
}

// 0, 1, 2, ... plus `from`
std::vector<float> ramp(const Extents& shape, float from) {
  std::vector<float> values(count(shape));
  std::iota(values.begin(), values.end(), from);
  return values;
}

std::string text(const Extents& shape, char open, char close) {
  std::string out(1, open);
  for (const std::int64_t extent : shape) out += std::to_string(extent) + ",";
  if (open == '[' && !shape.empty()) out.pop_back();
  return out + close;
}

// Builds a .safetensors file tensor by tensor.
struct Builder {
  std::string entries, data, metadata;

  Builder& add(const std::string& name, const std::string& dtype, const Extents& shape, const std::string& bytes) {
    entries += R"(,")" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + text(shape, '[', ']') +
               R"(,"data_offsets":[)" + std::to_string(data.size()) + "," + std::to_string(data.size() + bytes.size()) +
               "]}";
    data += bytes;
    return *this;
  }
  Builder& add(const std::string& name, const Extents& shape, float from = 0) {
    return add(name, "F32", shape, files::bytes_of(ramp(shape, from)));
  }
  Builder& mask(const std::string& name, const Extents& shape, const std::vector<std::uint8_t>& values) {
    return add(name, "U8", shape, files::bytes_of(values));
  }
  Builder& scale(const std::string& value) { return meta("logit_scale", value); }
  Builder& meta(const std::string& key, const std::string& value) {
    metadata = '"' + key + R"(":")" + value + '"';
    return *this;
  }
  std::string bytes() const {
    return files::safetensors(R"({"__metadata__":{)" + metadata + "}" + entries + "}", data);
  }
};

Builder qkv(const Extents& q, const Extents& k, const Extents& v) {
  return Builder().add("q", q).add("k", k, 100).add("v", v, 200);
}
Builder plain() { return qkv({1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 3, 4}); }

Capture read(const files::Folder& folder, const Builder& file) {
  return read_capture(folder.write("layer3.safetensors", file.bytes()));
}

void refused(const files::Folder& folder, const Builder& file, const std::string& field, const std::string& why = "") {
  const std::string path = folder.write("layer3.safetensors", file.bytes());
  check_refusal(refusal([&] { read_capture(path); }), path, field, why);
}

std::string npy(const Extents& shape, float from) {
  return files::npy("{'descr': '<f4', 'fortran_order': False, 'shape': " + text(shape, '(', ')') + "}",
                    files::bytes_of(ramp(shape, from)));
}

}  // namespace

TEST_CASE("a capture has the shape and the values of its file", "[capture]") {
  const files::Folder folder;
  const Capture c = read(folder, qkv({2, 3, 4, 5}, {2, 3, 6, 5}, {2, 3, 6, 7}));
  CHECK(c.shape == Shape{.batch = 2, .heads = 3, .n_q = 4, .n_k = 6, .d = 5, .d_v = 7});
  CHECK(c.q == ramp({2, 3, 4, 5}, 0));
  CHECK(c.k == ramp({2, 3, 6, 5}, 100));
  CHECK(c.v == ramp({2, 3, 6, 7}, 200));
  CHECK(c.name == "layer3");
  CHECK_FALSE(c.shared_qk);
  const Inputs in = c.inputs();
  CHECK(in.q == c.q.data());
  CHECK(in.k == c.k.data());
  CHECK(in.v == c.v.data());
  CHECK(in.keep_q == nullptr);
  CHECK(in.keep_k == nullptr);
}

TEST_CASE("a capture without a batch has a batch of one", "[capture]") {
  const files::Folder folder;
  CHECK(read(folder, qkv({3, 4, 5}, {3, 4, 5}, {3, 4, 5})).shape ==
        Shape{.batch = 1, .heads = 3, .n_q = 4, .n_k = 4, .d = 5, .d_v = 5});
}

TEST_CASE("the heads of a grouped-query capture are repeated", "[capture]") {
  const files::Folder folder;
  const Capture c = read(folder, qkv({2, 4, 3, 1}, {2, 2, 3, 1}, {2, 2, 3, 2}));
  CHECK(c.shape.heads == 4);
  REQUIRE(c.k.size() == static_cast<std::size_t>(c.shape.k_size()));
  REQUIRE(c.v.size() == static_cast<std::size_t>(c.shape.v_size()));
  for (std::size_t batch = 0; batch < 2; ++batch)
    for (std::size_t head = 0; head < 4; ++head)
      for (std::size_t e = 0; e < 6; ++e) {
        const std::size_t kv_row = batch * 2 + head / 2;
        if (e < 3) CHECK(c.k[(batch * 4 + head) * 3 + e] == static_cast<float>(100 + kv_row * 3 + e));
        CHECK(c.v[(batch * 4 + head) * 6 + e] == static_cast<float>(200 + kv_row * 6 + e));
      }
  CHECK(c.metadata.at("kv_heads") == "2");
}

TEST_CASE("masks become what engines are given", "[capture]") {
  const files::Folder folder;
  const std::vector<std::uint8_t> mask{1, 0, 1}, longer{1, 1, 0, 0, 1};
  const Capture both = read(folder, plain().mask("mask", {1, 3}, mask));
  CHECK(both.keep_q == mask);
  CHECK(both.keep_k == mask);
  CHECK(both.inputs().keep_k == both.keep_k.data());
  const Capture flat = read(folder, plain().add("mask", "F32", {3}, files::bytes_of<float>({1, 0, 1})));
  CHECK(flat.keep_k == mask);
  const Capture apart =
      read(folder, qkv({2, 3, 1}, {2, 5, 1}, {2, 5, 1}).mask("keep_q", {1, 3}, mask).mask("keep_k", {1, 5}, longer));
  CHECK(apart.keep_q == mask);
  CHECK(apart.keep_k == longer);
  const Capture keys = read(folder, plain().mask("keep_k", {1, 3}, mask));
  CHECK(keys.keep_q.empty());
  CHECK(keys.keep_k == mask);

  refused(folder, plain().mask("mask", {1, 3}, {1, 2, 1}), "mask[0, 1]", "got 2");
  refused(folder, plain().add("mask", "F32", {1, 3}, files::bytes_of<float>({0, -10000, 0})), "mask[0, 1]",
          "got -10000");
  refused(folder, plain().mask("mask", {1, 2}, {1, 1}), "mask", "must be [1, 3], got shape [1, 2]");
  refused(folder, plain().mask("mask", {3, 1}, mask), "mask", "must be [1, 3]");
  refused(folder, plain().mask("keep_k", {1, 3}, mask).mask("mask", {1, 3}, mask), "mask", "keep_k too");
  refused(folder, qkv({2, 3, 1}, {2, 5, 1}, {2, 5, 1}).mask("mask", {1, 3}, mask), "mask", "use keep_q and keep_k");
}

TEST_CASE("a causal model is compared causally", "[capture]") {
  const files::Folder folder;
  CHECK_FALSE(read(folder, plain()).shape.causal);
  CHECK_FALSE(read(folder, plain().meta("causal", "false")).shape.causal);
  const Capture c = read(folder, plain().meta("causal", "true"));
  CHECK(c.shape.causal);
  CHECK(c.first(2).shape.causal);
  refused(folder, plain().meta("causal", "yes"), "__metadata__.causal", "'yes'");
}

TEST_CASE("another logit scale is folded into q and recorded", "[capture]") {
  const files::Folder folder;
  const std::vector<float> q = ramp({1, 2, 3, 4}, 0);
  for (const std::string same : {"1/sqrt(d)", "0.5", "0.50000001"}) {  // d = 4
    const Capture c = read(folder, plain().scale(same));
    CHECK(c.q == q);
    CHECK(c.metadata.count("q_scaled_by") == 0);
  }
  const Capture unscaled = read(folder, plain().scale("1"));  // T5: no scale at all, so q times sqrt(4)
  for (std::size_t i = 0; i < q.size(); ++i) CHECK(unscaled.q[i] == 2 * q[i]);
  CHECK(unscaled.k == ramp({1, 2, 3, 4}, 100));
  CHECK(unscaled.metadata.at("q_scaled_by") == "2");
  for (const std::string bad : {"sqrt(d)", "", "0.5x", "-1", "0", "nan", "inf", "1e999"})
    refused(folder, plain().scale(bad), "__metadata__.logit_scale", "'" + bad + "'");
  refused(folder, plain().scale("1e30"), "__metadata__.logit_scale", "more than 1e+09");
}

TEST_CASE("sharing of Q and K is seen", "[capture]") {
  const files::Folder folder;
  const auto shared = [] { return Builder().add("q", {2, 3, 4}).add("k", {2, 3, 4}).add("v", {2, 3, 4}); };
  CHECK(read(folder, shared()).shared_qk);
  CHECK_FALSE(read(folder, shared().scale("1")).shared_qk);  // q was scaled
  CHECK_FALSE(read(folder, plain()).shared_qk);
}

TEST_CASE("a folder of .npy files is a capture", "[capture]") {
  const files::Folder folder;
  folder.write("q.npy", npy({2, 3, 4}, 0));
  folder.write("k.npy", npy({1, 3, 4}, 100));
  const std::string message = refusal([&] { read_capture(folder.path()); });
  check_refusal(message, folder.path(), "v.npy", "is missing");
  folder.write("v.npy", npy({1, 3, 4}, 200));
  folder.write("mask.npy",
               files::npy("{'descr': '|b1', 'fortran_order': False, 'shape': (1, 3)}", "\1\1" + std::string(1, '\0')));
  for (const std::string& path : {folder.path(), folder.path() + "/", folder / "q.npy"}) {
    const Capture c = read_capture(path);
    CHECK(c.shape == Shape{.batch = 1, .heads = 2, .n_q = 3, .n_k = 3, .d = 4, .d_v = 4});
    CHECK(c.q == ramp({2, 3, 4}, 0));
    CHECK(c.k.size() == c.q.size());
    CHECK(c.keep_k == std::vector<std::uint8_t>{1, 1, 0});
    CHECK(folder.path().ends_with(c.name));
  }
  check_refusal(refusal([&] { read_capture(folder / "k.npy"); }), folder / "k.npy", "file", "q.npy");
  const std::string v = folder.write("v.npy", npy({1, 5, 4}, 200));
  check_refusal(refusal([&] { read_capture(folder.path()); }), v, "v", "another number of tokens");
  folder.write("v.npy", "junk that is no array");
  check_refusal(refusal([&] { read_capture(folder.path()); }), v, "magic");
}

TEST_CASE("tensors that are no capture are refused by name", "[capture]") {
  const files::Folder folder;
  refused(folder, Builder().add("q", {1, 2, 3, 4}).add("value", {1, 2, 3, 4}), "k",
          "the file has q F32 [1, 2, 3, 4], value");
  refused(folder, qkv({6, 4}, {6, 4}, {6, 4}), "q", "got shape [6, 4]");
  refused(folder, qkv({1, 2, 3, 4}, {2, 3, 4}, {2, 3, 4}), "k", "3 dimensions but q has 4");
  refused(folder, qkv({1, 2, 3, 4}, {2, 2, 3, 4}, {2, 2, 3, 4}), "k", "another batch");
  refused(folder, qkv({1, 2, 3, 4}, {1, 2, 3, 5}, {1, 2, 3, 4}), "k", "another width");
  refused(folder, qkv({1, 2, 3, 4}, {1, 2, 3, 4}, {2, 2, 3, 4}), "v", "another batch");
  refused(folder, qkv({1, 2, 3, 4}, {1, 2, 3, 4}, {1, 1, 3, 4}), "v", "another number of heads");
  refused(folder, qkv({1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 4, 4}), "v", "[1, 2, 4, 4] against k [1, 2, 3, 4]");
  refused(folder, qkv({1, 3, 3, 4}, {1, 2, 3, 4}, {1, 2, 3, 4}), "k", "must divide");
  refused(folder, qkv({1, 2, 3, 4}, {1, 4, 3, 4}, {1, 4, 3, 4}), "k", "must divide");
  refused(folder, qkv({1, 2, 3, 4}, {1, 0, 3, 4}, {1, 0, 3, 4}), "k", "no elements");
  refused(folder, qkv({1, 2, 0, 4}, {1, 2, 3, 4}, {1, 2, 3, 4}), "q", "no elements");
  refused(folder, Builder().add("q", "U8", {1, 1, 2}, "ab").add("k", {1, 1, 2}).add("v", {1, 1, 2}), "q", "dtype U8");
  for (const float bad : {1.1e9f, -2e9f}) {
    const std::string bytes = files::bytes_of<float>({1, 1e9f, -1e9f, bad});
    refused(folder, Builder().add("q", {1, 2, 2}).add("k", "F32", {1, 2, 2}, bytes).add("v", {1, 2, 2}), "k[0, 1, 1]",
            "at most 1e+09");
  }
  refused(folder,
          Builder().add("q", {1, 1, 2}).add("k", {1, 1, 2}).add("v", "F16", {1, 1, 2}, std::string("\0\x7c\0\0", 4)),
          "v[0, 0, 0]", "finite");
}

TEST_CASE("paths that are no capture are refused", "[capture]") {
  const files::Folder folder;
  const std::string fifo = folder / "fifo.safetensors";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  check_refusal(refusal([&] { read_capture(fifo); }), fifo, "file", "not a regular file");
  const std::string archive = folder.write("x.npz", "PK");
  check_refusal(refusal([&] { read_capture(archive); }), archive, "file", ".npz");
  const std::string missing = folder / "missing.safetensors";
  check_refusal(refusal([&] { read_capture(missing); }), missing, "file", "cannot be opened");
  REQUIRE(mkdir((folder / "empty").c_str(), 0700) == 0);
  check_refusal(refusal([&] { read_capture(folder / "empty"); }), folder / "empty", "q.npy", "is missing");
}

TEST_CASE("a small file cannot make a huge capture", "[capture]") {
  const files::Folder folder;
  // One key head for 100000 query heads: repeated, the keys would take 200 GB.
  allocations::reset();
  refused(folder, qkv({1, 100000, 1, 1}, {1, 1, 500000, 1}, {1, 1, 500000, 1}), "k",
          "100000 query heads for one key head");
  CHECK(allocations::largest() < std::size_t{16} << 20);
}

TEST_CASE("the first tokens of a capture", "[capture]") {
  const files::Folder folder;
  const Capture whole = read(folder, qkv({2, 2, 4, 3}, {2, 2, 6, 3}, {2, 2, 6, 2})
                                         .mask("keep_q", {2, 4}, {1, 1, 0, 0, 1, 0, 1, 1})
                                         .mask("keep_k", {2, 6}, {1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1}));
  const Capture two = whole.first(2);
  CHECK(two.shape == Shape{.batch = 2, .heads = 2, .n_q = 2, .n_k = 2, .d = 3, .d_v = 2});
  CHECK(two.keep_q == std::vector<std::uint8_t>{1, 1, 1, 0});
  CHECK(two.keep_k == std::vector<std::uint8_t>{1, 1, 0, 1});
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t e = 0; e < 6; ++e) {
      CHECK(two.q[row * 6 + e] == whole.q[row * 12 + e]);
      CHECK(two.k[row * 6 + e] == whole.k[row * 18 + e]);
    }
    for (std::size_t e = 0; e < 4; ++e) CHECK(two.v[row * 4 + e] == whole.v[row * 12 + e]);
  }
  const Capture five = whole.first(5);
  CHECK(five.shape.n_q == 4);
  CHECK(five.shape.n_k == 5);
  CHECK(five.q == whole.q);
  CHECK(whole.first(6).k == whole.k);
  CHECK(two.name == whole.name);
  for (const std::int64_t bad : {-1, 0, 7}) CHECK_THROWS_AS(whole.first(bad), BadSetting);
}

TEST_CASE("the committed captures can be read", "[capture]") {
  const std::string folder = YOSO_SOURCE_DIR "/experiments/data/";
  const Capture first = read_capture(folder + "use-lite-layer0-n2048.safetensors");
  CHECK(first.shape == Shape{.batch = 1, .heads = 4, .n_q = 2048, .n_k = 2048, .d = 64, .d_v = 64});
  const Capture second = read_capture(folder + "use-lite-layer1-n512.safetensors");
  CHECK(second.shape == Shape{.batch = 1, .heads = 4, .n_q = 512, .n_k = 512, .d = 128, .d_v = 128});
  for (const Capture* c : {&first, &second}) {
    CHECK(c->metadata.at("logit_scale") == "1/sqrt(d)");
    CHECK_FALSE(c->shared_qk);
    double square = 0;
    for (const float x : c->q) square += static_cast<double>(x) * static_cast<double>(x);
    CHECK(square > 0);
  }
}
