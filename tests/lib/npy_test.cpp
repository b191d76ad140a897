#include <yoso/npy.hpp>

#include <sys/stat.h>

#include <cmath>
#include <limits>

#include "files.hpp"

using namespace yoso;
using files::check_refusal;
using files::refusal;

namespace {

const std::string kHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
const std::vector<float> kValues{0, 1, -2.5f, 1e-30f, 3, 4};

std::string header(const std::string& descr, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

void refused(const files::Folder& folder, const std::string& bytes, const std::string& field,
             const std::string& why = "") {
  const std::string path = folder.write("x.npy", bytes);
  check_refusal(refusal([&] { read_npy(path); }), path, field, why);
}

}  // namespace

TEST_CASE("half and bfloat16 are converted exactly, all 65536 of each", "[npy]") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    CAPTURE(bits);
    const int sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
    const float half = from_half(static_cast<std::uint16_t>(bits));
    if (exponent == 31 && fraction) {
      if (!std::isnan(half)) FAIL("must be NaN");
    } else {
      const double want = exponent == 31  ? sign * std::numeric_limits<double>::infinity()
                          : exponent == 0 ? sign * std::ldexp(fraction, -24)
                                          : sign * std::ldexp(1024 + fraction, exponent - 25);
      if (static_cast<double>(half) != want || std::signbit(half) != (sign < 0)) FAIL(half << " must be " << want);
    }
    const int wide = bits >> 7 & 255, short_fraction = bits & 127;
    const float brain = from_bfloat16(static_cast<std::uint16_t>(bits));
    if (wide == 255 && short_fraction) {
      if (!std::isnan(brain)) FAIL("must be NaN");
    } else {
      const double want = wide == 255 ? sign * std::numeric_limits<double>::infinity()
                          : wide == 0 ? sign * std::ldexp(short_fraction, -133)
                                      : sign * std::ldexp(128 + short_fraction, wide - 134);
      if (static_cast<double>(brain) != want || std::signbit(brain) != (sign < 0)) FAIL(brain << " must be " << want);
    }
  }
}

TEST_CASE("every type and version of .npy is read", "[npy]") {
  const files::Folder folder;
  const auto read = [&](const std::string& bytes) { return read_npy(folder.write("x.npy", bytes)); };
  for (const int major : {1, 2, 3}) {
    const Array array = read(files::npy(kHeader, files::bytes_of(kValues), major));
    CHECK(array.shape == std::vector<std::int64_t>{2, 3});
    CHECK(array.values == kValues);
    CHECK(array.dtype == "<f4");
    CHECK(array.real);
  }
  CHECK(read(files::npy(header("<f8", "(3,)"), files::bytes_of<double>({0.5, -1, 0x1p-149}))).values ==
        std::vector<float>{0.5f, -1, 0x1p-149f});
  CHECK(read(files::npy(header("<f2", "(3,)"), files::bytes_of<std::uint16_t>({0x3c00, 0xc000, 0x0001}))).values ==
        std::vector<float>{1, -2, 0x1p-24f});
  CHECK(read(files::npy(header("<i4", "(1, 2)"), files::bytes_of<std::int32_t>({-1, 7}))).values ==
        std::vector<float>{-1, 7});
  const Array long_integers = read(files::npy(header("<i8", "(2,)"), files::bytes_of<std::int64_t>({0, 1})));
  CHECK(long_integers.values == std::vector<float>{0, 1});
  CHECK_FALSE(long_integers.real);
  for (const char* const bytes : {"|u1", "|b1"})
    CHECK(read(files::npy(header(bytes, "(2,)"), std::string("\1\0", 2))).values == std::vector<float>{1, 0});
  CHECK(read(files::npy(header("<f4", "()"), files::bytes_of<float>({3}))).values == std::vector<float>{3});
  CHECK(read(files::npy(header("<f4", "(0, 5)"), "")).values.empty());
  CHECK(read(files::npy("{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}", files::bytes_of(kValues)))
            .values == kValues);
}

TEST_CASE("a large .npy is read across conversion chunks", "[npy]") {
  const files::Folder folder;
  std::vector<double> values(300001);  // 2.4 MB: three chunks
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) / 8;
  const Array array = read_npy(folder.write("x.npy", files::npy(header("<f8", "(300001,)"), files::bytes_of(values))));
  for (std::size_t i = 0; i < values.size(); ++i)
    if (array.values[i] != static_cast<float>(values[i])) FAIL("differs at " << i);
}

