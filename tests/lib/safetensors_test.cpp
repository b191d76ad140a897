#include <yoso/safetensors.hpp>

#include <sys/stat.h>

#include <cmath>

#include "allocations.hpp"
#include "files.hpp"

using namespace yoso;
using files::check_refusal;
using files::refusal;

namespace {

// Two tensors: a F32 [2, 3] at bytes 0-24, b U8 [4] at 24-28.
const std::string kHeader = R"({"__metadata__":{"model":"m"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                            R"("b":{"dtype":"U8","shape":[4],"data_offsets":[24,28]}} )";
const std::vector<float> kValues{0, 1, -2.5f, 1e-30f, 3, 4};
const std::string kData = files::bytes_of(kValues) + std::string("\1\0\1\1", 4);

std::string with(const std::string& from, const std::string& to) {
  std::string header = kHeader;
  const std::size_t at = header.find(from);
  REQUIRE(at != std::string::npos);
  return header.replace(at, from.size(), to);
}

void refused(const files::Folder& folder, const std::string& bytes, const std::string& field,
             const std::string& why = "") {
  const std::string path = folder.write("x.safetensors", bytes);
  check_refusal(refusal([&] { Safetensors file(path); }), path, field, why);
}

}  // namespace

TEST_CASE("a .safetensors file is read", "[safetensors]") {
  const files::Folder folder;
  const Safetensors file(folder.write("x.safetensors", files::safetensors(kHeader, kData)));
  CHECK(file.metadata() == std::map<std::string, std::string>{{"model", "m"}});
  REQUIRE(file.entries().size() == 2);
  CHECK(file.has("a"));
  CHECK_FALSE(file.has("c"));
  const Array a = file.read("a"), b = file.read("b");
  CHECK(a.shape == std::vector<std::int64_t>{2, 3});
  CHECK(a.values == kValues);
  CHECK(a.real);
  CHECK(b.values == std::vector<float>{1, 0, 1, 1});
  CHECK_FALSE(b.real);
}

TEST_CASE("every dtype that can be read is", "[safetensors]") {
  const files::Folder folder;
  const auto read = [&](const std::string& dtype, const std::string& data) {
    const std::string header =
        R"({"x":{"dtype":")" + dtype + R"(","shape":[2],"data_offsets":[0,)" + std::to_string(data.size()) + "]}}";
    return Safetensors(folder.write("x.safetensors", files::safetensors(header, data))).read("x").values;
  };
  const std::vector<float> want{1, -2}, mask{1, 0};
  CHECK(read("F64", files::bytes_of<double>({1, -2})) == want);
  CHECK(read("F32", files::bytes_of<float>({1, -2})) == want);
  CHECK(read("F16", files::bytes_of<std::uint16_t>({0x3c00, 0xc000})) == want);
  CHECK(read("BF16", files::bytes_of<std::uint16_t>({0x3f80, 0xc000})) == want);
  CHECK(read("I64", files::bytes_of<std::int64_t>({1, -2})) == want);
  CHECK(read("I32", files::bytes_of<std::int32_t>({1, -2})) == want);
  CHECK(read("U8", std::string("\1\0", 2)) == mask);
  CHECK(read("BOOL", std::string("\1\0", 2)) == mask);
  for (const std::string dtype : {"F8_E4M3", "I8"}) {
    const std::string message = refusal([&] { read(dtype, "ab"); });
    check_refusal(message, folder / "x.safetensors", "x.dtype", dtype);
  }
}

TEST_CASE("tensors may lie in any order, and may be empty", "[safetensors]") {
  const files::Folder folder;
  const std::string header = R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},)"
                             R"("none":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]},)"
                             R"("a":{"data_offsets":[0,4],"shape":[],"dtype":"F32"}})";
  const Safetensors file(folder.write("x.safetensors", files::safetensors(header, files::bytes_of<float>({1, 2}))));
  CHECK(file.read("a").values == std::vector<float>{1});
  CHECK(file.read("b").values == std::vector<float>{2});
  CHECK(file.read("none").values.empty());
  CHECK(Safetensors(folder.write("y.safetensors", files::safetensors("{}", ""))).entries().empty());
}

