// Recipes: what a sweep runs, written down. Schema "yoso-bench/recipe".
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace yoso {

// One study: every combination of its axes. Fields carry the names of the long flags, and the same values.
struct Study {
  std::string place;                                                     // "pareto.json: studies[0]", for messages
  std::vector<std::pair<std::string, std::vector<std::string>>> fields;  // name -> values; of a switch that is on: none
};

struct Recipe {
  std::string name;   // of the file, unless it says one
  std::string notes;  // what it is for
  std::vector<Study> studies;
};

// `smoke`: the fields under "smoke" of a study take the place of its own. Throws BadInput naming file and field.
Recipe read_recipe(const std::string& path, bool smoke);
Recipe parse_recipe(std::string_view json, const std::string& origin, bool smoke);

}  // namespace yoso
