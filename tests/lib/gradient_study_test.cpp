#include <yoso/gradient_study.hpp>

#include <yoso/catalogue.hpp>
#include <yoso/families.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

const Shape kShape{.batch = 1, .heads = 2, .n_q = 96, .n_k = 96, .d = 16, .d_v = 16};

ErrorResult run(const char* method, std::vector<std::pair<const char*, const char*>> knobs, std::int64_t seeds = 1) {
  const Capture data = make_inputs("clustered", kShape, 3);
  GradientStudy study(catalogue(), find(catalogue(), "softmax"), kShape, data.inputs(),
                      Context{.threads = 1, .isa = Isa::scalar}, 5);
  const Method& m = find(catalogue(), method);
  Settings settings(m.knobs, kShape);
  for (const auto& [knob, value] : knobs) settings.set(knob, value);
  return study.run(m, settings, seeds, true);
}

const GradientComparison* beside(const ErrorResult& result, std::string_view role) {
  for (const GradientComparison& c : result.gradients)
    if (c.role == role) return &c;
  return nullptr;
}

}  // namespace

TEST_CASE("gradients of exact attention are those of exact attention, whatever computes them", "[study]") {
  const ErrorResult naive = run("softmax-naive", {});
  REQUIRE(beside(naive, "total"));
  for (const GradientComparison::Tensor& t : beside(naive, "total")->tensors) {
    CAPTURE(t.name);
    CHECK(t.cosine->median == Approx(1));
    CHECK(t.norm_ratio->median == Approx(1));
    CHECK(t.slope->median == Approx(1));
    CHECK(t.cosine->lo == t.cosine->hi);  // nothing is drawn
  }
  CHECK(run("softmax", {}).gradients.empty());  // it is the reference
}

TEST_CASE("a method that looks at no query has no gradient there", "[study]") {
  const ErrorResult mean = run("mean-v", {});
  const GradientComparison::Tensor& dq = beside(mean, "total")->tensors[0];
  CHECK_FALSE(dq.cosine);
  CHECK(dq.norm_ratio->median == 0);
  CHECK(dq.slope->median == 0);
}

TEST_CASE("the lower bound of yoso-e stands beside its derivative, and is shorter", "[study]") {
  const ErrorResult bound = run("yoso-e", {{"gradient", "lower-bound"}, {"norm", "none"}, {"hash_bits", "5"}});
  const GradientComparison* truth = beside(bound, "truth");
  REQUIRE(truth);
  CHECK(truth->reference == "yoso-e");
  CHECK_FALSE(beside(bound, "total"));  // its outputs are no averages
  for (const std::size_t t : {0, 1}) {
    CHECK(truth->tensors[t].cosine->median > 0.9);
    CHECK(truth->tensors[t].norm_ratio->median < 0.91);  // (pi - th) sin(th) / 2 is at most 0.90985
  }
  CHECK(truth->tensors[2].cosine->median == Approx(1));  // dV is the same
  CHECK_FALSE(beside(run("yoso-e", {{"gradient", "true"}, {"norm", "none"}}), "truth"));
}
