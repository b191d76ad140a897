// One golden case: a folder with case.json and one .npy file for each array.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <yoso/array.hpp>

namespace golden {

// The case cannot be understood or contradicts itself: it fails. Never skipped, because a case that is skipped by
// mistake looks like one that passed.
class Broken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Understood, but a computation that we do not have, by rule.
class NotOffered : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using yoso::Array;

// The numbers and words of "params", checked as they are asked for.
class Params {
 public:
  using Value = std::variant<std::monostate, bool, double, std::string, std::vector<double>>;  // monostate: null

  void set(std::string name, Value value) { values_[std::move(name)] = std::move(value); }

  // Throws Broken when there is a parameter that the caller does not know: it might change the result.
  void only(std::initializer_list<std::string_view> known) const;

  bool has(std::string_view name) const { return find(name) != nullptr; }  // present and not null
  std::int64_t integer(std::string_view name) const;                       // at least 0
  double real(std::string_view name) const;
  bool flag(std::string_view name, bool otherwise) const;
  std::string text(std::string_view name) const;
  std::vector<std::int64_t> integers(std::string_view name) const;  // a list, or one number as a list of one

  // For constants that a method has built in: absent is fine, another value is Broken.
  void expect(std::string_view name, double value) const;
  void expect(std::string_view name, std::string_view value) const;

 private:
  const Value* find(std::string_view name) const;
  std::map<std::string, Value, std::less<>> values_;
};

struct Tolerance {
  bool exact = true;  // the case names no tolerance: codes and buckets
  double atol = 0, rtol = 0;
  std::set<std::int64_t> loose_rows;  // rows of the array, flattened to [-1, last extent], with loose_atol on top
  double loose_atol = 0;
  std::set<std::int64_t> skip_rows;  // any finite number will do: the peer's is an accident (1e12 of a zero vector)
};

class Case {
 public:
  explicit Case(const std::filesystem::path& folder);  // throws Broken

  std::string method, variant;
  std::int64_t batch = 0, heads = 0, n = 0, d = 0;
  Params params;

  bool has(std::string_view array) const { return arrays_.contains(std::string(array)); }
  // Throws Broken when the array is missing or has another shape than `shape`.
  const Array& array(std::string_view name, const std::vector<std::int64_t>& shape) const;
  const Array& array(std::string_view name) const;
  const Tolerance& tolerance(std::string_view name) const;

  std::vector<std::uint8_t> mask() const;  // [batch, n]; empty when every token is kept
  bool whole_item_padded() const;          // is there a batch item with no kept token?

  std::vector<std::string> expected() const;   // names of what a forward pass should give
  std::vector<std::string> gradients() const;  // names of what a backward pass should give
  std::vector<std::string> unread() const;     // inputs and randomness that nobody has asked for

 private:
  struct Entry {
    Array array;
    std::string role;
    Tolerance tolerance;
    mutable bool read = false;
  };
  std::map<std::string, Entry> arrays_;
};

std::string text_of(const std::vector<std::int64_t>& shape);  // "[2, 17, 8]"

}  // namespace golden
