#include "case.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <yoso/npy.hpp>

namespace golden {
namespace {

using nlohmann::json;

const json& field(const json& object, const std::string& name, const std::string& where) {
  if (!object.is_object() || !object.contains(name)) throw Broken(fmt::format("{} has no '{}'", where, name));
  return object.at(name);
}

const json& object_field(const json& object, const std::string& name, const std::string& where) {
  const json& found = field(object, name, where);
  if (!found.is_object()) throw Broken(fmt::format("'{}' of {} is not an object", name, where));
  return found;
}

double number(const json& value, const std::string& where) {
  if (!value.is_number()) throw Broken(fmt::format("{} is not a number", where));
  return value.get<double>();
}

std::int64_t extent(const json& value, const std::string& where) {
  if (!value.is_number_integer() || value.get<double>() < 0 || value.get<double>() > 1e12)
    throw Broken(fmt::format("{} is not a count", where));
  return value.get<std::int64_t>();
}

std::string word(const json& value, const std::string& where) {
  if (!value.is_string()) throw Broken(fmt::format("{} is not a string", where));
  return value.get<std::string>();
}

Params::Value value_of(const json& value, const std::string& where) {
  if (value.is_null()) return {};
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) throw Broken(fmt::format("{} is neither a number, a word nor a list of numbers", where));
  std::vector<double> list;
  for (const json& element : value) list.push_back(number(element, where));
  return list;
}

Tolerance tolerance_of(const json& entry, std::int64_t rows, const std::string& where) {
  Tolerance t;
  t.exact = false;
  t.atol = number(field(entry, "atol", where), where + ".atol");
  t.rtol = number(field(entry, "rtol", where), where + ".rtol");
  // A tolerance that lets everything pass would make the case a test that cannot fail.
  if (!(t.atol >= 0 && t.atol < INFINITY && t.rtol >= 0 && t.rtol < INFINITY))
    throw Broken(where + " is negative or not finite");
  if (entry.contains("loose_rows")) {
    const json& loose = entry.at("loose_rows");
    t.loose_atol = number(field(loose, "atol", where + ".loose_rows"), where + ".loose_rows.atol");
    for (const json& row : field(loose, "rows", where + ".loose_rows")) {
      const std::int64_t index = extent(row, where + ".loose_rows.rows");
      if (index >= rows) throw Broken(fmt::format("{}.loose_rows names row {} of {}", where, index, rows));
      t.loose_rows.insert(index);
    }
  }
  if (entry.contains("skip_rows"))
    for (const json& row : field(entry.at("skip_rows"), "rows", where + ".skip_rows")) {
      const std::int64_t index = extent(row, where + ".skip_rows.rows");
      if (index >= rows) throw Broken(fmt::format("{}.skip_rows names row {} of {}", where, index, rows));
      t.skip_rows.insert(index);
    }
  return t;
}

json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw Broken("it has no case.json");
  json parsed = json::parse(file, nullptr, false);
  if (parsed.is_discarded()) throw Broken("case.json is not JSON");
  return parsed;
}

Array read_array(const std::filesystem::path& path) {
  Array array = yoso::read_npy(path.string());
  // The reader takes more; a case that holds something else was not made the way all others were.
  if (array.dtype != "<f4") throw Broken(fmt::format("{} holds {}, not <f4", path.filename().string(), array.dtype));
  return array;
}

// What `forward` gives; every other expected array is a gradient, whose name begins with d.
bool is_gradient(const std::string& name) { return name.starts_with("d"); }

}  // namespace

