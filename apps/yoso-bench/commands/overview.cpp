// overview: the main job. How fast, how big and how wrong, side by side on the same inputs, with a verdict for each
// row.
#include <fmt/format.h>

#include <algorithm>

#include "../measure.hpp"
#include "../verdict.hpp"

namespace yoso::app {
namespace {

constexpr std::int64_t kJudgedLength = 1024;  // of synthetic inputs, where errors are measured

struct Measured {
  Group group;
  std::vector<Point> points;
};

std::optional<Summary> skill(const std::optional<Comparison>& c) { return c ? (*c)["skill"] : std::nullopt; }
std::optional<Summary> angle(const std::optional<Comparison>& c) { return c ? (*c)["angle"] : std::nullopt; }

std::string ratio_text(const Point& p) {
  if (!p.speed || !p.speed->paired) return "-";
  const Paired& pair = *p.speed->paired;
  return pair.ci ? fmt::format("{:.3g} [{:.3g}, {:.3g}]", pair.ratio, pair.ci->lo, pair.ci->hi)
                 : fmt::format("{:.3g}", pair.ratio);
}

std::string peak_text(const Point& p) {
  return p.memory && p.memory->measured ? bytes_text(p.memory->measured->total()) : "-";
}

std::string at_a_glance(const Options& o, const Measured& m) {
  Table table({"method", "setting", fmt::format("time x {} [interval]", o.baseline), "bytes", "skill -> softmax",
               "skill -> own target", "verdict"});
  Table angles({"method", "setting", "angle -> softmax", "angle -> own target", "own target"});
  for (std::size_t i = 0; i < m.points.size(); ++i) {
    const Point& p = m.points[i];
    const std::string setting = setting_text(m.group.members[i]);
    if (!p.error) {
      table.row({p.method, setting, ratio_text(p), peak_text(p), "-", "-", p.verdict});
      continue;
    }
    table.row({p.method, setting, ratio_text(p), peak_text(p), summary_text(skill(p.error->total), 3),
               summary_text(skill(p.error->sampling), 3), p.verdict});
    angles.row({p.method, setting, summary_text(angle(p.error->total), 4), summary_text(angle(p.error->sampling), 4),
                p.error->sampling ? p.error->sampling->reference : "itself"});
  }
  return fmt::format("{}\n{}\n{}\nangles, radians (mean-v's is the angle of no attention at all)\n{}\n",
                     m.group.title(), regime_text(m.group, m.group.data(o.seed)), table.text(), angles.text());
}

// One column of `cell` for each group; rows are the settings of the first group, found in the others by name and knobs.
std::string side_by_side(const std::vector<const Measured*>& all, const std::vector<std::string>& headers,
                         std::string (*cell)(const Point&), bool words = false) {
  std::vector<std::string> header{"method", "setting"};
  header.insert(header.end(), headers.begin(), headers.end());
  if (!words) header.emplace_back("");
  Table table(header, words ? header.size() : 2);
  const Measured& first = *all.front();
  for (std::size_t i = 0; i < first.points.size(); ++i) {
    const std::string setting = setting_text(first.group.members[i]);
    std::vector<std::string> row{first.points[i].method, setting};
    for (const Measured* m : all) row.push_back(i < m->points.size() ? cell(m->points[i]) : "-");
    table.row(row);
  }
  return table.text();
}

std::string short_input(const Group& g) {
  const auto slash = g.input.find_last_of('/');
  std::string text = slash == std::string::npos ? g.input : g.input.substr(slash + 1);
  if (text.ends_with(".safetensors")) text.resize(text.size() - std::string(".safetensors").size());
  return text;
}

}  // namespace

int run_overview(const Options& o) {
  // growth with n: usual knobs, the first family
  Options scaling_options = o;
  scaling_options.captures.clear();
  if (o.families.size() > 1) scaling_options.families.resize(1);
  scaling_options.knobs = {};
  std::vector<Group> scaling = groups_of(scaling_options, {512, 1024, 2048, 4096}, false, controls());
  // judged inputs: every capture whole, every family at one length, every knob value asked for
  Options judged_options = o;
  judged_options.n.clear();
  if (judged_options.families.empty()) judged_options.families = {"gaussian", "clustered"};
  std::vector<Group> judged = groups_of(judged_options, {kJudgedLength}, true, controls());

  Output output(o, true);
  Progress progress(o.progress, 2 * (scaling.size() + judged.size()));
  std::vector<Measured> grown, weighed;
  const auto open = [&](std::vector<Group>& groups, std::vector<Measured>& into) {
    for (Group& g : groups) {
      add_baseline(o, g);
      into.push_back({g, points_of(o, g)});
    }
  };
  open(scaling, grown);
  open(judged, weighed);
  // memory first: its forked children must come before this process has threads
  for (auto* part : {&weighed, &grown})
    for (Measured& m : *part) {
      progress.next("memory: " + m.group.title());
      if (const auto data = inputs_of(o, m.group, m.points)) weigh_group(o, m.group, *data, m.points);
    }
  for (Measured& m : weighed) {
    progress.next("speed and error: " + m.group.title());
    warn_of_masks(m.group, output.report);
    if (const auto data = inputs_of(o, m.group, m.points)) {
      time_group(o, m.group, *data, m.points);
      judge_group(o, m.group, *data, m.points);
    }
    give_verdicts(m.group, m.points);
  }
  for (Measured& m : grown) {
    progress.next("speed: " + m.group.title());
    if (const auto data = inputs_of(o, m.group, m.points)) time_group(o, m.group, *data, m.points);
  }
  for (const Measured& m : weighed)
    output.report.points.insert(output.report.points.end(), m.points.begin(), m.points.end());
  // A point that both parts measured is one point: the table of growth shows what the report holds.
  for (Measured& m : grown)
    for (Point& p : m.points) {
      auto& all = output.report.points;
      const auto same = std::ranges::find(all, p.id, &Point::id);
      if (same == all.end())
        all.push_back(p);
      else
        p = *same;
    }

  std::string text;
  if (!weighed.empty()) {
    text += at_a_glance(o, weighed.front());
    std::vector<const Measured*> others;
    std::vector<std::string> headers;
    for (std::size_t i = 1; i < weighed.size(); ++i) {
      others.push_back(&weighed[i]);
      headers.push_back(short_input(weighed[i].group));
    }
    if (!others.empty()) {
      text += "the same on the other inputs: skill -> softmax\n" +
              side_by_side(
                  others, headers,
                  [](const Point& p) { return p.error ? summary_text(skill(p.error->total), 3) : std::string("-"); }) +
              "\n";
      text += "verdicts there\n" +
              side_by_side(
                  others, headers, [](const Point& p) { return p.verdict; }, true) +
              "\n";
    }
  }
  if (!grown.empty()) {
    std::vector<const Measured*> all;
    std::vector<std::string> headers;
    for (const Measured& m : grown) {
      all.push_back(&m);
      headers.push_back(fmt::format("n = {}", m.group.shape.n_k));
    }
    text += fmt::format("growth with n, {}, usual knobs: median time, and time x {}\n",
                        short_input(grown.front().group), o.baseline);
    text += side_by_side(all, headers, [](const Point& p) {
      if (!p.speed) return std::string(name(p.status));
      return seconds_text(p.speed->timing.median) +
             (p.speed->paired ? fmt::format(" ({:.3g}x)", p.speed->paired->ratio) : "");
    });
    text += "\nthe same: peak bytes\n" + side_by_side(all, headers, peak_text) + "\n";
  }
  text +=
      "skill: 1 is exact, 0 is no better than the mean of V (no attention at all), below 0 is worse. The models behind "
      "the captures were\n"
      "not trained with YOSO or any other approximation. `dominated by X`: X is not slower and not less skilful, and "
      "better in one beyond\n"
      "the intervals.";
  text += o.devices == std::vector<Device*>{nullptr}
              ? " Times are of this machine's CPU and support no claim about a GPU.\n"
              : "\n";
  return output.finish(text);
}

}  // namespace yoso::app
