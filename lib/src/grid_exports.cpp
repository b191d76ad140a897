// CSV and JSON lines: SI units, every bit of a number.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include <yoso/grid.hpp>

namespace yoso {
namespace {

// RFC 4180
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string all = "\"";
  for (const char c : text) all += c == '"' ? std::string("\"\"") : std::string(1, c);
  return all + "\"";
}

nlohmann::ordered_json plain(const std::string& text) {
  std::int64_t whole = 0;
  double real = 0;
  const char* const end = text.data() + text.size();
  if (const auto r = std::from_chars(text.data(), end, whole); r.ec == std::errc() && r.ptr == end) return whole;
  if (const auto r = std::from_chars(text.data(), end, real);
      r.ec == std::errc() && r.ptr == end && std::isfinite(real))
    return real;
  return text;
}

}  // namespace

std::string to_csv(const Grids& grids, const GridStyle& style) {
  const Grid grid = joined(grids);
  std::vector<std::string> header = grids.split_fields;
  header.insert(header.end(), grids.row_fields.begin(), grids.row_fields.end());
  for (const ValueName& value : grids.values)
    for (const Key& col : grid.cols) {
      std::string where;
      for (std::size_t i = 0; i < col.size(); ++i) where += fmt::format(" {}={}", grids.col_fields[i], col[i]);
      const std::string unit = value.unit.empty() ? "" : fmt::format("[{}]", value.unit);
      header.push_back(value.name + unit + where);
      if (style.intervals)
        for (const char* end : {"_lo", "_hi"}) header.push_back(value.name + end + unit + where);
      header.push_back(value.name + "_status" + where);
      if (grids.picked) header.push_back(value.name + "_setting" + where);
    }
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) text += (c ? "," : "") + quoted(cells[c]);
    text += "\n";
  };
  line(header);
  for (std::size_t r = 0; r < grid.rows.size(); ++r) {
    std::vector<std::string> cells = grid.rows[r];
    for (const auto& of_value : grid.cells)
      for (const GridCell& cell : of_value[r]) {
        cells.push_back(cell.value ? fmt::format("{}", cell.value->median) : "");
        if (style.intervals)
          for (const auto end : {&Value::lo, &Value::hi})
            cells.push_back(cell.value && (*cell.value).*end ? fmt::format("{}", *((*cell.value).*end)) : "");
        cells.push_back(cell.predicted ? "predicted" : cell.status);
        if (grids.picked) cells.push_back(cell.note);
      }
    line(cells);
  }
  return text;
}

std::string to_jsonl(const Grids& grids, const GridStyle& style) {
  using Json = nlohmann::ordered_json;
  std::string text;
  for (const Grid& grid : grids.grids)
    for (std::size_t v = 0; v < grids.values.size(); ++v)
      for (std::size_t r = 0; r < grid.rows.size(); ++r)
        for (std::size_t c = 0; c < grid.cols.size(); ++c) {
          const GridCell& cell = grid.cells[v][r][c];
          if (cell.status.empty()) continue;
          Json j;
          for (std::size_t i = 0; i < grid.split.size(); ++i) j[grids.split_fields[i]] = plain(grid.split[i]);
          for (std::size_t i = 0; i < grid.rows[r].size(); ++i) j[grids.row_fields[i]] = plain(grid.rows[r][i]);
          for (std::size_t i = 0; i < grid.cols[c].size(); ++i) j[grids.col_fields[i]] = plain(grid.cols[c][i]);
          j["quantity"] = grids.values[v].name;
          j["value"] = cell.value ? Json(cell.value->median) : Json(nullptr);
          if (style.intervals)
            for (const auto& [name, end] : {std::pair("lo", &Value::lo), std::pair("hi", &Value::hi)})
              j[name] = cell.value && (*cell.value).*end ? Json(*((*cell.value).*end)) : Json(nullptr);
          j["unit"] = grids.values[v].unit.empty() ? Json(nullptr) : Json(grids.values[v].unit);
          // a field may be called status as well; they say the same
          j["status"] = cell.status;
          j["predicted"] = cell.predicted;
          if (grids.best) j["best"] = cell.best;
          if (!cell.note.empty()) j["setting"] = cell.note;
          j["id"] = cell.id;
          text += j.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
        }
  return text;
}

}  // namespace yoso
