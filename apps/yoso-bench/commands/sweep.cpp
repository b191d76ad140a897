// sweep: many points of any kind, a file each, so that nothing is lost however it ends.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <set>

#include "../measure.hpp"
#include "../sweep/folder.hpp"
#include "../sweep/plan.hpp"
#include "../sweep/progress.hpp"

namespace yoso::app {
namespace {

constexpr int kStoppedEarly = 75;  // EX_TEMPFAIL: Slurm can be told to requeue on it

using Clock = std::chrono::steady_clock;

class Sweep {
 public:
  explicit Sweep(const Options& o)
      : o_(o),
        plan_(plan_sweep(o)),
        shard_(parse_shard(o.shard)),
        folder_(o.out, plan_.file, shard_),
        report_(start_report(o.argv, o.seed)),
        began_(Clock::now()) {
    catch_interrupts();
    report_.tags = o.tags;
    report_.plan = plan_.file.id;
    if (shard_.second > 1) report_.shard = fmt::format("{}/{}", shard_.first, shard_.second);
    if (!o.backend_note.empty()) report_.warnings.push_back(warning("backend-auto", o.backend_note));
    start_warnings_ = report_.warnings;
  }

  int run() {
    choose();
    SweepProgress progress(o_.progress, to_do_, cost_);
    progress_ = &progress;
    if (kept_ && o_.progress != "none")
      fmt::print(stderr, "{}: {} of {} points are there already\n", o_.out, kept_, kept_ + to_do_);
    for (std::size_t t = 0; t < plan_.tasks.size(); ++t) {
      if (wanted_[t].empty()) continue;
      if (interrupted() || spent_budget() || failed_fast_) break;
      measure(t);
    }
    return finish();
  }

 private:
  // Which members of which task are still to be measured.
  void choose() {
    const std::set<std::string> retry(o_.retry.begin(), o_.retry.end());
    const std::vector<int> shares = shard_groups(plan_.file.groups, shard_.second);
    wanted_.resize(plan_.tasks.size());
    bool found = o_.only.empty();
    for (std::size_t t = 0; t < plan_.tasks.size(); ++t) {
      const Task& task = plan_.tasks[t];
      found |= std::ranges::any_of(task.ids, [&](const std::string& id) { return id.starts_with(o_.only); });
      if (shares[t] != shard_.first) continue;
      for (std::size_t i = 0; i < task.ids.size(); ++i) {
        if (!o_.only.empty() && !task.ids[i].starts_with(o_.only)) continue;
        if (const auto status = o_.force ? std::nullopt : folder_.status(task.ids[i], task.kind);
            status && !retry.contains(*status)) {
          ++kept_;
          kept_failed_ += *status == "wrong" || *status == "error";
          continue;
        }
        wanted_[t].push_back(i);
      }
      to_do_ += wanted_[t].size();
      cost_ += share_of_cost(t, wanted_[t].size());
    }
    if (!found)
      throw BadSetting(fmt::format("--only {}: no point of this plan has such an id; `plan` lists them", o_.only));
  }

  double share_of_cost(std::size_t t, std::size_t points) const {
    const double all = static_cast<double>(plan_.tasks[t].ids.size());
    return plan_.file.groups[t].cost * static_cast<double>(points) / all;
  }

  bool spent_budget() {
    if (o_.total_budget <= 0) return false;
    over_budget_ = std::chrono::duration<double>(Clock::now() - began_).count() >= o_.total_budget;
    return over_budget_;
  }

