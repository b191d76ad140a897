// The three measurements of one group, as the commands speed, memory, error and overview use them. Each fills its part
// of the rows and sets their status; rows stand in the order of group.members.
#pragma once
#include <functional>
#include <vector>

#include "bench.hpp"

namespace yoso::app {

// The group's inputs, or nothing when they alone exceed the memory budget: every row says so then.
std::optional<Capture> inputs_of(const Options& options, const Group& group, std::vector<Point>& points);

std::vector<Point> points_of(const Options& options, const Group& group);

// Adds the baseline to a group that lacks it (with its usual knobs).
void add_baseline(const Options& options, Group& group);

// Checks every output against its definition, then times all members interleaved and pairs them with the baseline.
void time_group(const Options& options, const Group& group, const Capture& data, std::vector<Point>& points);

// Told of each row as soon as it is measured.
using PointDone = std::function<void(const Point&)>;

// Predicts, compares with the budget, runs in a forked child, and compares arenas with the child's resident set. Must
// come before this process runs anything on more than one thread.
void weigh_group(const Options& options, const Group& group, const Capture& data, std::vector<Point>& points,
                 const PointDone& done = {});

// Sampling error, kernel gap and total error over seeds.
void judge_group(const Options& options, const Group& group, const Capture& data, std::vector<Point>& points,
                 const PointDone& done = {});

// Gradients of a backward pass beside references, over seeds.
void judge_gradients(const Options& options, const Group& group, const Capture& data, std::vector<Point>& points,
                     const PointDone& done = {});

}  // namespace yoso::app
