// The only file that includes valijson: it costs a minute to compile with sanitizers.
#include <yoso/schema.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <yoso/errors.hpp>

#include "schemas.hpp"  // generated

namespace yoso {
namespace {

using Json = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

constexpr std::size_t kProblemsShown = 20;

// "<root>[points][3][status]" -> "points.3.status"
std::string place(const std::vector<std::string>& context) {
  std::string text;
  for (const std::string& step : context) {
    if (step == "<root>") continue;
    std::string bare = step;
    std::erase_if(bare, [](char c) { return c == '[' || c == ']'; });
    if (!text.empty()) text += '.';
    text += bare;
  }
  return text.empty() ? "the document" : text;
}

}  // namespace

std::vector<std::string> schema_names() {
  std::vector<std::string> names;
  for (const EmbeddedSchema& schema : kSchemas) names.emplace_back(schema.name);
  return names;
}

std::string_view schema_text(std::string_view name) {
  for (const EmbeddedSchema& schema : kSchemas)
    if (schema.name == name || schema.name == fmt::format("yoso-bench/{}", name)) return schema.text;
  throw BadSetting(fmt::format("unknown schema '{}'; the schemas are {}", name, fmt::join(schema_names(), ", ")));
}

Verdict validate(std::string_view text, const std::string& origin) {
  Json document;
  try {
    document = Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw BadInput(fmt::format("{}: not JSON: byte {}", origin, error.byte));
  }
  const auto schema = document.is_object() ? document.find("schema") : document.end();
  if (!document.is_object() || schema == document.end() || !schema->is_object() || !schema->contains("name") ||
      !(*schema)["name"].is_string())
    throw BadInput(fmt::format("{}: field schema.name is missing: not a file of yoso-bench", origin));

  Verdict verdict;
  verdict.schema = (*schema)["name"].get<std::string>();
  const auto names = schema_names();
  if (std::ranges::find(names, verdict.schema) == names.end())
    throw BadInput(fmt::format("{}: field schema.name: unknown schema '{}'; known: {}", origin, verdict.schema,
                               fmt::join(names, ", ")));
  if (schema->contains("version") && (*schema)["version"].is_string())
    verdict.version = (*schema)["version"].get<std::string>();

  const Json rules = Json::parse(schema_text(verdict.schema));
  valijson::Schema compiled;
  valijson::SchemaParser parser;
  parser.populateSchema(Adapter(rules), compiled);
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (!validator.validate(compiled, Adapter(document), &results)) {
    valijson::ValidationResults::Error error;
    while (results.popError(error))
      verdict.problems.push_back(fmt::format("{}: {}", place(error.context), error.description));
    // valijson reports the innermost problem first and then every level around it
    if (verdict.problems.size() > kProblemsShown) verdict.problems.resize(kProblemsShown);
  }
  if (const auto points = document.find("points"); points != document.end() && points->is_array())
    verdict.points = points->size();
  return verdict;
}

Verdict validate_file(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) throw BadInput(fmt::format("{}: not a file that can be read", path));
  std::ifstream file(path, std::ios::binary);
  if (!file) throw BadInput(fmt::format("{}: cannot open the file", path));
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) throw BadInput(fmt::format("{}: cannot read the file, or it is empty", path));
  return validate(text.str(), path);
}

}  // namespace yoso
