#include <yoso/crossover.hpp>

#include <cmath>

#include <yoso/report.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

RatioAt at(std::int64_t n, double ratio, double lo, double hi, bool predicted = false) {
  return {n, ratio, Interval{lo, hi, 0.95}, predicted};
}

Point point(std::int64_t n, std::vector<std::string> series, double ratio) {
  Point p;
  p.method = "yoso-m";
  p.series = std::move(series);
  p.input = "gaussian";
  p.isa = "avx2";
  p.shape.n_q = p.shape.n_k = n;
  SpeedResult speed;
  speed.baseline = "softmax";
  Paired pair;
  pair.ratio = ratio;
  pair.ci = Interval{ratio * 0.99, ratio * 1.01, 0.95};
  speed.paired = pair;
  p.speed = speed;
  return p;
}

}  // namespace

TEST_CASE("the crossing of a clean row, and where the line meets 1", "[crossover]") {
  // ratio 2 at 128, 1/2 at 512 by way of 1.25 and 0.8: in logs the line crosses half way between 256 and 512
  const Crossing c =
      crossing({at(512, 0.8, 0.79, 0.81), at(128, 2, 1.9, 2.1), at(256, 1.25, 1.2, 1.3), at(1024, 0.5, 0.4, 0.6)});
  REQUIRE(c.n);
  CHECK(*c.n == 512);
  CHECK_FALSE(c.from_start);
  CHECK_FALSE(c.unclear);
  REQUIRE(c.interpolated);
  CHECK(*c.interpolated == Approx(256 * std::sqrt(2.0)));
  CHECK(c.first == 128);
  CHECK(c.last == 1024);
  CHECK(text(c) == "512 (about 362)");
}

TEST_CASE("already, never, and not for sure", "[crossover]") {
  const Crossing already = crossing({at(128, 0.9, 0.8, 0.95), at(256, 0.5, 0.4, 0.6)});
  CHECK(already.n == 128);
  CHECK(already.from_start);
  CHECK_FALSE(already.interpolated);
  CHECK(text(already) == "already at 128");
  const Crossing never = crossing({at(128, 2, 1.9, 2.1), at(256, 1.5, 1.4, 1.6)});
  CHECK_FALSE(never.n);
  CHECK(text(never) == "never up to 256");
  const Crossing unsure = crossing({at(128, 2, 1.9, 2.1), at(256, 0.95, 0.8, 1.1)});
  CHECK_FALSE(unsure.n);
  CHECK(unsure.unclear);
  CHECK(text(unsure) == "not for sure up to 256");
  CHECK(text(crossing({RatioAt{64, 0.5, {}, false}})) == "not for sure up to 64");  // no interval, no victory
}

TEST_CASE("a row that wins, loses again and wins counts from its last loss", "[crossover]") {
  const Crossing c =
      crossing({at(128, 0.9, 0.85, 0.95), at(256, 1.1, 1.05, 1.2), at(512, 0.9, 0.8, 0.95), at(1024, 0.7, 0.6, 0.8)});
  CHECK(c.n == 512);
  CHECK(c.slower == std::vector<std::int64_t>{256});
  REQUIRE(c.interpolated);
  CHECK(*c.interpolated > 256);
  CHECK(*c.interpolated < 512);
  CHECK_FALSE(crossing({at(128, 0.9, 0.8, 0.95), at(256, 1.1, 1.05, 1.2)}).n);  // wins first, loses in the end
}

TEST_CASE("a noisy length is no victory, and the line is drawn between the medians around 1", "[crossover]") {
  const Crossing c =
      crossing({at(128, 2, 1.9, 2.1), at(256, 0.9, 0.7, 1.2), at(512, 0.5, 0.45, 0.55), at(1024, 0.25, 0.2, 0.3)});
  CHECK(c.n == 512);
  REQUIRE(c.interpolated);
  CHECK(*c.interpolated > 128);  // between 2 and 0.9
  CHECK(*c.interpolated < 256);
  // medians below 1 all the way down: nothing to draw a line from
  const Crossing below = crossing({at(128, 0.99, 0.9, 1.1), at(256, 0.5, 0.4, 0.6)});
  CHECK(below.n == 256);
  CHECK_FALSE(below.interpolated);
  CHECK(text(below) == "256");
}

