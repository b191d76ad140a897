// Markdown and LaTeX: rounded, with units that suit a column. For programs: grid_exports.cpp.
#include <fmt/format.h>

#include <algorithm>

#include <yoso/grid.hpp>

namespace yoso {
namespace {

using Texts = std::vector<std::string>;

bool alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string markdown_text(const std::string& text) {
  std::string safe;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // within a word, as in hash_bits, an underscore is only itself
    const bool inside = i > 0 && i + 1 < text.size() && alphanumeric(text[i - 1]) && alphanumeric(text[i + 1]);
    if (std::string_view("|*`<[]\\").find(c) != std::string_view::npos || (c == '_' && !inside)) safe += '\\';
    safe += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return safe;
}

// What pdflatex takes as text, in its usual encoding. Letters that it has no glyphs for become '?'.
std::string latex_text(const std::string& text) {
  std::string safe;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    switch (c) {
      case '\\':
        safe += "\\textbackslash{}";
        break;
      case '~':
        safe += "\\textasciitilde{}";
        break;
      case '^':
        safe += "\\textasciicircum{}";
        break;
      case '<':
        safe += "\\textless{}";
        break;
      case '>':
        safe += "\\textgreater{}";
        break;
      case '|':
        safe += "\\textbar{}";
        break;
      case '"':
        safe += "\\char34{}";
        break;
      case '[':
      case ']':
      case '*':
        safe += fmt::format("{{{}}}", text[i]);
        break;  // would be an option of the line before
      case '`':
        safe += "\\textasciigrave{}";
        break;
      case '-':
        safe += i > 0 && text[i - 1] == '-' ? "{}-" : "-";  // two are not a dash
        break;
      case '_':
      case '&':
      case '%':
      case '#':
      case '$':
      case '{':
      case '}':
        safe += fmt::format("\\{}", text[i]);
        break;
      default:
        if (c < 0x20 || c == 0x7f) {
          safe += ' ';
        } else if (c < 0x80) {
          safe += text[i];
        } else {
          std::size_t rest = 0;
          while (i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xc0) == 0x80) ++i, ++rest;
          const bool latin =
              rest == 1 && c == 0xc3 && std::string_view("\x90\x9e\xb0\xbe").find(text[i]) == std::string_view::npos;
          safe += latin ? text.substr(i - 1, 2) : "?";
        }
    }
  }
  return safe;
}

// Of one column of one value.
Scale scale(const Grids& grids, const Grid& grid, std::size_t v, std::size_t c) {
  std::vector<double> numbers;
  for (const auto& row : grid.cells[v])
    if (row[c].value) numbers.push_back(row[c].value->median);
  return scale_of(grids.values[v].unit, numbers);
}

struct Said {
  bool intervals = false, predictions = false, dashes = false;
};

std::string markdown_cell(const GridCell& cell, double size, const GridStyle& style, Said& said) {
  if (!cell.value) {
    said.dashes |= cell.status.empty();
    return cell.status.empty() ? "-" : cell.status;
  }
  const Digits d = digits_of(*cell.value, size, style.digits);
  std::string text = (cell.predicted ? "~" : "") + d.median;
  if (cell.best) text = "**" + text + "**";
  said.predictions |= cell.predicted;
  if (!d.lo.empty() && (style.intervals || cell.unsure)) {
    text += fmt::format(" [{}, {}]", d.lo, d.hi);
    said.intervals = true;
  } else if (cell.unsure && !cell.value->lo) {
    text += " " + cell.status;
  }
  if (!cell.note.empty()) text += fmt::format(" ({})", markdown_text(cell.note));
  return text;
}

std::string latex_number(const std::string& digits, bool bold) {
  if (!bold) return fmt::format("\\num{{{}}}", digits);
  // siunitx prints no bold numbers unless told to, and is told differently from version to version
  const std::size_t e = digits.find('e');
  if (e == std::string::npos) return fmt::format("$\\mathbf{{{}}}$", digits);
  return fmt::format("$\\mathbf{{{}}}\\times\\mathbf{{10}}^{{{}}}$", digits.substr(0, e),
                     std::stoi(digits.substr(e + 1)));
}

