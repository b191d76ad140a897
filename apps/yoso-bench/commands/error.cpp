// error: sampling error, kernel gap and total error over seeds; controls always among the rows.
#include <fmt/format.h>

#include "../measure.hpp"

namespace yoso::app {
namespace {

std::optional<Summary> metric(const std::optional<Comparison>& comparison, const char* name) {
  return comparison ? (*comparison)[name] : std::nullopt;
}

// What "exact" means in this table.
std::string reference_of(const std::vector<Point>& points) {
  for (const Point& p : points)
    if (p.error && p.error->total) return p.error->total->reference;
  return "softmax";
}

// Below zero by more than the interval: worse than the mean of the values.
std::string verdict(const Point& p) {
  if (!p.error) return fmt::format("{}{}{}", name(p.status), p.reason.empty() ? "" : ": ", p.reason);
  const auto total = metric(p.error->total, "skill"), own = metric(p.error->sampling, "skill");
  std::string text;
  if (total && total->hi.value_or(total->median) < -0.0005) text = "worse than no attention";
  const bool other = own && p.error->sampling->reference != p.error->total.value_or(Comparison{}).reference;
  if (other && own->hi.value_or(own->median) < -0.0005)
    text += text.empty() ? "worse than no attention at its own target" : ", at its own target too";
  if (!p.reason.empty()) text += (text.empty() ? "" : "; ") + p.reason;
  return text;
}

std::string table_of(const Group& g, const std::string& regime, const std::vector<Point>& points, bool weights) {
  const std::string exact = reference_of(points);
  Table skill({"method", "setting", "skill -> " + exact, "skill -> own target", "own target", "gap: target -> " + exact,
               "seeds", "note"});
  std::vector<std::string> header{"method",
                                  "setting",
                                  "angle -> " + exact,
                                  "angle -> own",
                                  "rel_fro -> " + exact,
                                  "rel_fro -> own",
                                  "rel_row p95 -> " + exact,
                                  "cosine -> " + exact,
                                  "max_abs -> " + exact,
                                  "bias_z"};
  if (weights) header.insert(header.end(), {"row mass", "top-k recall"});
  Table rest(header);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    const std::string setting = setting_text(g.members[i]);
    if (!p.error) {
      skill.row({p.method, setting, "-", "-", "-", "-", "-", verdict(p)});
      continue;
    }
    const ErrorResult& e = *p.error;
    const auto show = [](const std::optional<Comparison>& c, const char* name, int decimals) {
      return summary_text(metric(c, name), decimals);
    };
    skill.row({p.method, setting, show(e.total, "skill", 3), show(e.sampling, "skill", 3),
               e.sampling ? e.sampling->reference : "itself", show(e.kernel_gap, "skill", 3),
               fmt::format("{}", e.seeds), verdict(p)});
    std::vector<std::string> row{p.method,
                                 setting,
                                 show(e.total, "angle", 4),
                                 show(e.sampling, "angle", 4),
                                 show(e.total, "rel_fro", 4),
                                 show(e.sampling, "rel_fro", 4),
                                 show(e.total, "rel_row_p95", 3),
                                 show(e.total, "cosine", 4),
                                 show(e.total, "max_abs", 3),
                                 number_text(e.bias_z, 2)};
    if (weights) {
      row.push_back(number_text(e.weights ? e.weights->row_mass : std::nullopt, 3));
      row.push_back(number_text(e.weights ? e.weights->topk_recall : std::nullopt, 3));
    }
    rest.row(row);
  }
  return fmt::format("{}\n{}\n{}\n{}\n", g.title(), regime, skill.text(), rest.text());
}

// Gradients: a row for each reference of each method.
std::string gradients_of(const Group& g, const std::string& regime, const std::vector<Point>& points) {
  std::vector<std::string> header{"method", "setting", "beside"};
  for (const char* tensor : {"dQ", "dK", "dV"})
    for (const char* metric : {"cosine", "norm ratio", "slope"}) header.push_back(fmt::format("{} {}", tensor, metric));
  header.insert(header.end(), {"seeds", "note"});
  Table table(header, 3);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    std::string method = p.method, setting = setting_text(g.members[i]);
    if (!p.error || p.error->gradients.empty()) {
      std::vector<std::string> row{method, setting, "-"};
      row.resize(header.size() - 1, "-");
      row.push_back(!p.error ? verdict(p) : p.reason.empty() ? "nothing but itself to compare it with" : p.reason);
      table.row(row);
      continue;
    }
    for (const GradientComparison& c : p.error->gradients) {
      std::vector<std::string> row{method, setting, c.role == "own" ? c.reference + " (its own target)" : c.reference};
      for (const GradientComparison::Tensor& t : c.tensors)
        for (const auto& summary : {t.cosine, t.norm_ratio, t.slope}) row.push_back(summary_text(summary, 3));
      row.insert(row.end(), {fmt::format("{}", p.error->seeds), p.reason});
      table.row(row);
      method = setting = "";  // said once
    }
  }
  return fmt::format("{}\n{}\n{}\n", g.title(), regime, table.text());
}

