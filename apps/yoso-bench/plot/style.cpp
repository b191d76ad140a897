// The one table of this program that knows methods by name: a figure that changed colours from one report to the next
// could not be read beside another.
#include <algorithm>
#include <array>
#include <cmath>

#include "figure.hpp"

namespace yoso::app::plot {
namespace {

struct Known {
  const char* method;
  std::uint32_t colour;
  int filled, open;
  const char* dash;
};

// Okabe and Ito's colours and some of Paul Tol's; points and dashes repeat what colour says, for print without colour.
constexpr std::array<Known, 12> kKnown{{{"softmax", 0x000000, 5, 4, "solid"},
                                        {"softmax-naive", 0x882255, 5, 4, "(6,3)"},
                                        {"yoso-e", 0xe69f00, 7, 6, "(6,3)"},
                                        {"yoso-m", 0xd55e00, 7, 6, "solid"},
                                        {"linformer", 0x0072b2, 9, 8, "solid"},
                                        {"performer", 0x009e73, 11, 10, "solid"},
                                        {"reformer", 0xcc79a7, 13, 12, "solid"},
                                        {"nystrom", 0x56b4e9, 15, 14, "solid"},
                                        {"longformer", 0x999933, 9, 8, "(9,3,2,3)"},
                                        {"linear", 0x332288, 11, 10, "(9,3,2,3)"},
                                        {"mean-v", 0x707070, 2, 2, "(2,3)"},
                                        {"subsample", 0x8c8c8c, 1, 1, "(4,4)"}}};

constexpr std::array<Known, 8> kOthers{{{"", 0xaa4499, 13, 12, "(6,3)"},
                                        {"", 0x44aa99, 15, 14, "(6,3)"},
                                        {"", 0x117733, 5, 4, "(9,3,2,3)"},
                                        {"", 0x997700, 7, 6, "(9,3,2,3)"},
                                        {"", 0x6699cc, 9, 8, "(6,3)"},
                                        {"", 0xcc3311, 11, 10, "(6,3)"},
                                        {"", 0x994455, 13, 12, "(9,3,2,3)"},
                                        {"", 0x225522, 15, 14, "(9,3,2,3)"}}};

constexpr std::array<std::uint32_t, 16> kPhases{0x332288, 0x88ccee, 0x44aa99, 0x117733, 0xddcc77, 0x999933,
                                                0xcc6677, 0x882255, 0xaa4499, 0xbbbbbb, 0xee7733, 0x0077bb,
                                                0xee99aa, 0x555555, 0xb5e0a0, 0x664400};

const Known& look(const std::string& method) {
  for (const Known& known : kKnown)
    if (method == known.method) return known;
  std::uint32_t hash = 2166136261u;  // FNV-1a: the same look on every machine
  for (const char c : method) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return kOthers[hash % kOthers.size()];
}

// towards white for positive shares, towards black for negative ones
std::uint32_t mixed(std::uint32_t colour, double share) {
  std::uint32_t result = 0;
  for (const int shift : {16, 8, 0}) {
    const double c = (colour >> shift) & 0xff, goal = share > 0 ? 255 : 0;
    result |= static_cast<std::uint32_t>(std::lround(c + (goal - c) * std::abs(share))) << shift;
  }
  return result;
}

}  // namespace

Style style_of(const std::string& method, std::size_t index, std::size_t count) {
  static constexpr std::array<const char*, 4> kDashes{"solid", "(8,3)", "(2,2)", "(8,3,2,3)"};
  const Known& known = look(method);
  Style style{known.colour, known.filled, known.open, known.dash};
  if (count < 2) return style;
  style.colour = mixed(known.colour, -0.4 + 0.8 * static_cast<double>(index) / static_cast<double>(count - 1));
  style.dash = kDashes[index % kDashes.size()];
  if (index % 2) std::swap(style.filled, style.open);
  return style;
}

Style phase_style(std::size_t index) { return {kPhases[index % kPhases.size()], 5, 4, "solid"}; }

std::uint32_t faint(std::uint32_t colour) { return mixed(colour, 0.6); }

bool dark(std::uint32_t c) { return 0.3 * (c >> 16) + 0.59 * ((c >> 8) & 0xff) + 0.11 * (c & 0xff) < 140; }

Styles styles_of(const std::vector<Panel>& panels) {
  std::map<std::string, std::vector<std::string>> settings;
  for (const Panel& panel : panels)
    for (const Curve& curve : panel.curves) {
      auto& known = settings[curve.method];
      if (std::ranges::find(known, curve.setting) == known.end()) known.push_back(curve.setting);
    }
  Styles styles;
  for (const auto& [method, list] : settings)
    for (std::size_t i = 0; i < list.size(); ++i) styles[{method, list[i]}] = style_of(method, i, list.size());
  return styles;
}

}  // namespace yoso::app::plot
