#include <yoso/knobs.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include <yoso/errors.hpp>

namespace yoso {
namespace {

// A count may carry k (1024) or m (1024^2).
bool parse_integer(std::string_view text, double& value) {
  std::int64_t factor = 1;
  if (!text.empty() && (text.back() == 'k' || text.back() == 'K')) factor = 1024;
  if (!text.empty() && (text.back() == 'm' || text.back() == 'M')) factor = 1024 * 1024;
  if (factor != 1) text.remove_suffix(1);
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  value = static_cast<double>(whole) * static_cast<double>(factor);
  return true;
}

bool parse_real(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string dashes(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '_', '-');
  return text;
}

std::string nearest(std::string_view name, std::span<const std::string> known) {
  std::string best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 2) + 1;
  for (const std::string& candidate : known) {
    std::size_t distance = edit_distance(name, candidate);
    if (!name.empty() && candidate.starts_with(name)) distance = std::min<std::size_t>(distance, 1);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

std::string Knob::flag() const { return "--" + dashes(name); }

std::string Knob::range() const {
  switch (kind) {
    case Kind::integer:
      return fmt::format("an {}{}integer in [{:.0f}, {:.0f}]{}", adjective, adjective.empty() ? "" : " ", lowest,
                         highest,
                         automatic ? " or auto" : "");  // every adjective so far begins with a vowel
    case Kind::real:
      return fmt::format("a number in [{}, {}]", lowest, highest);
    case Kind::choice:
      return fmt::format("one of {}", fmt::join(choices, ", "));
  }
  return {};
}

double parse(const Knob& knob, std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return BadSetting(fmt::format("{} must be {}, got '{}'{}", knob.flag(), knob.range(), text, why));
  };
  if (knob.kind == Knob::Kind::choice) {
    const auto at = std::ranges::find(knob.choices, text);
    if (at == knob.choices.end()) {
      const std::vector<std::string> known(knob.choices.begin(), knob.choices.end());
      const std::string close = nearest(text, known);
      throw refuse(close.empty() ? "" : fmt::format("; did you mean {}?", close));
    }
    return static_cast<double>(at - knob.choices.begin());
  }
  if (knob.automatic && text == "auto") return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const bool understood = knob.kind == Knob::Kind::integer ? parse_integer(text, value) : parse_real(text, value);
  if (!understood) throw refuse("");
  if (value < knob.lowest || value > knob.highest) {
    const std::string why(knob.out_of_range ? knob.out_of_range(value) : std::string());
    throw refuse(why.empty() ? "" : ": " + why);
  }
  if (knob.fits && !knob.fits(static_cast<std::int64_t>(value))) throw refuse("");
  return value;
}

Settings::Settings(std::span<const Knob> knobs, const Shape& shape) : knobs_(knobs), shape_(shape) {
  values_.reserve(knobs.size());
  for (const Knob& knob : knobs) values_.push_back(parse(knob, knob.usual));
}

void Settings::set(std::string_view knob, std::string_view text) {
  const Knob& found = find(knob);
  values_[static_cast<std::size_t>(&found - knobs_.data())] = parse(found, text);
}

const Knob& Settings::find(std::string_view knob) const {
  const auto at = std::ranges::find(knobs_, knob, &Knob::name);
  if (at != knobs_.end()) return *at;
  std::vector<std::string> known;
  for (const Knob& k : knobs_) known.emplace_back(k.name);
  if (known.empty()) throw BadSetting(fmt::format("there is no knob '{}': this method has none", knob));
  const std::string close = nearest(knob, known);
  throw BadSetting(fmt::format("there is no knob '{}'{}; this method has {}", knob,
                               close.empty() ? "" : fmt::format(" (did you mean {}?)", close), fmt::join(known, ", ")));
}

bool Settings::has(std::string_view knob) const { return std::ranges::find(knobs_, knob, &Knob::name) != knobs_.end(); }

std::int64_t Settings::integer(std::string_view knob) const { return static_cast<std::int64_t>(real(knob)); }

double Settings::real(std::string_view knob) const {
  const Knob& found = find(knob);
  const double value = values_[static_cast<std::size_t>(&found - knobs_.data())];
  return std::isnan(value) ? static_cast<double>(found.automatic(shape_, *this)) : value;
}

std::string_view Settings::choice(std::string_view knob) const {
  const Knob& found = find(knob);
  return found.choices[static_cast<std::size_t>(values_[static_cast<std::size_t>(&found - knobs_.data())])];
}

std::string Settings::text(std::string_view knob) const {
  const Knob& found = find(knob);
  if (found.kind == Knob::Kind::choice) return std::string(choice(knob));
  return found.kind == Knob::Kind::integer ? fmt::format("{}", integer(knob)) : fmt::format("{}", real(knob));
}

std::string Settings::asked(std::string_view knob) const {
  const Knob& found = find(knob);
  return std::isnan(values_[static_cast<std::size_t>(&found - knobs_.data())]) ? "auto" : text(knob);
}

}  // namespace yoso