std::string heads_of(const Group& g, const std::vector<Point>& points) {
  const std::string exact = reference_of(points);
  Table table({"method", "setting", "batch", "head", "entropy", "effective keys", "|q|", "|k|", "|v|", "|q||k|/sqrt(d)",
               "skill -> " + exact, "angle -> " + exact, "skill -> own", "angle -> own"});
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!points[i].error) continue;
    for (const HeadError& h : points[i].error->per_head) {
      const HeadProfile& f = h.profile;
      table.row({points[i].method, setting_text(g.members[i]), fmt::format("{}", f.batch), fmt::format("{}", f.head),
                 number_text(f.entropy, 3), number_text(f.effective_keys, 1), number_text(f.q_norm, 2),
                 number_text(f.k_norm, 2), number_text(f.v_norm, 2), number_text(f.temperature, 2),
                 number_text(h.skill_total, 3), number_text(h.angle_total, 4), number_text(h.skill_sampling, 3),
                 number_text(h.angle_sampling, 4)});
    }
  }
  return fmt::format("heads of {}\n{}\n", g.title(), table.text());
}

}  // namespace

int run_error(const Options& o) {
  const std::vector<Group> groups = groups_of(o, {1024}, true, controls());
  Output output(o, false);
  Progress progress(o.progress, groups.size());
  std::string text;
  bool any_forward = false, any_backward = false;
  for (const Group& g : groups) {
    if (interrupted()) break;
    progress.next(g.title());
    std::vector<Point> points = points_of(o, g);
    const auto data = inputs_of(o, g, points);
    const bool backward = g.pass == "backward";
    if (data) (backward ? judge_gradients : judge_group)(o, g, *data, points, {});
    warn_of_masks(g, output.report);
    const std::string regime = data ? regime_text(g, *data) : "not measured";
    text += backward ? gradients_of(g, regime, points) : table_of(g, regime, points, o.weights);
    (backward ? any_backward : any_forward) = true;
    if (o.per_head) text += heads_of(g, points);
    output.report.points.insert(output.report.points.end(), points.begin(), points.end());
  }
  if (any_backward)
    text +=
        "Gradients g of sum(out * dout), dout ~ N(0, 1), beside a reference r, means over heads: cosine of their "
        "angle; "
        "|g| / |r|;\nslope <g, r> / |r|^2, which noise leaves alone on average: another value than 1 is a bias. beside "
        "yoso-e: the derivative of\nwhat is estimated. Medians over draws with 95 % intervals.\n";
  if (any_forward)
    text +=
        "skill = 1 - |Y - R|^2 / |mean(V) - R|^2, mean over heads: 1 is exact, 0 is no better than no attention "
        "(mean-v), below 0 is worse.\n"
        "Medians over draws with 95 % intervals. Angles in radians; they mislead alone: look at the controls' angles "
        "first.\n";
  return output.finish(text);
}

}  // namespace yoso::app
