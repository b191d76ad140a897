// The least time of some work on a machine whose limits are round numbers.
#include <yoso/roofline.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

// One thread: 100 flop/s, 10 add/s, 1 exp/s; L1 1000 B/s, L2 500 B/s, memory 10 B/s. Two: twice that, but memory 12.
Calibration machine() {
  const auto levels = [](double times, double memory) {
    return std::vector<LevelRate>{{"L1", 100, 1, 50, 1000 * times, 900 * times},
                                  {"L2", 1000, 2, 500, 400 * times, 500 * times},
                                  {"memory", {}, 4, 9999, memory, 5}};
  };
  Calibration c;
  c.limits = {{"avx2", 1, 100, 10, 1, levels(1, 10)}, {"avx2", 4, 400, 40, 4, levels(4, 12)}};
  return c;
}

Roofline of(const Work& work, int threads = 1) {
  const auto r = roofline(work, machine(), threads, "avx2");
  REQUIRE(r);
  return *r;
}

}  // namespace

TEST_CASE("roofline: work without stages is fused arithmetic or its bytes", "[roofline]") {
  CHECK(of({1000, 10}).seconds == Approx(10));
  CHECK(of({1000, 10}).limit == "fma");
  CHECK(of({10, 80}).limit == "fma");  // 0.1 s against 0.08 s from L1
  CHECK(of({1, 80}).limit == "L1");    // the faster of reading and updating
  CHECK(of({1, 80}).seconds == Approx(0.08));
  CHECK(of({1, 101}).limit == "L2");
  CHECK(of({1, 100}).limit == "L1");         // holds it exactly
  CHECK(of({1, 500}).seconds == Approx(1));  // L2 updates faster than it reads
  CHECK(of({1, 5000}).seconds == Approx(500));
  CHECK(of({1, 5000}).limit == "memory");
}

TEST_CASE("roofline: stages add up, each by what it waits for", "[roofline]") {
  Work w{0, 1, {}};
  w.stages.push_back({.phase = "a", .fused = 200, .adds = 30, .exponentials = 4});  // 2 + 3 + 4 s
  CHECK(of(w).seconds == Approx(9));
  CHECK(of(w).limit == "exp");
  w.stages.push_back({.phase = "b", .fused = 300, .reads = 2000, .footprint = 90});  // 3 s, not 2 from L1
  CHECK(of(w).seconds == Approx(12));
  CHECK(of(w).limit == "fma");                                                                       // 2 + 3 of 12 s
  w.stages.push_back({.phase = "c", .adds = 10, .reads = 2000, .updates = 2500, .footprint = 999});  // 5 + 5 s, not 1
  CHECK(of(w).seconds == Approx(22));
  CHECK(of(w).limit == "L2");
  w.bytes = 10000;  // 1000 s from memory: more than all stages
  CHECK(of(w).seconds == Approx(1000));
  CHECK(of(w).limit == "memory");
}

TEST_CASE("roofline: threads between one and all get the smaller of what scales and what there is", "[roofline]") {
  CHECK(of({1000, 0}, 2).seconds == Approx(5));
  CHECK(of({1000, 0}, 4).seconds == Approx(2.5));
  CHECK(of({1000, 0}, 9).seconds == Approx(2.5));  // no more cores than there are
  CHECK(of({1, 12000}, 2).seconds == Approx(1000));
  CHECK(of({1, 12000}, 2).limit == "memory");
  CHECK(of({1, 400}, 4).limit == "L1");  // four of them
  CHECK(of({1, 400}, 4).seconds == Approx(0.1));
  CHECK(of({1, 2000}, 4).limit == "L2");  // two, each of two cores
  CHECK(of({1, 2001}, 4).limit == "memory");
  CHECK(of({1, 1000}, 2).limit == "L2");
  CHECK(of({1, 1001}, 2).limit == "memory");
  Work w{0, 1, {}};
  w.stages.push_back({.phase = "a", .reads = 500, .footprint = 101});  // a footprint is not shared out
  CHECK(of(w, 4).limit == "L2");
}

TEST_CASE("roofline: nothing where nothing is known, or nothing is done", "[roofline]") {
  CHECK_FALSE(roofline({1, 1}, machine(), 1, "avx512"));
  CHECK_FALSE(roofline({0, 0}, machine(), 1, "avx2"));
  CHECK_FALSE(roofline({1, 1}, Calibration{}, 1, "avx2"));
}