std::string latex_cell(const GridCell& cell, double size, const GridStyle& style) {
  if (!cell.value) return cell.status.empty() ? "--" : latex_text(cell.status);
  const Digits d = digits_of(*cell.value, size, style.digits);
  std::string text = (cell.predicted ? "$\\sim$" : "") + latex_number(d.median, cell.best);
  if (!d.lo.empty() && (style.intervals || cell.unsure))
    text += fmt::format(" {{\\footnotesize[\\num{{{}}}, \\num{{{}}}]}}", d.lo, d.hi);
  else if (cell.unsure && !cell.value->lo)
    text += " " + cell.status;
  if (!cell.note.empty()) text += fmt::format(" {{\\footnotesize({})}}", latex_text(cell.note));
  return text;
}

std::string described(const Grids& grids, std::size_t v) {
  const ValueName& value = grids.values[v];
  const std::string& title = grids.titles[v];
  return title == value.name ? fmt::format("{} ({})", title, value.what) : title;
}

std::string subject(const Grids& grids) {
  Texts values;
  for (std::size_t v = 0; v < grids.values.size(); ++v) values.push_back(described(grids, v));
  return fmt::format("{}{}{}{}{}", fmt::join(values, ", "), grids.col_fields.empty() ? "" : " by ",
                     fmt::join(grids.col_fields, ", "), grids.context.empty() ? "" : "; ", grids.context);
}

std::string split_text(const Grids& grids, const Grid& grid) {
  Texts parts;
  for (std::size_t i = 0; i < grid.split.size(); ++i)
    parts.push_back(fmt::format("{} = {}", grids.split_fields[i], grid.split[i].empty() ? "-" : grid.split[i]));
  return fmt::format("{}", fmt::join(parts, ", "));
}

// Columns as wide as they need to be, so that the source reads as well as the page.
std::string padded(const std::vector<Texts>& lines, std::size_t left) {
  const auto width_of = [](const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
  };
  std::vector<std::size_t> widths(lines.front().size(), 3);
  for (const Texts& line : lines)
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], width_of(line[c]));
  std::string text;
  for (std::size_t l = 0; l < lines.size(); ++l) {
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const std::string space(widths[c] - width_of(lines[l][c]), ' ');
      text += c < left ? "| " + lines[l][c] + space + " " : "| " + space + lines[l][c] + " ";
    }
    text += "|\n";
    if (l > 0) continue;
    for (std::size_t c = 0; c < widths.size(); ++c)
      text += c < left ? "|" + std::string(widths[c] + 2, '-') : "|" + std::string(widths[c] + 1, '-') + ":";
    text += "|\n";
  }
  return text;
}

std::string markdown_grid(const Grids& grids, const Grid& grid, const GridStyle& style, Said& said) {
  std::vector<Texts> lines(1 + grid.rows.size());
  for (const std::string& name : grids.row_fields) lines[0].push_back(markdown_text(name));
  for (std::size_t r = 0; r < grid.rows.size(); ++r)
    for (const std::string& text : grid.rows[r]) lines[r + 1].push_back(markdown_text(text));
  const bool named = grids.values.size() > 1 || grids.col_fields.empty();
  for (std::size_t v = 0; v < grids.values.size(); ++v)
    for (std::size_t c = 0; c < grid.cols.size(); ++c) {
      const Scale unit = scale(grids, grid, v, c);
      std::string header = markdown_text(fmt::format("{}", fmt::join(grid.cols[c], ", ")));
      if (named) header = markdown_text(grids.titles[v]) + (header.empty() ? "" : " " + header);
      lines[0].push_back(unit.text.empty() ? header : fmt::format("{} ({})", header, unit.text));
      for (std::size_t r = 0; r < grid.rows.size(); ++r)
        lines[r + 1].push_back(markdown_cell(grid.cells[v][r][c], unit.size, style, said));
    }
  return padded(lines, grids.row_fields.size());
}

}  // namespace