TEST_CASE("a goal that was not reached is a loss that no line starts from", "[crossover]") {
  const Crossing c = crossing({RatioAt{128, {}, {}, false}, at(256, 0.5, 0.4, 0.6)});
  CHECK(c.n == 256);
  CHECK(c.slower == std::vector<std::int64_t>{128});
  CHECK_FALSE(c.from_start);
  CHECK_FALSE(c.interpolated);
  CHECK_FALSE(crossing({at(128, 0.5, 0.4, 0.6), RatioAt{256, {}, {}, false}}).n);
}

TEST_CASE("an answer that hangs on a predicted baseline is marked", "[crossover]") {
  const Crossing measured = crossing({at(128, 2, 1.9, 2.1), at(256, 0.5, 0.4, 0.6), at(512, 0.3, 0.2, 0.4, true)});
  CHECK(measured.n == 256);
  CHECK_FALSE(measured.baseline_predicted);
  const Crossing predicted = crossing({at(128, 2, 1.9, 2.1), at(256, 0.5, 0.4, 0.6, true)});
  CHECK(predicted.baseline_predicted);
  CHECK(text(predicted).starts_with("~256"));
  CHECK(text(crossing({at(128, 3, 2, 4), at(256, 2, 1.9, 2.1, true)})) == "~never up to 256");
}

TEST_CASE("points are sorted into series: settings that resolve alike at one length belong to both", "[crossover]") {
  std::vector<Point> points{point(256, {"hash_bits=9"}, 2),
                            point(256, {"hash_bits=auto"}, 1.5),
                            point(512, {"hash_bits=9", "hash_bits=auto"}, 0.9),
                            point(1024, {"hash_bits=9"}, 0.4),
                            point(1024, {"hash_bits=auto"}, 0.5),
                            point(64, {"alone"}, 0.1)};
  Point baseline = point(512, {""}, 1);
  baseline.method = "softmax";
  points.push_back(baseline);
  Point cross = point(2048, {"hash_bits=9"}, 3);
  cross.shape.n_q = 1;  // another shape, not another length
  points.push_back(cross);
  Point other = point(256, {"hash_bits=9"}, 9);
  other.threads = 2;
  points.push_back(other);
  const std::vector<Crossover> found = crossovers(points);
  REQUIRE(found.size() == 2);
  CHECK(found[0].series == "hash_bits=9");
  CHECK(found[1].series == "hash_bits=auto");
  for (const Crossover& c : found) {
    CHECK(c.baseline == "softmax");
    CHECK(c.crossing.n == 512);
    CHECK(c.crossing.first == 256);
    CHECK(c.crossing.last == 1024);
  }
  CHECK(*found[0].crossing.interpolated > *found[1].crossing.interpolated);
}

TEST_CASE("rows at a matched skill are a series of their own for each goal", "[crossover]") {
  std::vector<Point> points;
  for (const std::int64_t n : {128, 256}) {
    points.push_back(point(n, {""}, n == 128 ? 2 : 0.5));
    points.back().match = Match{0.5, Summary{0.51, {}, {}}, false};
    points.push_back(point(n, {""}, 0));
    points.back().speed.reset();
    points.back().match = Match{0.9, Summary{0.6, {}, {}}, true};
    points.push_back(point(n, {"no skill"}, 0));
    points.back().speed.reset();
    points.back().match = Match{0.9, {}, true};
  }
  const std::vector<Crossover> found = crossovers(points);
  REQUIRE(found.size() == 2);
  CHECK(found[0].goal == 0.5);
  CHECK(found[0].crossing.n == 256);
  CHECK(found[1].goal == 0.9);
  CHECK_FALSE(found[1].crossing.n);
}
