#include <yoso/launches.hpp>

#include <cmath>

#include <yoso/random.hpp>
#include <yoso/schema.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

Point timed(double median, double ratio) {
  Point p;
  p.method = "yoso-m";
  p.knobs = {{"hashes", "32"}, {"norm", "l2"}};
  p.series = {"hashes=32"};
  p.input = "gaussian";
  p.isa = "scalar";
  p.repro = "yoso-bench";
  SpeedResult speed;
  speed.timing.n = 20;
  speed.timing.n_eff = 10;
  speed.timing.min = median * 0.9;
  speed.timing.q1 = speed.timing.median = speed.timing.q3 = speed.timing.cpu_median = median;
  speed.timing.max = median * 2;
  speed.timing.stop = "ci";
  speed.phases = {{"hash", median / 2}};
  speed.baseline = "softmax";
  Paired pair;
  pair.rounds = 20;
  pair.ratio = ratio;
  pair.ci = Interval{ratio, ratio, 0.99};
  speed.paired = pair;
  p.speed = speed;
  p.check.emplace();
  p.check->passed = true;
  p.work = Work{100, 200};
  identify(p);
  return p;
}

std::vector<LaunchReport> launches(const std::vector<double>& medians) {
  std::vector<LaunchReport> all;
  for (const double median : medians) all.push_back({{timed(median, median / 2)}, {}, false});
  return all;
}

}  // namespace

TEST_CASE("an interval over launches has the level it says", "[launches]") {
  CHECK_FALSE(launch_interval(std::vector<double>{1}));
  const auto two = launch_interval(std::vector<double>{2, 1});
  REQUIRE(two);
  CHECK(two->lo == 1);
  CHECK(two->hi == 2);
  CHECK(two->level == Approx(0.5));
  const auto five = launch_interval(std::vector<double>{5, 1, 4, 2, 3});
  REQUIRE(five);
  CHECK(five->lo == 1);
  CHECK(five->hi == 5);
  CHECK(five->level == Approx(0.9375));
  std::vector<double> many;
  for (int i = 1; i <= 20; ++i) many.push_back(i);
  const auto twenty = launch_interval(many);
  REQUIRE(twenty);
  CHECK(twenty->lo == 6);  // the binomial table: 95.86 % between the 6th and the 15th of 20
  CHECK(twenty->hi == 15);
  CHECK(twenty->level == Approx(0.9586).margin(1e-4));
}

TEST_CASE("the level holds in simulation", "[launches]") {
  int covered = 0;
  constexpr int kRuns = 4000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<float> noise(5);
    Random(static_cast<std::uint64_t>(run), stream_of("launches")).normal(noise);
    const std::vector<double> x(noise.begin(), noise.end());
    const auto ci = launch_interval(x);
    covered += ci->lo <= 0 && 0 <= ci->hi;
  }
  CHECK(std::abs(static_cast<double>(covered) / kRuns - 0.9375) < 0.015);
}

TEST_CASE("launches are combined by their medians, with the spread between them", "[launches]") {
  const std::vector<Point> rows = combine(launches({1.0, 1.1, 0.9, 1.3, 1.05}), 0.01);
  REQUIRE(rows.size() == 1);
  const SpeedResult& speed = *rows[0].speed;
  CHECK(speed.timing.median == Approx(1.05));
  REQUIRE(speed.timing.ci);
  CHECK(speed.timing.ci->lo == Approx(0.9));
  CHECK(speed.timing.ci->hi == Approx(1.3));
  CHECK(speed.timing.ci->level == Approx(0.9375));
  CHECK(speed.timing.n == 100);
  CHECK(speed.timing.min == Approx(0.81));
  CHECK(speed.timing.max == Approx(2.6));
  CHECK(speed.paired->ratio == Approx(0.525));
  CHECK(speed.paired->ci->lo == Approx(0.45));
  CHECK(speed.paired->ci->level == Approx(0.9375));
  CHECK(speed.paired->rounds == 100);
  REQUIRE(speed.launches.size() == 5);
  CHECK(speed.launches[3].median == 1.3);
  CHECK(*speed.launches[3].ratio == Approx(0.65));
  CHECK(speed.phases[0].second == Approx(0.525));
  CHECK(rows[0].status == Status::noisy);  // 20 % of spread, however quiet each launch was
  CHECK(combine(launches({1.0, 1.001, 0.999}), 0.01)[0].status == Status::ok);
}

