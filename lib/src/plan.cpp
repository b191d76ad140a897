#include <yoso/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace yoso {
namespace {

constexpr std::size_t kMostMembers = 10000;  // of one method at one shape
constexpr std::size_t kMostValues = 4096;    // of one axis; a slip like 1..1m+1 should not hang

// A whole number with an optional k or m; false when the text is none, or does not fit.
bool parse_count(std::string_view text, std::int64_t& value) {
  std::int64_t factor = 1;
  if (!text.empty()) {
    const char last = text.back();
    factor = last == 'k' || last == 'K' ? 1024 : last == 'm' || last == 'M' ? 1024 * 1024 : 1;
    if (factor != 1) text.remove_suffix(1);
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  return !__builtin_mul_overflow(value, factor, &value);
}

class CountList {
 public:
  CountList(std::string_view flag, std::string_view text, std::int64_t lowest, std::int64_t highest)
      : flag_(flag), text_(text), lowest_(lowest), highest_(highest) {
    for (const std::string& item : split(text)) add(item);
  }
  std::vector<std::int64_t> values;

 private:
  BadSetting refuse() const {
    return BadSetting(
        fmt::format("{} must be whole numbers in [{}, {}] such as 512,1k or 512..16k*2 or 512..4k+512, got '{}'", flag_,
                    lowest_, highest_, text_));
  }
  std::int64_t one(std::string_view text) const {
    std::int64_t value = 0;
    if (!parse_count(text, value) || value < lowest_ || value > highest_) throw refuse();
    return value;
  }
  void push(std::int64_t value) {
    if (values.size() >= kMostValues)
      throw BadSetting(fmt::format("{} names more than {} values: '{}'", flag_, kMostValues, text_));
    values.push_back(value);
  }
  void add(std::string_view item) {
    const auto dots = item.find("..");
    if (dots == std::string_view::npos) return push(one(item));
    const auto step_at = item.find_first_of("*+", dots);
    if (step_at == std::string_view::npos) throw refuse();
    const std::int64_t first = one(item.substr(0, dots)), last = one(item.substr(dots + 2, step_at - dots - 2));
    std::int64_t step = 0;
    const bool geometric = item[step_at] == '*';
    if (!parse_count(item.substr(step_at + 1), step) || step < (geometric ? 2 : 1) || last < first) throw refuse();
    if (geometric && first == 0) throw refuse();
    for (std::int64_t value = first; value <= last;) {
      push(value);
      if (geometric ? __builtin_mul_overflow(value, step, &value) : __builtin_add_overflow(value, step, &value)) break;
    }
  }

  std::string_view flag_, text_;
  std::int64_t lowest_, highest_;
};

std::vector<std::string> names_of(const std::vector<const Method*>& methods) {
  std::vector<std::string> names;
  for (const Method* m : methods) names.emplace_back(m->name);
  return names;
}

bool has_knob(const Method& method, std::string_view knob) {
  return std::ranges::find(method.knobs, knob, &Knob::name) != method.knobs.end();
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t at = text.find(separator); at != std::string_view::npos; at = text.find(separator, start)) {
    parts.emplace_back(text.substr(start, at - start));
    start = at + 1;
  }
  parts.emplace_back(text.substr(start));
  return parts;
}

std::vector<std::int64_t> parse_counts(std::string_view flag, std::string_view text, std::int64_t lowest,
                                       std::int64_t highest) {
  return CountList(flag, text, lowest, highest).values;
}

std::vector<std::string> parse_values(std::string_view flag, std::string_view text) {
  std::vector<std::string> values;
  for (const std::string& item : split(text)) {
    if (item.find("..") == std::string::npos)
      values.push_back(item);
    else
      for (const std::int64_t count : parse_counts(flag, item, 0, INT64_MAX))
        values.push_back(fmt::format("{}", count));
  }
  return values;
}

double parse_number(std::string_view flag, std::string_view text, double lowest, double highest) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= lowest && value <= highest))
    throw BadSetting(fmt::format("{} must be a number in [{}, {}], got '{}'", flag, lowest, highest, text));
  return value;
}

std::uint64_t parse_bytes(std::string_view flag, std::string_view text) {
  const auto refuse = [&] {
    return BadSetting(fmt::format("{} must be a positive size such as 512M or 2G, got '{}'", flag, text));
  };
  std::string_view digits = text;
  int shift = 0;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 'k':
      case 'K':
        shift = 10;
        break;
      case 'm':
      case 'M':
        shift = 20;
        break;
      case 'g':
      case 'G':
        shift = 30;
        break;
      case 't':
      case 'T':
        shift = 40;
        break;
      default:
        break;
    }
    if (shift) digits.remove_suffix(1);
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value == 0 || value > (UINT64_MAX >> shift))
    throw refuse();
  return value << shift;
}