std::string text_of(const std::vector<std::int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

const Params::Value* Params::find(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() || std::holds_alternative<std::monostate>(at->second) ? nullptr : &at->second;
}

void Params::only(std::initializer_list<std::string_view> known) const {
  for (const auto& [name, value] : values_)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Broken(fmt::format("unknown parameter '{}'", name));
}

double Params::real(std::string_view name) const {
  const Value* value = find(name);
  if (!value) throw Broken(fmt::format("the parameter '{}' is missing", name));
  if (!std::holds_alternative<double>(*value)) throw Broken(fmt::format("the parameter '{}' is not a number", name));
  return std::get<double>(*value);
}

std::int64_t Params::integer(std::string_view name) const {
  const double value = real(name);
  if (value != std::floor(value) || value < 0 || value > 1e12)
    throw Broken(fmt::format("the parameter '{}' is not a count: {}", name, value));
  return static_cast<std::int64_t>(value);
}

bool Params::flag(std::string_view name, bool otherwise) const {
  const Value* value = find(name);
  if (!value) return otherwise;
  if (!std::holds_alternative<bool>(*value)) throw Broken(fmt::format("the parameter '{}' is not true or false", name));
  return std::get<bool>(*value);
}

std::string Params::text(std::string_view name) const {
  const Value* value = find(name);
  if (!value) throw Broken(fmt::format("the parameter '{}' is missing", name));
  if (!std::holds_alternative<std::string>(*value)) throw Broken(fmt::format("the parameter '{}' is not a word", name));
  return std::get<std::string>(*value);
}

std::vector<std::int64_t> Params::integers(std::string_view name) const {
  const Value* value = find(name);
  if (!value || !std::holds_alternative<std::vector<double>>(*value)) return {integer(name)};
  std::vector<std::int64_t> list;
  for (const double element : std::get<std::vector<double>>(*value)) {
    if (element != std::floor(element) || element < 0 || element > 1e12)
      throw Broken(fmt::format("the parameter '{}' holds {}, which is not a count", name, element));
    list.push_back(static_cast<std::int64_t>(element));
  }
  return list;
}

void Params::expect(std::string_view name, double value) const {
  if (has(name) && std::abs(real(name) - value) > 1e-9 * std::abs(value))
    throw Broken(fmt::format("the parameter '{}' is {}; ours is {}", name, real(name), value));
}

void Params::expect(std::string_view name, std::string_view value) const {
  if (has(name) && text(name) != value)
    throw Broken(fmt::format("the parameter '{}' is '{}'; ours is '{}'", name, text(name), value));
}

Case::Case(const std::filesystem::path& folder) {
  const json j = read_json(folder / "case.json");
  method = word(field(j, "method", "case.json"), "method");
  variant = word(field(j, "variant", "case.json"), "variant");
  const json& shape = field(j, "shape", "case.json");
  batch = extent(field(shape, "batch", "shape"), "shape.batch");
  heads = extent(field(shape, "heads", "shape"), "shape.heads");
  n = extent(field(shape, "n", "shape"), "shape.n");
  d = extent(field(shape, "d", "shape"), "shape.d");
  for (const auto& [name, value] : object_field(j, "params", "case.json").items())
    params.set(name, value_of(value, "params." + name));
  const json& tolerances = object_field(j, "tolerance", "case.json");
  for (const auto& [name, entry] : object_field(j, "arrays", "case.json").items()) {
    Entry& e = arrays_[name];
    e.role = word(field(entry, "role", "arrays." + name), "role");
    if (e.role != "input" && e.role != "random" && e.role != "expected")
      throw Broken(fmt::format("the array '{}' has the unknown role '{}'", name, e.role));
    e.array = read_array(folder / (name + ".npy"));
    std::vector<std::int64_t> declared;
    for (const json& x : field(entry, "shape", "arrays." + name))
      declared.push_back(extent(x, "arrays." + name + ".shape"));
    if (declared != e.array.shape)
      throw Broken(fmt::format("{}.npy is {}, case.json says {}", name, text_of(e.array.shape), text_of(declared)));
    if (!tolerances.contains(name)) continue;
    const std::int64_t width = declared.empty() || declared.back() == 0 ? 1 : declared.back();
    e.tolerance = tolerance_of(tolerances.at(name), static_cast<std::int64_t>(e.array.values.size()) / width,
                               "tolerance." + name);
  }
}

const Array& Case::array(std::string_view name) const {
  const auto at = arrays_.find(std::string(name));
  if (at == arrays_.end()) throw Broken(fmt::format("the array '{}' is missing", name));
  at->second.read = true;
  return at->second.array;
}

const Array& Case::array(std::string_view name, const std::vector<std::int64_t>& shape) const {
  const Array& found = array(name);
  if (found.shape != shape)
    throw Broken(fmt::format("the array '{}' is {}; it has to be {}", name, text_of(found.shape), text_of(shape)));
  return found;
}

const Tolerance& Case::tolerance(std::string_view name) const { return arrays_.at(std::string(name)).tolerance; }

std::vector<std::uint8_t> Case::mask() const {
  if (!has("mask")) return {};
  const Array& given = array("mask", {batch, n});
  std::vector<std::uint8_t> keep;
  bool padded = false;
  for (const float value : given.values) {
    if (value != 0 && value != 1) throw Broken(fmt::format("the mask holds {}, which is neither 0 nor 1", value));
    keep.push_back(value != 0);
    padded |= value == 0;
  }
  return padded ? keep : std::vector<std::uint8_t>{};
}

bool Case::whole_item_padded() const {
  const std::vector<std::uint8_t> keep = mask();
  for (std::size_t b = 0; b < keep.size(); b += static_cast<std::size_t>(n)) {
    const auto first = keep.begin() + static_cast<std::ptrdiff_t>(b);
    if (std::find(first, first + n, 1) == first + n) return true;
  }
  return false;
}

std::vector<std::string> Case::expected() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : arrays_)
    if (entry.role == "expected" && !is_gradient(name)) names.push_back(name);
  return names;
}

std::vector<std::string> Case::gradients() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : arrays_)
    if (entry.role == "expected" && is_gradient(name)) names.push_back(name);
  return names;
}

std::vector<std::string> Case::unread() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : arrays_)
    if (entry.role != "expected" && !entry.read && name != "dout") names.push_back(name);  // dout: read when it runs
  return names;
}

}  // namespace golden