TEST_CASE("a .npy file that cannot be used is refused by file and field", "[npy]") {
  const files::Folder folder;
  const std::string data = files::bytes_of(kValues), good = files::npy(kHeader, data);
  refused(folder, "", "file", "is empty");
  refused(folder, "\x93NUM", "magic", "too few");
  refused(folder, "PK" + good.substr(2), "magic");
  refused(folder, files::npy(kHeader, data, 4), "version", "4.0");
  refused(folder, good.substr(0, 40), "header length", "do not fit");
  refused(folder, good.substr(0, good.size() - 1), "shape", "needs 24 bytes, the file has 23");
  refused(folder, good + "x", "shape", "the file has 25");
  refused(folder, "\x93NUMPY" + std::string("\2\0\xff\xff\xff\xff", 6) + kHeader, "header length", "4294967295");
  refused(folder, files::npy(std::string(70000, ' '), data, 2), "header length", "at most 65536");
  refused(folder, std::string("\x93NUMPY\2\0\0\0", 10), "header length");
  refused(folder, files::npy("", data), "header");
  refused(folder, files::npy("[1, 2]", data), "header");
  refused(folder, files::npy("{'descr': '<f4", data), "descr");
  refused(folder, files::npy(kHeader + "}", data), "header", "closing brace");
  refused(folder, files::npy(kHeader + std::string(1, '\0'), data), "header", "zero byte");
  refused(folder, files::npy(header("<f4", "(2, 3)", "True"), data), "fortran_order");
  refused(folder, files::npy(header("<f4", "(2, 3)", "Maybe"), data), "fortran_order");
  for (const std::string descr : {">f4", "<c8", "<f16", "|O", "<U4", ""})
    refused(folder, files::npy(header(descr, "(2, 3)"), data), "descr", "'" + descr + "'");
  refused(folder, files::npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}", data), "descr");
  for (const std::string shape : {"(-2, -3)", "(2, 3", "6", "('2', 3)", "(2.0, 3)", "(99999999999999999999,)", "(2 3)"})
    refused(folder, files::npy(header("<f4", shape), data), "shape");
  refused(folder, files::npy(header("<f4", "(4294967296, 4294967296)"), data), "shape", "too large");
  refused(folder, files::npy(header("<f4", "(0, 4294967296, 4294967296)"), ""), "shape", "too large");
  refused(folder, files::npy(header("<f4", "(1,1,1,1,1,1,1,1,1)"), data), "shape", "dimensions");
  refused(folder, files::npy("{'descr': '<f4', 'shape': (2, 3)}", data), "fortran_order", "missing");
  refused(folder, files::npy("{'fortran_order': False, 'shape': (2, 3)}", data), "descr", "missing");
  refused(folder, files::npy("{'descr': '<f4', 'fortran_order': False}", data), "shape", "missing");
  refused(folder, files::npy("{'shape': (2,), 'shape': (2, 3)}", data), "shape", "twice");
  refused(folder, files::npy("{'extra': '<f4'}", data), "header", "'extra'");
  refused(folder, files::npy("{'a\nb': '<f4'}", data), "header", "a?b");
  std::vector<float> bad = kValues;
  for (const float value : {NAN, INFINITY, -INFINITY}) {
    bad[4] = value;
    refused(folder, files::npy(kHeader, files::bytes_of(bad)), "data[1, 1]", "finite");
  }
  refused(folder, files::npy(header("<f8", "(1,)"), files::bytes_of<double>({1e300})), "data[0]", "finite");
  refused(folder, files::npy(header("<f2", "(1,)"), files::bytes_of<std::uint16_t>({0x7e00})), "data[0]", "finite");
}

TEST_CASE("what is no regular file is refused at once", "[npy]") {
  const files::Folder folder;
  const std::string fifo = folder / "fifo.npy";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  check_refusal(refusal([&] { read_npy(fifo); }), fifo, "file", "not a regular file");
  check_refusal(refusal([&] { read_npy(folder.path()); }), folder.path(), "file", "is a folder");
  check_refusal(refusal([&] { read_npy("/dev/zero"); }), "/dev/zero", "file", "not a regular file");
  const std::string missing = folder / "missing.npy";
  check_refusal(refusal([&] { read_npy(missing); }), missing, "file", "cannot be opened");
}