std::vector<const Method*> select(Methods catalogue, const std::vector<std::string>& names) {
  std::vector<const Method*> chosen;
  const auto choose = [&](const Method* method) {
    if (std::ranges::find(chosen, method) == chosen.end()) chosen.push_back(method);
  };
  for (const std::string& name : names) {
    if (name == "all")
      for (const Method* method : catalogue) choose(method);
    else
      choose(&find(catalogue, name));
  }
  return chosen;
}

void parse_own_knob(Methods catalogue, std::string_view text, KnobLists& lists) {
  const auto dot = text.find('.'), equals = text.find('=');
  if (dot == std::string_view::npos || equals == std::string_view::npos || equals < dot)
    throw BadSetting(fmt::format("-p must look like performer.features=128,256, got '{}'", text));
  const Method& method = find(catalogue, text.substr(0, dot));
  std::string knob(text.substr(dot + 1, equals - dot - 1));
  std::ranges::replace(knob, '-', '_');
  Settings usual(method.knobs, Shape{});
  for (const std::string& value : parse_values("-p " + std::string(text.substr(0, equals)), text.substr(equals + 1))) {
    try {
      usual.set(knob, value);
    } catch (const BadSetting& error) {
      throw BadSetting(fmt::format("-p {}: {}", method.name, error.what()));
    }
    lists.own[{std::string(method.name), knob}].push_back(value);
  }
}

void check_knobs(const KnobLists& lists, const std::vector<const Method*>& selected, Methods catalogue) {
  for (const auto& [knob, values] : lists.shared) {
    if (std::ranges::any_of(selected, [&knob = knob](const Method* m) { return has_knob(*m, knob); })) continue;
    std::vector<std::string> owners;
    for (const Method* m : catalogue)
      if (has_knob(*m, knob)) owners.emplace_back(m->name);
    throw BadSetting(fmt::format("--{} is a knob of {}, not of the selected {}", dashes(knob), fmt::join(owners, ", "),
                                 fmt::join(names_of(selected), ", ")));
  }
  for (const auto& [where, values] : lists.own)
    if (std::ranges::find(selected, where.first, &Method::name) == selected.end())
      throw BadSetting(fmt::format("-p {}.{}: {} is not among the selected methods {}", where.first, where.second,
                                   where.first, fmt::join(names_of(selected), ", ")));
}

std::vector<Member> expand(const std::vector<const Method*>& methods, const KnobLists& lists, const Shape& shape,
                           bool for_error) {
  std::vector<Member> members;
  for (const Method* method : methods) {
    Settings usual(method->knobs, shape);
    if (for_error)
      for (const Knob& knob : method->knobs)
        if (!knob.in_error.empty()) usual.set(knob.name, knob.in_error);
    std::vector<Member> mine{{method, usual}};
    for (const Knob& knob : method->knobs) {
      const auto own = lists.own.find({std::string(method->name), std::string(knob.name)});
      const auto shared = lists.shared.find(std::string(knob.name));
      const std::vector<std::string>* values = own != lists.own.end()         ? &own->second
                                               : shared != lists.shared.end() ? &shared->second
                                                                              : nullptr;
      if (!values) continue;
      std::vector<Member> grown;
      for (const Member& base : mine)
        for (const std::string& value : *values) {
          Member next = base;
          try {
            next.settings.set(knob.name, value);
          } catch (const BadSetting& error) {
            throw BadSetting(fmt::format("{}: {}", method->name, error.what()));
          }
          grown.push_back(std::move(next));
          if (grown.size() > kMostMembers)
            throw BadSetting(
                fmt::format("{}: its knobs span more than {} combinations; knobs can be given one method each "
                            "with -p, and in pairs with --zip",
                            method->name, kMostMembers));
        }
      mine = std::move(grown);
    }
    // values that resolve alike ("9,auto") are one point
    std::map<std::string, std::size_t> known;
    for (Member& m : mine) {
      const auto [same, fresh] = known.emplace(knob_text(m, true), members.size());
      if (fresh) {
        members.push_back(std::move(m));
        continue;
      }
      Member& one = members[same->second];
      if (std::string series = series_text(m); series != series_text(one)) one.also.push_back(std::move(series));
    }
  }
  return members;
}

std::string knob_text(const Member& member, bool all) {
  const Settings usual(member.settings.knobs(), member.settings.shape());
  std::string text;
  for (const Knob& knob : member.settings.knobs()) {
    const std::string value = member.settings.text(knob.name);
    const bool main = knob.name == member.method->main_knob;
    if (!all && !main && value == usual.text(knob.name)) continue;
    if (!text.empty()) text += ' ';
    text += fmt::format("{}={}", knob.name, value);
  }
  return text;
}

std::string series_text(const Member& member, bool searched) {
  const Settings usual(member.settings.knobs(), member.settings.shape());
  std::string text;
  for (const Knob& knob : member.settings.knobs()) {
    const std::string asked = member.settings.asked(knob.name);
    const bool main = knob.name == member.method->main_knob;
    if (main ? searched : asked == usual.asked(knob.name)) continue;
    if (!text.empty()) text += ' ';
    text += fmt::format("{}={}", knob.name, asked);
  }
  return text;
}

}  // namespace yoso
