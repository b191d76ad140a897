#include <yoso/recipe.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include <yoso/errors.hpp>
#include <yoso/schema.hpp>

namespace yoso {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

void set(Study& study, const std::string& name, const Json& value) {
  std::erase_if(study.fields, [&](const auto& known) { return known.first == name; });
  if (value.is_boolean() && !value.get<bool>()) return;
  std::vector<std::string> values;
  if (value.is_array()) {
    for (const Json& item : value) values.push_back(text_of(item));
  } else if (!value.is_boolean()) {
    values.push_back(text_of(value));
  }
  study.fields.emplace_back(name, values);
}

}  // namespace

Recipe parse_recipe(std::string_view json, const std::string& origin, bool smoke) {
  const Verdict verdict = validate(json, origin);
  if (verdict.schema != "yoso-bench/recipe")
    throw BadInput(fmt::format("{}: must be a recipe, is a {}", origin, verdict.schema));
  if (!verdict.problems.empty()) throw BadInput(fmt::format("{}: {}", origin, verdict.problems.front()));
  const Json document = Json::parse(json);
  Recipe recipe{document.value("name", std::filesystem::path(origin).stem().string()), document.value("notes", ""), {}};
  for (const Json& written : document.at("studies")) {
    Study study{fmt::format("{}: studies[{}]", origin, recipe.studies.size()), {}};
    for (const auto& [name, value] : written.items())
      if (name != "notes" && name != "smoke") set(study, name, value);
    if (smoke && written.contains("smoke"))
      for (const auto& [name, value] : written["smoke"].items()) set(study, name, value);
    recipe.studies.push_back(std::move(study));
  }
  return recipe;
}

Recipe read_recipe(const std::string& path, bool smoke) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) throw BadInput(fmt::format("{}: cannot be read", path));
  std::ostringstream text;
  text << file.rdbuf();
  return parse_recipe(text.str(), path, smoke);
}

}  // namespace yoso
