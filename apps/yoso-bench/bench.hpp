// What the measuring commands share: from options to groups of points, and from points to a report and a table.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <yoso/capture.hpp>
#include <yoso/plan.hpp>
#include <yoso/report.hpp>

#include "options.hpp"
#include "output.hpp"
#include "table.hpp"

namespace yoso::app {

// What a search for a skill ended with, for the member it belongs to.
struct Matched {
  Match match;
  std::string reason;  // why the row is unsupported; empty: it is not
};

// All methods at one input, shape, backend, instruction set and thread count.
struct Group {
  std::string input;  // a family, or a capture's path
  Shape shape;
  std::string pass;  // what is measured: "forward", "backward" or "both"
  Context context;
  std::vector<Member> members;
  std::shared_ptr<const Capture> capture;  // null: made from the family when asked for
  std::vector<Matched> matched;            // of each member; empty: nothing was searched for

  Capture data(std::uint64_t seed) const;  // rounded to what the context's elements hold
  std::string title() const;               // "gaussian, n = 1024, d = 64"
};

// `usual_n` is used when neither -n nor a capture gives a length; `extra` methods are added when not selected.
std::vector<Group> groups_of(const Options& options, std::vector<std::int64_t> usual_n, bool for_error,
                             const std::vector<const Method*>& extra = {});

// The configuration part of a row, with its ids and its repro line.
Point point_of(const Options& options, const Group& group, const Member& member, const Matched* matched = nullptr);

// Of the pass of a row. Inputs of 16 bits move half as many bytes as the methods' formulas say, in either direction.
std::optional<Work> work_of(const Point& point, const Member& member);

// The other way round, for tables: a row's member, and what its group says of the rows beside it.
Member member_of(const Point& point);
std::string title_of(const Point& point);
// "gaussian, n = 1024, d = 64, 1 thread, avx512"; `isa` may be a device's architecture, where `dtype` is said too.
std::string title_text(const std::string& input, const Shape& shape, const std::string& pass, int threads,
                       const std::string& isa, std::string_view dtype);

// "each", "once" or "none", from the option, the method and whether it draws at all. What a device
// cannot draw itself (all but signs) it is given once unless asked otherwise: the host would be timed in its place.
std::string redraw_policy(const Options& options, const Group& group, const Member& member);

std::vector<const Method*> controls();

// Turns what `work` throws into the row's status and reason: Unsupported, OutOfBudget and any other failure, but not a
// bad setting, which ends the run. True when it went through.
bool guarded(Point& point, const std::function<void()>& work);

// What of a check that was not passed is off, by how much, and what is allowed.
std::string wrong_text(const CheckResult& check);

// A capture whose model had a mask that the file could not hold is not what the model computed.
void warn_of_masks(const Group& group, Report& report);

// Knobs worth showing in a table: the main one, and those that are not at their usual value.
std::string setting_text(const Member& member);

// One line on what attention looks like on this input, over heads: the sharpness |q||k|/sqrt(d), on which random
// features and hashes depend, and the number of keys that matter.
std::string regime_text(const Group& group, const Capture& data);

}  // namespace yoso::app