  void measure(std::size_t t) {
    const Task& task = plan_.tasks[t];
    Group g = task.group;
    g.members.clear();
    for (const std::size_t i : wanted_[t]) g.members.push_back(task.group.members[i]);
    Options options = *task.options;
    options.memory_budget = o_.memory_budget;
    if (task.kind == "speed") add_baseline(options, g);
    progress_->begin(fmt::format("{}: {}", task.kind, g.title()));
    std::vector<Point> points = points_of(options, g);
    const auto data = inputs_of(options, g, points);
    std::set<std::string> expected;
    for (const std::size_t i : wanted_[t]) expected.insert(task.ids[i]);
    const double cost = share_of_cost(t, 1);
    const auto keep = [&](const Point& p) {
      // of a run that was stopped, only what is whole; of a group that is resumed, not the baseline again
      if (p.status == Status::interrupted || !expected.erase(p.id)) return;
      write(p, g, task.kind);
      progress_->done(1, cost);
    };
    if (data) {
      if (task.kind == "memory") weigh_group(options, g, *data, points, keep);
      if (task.kind == "error") (g.pass == "backward" ? judge_gradients : judge_group)(options, g, *data, points, keep);
      if (task.kind == "speed") {
        time_group(options, g, *data, points);
        if (interrupted()) return;  // the group was cut short, and with it every interval
      }
    }
    if (!data || task.kind == "speed")
      for (const Point& p : points) keep(p);
  }

  void write(const Point& p, const Group& g, const std::string& kind) {
    report_.points = {p};
    if (const Device* device = g.context.device)
      report_.environment.gpu = device->info();
    else
      report_.environment.gpu.reset();
    report_.warnings = kind == "speed" ? start_warnings_ : std::vector<Warning>{};
    warn_of_masks(g, report_);
    if (kind == "speed")
      for (Warning& w : warnings_of(report_.points))
        if (w.point) report_.warnings.push_back(std::move(w));
    progress_->warn(report_.warnings.size() - (kind == "speed" ? start_warnings_.size() : 0));
    folder_.write(report_, p.id, kind);
    ++statuses_[std::string(name(p.status))];
    const bool bad = p.status == Status::wrong || p.status == Status::error;
    failed_ += bad;
    failed_fast_ |= bad && o_.fail_fast;
    if (bad) fmt::print(stderr, "\n{}: {} ({})\n", name(p.status), p.reason, p.repro);
  }

  const char* again() const { return o_.force ? "the same command without --force" : "the same command"; }

  int finish() {
    progress_ = nullptr;
    std::vector<std::string> counts;
    std::size_t written = 0;
    for (const auto& [status, count] : statuses_) {
      counts.push_back(fmt::format("{} {}", count, status));
      written += count;
    }
    const std::size_t left = to_do_ - written;
    fmt::print("{}: {} point{} measured{}, {} there before, {} left\n", o_.out, written, written == 1 ? "" : "s",
               counts.empty() ? "" : fmt::format(" ({})", fmt::join(counts, ", ")), kept_, left);
    if (interrupted()) {
      fmt::print("stopped by {}: {} goes on from here\n", interrupted() == SIGINT ? "an interrupt" : "a signal",
                 again());
      return interrupted() == SIGINT ? 130 : kStoppedEarly;
    }
    if (failed_fast_) fmt::print("stopped at the first failure, as --fail-fast asks\n");
    if (over_budget_ && left > 0) {
      fmt::print("--total-budget is spent: {} goes on from here\n", again());
      return kStoppedEarly;
    }
    if (kept_failed_) fmt::print("{} of those that were there are wrong or broke: --retry wrong,error\n", kept_failed_);
    if (failed_ || kept_failed_) return 1;
    if (left == 0 && shard_.second == 1) fmt::print("next: yoso-bench merge {} -o report.json\n", o_.out);
    return 0;
  }

  const Options& o_;
  SweepPlan plan_;
  std::pair<int, int> shard_;
  SweepFolder folder_;
  Report report_;
  std::vector<Warning> start_warnings_;
  Clock::time_point began_;
  std::vector<std::vector<std::size_t>> wanted_;  // of each task: members
  std::size_t to_do_ = 0, kept_ = 0, failed_ = 0, kept_failed_ = 0;
  double cost_ = 0;
  bool failed_fast_ = false, over_budget_ = false;
  std::map<std::string, std::size_t> statuses_;
  SweepProgress* progress_ = nullptr;
};

}  // namespace

int run_sweep(const Options& o) {
  if (o.out.empty()) throw BadSetting("sweep: --out FOLDER is missing: where the points go");
  return Sweep(o).run();
}

}  // namespace yoso::app
