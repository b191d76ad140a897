// From axes (lists of values) to the points they span.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yoso/method.hpp>

namespace yoso {

// "512,1k,2k", "512..16k*2" (geometric), "512..4096+512" (arithmetic), any of these joined by commas; k = 1024,
// m = 1024^2. Throws BadSetting naming `flag`, the range and what was given.
std::vector<std::int64_t> parse_counts(std::string_view flag, std::string_view text, std::int64_t lowest,
                                       std::int64_t highest);
double parse_number(std::string_view flag, std::string_view text, double lowest, double highest);
std::uint64_t parse_bytes(std::string_view flag, std::string_view text);  // "512M", "2G": powers of 1024
std::vector<std::string> split(std::string_view text, char separator = ',');

// Values of a knob, as text: "8,16", "l2,rowsum", or with ranges of counts as above, "8..128*2".
std::vector<std::string> parse_values(std::string_view flag, std::string_view text);

// "yoso-m" -> the method; "all" -> every method and control. Keeps the order given, drops repetitions.
std::vector<const Method*> select(Methods catalogue, const std::vector<std::string>& names);

// A knob's values for every selected method that has it, and values for one method alone.
struct KnobLists {
  std::map<std::string, std::vector<std::string>> shared;                       // knob -> values
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> own;  // (method, knob) -> values
};

// Parses "performer.features=128,256" into lists.own. Throws BadSetting naming the nearest method or knob.
void parse_own_knob(Methods catalogue, std::string_view text, KnobLists& lists);

// Throws BadSetting when a shared knob belongs to none of the selected methods.
void check_knobs(const KnobLists& lists, const std::vector<const Method*>& selected, Methods catalogue);

// One method with its knobs resolved for a shape.
struct Member {
  const Method* method;
  Settings settings;
  std::vector<std::string> also = {};  // series_text() of members that resolved to the same settings at this shape
};

// Every combination of knob values of every method, in order. `for_error` takes the usual values of the error command.
std::vector<Member> expand(const std::vector<const Method*>& methods, const KnobLists& lists, const Shape& shape,
                           bool for_error);

// The knobs that differ from their usual value (or all), as "hashes=32 hash_bits=9".
std::string knob_text(const Member& member, bool all);

// The main knob and those that were asked for with another than the usual value, "auto" unresolved: the same text at
// every shape. `searched`: leaves the main knob out.
std::string series_text(const Member& member, bool searched = false);

}  // namespace yoso
