#include <yoso/study.hpp>

#include <yoso/catalogue.hpp>
#include <yoso/families.hpp>

#include "catch.hpp"

using namespace yoso;

namespace {

const Shape kShape{.batch = 1, .heads = 2, .n_q = 96, .n_k = 96, .d = 16, .d_v = 16};

ErrorResult run(const char* method, std::vector<std::pair<const char*, const char*>> knobs, std::int64_t seeds,
                Reference reference = Reference::softmax, int threads = 1) {
  const Capture data = make_inputs("clustered", kShape, 3);
  ErrorStudy study(catalogue(), find(catalogue(), "softmax"), kShape, data.inputs(),
                   Context{threads, Isa::scalar, Pass::forward}, reference);
  const Method& m = find(catalogue(), method);
  Settings settings(m.knobs, kShape);
  for (const auto& [knob, value] : knobs) settings.set(knob, value);
  return study.run(m, settings, seeds, 5, true);
}

double median_of(const std::optional<Comparison>& c, const char* metric) {
  REQUIRE(c);
  REQUIRE((*c)[metric]);
  return (*c)[metric]->median;
}

}  // namespace

TEST_CASE("a random method has three errors: sampling falls with hashes, the kernel gap does not", "[study]") {
  const ErrorResult few = run("yoso-m", {{"hashes", "16"}, {"norm", "rowsum"}, {"hash_bits", "5"}}, 12);
  const ErrorResult many = run("yoso-m", {{"hashes", "512"}, {"norm", "rowsum"}, {"hash_bits", "5"}}, 12);
  CHECK(few.seeds == 12);
  CHECK(few.sampling->reference == "yoso-e");
  CHECK(median_of(many.sampling, "rel_fro") < 0.5 * median_of(few.sampling, "rel_fro"));
  CHECK(median_of(many.sampling, "skill") > median_of(few.sampling, "skill"));
  CHECK(median_of(many.kernel_gap, "rel_fro") == median_of(few.kernel_gap, "rel_fro"));
  CHECK((*few.sampling)["skill"]->lo < (*few.sampling)["skill"]->hi);
  CHECK(few.per_head.size() == 2);
}

TEST_CASE("the gap of yoso-m is the total error of yoso-e, which draws nothing and has no spread", "[study]") {
  const ErrorResult sampled = run("yoso-m", {{"norm", "rowsum"}}, 2);
  const ErrorResult exact = run("yoso-e", {{"norm", "rowsum"}}, 20);
  CHECK(exact.seeds == 1);
  CHECK_FALSE(exact.sampling);
  CHECK(median_of(sampled.kernel_gap, "skill") == median_of(exact.total, "skill"));
  CHECK((*exact.total)["skill"]->lo == (*exact.total)["skill"]->hi);
  CHECK_FALSE((*sampled.total)["skill"]->lo);  // two seeds make no interval
}

TEST_CASE("unbiased estimators have a bias_z near one", "[study]") {
  // norm none and independent planes: exactly unbiased. z^2 / dof has mean (S-1)/(S-3) = 1.1 for S = 24 seeds
  const ErrorResult e =
      run("yoso-m", {{"norm", "none"}, {"projection", "gaussian"}, {"hash_bits", "4"}, {"hashes", "32"}}, 24);
  REQUIRE(e.bias_z);
  CHECK(*e.bias_z > 0.7);
  CHECK(*e.bias_z < 1.4);
  CHECK_FALSE((*e.sampling)["skill"]);  // raw sums are no averages
}

TEST_CASE("bias_z is null where it would be noise: few draws, or outputs that do not vary", "[study]") {
  CHECK_FALSE(run("yoso-m", {{"norm", "rowsum"}}, 4).bias_z);
  CHECK(run("yoso-m", {{"norm", "rowsum"}}, 5).bias_z);
  CHECK_FALSE(run("subsample", {{"keys", "96"}}, 8).bias_z);  // all keys: only the order of sums differs
}

TEST_CASE("untrained random parameters are not called exact", "[study]") {
  const auto skill = [](const char* projection) {
    return *(*run("linformer", {{"projection", projection}, {"k", "16"}}, 20).total)["skill"];
  };
  CHECK(skill("pool").lo == skill("pool").median);
  CHECK_FALSE(skill("random").lo);
}

TEST_CASE("max_abs is the largest of all heads", "[study]") {
  const ErrorResult e = run("yoso-e", {{"norm", "rowsum"}}, 1);
  for (const auto& [metric, range] : e.total->heads)
    if (metric == "max_abs") CHECK(median_of(e.total, "max_abs") == range->second);
}

TEST_CASE("l2-normalised outputs have an angle but no skill", "[study]") {
  const ErrorResult e = run("yoso-e", {{"norm", "l2"}}, 1);
  CHECK_FALSE((*e.total)["skill"]);
  CHECK(median_of(e.total, "angle") > 0);
}

TEST_CASE("references: softmax-unit sharpens as tau says, own leaves total out", "[study]") {
  const ErrorResult unit = run("yoso-e", {{"norm", "rowsum"}}, 1, Reference::softmax_unit);
  CHECK(unit.total->reference == "softmax-unit(tau=9)");
  const ErrorResult plain = run("yoso-e", {{"norm", "rowsum"}}, 1);
  CHECK(median_of(unit.total, "skill") != median_of(plain.total, "skill"));
  const ErrorResult own = run("yoso-m", {{"norm", "rowsum"}}, 6, Reference::own);
  CHECK_FALSE(own.total);
  CHECK_FALSE(own.kernel_gap);
  CHECK(own.sampling);
}

TEST_CASE("weights are read off the outputs: averages have mass one, softmax recalls itself", "[study]") {
  const Capture data = make_inputs("clustered", kShape, 3);
  ErrorStudy study(catalogue(), find(catalogue(), "softmax"), kShape, data.inputs(), Context{}, Reference::softmax);
  const auto weigh = [&](const char* method, const char* norm) {
    const Method& m = find(catalogue(), method);
    Settings settings(m.knobs, kShape);
    if (*norm) settings.set("norm", norm);
    return study.weigh(m, settings, 5);
  };
  const auto exact = weigh("softmax-naive", ""), blind = weigh("mean-v", ""), yoso = weigh("yoso-e", "rowsum");
  REQUIRE((exact && blind && yoso));
  CHECK(exact->top == 16);
  CHECK(*exact->topk_recall > 0.999);
  CHECK(*exact->row_mass == Approx(1));
  CHECK(*blind->row_mass == Approx(1));
  CHECK(*blind->topk_recall == Approx(16.0 / 96));  // all keys tie
  CHECK(*yoso->row_mass == Approx(1));
  CHECK(*yoso->topk_recall > *blind->topk_recall);
  CHECK_FALSE(weigh("yoso-e", "l2"));
}

TEST_CASE("threads change nothing", "[study]") {
  const ErrorResult one = run("yoso-m", {{"norm", "rowsum"}}, 3, Reference::softmax, 1);
  const ErrorResult two = run("yoso-m", {{"norm", "rowsum"}}, 3, Reference::softmax, 2);
  for (const auto& [metric, summary] : one.total->metrics) {
    const auto other = (*two.total)[metric];
    REQUIRE(summary.has_value() == other.has_value());
    if (summary) CHECK(summary->median == other->median);
  }
}
