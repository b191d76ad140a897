// Thousands of damaged files: each is read, or refused with one line that names the file. Nothing else may happen, also
// under the sanitizers. The mutations are seeded, so a failure is repeated by its number.
#include <algorithm>
#include <array>
#include <cmath>

#include <yoso/capture.hpp>
#include <yoso/npy.hpp>
#include <yoso/random.hpp>
#include <yoso/safetensors.hpp>

#include "allocations.hpp"
#include "files.hpp"

using namespace yoso;

namespace {

const std::string kSafetensors = [] {
  std::vector<float> values(24);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 4;
  const std::string tensor = files::bytes_of(values);
  return files::safetensors(
      R"({"__metadata__":{"logit_scale":"0.25","model":"m"},)"
      R"("q":{"dtype":"F32","shape":[1,2,3,4],"data_offsets":[0,96]},)"
      R"("k":{"dtype":"F16","shape":[1,1,3,4],"data_offsets":[96,120]},"v":{"dtype":"BF16","shape":[1,1,3,4],)"
      R"("data_offsets":[120,144]},"mask":{"dtype":"U8","shape":[1,3],"data_offsets":[144,147]}})",
      tensor + std::string(48, '\x30') + std::string("\1\1\0", 3));
}();

const std::string kNpy = files::npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4), }      \n",
                                    files::bytes_of(std::vector<float>(24, 0.5f)));

// What numbers and words of a header are replaced by.
constexpr std::array<std::string_view, 24> kValues{"0",
                                                   "1",
                                                   "-1",
                                                   "3",
                                                   "96",
                                                   "147",
                                                   "148",
                                                   "65536",
                                                   "4294967295",
                                                   "4294967296",
                                                   "9223372036854775807",
                                                   "9223372036854775808",
                                                   "18446744073709551615",
                                                   "18446744073709551616",
                                                   "1e308",
                                                   "1e999",
                                                   "0.5",
                                                   "null",
                                                   "true",
                                                   "[]",
                                                   "{}",
                                                   "\"\"",
                                                   "\"F64\"",
                                                   "'<f8'"};

class Mutator {
 public:
  explicit Mutator(std::uint64_t number) : random_(number, stream_of("fuzz")) {}

  std::string mutate(std::string bytes, std::size_t header_begin, std::size_t header_end, bool fix_length) {
    for (std::uint64_t times = 1 + below(3); times > 0 && !bytes.empty(); --times)
      step(bytes, header_begin, header_end, fix_length);
    return bytes;
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_.below(next_++, limit); }
  std::size_t place(const std::string& bytes) { return below(bytes.size()); }

  void step(std::string& bytes, std::size_t header_begin, std::size_t header_end, bool fix_length) {
    switch (below(7)) {
      case 0:
        bytes[place(bytes)] = static_cast<char>(below(256));
        return;
      case 1:
        bytes[place(bytes)] ^= static_cast<char>(1 << below(8));
        return;
      case 2:
        bytes.resize(place(bytes));
        return;
      case 3: {  // splice a piece over another place
        const std::size_t from = place(bytes), to = place(bytes);
        const std::string piece = bytes.substr(from, below(40));
        bytes.replace(to, std::min(piece.size(), bytes.size() - to), piece);
        return;
      }
      case 4:
        bytes.insert(place(bytes), bytes.substr(place(bytes), below(40)));
        return;
      case 5:
        bytes.erase(place(bytes), below(20));
        return;
      default:
        edit_header(bytes, header_begin, header_end, fix_length);
    }
  }

  // Replaces one number or quoted word of the header, and sets the header's length right again.
  void edit_header(std::string& bytes, std::size_t begin, std::size_t end, bool fix_length) {
    if (bytes.size() < end) return;
    std::size_t from = begin + below(end - begin);
    const auto starts_value = [&](char c) { return (c >= '0' && c <= '9') || c == '"' || c == '\''; };
    while (from < end && !starts_value(bytes[from])) ++from;
    if (from == end) return;
    std::size_t to = from + 1;
    const char first = bytes[from];
    if (first == '"' || first == '\'') {
      while (to < end && bytes[to] != first) ++to;
      to = std::min(to + 1, end);
    } else {
      while (to < end && bytes[to] >= '0' && bytes[to] <= '9') ++to;
    }
    const std::string_view value = kValues[below(kValues.size())];
    bytes.replace(from, to - from, value);
    if (fix_length) bytes.replace(0, 8, files::little_endian(end - begin + value.size() - (to - from), 8));
  }

