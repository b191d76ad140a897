// What the catalogue says of its methods: these texts become flags, columns, keys and tables.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <yoso/catalogue.hpp>

#include "catch.hpp"
#include "walk.hpp"

using namespace conformance;
using yoso::catalogue, yoso::Knob;

namespace {

// Lower-case words joined by `joint`, the first beginning with a letter.
bool is_name(std::string_view text, char joint) {
  if (text.empty() || text.front() < 'a' || text.front() > 'z' || text.back() == joint) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == joint ? text[i - 1] == joint : !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) return false;
  }
  return true;
}

bool is_line(std::string_view text) {
  return !text.empty() && text.find('\n') == text.npos && text.front() != ' ' && text.back() != ' ';
}

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const std::int64_t n : {1, 2, 3, 512, 100000}) all.push_back({.batch = 2, .heads = 4, .n_q = n, .n_k = n});
  return all;
}

}  // namespace

TEST_CASE("methods are named after their folders", "[catalogue]") {
  std::set<std::string> names, folders;
  for (const Method* method : catalogue()) {
    CAPTURE(method->name);
    CHECK(is_name(method->name, '-'));
    CHECK(names.insert(std::string(method->name)).second);
    CHECK(&yoso::find(catalogue(), method->name) == method);
  }
  for (const auto& folder : std::filesystem::directory_iterator(YOSO_SOURCE_DIR "/kernels"))
    if (exists(folder.path() / "method.cpp")) folders.insert(yoso::dashes(folder.path().filename().string()));
  CHECK(names == folders);
}

TEST_CASE("methods say what they are", "[catalogue]") {
  for (const Method* method : catalogue()) {
    CAPTURE(method->name);
    CHECK(is_line(method->title));
    CHECK(method->title.size() <= 100);
    CHECK((method->paper.empty() || is_line(method->paper)));
    CHECK((method->equation.empty() || is_line(method->equation)));
    CHECK(method->cpu.build != nullptr);
    const auto is_main = [&](const Knob& knob) { return knob.name == method->main_knob; };
    CHECK((method->main_knob.empty() || std::ranges::any_of(method->knobs, is_main)));
  }
}

TEST_CASE("knobs are what their table says", "[catalogue]") {
  for (const Method* method : catalogue()) {
    std::set<std::string_view> names;
    for (const Knob& knob : method->knobs) {
      CAPTURE(method->name, knob.name, knob.usual, knob.in_error);
      CHECK(is_name(knob.name, '_'));
      CHECK(names.insert(knob.name).second);
      CHECK(is_line(knob.help));
      for (const Shape& shape : shapes()) {
        CAPTURE(text(shape));
        CHECK_NOTHROW(yoso::parse(knob, knob.usual));
        if (!knob.in_error.empty()) CHECK_NOTHROW(yoso::parse(knob, knob.in_error));
        if (knob.automatic) {
          CHECK(knob.kind == Knob::Kind::integer);
          const auto value = static_cast<double>(knob.automatic(shape, Settings(method->knobs, shape)));
          CHECK((knob.lowest <= value && value <= knob.highest));
        }
      }
      if (knob.kind == Knob::Kind::choice) {
        CHECK(knob.choices.size() >= 2);
        CHECK(std::set(knob.choices.begin(), knob.choices.end()).size() == knob.choices.size());
        for (const std::string_view choice : knob.choices) CHECK(is_name(choice, '-'));
        CHECK_THROWS_AS(yoso::parse(knob, "nonsense"), yoso::BadSetting);
        continue;
      }
      CHECK(knob.lowest < knob.highest);
      const double step = knob.kind == Knob::Kind::integer ? 1 : 1e-3;
      for (const double outside : {knob.lowest - step, knob.highest + step})
        CHECK_THROWS_AS(yoso::parse(knob, fmt::format("{}", outside)), yoso::BadSetting);
      for (const double end : {knob.lowest, knob.highest}) CHECK(yoso::parse(knob, fmt::format("{}", end)) == end);
    }
  }
}

TEST_CASE("a target is a method, or comes with its expectation", "[catalogue]") {
  for (const Method* method : catalogue()) {
    if (!method->target) continue;
    for (const Knobs& knobs : every_setting(*method, Shape{})) {
      const std::string_view target = method->target(settings(*method, Shape{}, knobs));
      CAPTURE(method->name, text(knobs), target);
      const auto is_target = [&](const Method* other) { return other->name == target; };
      CHECK((method->expectation || std::ranges::any_of(catalogue(), is_target)));
    }
  }
}

TEST_CASE("declared tensors and costs are sane", "[catalogue]") {
  for (const Method* method : catalogue()) {
    CHECK((!method->redraws || method->draws));
    Shape shape{.batch = 2, .heads = 3, .n_q = 64, .n_k = 64, .d = 16, .d_v = 16};
    for (const Knobs& knobs : every_setting(*method, shape)) {
      CAPTURE(method->name, text(knobs));
      if (!Bench::build(*method, shape, knobs)) continue;
      std::set<std::string_view> names;
      for (const auto declare : {method->draws, method->parameters}) {
        if (!declare) continue;
        for (const yoso::TensorSpec& spec : declare(shape, settings(*method, shape, knobs))) {
          CAPTURE(spec.name);
          CHECK(is_name(spec.name.substr(0, 1) == "E" || spec.name.substr(0, 1) == "F" ? "e" : spec.name, '_'));
          CHECK(names.insert(spec.name).second);
          CHECK(std::ranges::all_of(spec.shape, [](std::int64_t extent) { return extent >= 1; }));
          CHECK((std::isfinite(spec.scale) && spec.scale > 0));
        }
      }
      if (!method->work) continue;
      const yoso::Work work = method->work(shape, settings(*method, shape, knobs));
      CHECK((std::isfinite(work.flops) && work.flops >= 0));
      CHECK((std::isfinite(work.bytes) && work.bytes > 0));
    }
  }
}