std::string to_markdown(const Grids& grids, const GridStyle& style) {
  std::string text = markdown_text(subject(grids)) + "\n\n";
  Said said;
  for (const Grid& grid : grids.grids) {
    if (!grid.split.empty()) text += fmt::format("**{}**\n\n", markdown_text(split_text(grids, grid)));
    text += markdown_grid(grids, grid, style, said) + "\n";
  }
  Texts notes;
  if (said.intervals) notes.emplace_back("in brackets: the median's interval");
  if (said.predictions) notes.emplace_back("~: predicted, or taken to a predicted baseline");
  if (said.dashes) notes.emplace_back("-: not measured");
  if (grids.best)
    notes.emplace_back("bold: the best of its column and what its interval cannot tell from it, controls apart");
  return notes.empty() ? text : fmt::format("{}{}\n", text, fmt::join(notes, "; "));
}

std::string to_latex(const Grids& grids, const GridStyle& style) {
  const Grid grid = joined(grids);
  const std::size_t left = grids.split_fields.size() + grids.row_fields.size();
  const std::size_t columns = grid.cols.size();
  std::string comment = subject(grids);
  std::ranges::replace_if(
      comment, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  std::string text = fmt::format("% {}\n% \\usepackage{{booktabs,siunitx}}\n\\begin{{tabular}}{{{}{}}}\n\\toprule\n",
                                 comment, std::string(left, 'l'), std::string(grids.values.size() * columns, 'r'));
  std::string over = std::string(2 * left, ' '), rules, head;
  over = "";
  for (std::size_t v = 0; v < grids.values.size(); ++v) {
    const std::size_t first = left + v * columns + 1;
    std::string title = latex_text(grids.titles[v]);
    if (!grids.col_fields.empty())
      title += fmt::format(", by {}", latex_text(fmt::format("{}", fmt::join(grids.col_fields, ", "))));
    over += fmt::format(" & \\multicolumn{{{}}}{{c}}{{{}}}", columns, title);
    rules += fmt::format("\\cmidrule(lr){{{}-{}}}", first, first + columns - 1);
  }
  Texts names = grids.split_fields;
  names.insert(names.end(), grids.row_fields.begin(), grids.row_fields.end());
  for (const std::string& name : names) head += (head.empty() ? "" : " & ") + latex_text(name);
  std::vector<Scale> units;
  for (std::size_t v = 0; v < grids.values.size(); ++v)
    for (std::size_t c = 0; c < columns; ++c) {
      units.push_back(scale(grids, grid, v, c));
      const std::string& unit = units.back().text;
      std::string key = latex_text(fmt::format("{}", fmt::join(grid.cols[c], ", ")));
      const std::string symbol = unit.empty() ? ""
                                              : fmt::format("(\\si{{{}}})", unit == "us"  ? "\\micro\\second"
                                                                            : unit == "%" ? "\\percent"
                                                                                          : unit);
      head += fmt::format(" & {}{}{}", key, key.empty() || symbol.empty() ? "" : " ", symbol);
    }
  text +=
      fmt::format("{}{} \\\\\n{}\n{} \\\\\n\\midrule\n", left > 1 ? std::string(left - 1, '&') : "", over, rules, head);
  for (std::size_t r = 0; r < grid.rows.size(); ++r) {
    const std::size_t parts = grids.split_fields.size();
    const auto same = [&](std::size_t upto) {
      return r > 0 && std::equal(grid.rows[r].begin(), grid.rows[r].begin() + static_cast<std::ptrdiff_t>(upto),
                                 grid.rows[r - 1].begin());
    };
    if (r > 0 && !same(parts)) text += "\\midrule\n";
    std::string line;
    for (std::size_t k = 0; k < left; ++k) {
      // what splits the table is said once
      const std::string key =
          k < parts && same(k + 1) ? "" : latex_text(grid.rows[r][k].empty() && k < parts ? "-" : grid.rows[r][k]);
      line += (k ? " & " : "") + key;
    }
    for (std::size_t v = 0; v < grids.values.size(); ++v)
      for (std::size_t c = 0; c < columns; ++c)
        line += " & " + latex_cell(grid.cells[v][r][c], units[v * columns + c].size, style);
    text += line + " \\\\\n";
  }
  return text + "\\bottomrule\n\\end{tabular}\n";
}

}  // namespace yoso