TEST_CASE("a header that is no header is refused", "[safetensors]") {
  const files::Folder folder;
  const auto header = [&](const std::string& text) { return files::safetensors(text, kData); };
  refused(folder, "", "file", "is empty");
  refused(folder, "1234567", "header length", "too few");
  refused(folder, files::safetensors(kHeader, "").substr(0, 50), "header length", "truncated");
  refused(folder, files::little_endian(UINT64_MAX, 8) + kHeader, "header length", "18446744073709551615");
  refused(folder, files::little_endian(1u << 30, 8) + kHeader, "header length", "do not fit");
  refused(folder, files::safetensors(std::string((16u << 20) + 1, ' '), ""), "header length", "must be at most");
  refused(folder, header(""), "header", "is not JSON");
  refused(folder, header("{"), "header", "is not JSON");
  refused(folder, header(kHeader + "}"), "header", "is not JSON");
  refused(folder, header("{\"\xff\":1}"), "header", "is not JSON");
  refused(folder, header("{\"a\":1e999}"), "header", "is not JSON");
  refused(folder, header(kHeader + std::string(3, '\0')), "header", "zero byte");
  for (const std::string text : {"[]", "1", "-1", "1.5", "true", "null", "\"x\""})
    refused(folder, header(text), "header", "must be an object");
}

TEST_CASE("nesting is refused at the first bracket too many", "[safetensors]") {
  const files::Folder folder;
  for (const std::string open : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 1000000; ++i) deep += open;
    refused(folder, files::safetensors(deep, ""), open == "[" ? "header" : "a",
            open == "[" ? "got an array" : "unknown field 'a'");
    refused(folder, files::safetensors(R"({"a":{"shape":)" + deep, ""), "a.shape", "whole numbers");
    refused(folder, files::safetensors(R"({"__metadata__":{"x":)" + deep, ""), "__metadata__.x", "must be a string");
  }
}

TEST_CASE("a header field that is wrong is refused by name", "[safetensors]") {
  const files::Folder folder;
  const auto edited = [&](const std::string& from, const std::string& to, const std::string& field,
                          const std::string& why = "") {
    CAPTURE(from, to);
    refused(folder, files::safetensors(with(from, to), kData), field, why);
  };
  // types
  edited(R"("m")", "1", "__metadata__.model", "must be a string");
  edited(R"({"model":"m"})", "[]", "__metadata__", "must be an object of strings");
  edited(R"({"dtype":"U8","shape":[4],"data_offsets":[24,28]})", "7", "b", "must be an object");
  edited(R"("U8")", "8", "b.dtype", "must be a string");
  edited(R"("U8")", "[8]", "b.dtype", "must be a string");
  edited(R"("U8")", R"("U9")", "b.dtype", "'U9'");
  edited("[2,3]", "6", "a.shape", "must be an array");
  edited("[2,3]", R"("23")", "a.shape", "must be an array");
  edited("[2,3]", R"([2,"3"])", "a.shape");
  edited("[2,3]", "[2,3.0]", "a.shape", "got 3.0");
  edited("[2,3]", "[-2,-3]", "a.shape", "got -2");
  edited("[2,3]", "[2,null]", "a.shape", "got null");
  edited("[2,3]", "[1,1,1,1,1,1,1,2,3]", "a.shape", "dimensions");
  edited("[0,24]", "[-1,24]", "a.data_offsets", "got -1");
  edited("[0,24]", "[0,24.0]", "a.data_offsets", "got 24.0");
  edited("[0,24]", "[0]", "a.data_offsets", "got 1 numbers");
  edited("[0,24]", "[0,24,24]", "a.data_offsets", "got 24");
  edited("[0,24]", "{}", "a.data_offsets", "got an object");
  // presence
  edited(R"("dtype":"U8",)", "", "b.dtype", "missing");
  edited(R"("shape":[4],)", "", "b.shape", "missing");
  edited(R"(,"data_offsets":[24,28])", "", "b.data_offsets", "missing");
  edited(R"("shape":[4])", R"("shape":[4],"strides":[1])", "b", "'strides'");
  edited(R"("shape":[4])", R"("shape":[4],"shape":[4])", "b.shape", "twice");
  edited(R"("model":"m")", R"("model":"m","model":"n")", "__metadata__.model", "twice");
  edited(R"("b":)", R"("a":)", "a", "twice");
  edited(R"("b":{)", R"("__metadata__":{)", "__metadata__", "twice");
  // sizes
  edited("[2,3]", "[2,4]", "a.shape", "needs 32 bytes, data_offsets give it 24");
  edited(R"("F32")", R"("F16")", "a.shape", "needs 12 bytes");
  edited("[2,3]", "[4294967296,4294967296]", "a.shape", "too large");
  edited("[2,3]", "[9223372036854775807]", "a.shape", "too large");
  edited("[2,3]", "[9223372036854775808]", "a.shape", "too large");
  edited("[2,3]", "[0,9223372036854775807,9223372036854775807]", "a.shape", "too large");
  edited("[2,3]", "[99999999999999999999]", "a.shape");
  // layout
  edited("[0,24]", "[24,0]", "a.data_offsets", "ends before it begins");
  edited("[24,28]", "[25,29]", "b.data_offsets", "exceeds");
  edited("[24,28]", "[18446744073709551612,18446744073709551615]", "b.data_offsets", "exceeds");
  edited("[24,28]", "[22,26]", "b.data_offsets", "overlaps the bytes of 'a'");
  edited("[24,28]", "[0,4]", "a.data_offsets", "overlaps the bytes of 'b'");
  edited("[0,24]},", "[4,28]},", "a.data_offsets", "leaves a hole of 4 bytes");
  refused(folder, files::safetensors(kHeader, kData + "x"), "file", "1 bytes after the last tensor");
  refused(folder, files::safetensors(kHeader, kData.substr(1)), "b.data_offsets", "exceeds");
  // names from the file stay on one line and short
  edited(R"("b":{"dtype":"U8")", R"("b\n\u0007\u00e9":{"dtype":"U9")", "b????.dtype");
  edited(R"("b":{"dtype":"U8")", '"' + std::string(100000, 'x') + R"(":{"dtype":"U9")", std::string(100, 'x') + "...");
}

TEST_CASE("a tensor that cannot be used is refused by name", "[safetensors]") {
  const files::Folder folder;
  const std::string path = folder.write("x.safetensors", files::safetensors(kHeader, kData));
  const Safetensors file(path);
  check_refusal(refusal([&] { file.read("q"); }), path, "q", "the file has a F32 [2, 3], b U8 [4]");
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    std::vector<float> values = kValues;
    values[3] = bad;
    folder.write("x.safetensors", files::safetensors(kHeader, files::bytes_of(values) + "1234"));
    check_refusal(refusal([&] { file.read("a"); }), path, "a[1, 0]", "finite");
  }
  folder.write("x.safetensors", files::safetensors(kHeader, ""));
  check_refusal(refusal([&] { file.read("a"); }), path, "a", "shrank");
}

