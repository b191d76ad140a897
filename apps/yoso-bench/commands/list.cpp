// list: which methods x backends x passes exist, and what one method's knobs are.
#include <fmt/format.h>

#include <yoso/catalogue.hpp>
#include <yoso/families.hpp>
#include <yoso/report.hpp>

#include "../bench.hpp"
#include "simt/backend.hpp"

namespace yoso::app {
namespace {

std::string passes(const Cell& cell) { return cell.forward ? cell.backward ? "forward, backward" : "forward" : "-"; }

// Of a device: also whether it has run on one.
std::string passes_on_device(const Cell& cell) {
  if (!cell.forward) return "-";
  return passes(cell) +
         (cell.verified.empty() ? "; emulated only" : fmt::format("; verified on {}", std::string(cell.verified)));
}

std::string bounds(const Knob& knob) {
  if (knob.kind == Knob::Kind::choice) return fmt::format("{}", fmt::join(knob.choices, "|"));
  return fmt::format("{}..{}{}{}{}", knob.lowest, knob.highest, knob.adjective.empty() ? "" : ", ", knob.adjective,
                     knob.automatic ? ", or auto" : "");
}

std::string everything() {
  Table table({"method", "kind", "cpu", "cuda", "knobs", "what"}, 6);
  std::size_t methods = 0, yardsticks = 0;
  for (const Method* m : catalogue()) {
    (m->control ? yardsticks : methods) += 1;
    table.row({std::string(m->name), m->control ? "control" : "method", passes(m->cpu), passes_on_device(m->cuda),
               m->knobs.empty() ? "-" : fmt::format("{}", m->knobs.size()), std::string(m->title)});
  }
  std::string text = table.text() + fmt::format("\n{} methods and {} controls\n", methods, yardsticks);
  text += cuda_was_built() ? "emulated only: the tests run these CUDA kernels in an emulator; no GPU has checked or "
                             "timed them yet\n"
                           : "cuda: absent, because this build has no CUDA compiler (or YOSO_CUDA=OFF)\n";
  text += "\nKnobs:\n";
  Table knob_table({"method", "flag", "usual", "bounds", "what"}, 5);
  for (const Method* m : catalogue())
    for (const Knob& k : m->knobs)
      knob_table.row({std::string(m->name), k.flag(), std::string(k.usual), bounds(k), std::string(k.help)});
  return text + knob_table.text() + "\n`list METHOD` explains one; `list inputs` the synthetic inputs.\n";
}

std::string one(const Method& m) {
  const Settings usual(m.knobs, Shape{});
  std::string text = fmt::format("{}: {}\n", m.name, m.title);
  if (!m.equation.empty()) text += fmt::format("  equation  {}\n", m.equation);
  if (!m.paper.empty()) text += fmt::format("  source    {}\n", m.paper);
  text += fmt::format("  target    {}\n", m.target ? m.target(usual) : std::string_view("itself"));
  text += fmt::format("  random    {}\n", m.draws && !m.draws(Shape{}, usual).empty()
                                              ? m.redraws ? "yes, drawn afresh in every call" : "yes, drawn once"
                                              : "no");
  text += fmt::format("  cpu       {}\n  cuda      {}\n", passes(m.cpu), passes_on_device(m.cuda));
  if (!m.main_knob.empty()) text += fmt::format("  main knob {} (trades cost for exactness)\n", m.main_knob);
  if (m.knobs.empty()) return text + "  no knobs\n";
  text += "\n";
  Table table({"flag", "usual", "in error", "paper", "range", "what"}, 6);
  for (const Knob& k : m.knobs)
    table.row({k.flag(), std::string(k.usual), std::string(k.in_error.empty() ? k.usual : k.in_error),
               k.paper.empty() ? "-" : std::string(k.paper), k.range(), std::string(k.help)});
  return text + table.text();
}

std::string inputs() {
  Table table({"input", "parameter", "usual", "range", "what"}, 5);
  for (const Family& f : families())
    table.row({std::string(f.name), f.parameter.empty() ? "-" : std::string(f.parameter),
               f.parameter.empty() ? "-" : fmt::format("{}", f.usual),
               f.parameter.empty() ? "-" : fmt::format("[{}, {}]", f.lowest, f.highest), std::string(f.help)});
  return table.text() + "\n--input NAME or NAME:PARAMETER; --qkv FILE for captured ones.\n";
}

std::string warnings() {
  Table table({"code", "meaning"});
  for (const WarningCode& w : warning_codes()) table.row({std::string(w.code), std::string(w.meaning)});
  return table.text() + "\nPrinted on stderr, and under `warnings` of a report. Codes keep their meaning.\n";
}

}  // namespace

int run_list(const Options& o) {
  if (o.topic == "inputs") {
    fmt::print("{}", inputs());
  } else if (o.topic == "warnings") {
    fmt::print("{}", warnings());
  } else if (o.topic.empty()) {
    fmt::print("{}", o.json ? to_json(catalogue()) : everything());
  } else {
    const Method& method = find(catalogue(), o.topic);
    const Method* const chosen[] = {&method};
    fmt::print("{}", o.json ? to_json(Methods(chosen)) : one(method));
  }
  return 0;
}

}  // namespace yoso::app