  Random random_;
  std::uint64_t next_ = 0;
};

struct Tally {
  int read = 0, refused = 0;
};

// Reads one damaged file; what the reader throws besides BadInput fails the test case.
template <class Read>
void attempt(const std::string& path, std::size_t size, std::uint64_t number, Tally& tally, const Read& read) {
  allocations::reset();
  try {
    read();
    ++tally.read;
  } catch (const BadInput& error) {
    const std::string message = error.what();
    if (!message.starts_with(path + ": ") || message.find('\n') != std::string::npos ||
        message.size() > path.size() + 1200)
      FAIL("mutation " << number << ": " << message);
    ++tally.refused;
  } catch (const std::exception& error) {
    FAIL("mutation " << number << " throws something else: " << error.what());
  }
  if (allocations::largest() > 65536 + 128 * size)
    FAIL("mutation " << number << " allocates " << allocations::largest());
}

}  // namespace

TEST_CASE("damaged .safetensors captures are read or refused", "[fuzz]") {
  const files::Folder folder;
  Tally tally;
  const std::size_t header_end = kSafetensors.size() - 147;
  for (std::uint64_t number = 0; number < 6000; ++number) {
    const std::string bytes = Mutator(number).mutate(kSafetensors, 8, header_end, true);
    const std::string path = folder.write("x.safetensors", bytes);
    attempt(path, bytes.size(), number, tally, [&] {
      const Capture c = read_capture(path);
      check(c.shape);
      if (c.q.size() != static_cast<std::size_t>(c.shape.q_size()) ||
          c.k.size() != static_cast<std::size_t>(c.shape.k_size()) ||
          c.v.size() != static_cast<std::size_t>(c.shape.v_size()))
        FAIL("mutation " << number << " has tensors of another size than its shape");
      for (const auto* tensor : {&c.q, &c.k, &c.v})
        for (const float x : *tensor)
          if (!(std::abs(x) <= kLargestInput)) FAIL("mutation " << number << " lets " << x << " through");
    });
  }
  CHECK(tally.read > 200);  // changes of values, names and metadata may leave a good file
  CHECK(tally.refused > 3000);
}

TEST_CASE("damaged .npy files are read or refused", "[fuzz]") {
  const files::Folder folder;
  Tally tally;
  const std::size_t header_end = kNpy.size() - 96;
  for (std::uint64_t number = 0; number < 6000; ++number) {
    const std::string bytes = Mutator(number).mutate(kNpy, 10, header_end, false);
    const std::string path = folder.write("x.npy", bytes);
    attempt(path, bytes.size(), number, tally, [&] {
      const Array array = read_npy(path);
      std::size_t size = 1;
      for (const std::int64_t extent : array.shape) size *= static_cast<std::size_t>(extent);
      if (size != array.values.size()) FAIL("mutation " << number << " has another size than its shape");
    });
  }
  CHECK(tally.read > 200);
  CHECK(tally.refused > 3000);
}

TEST_CASE("a file cut at every length is refused", "[fuzz]") {
  const files::Folder folder;
  Tally tally;
  for (std::size_t size = 0; size < kSafetensors.size(); ++size) {
    const std::string path = folder.write("x.safetensors", kSafetensors.substr(0, size));
    attempt(path, size, size, tally, [&] { read_capture(path); });
  }
  for (std::size_t size = 0; size < kNpy.size(); ++size) {
    const std::string path = folder.write("x.npy", kNpy.substr(0, size));
    attempt(path, size, size, tally, [&] { read_npy(path); });
  }
  CHECK(tally.read == 0);
  const std::string path = folder.write("x.safetensors", kSafetensors);
  CHECK(read_capture(path).shape.heads == 2);
  CHECK(read_npy(folder.write("x.npy", kNpy)).values.size() == 24);
}
