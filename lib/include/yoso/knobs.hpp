// What a method lets you turn. One table drives flags, axes, JSON keys, `list`, docs and range errors.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <yoso/shape.hpp>

namespace yoso {

class Settings;

struct Knob {
  enum class Kind : std::uint8_t { integer, real, choice };

  std::string_view name;  // "hash_bits": the JSON key; the flag is --hash-bits
  Kind kind = Kind::integer;
  std::string_view help = {};
  double lowest = 0, highest = 0;                  // integer, real: inclusive
  bool (*fits)(std::int64_t) = nullptr;            // integer: which values within the bounds; null: all
  std::string_view adjective = {};                 // ... in a word: "even"
  std::span<const std::string_view> choices = {};  // choice
  std::string_view usual = {};                     // as typed on the command line; may be "auto"
  // What "auto" means for an integer knob, given the shape and the other knobs; null: it has no "auto".
  std::int64_t (*automatic)(const Shape&, const Settings&) = nullptr;
  std::string_view in_error = {};                 // what the `error` command uses unless told; empty: the usual value
  std::string_view paper = {};                    // what the paper or the reference code uses; empty: not stated
  std::string (*out_of_range)(double) = nullptr;  // why a value outside is refused, when the bounds do not say

  std::string flag() const;   // "--hash-bits"
  std::string range() const;  // "an even integer in [2, 64] or auto", "one of l2, rowsum, none"
};

// The knobs of one method for one shape: checked and resolved on the way in, so that engines never check again.
class Settings {
 public:
  // Everything at its usual value. "auto" is resolved when it is read, by the shape and the other knobs as they are
  // then.
  Settings(std::span<const Knob> knobs, const Shape& shape);

  // Throws BadSetting naming the knob, its range and the value; an unknown knob names the nearest known one.
  void set(std::string_view knob, std::string_view text);

  std::int64_t integer(std::string_view knob) const;
  double real(std::string_view knob) const;
  std::string_view choice(std::string_view knob) const;
  bool is(std::string_view knob, std::string_view value) const { return choice(knob) == value; }
  bool has(std::string_view knob) const;
  std::string text(std::string_view knob) const;   // resolved, as it would be typed
  std::string asked(std::string_view knob) const;  // the same, but "auto" where that was asked for

  std::span<const Knob> knobs() const { return knobs_; }
  const Shape& shape() const { return shape_; }

 private:
  const Knob& find(std::string_view knob) const;
  std::span<const Knob> knobs_;
  Shape shape_;
  std::vector<double> values_;  // as parse() gives them
};

// The value that `text` stands for on `knob`: of a choice its index, of "auto" NaN. Throws BadSetting.
double parse(const Knob& knob, std::string_view text);

// "hash_bits" <-> "hash-bits"
std::string dashes(std::string_view name);

// The entry of `known` with the smallest edit distance to `name`, or "" when none is close.
std::string nearest(std::string_view name, std::span<const std::string> known);

}  // namespace yoso
