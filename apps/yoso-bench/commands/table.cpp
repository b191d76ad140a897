// table: reports as Markdown, CSV, LaTeX or JSON lines.
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include <yoso/grid.hpp>
#include <yoso/report.hpp>

#include "../options.hpp"

namespace yoso::app {

void refuse_overwriting(const Options& o) {
  for (const std::string& file : o.files) {
    std::error_code none;
    if (!o.output.empty() && std::filesystem::equivalent(o.output, file, none) && !none)
      throw BadSetting(fmt::format("-o {}: is one of the reports to read", o.output));
  }
}

int run_table(const Options& o) {
  refuse_overwriting(o);
  std::optional<OutputFile> file;
  if (!o.output.empty()) file.emplace(o.output);
  const Grids grids = make_grids(read_rows(o.files), o.grid);
  const std::string text = o.grid_format == "csv"     ? to_csv(grids, o.style)
                           : o.grid_format == "latex" ? to_latex(grids, o.style)
                           : o.grid_format == "jsonl" ? to_jsonl(grids, o.style)
                                                      : to_markdown(grids, o.style);
  if (file)
    file->commit(text);
  else
    fmt::print("{}", text);
  return 0;
}

}  // namespace yoso::app
