#include <yoso/warnings.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>

#include <yoso/report.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

std::set<std::string> codes(const std::vector<Warning>& warnings) {
  std::set<std::string> found;
  for (const Warning& w : warnings) found.insert(w.code);
  return found;
}

using Codes = std::set<std::string>;

BuildInfo release() {
  BuildInfo b;
  b.type = "Release";
  return b;
}

Environment quiet() {
  Environment e;
  e.cores = 4;
  e.load_1min = 0.5;
  e.cpu_pressure_10s = 0;
  e.steal_percent = 0;
  return e;
}

Point row(double drift, bool preempted) {
  Point p;
  p.method = "softmax";
  p.id = "a";
  SpeedResult s;
  s.timing.median = 1;
  s.timing.n = 30;
  s.timing.ci = Interval{0.99, 1.01, 0.95};
  s.timing.settled = true;
  s.timing.warm_up = 0.1;
  s.timing.drift = drift;
  for (int i = 0; i < 10; ++i) s.timing.samples.push_back({1, 1, preempted && i < 3});
  p.speed = s;
  return p;
}

}  // namespace

TEST_CASE("warnings: codes are unique, and only those of the table can be given", "[warnings]") {
  Codes seen;
  for (const WarningCode& w : warning_codes()) {
    CHECK(seen.insert(std::string(w.code)).second);
    CHECK_FALSE(w.meaning.empty());
  }
  CHECK_THROWS_AS(warning("no-such", ""), std::logic_error);
}

TEST_CASE("warnings: each condition of machine and build gives its own code", "[warnings]") {
  CHECK(warnings_of(quiet(), release()).empty());
  BuildInfo b;
  b.type = "Debug";
  b.sanitizers = {"address"};
  CHECK(codes(warnings_of(quiet(), b)) == Codes{"debug-build", "sanitizer"});
  Environment e = quiet();
  e.load_1min = 2.1;
  e.cpu_pressure_10s = 6;
  e.steal_percent = 1.5;
  e.calibration_problem = "damaged";
  e.variables = {{"OPENBLAS_CORETYPE", "Haswell"}, {"OMP_PROC_BIND", "true"}};
  CHECK(codes(warnings_of(e, release())) ==
        Codes{"calibration", "load", "omp-env", "openblas-env", "pressure", "steal"});
  e = quiet();
  e.variables = {{"OMP_NUM_THREADS", "4"}, {"YOSO_ISA", "avx2"}};  // we ask for our own number of threads
  CHECK(warnings_of(e, release()).empty());
  Environment unknown;  // what cannot be read is no warning
  CHECK(warnings_of(unknown, release()).empty());
}

TEST_CASE("warnings: what happened during the run replaces what was said before it", "[warnings]") {
  Environment before = quiet();
  before.steal_percent = 2;  // since boot
  before.cpu_pressure_10s = 9;
  std::vector<Warning> warnings = warnings_of(before, release());
  CHECK(codes(warnings) == Codes{"pressure", "steal"});
  update_warnings(warnings, before, {10, 0.5, 1.0, 0.0});
  CHECK(warnings.empty());
  update_warnings(warnings, before, {10, 0.5, 20.0, 3.0});
  CHECK(codes(warnings) == Codes{"pressure", "steal"});
  update_warnings(warnings, before, {10, 4.5, 20.0, 3.0});  // more tasks than cores at the end
  CHECK(codes(warnings) == Codes{"load", "pressure", "steal"});
  update_warnings(warnings, before, {10, {}, {}, {}});  // nothing known: as it was
  CHECK(codes(warnings) == Codes{"load", "pressure", "steal"});
}

TEST_CASE("warnings: two states of the machine tell what lay between them", "[warnings]") {
  const Disturbance d = between({10, 1.0, 2.0, 1000.0, 50.0}, {20, 3.0, 4.0, 3000.0, 150.0});
  CHECK(d.seconds == 10);
  CHECK(d.load_1min == 3.0);
  CHECK(*d.cpu_pressure == Approx(20));
  CHECK(*d.steal == Approx(5));
  const Disturbance nothing = between({10, {}, {}, {}, {}}, {20, {}, {}, {}, {}});
  CHECK_FALSE(nothing.load_1min);
  CHECK_FALSE(nothing.cpu_pressure);
  CHECK_FALSE(nothing.steal);
  const MachineState now = machine_state();
  CHECK(between(now, machine_state()).seconds >= 0);
}

TEST_CASE("warnings: rows say when they drift, were cold, or are too few", "[warnings]") {
  CHECK(warnings_of(std::vector<Point>{row(0.03, false)}).empty());
  Point p = row(-0.05, false);
  p.speed->timing.drifting = true;
  CHECK(codes(warnings_of(std::vector<Point>{p})) == Codes{"drift"});
  CHECK(warnings_of(std::vector<Point>{p})[0].point == "a");
  p = row(0, false);
  p.speed->timing.settled = false;
  CHECK(codes(warnings_of(std::vector<Point>{p})) == Codes{"cold"});
  p = row(0, false);
  p.speed->timing.ci.reset();
  CHECK(codes(warnings_of(std::vector<Point>{p})) == Codes{"few-samples"});
  p.status = Status::timeout;  // says so itself
  CHECK(warnings_of(std::vector<Point>{p}).empty());
  CHECK(codes(warnings_of(std::vector<Point>{row(0, true)})) == Codes{"noisy-machine"});
  p = row(0, false);
  p.status = Status::noisy;
  CHECK(codes(warnings_of(std::vector<Point>{p})) == Codes{"noisy-machine"});
  CHECK(warnings_of(std::vector<Point>{p, row(0, false)}).empty());  // half of the rows is not most
  CHECK(warnings_of(std::vector<Point>{}).empty());
}