TEST_CASE("a row that failed in one launch has failed", "[launches]") {
  auto all = launches({1, 1, 1});
  all[1].points[0].speed.reset();
  all[1].points[0].status = Status::wrong;
  all[1].points[0].reason = "differs";
  const Point row = combine(all, 0.01)[0];
  CHECK(row.status == Status::wrong);
  CHECK(row.reason == "launch 2: differs");
  CHECK_FALSE(row.speed);
  auto different = launches({1, 1});
  different[1].points[0].id = "another";
  CHECK_THROWS_AS(combine(different, 0.01), std::logic_error);
  CHECK(combine({}, 0.01).empty());
}

TEST_CASE("what a launch writes is read back, and the combination is a valid report", "[launches]") {
  Report report = start_report({"yoso-bench"}, 7);
  report.points.push_back(timed(1, 0.5));
  Point predicted = timed(1, 1);
  predicted.speed.reset();
  predicted.status = Status::predicted;
  predicted.predicted = Predicted{4, report.points[0].id};
  report.points.push_back(predicted);
  Point matched = timed(2, 0.5);
  matched.match = Match{0.5, Summary{0.52, 0.5, 0.54}, false};
  matched.speed->baseline_predicted = true;
  report.points.push_back(matched);
  report.warnings.push_back({"load", "busy", {}});
  const LaunchReport read = read_launch(to_json(report), "test");
  REQUIRE(read.points.size() == 3);
  CHECK(read.points[0].id == report.points[0].id);
  CHECK(read.points[0].knobs == report.points[0].knobs);
  CHECK(read.points[0].series == report.points[0].series);
  CHECK(read.points[0].speed->timing.median == 1);
  CHECK(read.points[0].speed->paired->ci->level == 0.99);
  CHECK(read.points[1].predicted->seconds == 4);
  CHECK(read.points[1].status == Status::predicted);
  CHECK(read.points[2].match->goal == 0.5);
  CHECK(read.points[2].match->reached->hi == 0.54);
  CHECK(read.points[2].speed->baseline_predicted);
  CHECK(read.warnings.back().code == "load");

  report.points = combine({read, read, read}, 0.01);
  report.launches = 3;
  report.crossovers = crossovers(report.points);
  Crossover c;
  c.method = "yoso-m";
  c.crossing.first = c.crossing.last = 8;
  report.crossovers.push_back(c);
  const Verdict verdict = validate(to_json(report), "test");
  CAPTURE(verdict.problems);
  CHECK(verdict.problems.empty());
  CHECK_THROWS_AS(read_launch("{}", "test"), BadInput);
  CHECK_THROWS_AS(read_launch("no JSON", "test"), BadInput);
}

TEST_CASE("a launch whose output was wrong, or whose call was too long, is not covered up by the others",
          "[launches]") {
  for (const Status status : {Status::wrong, Status::timeout, Status::interrupted})
    for (const std::size_t bad : {0u, 2u}) {
      std::vector<LaunchReport> all = launches({1, 1.01, 1.02});
      all[bad].points[0].status = status;  // with its times, as a check after timing leaves it
      all[bad].points[0].reason = "why";
      const std::vector<Point> rows = combine(all, 0.1);
      CHECK(rows.at(0).status == status);
      CHECK(rows.at(0).reason.find("why") != std::string::npos);
    }
  std::vector<LaunchReport> all = launches({1, 1, 1});
  all[1].points[0].check->max_abs = 0.5;
  all[1].points[0].check->tolerance = 1;
  CHECK(combine(all, 0.1).at(0).check->max_abs == 0.5);
}
