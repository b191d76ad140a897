// Which rows are meant, and in what they differ.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <yoso/rows.hpp>

namespace yoso {

// The rows for which `condition` (see Filter) holds; all when it is empty. Throws BadSetting naming --where when it
// cannot be read, when a comparison names neither a field nor a value of these rows, or when no row is left.
std::vector<Row> select_rows(const std::vector<Row>& rows, std::string_view condition);

// Throws BadSetting when reports that were read together hold two measurements of one of these values of one of these
// rows.
void refuse_clashes(const Rows& read, const std::vector<Row>& rows, const std::vector<std::string>& values);

// For every method, circumstance and goal the row that is best in `sought` among those whose `given` value reaches the
// goal: at least it where more is better, at most where less is. Their value "goal" says which; where no setting of a
// method reaches it, the row has no other value and the status "not reached".
std::vector<Row> best_of(const std::vector<Row>& rows, const std::string& given, const std::vector<double>& goals,
                         const std::string& sought);

// The fields that say under which circumstances a row was measured: rows that differ in one do not belong in one table.
const std::vector<std::string>& context_fields();
// Those of `fields` in which the rows differ, and in which they do not.
std::vector<std::string> varying(const std::vector<Row>& rows, const std::vector<std::string>& fields);
std::vector<std::string> constant(const std::vector<Row>& rows, const std::vector<std::string>& fields);

// "pass = forward, input = gaussian, d = 64, threads = 1, ..., AMD EPYC, 2 cores, avx512": the context that all rows
// share, without what is usual and what is `said` elsewhere.
std::string shared_context(const std::vector<Row>& rows, const std::vector<Machine>& machines,
                           const std::vector<std::string>& said = {});
// The machine behind an environment's id, and the id as well when another machine reads the same.
std::string machine_text(const std::vector<Machine>& machines, const std::string& environment);

// Values of which neither more nor less is better: 1 is (norm ratios, slopes, the mass of a row).
bool one_is_best(std::string_view value);

}  // namespace yoso