TEST_CASE("what is no regular file is refused without waiting", "[safetensors]") {
  const files::Folder folder;
  const std::string fifo = folder / "fifo.safetensors";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  check_refusal(refusal([&] { Safetensors file(fifo); }), fifo, "file", "not a regular file");
  check_refusal(refusal([&] { Safetensors file(folder.path()); }), folder.path(), "file", "is a folder");
}

TEST_CASE("no allocation follows a size that the file does not have", "[safetensors]") {
  const files::Folder folder;
  for (const std::string shape : {"[1099511627776]", "[1048576,1048576]", "[4611686018427387904]"})
    for (const std::string offsets : {"[0,4398046511104]", "[0,28]", "[0,18446744073709551615]"}) {
      const std::string header = R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
      const std::string path = folder.write("x.safetensors", files::safetensors(header, kData));
      allocations::reset();
      const std::string message = refusal([&] { Safetensors file(path); });
      CHECK(allocations::largest() < 65536);
      CHECK_FALSE(message.empty());
    }
  const std::string path = folder.write("x.safetensors", files::little_endian(std::uint64_t{1} << 24, 8) + kHeader);
  allocations::reset();
  check_refusal(refusal([&] { Safetensors file(path); }), path, "header length");
  CHECK(allocations::largest() < 65536);
  // the watch itself works
  allocations::reset();
  const std::vector<char> large(1 << 20);
  CHECK(allocations::largest() >= large.size());
}

TEST_CASE("a sparse file beyond the machine's memory is refused, not loaded", "[safetensors]") {
  const files::Folder folder;
  const std::string header = R"({"a":{"dtype":"U8","shape":[8796093022208],"data_offsets":[0,8796093022208]}})";
  const std::string path = folder.write("x.safetensors", files::safetensors(header, ""));
  const off_t size = static_cast<off_t>(8 + header.size()) + (off_t{1} << 43);
  if (truncate(path.c_str(), size) != 0) return;  // this file system has no files of 8 TiB
  check_refusal(refusal([&] { Safetensors(path).read("a"); }), path, "a", "more memory than this machine has");
}
