// Backward of yoso-e and yoso-m beyond what conformance asks of every method.
#include <yoso/gradients.hpp>

#include "yoso_problem.hpp"

using namespace yoso;

namespace {

GradientBuffers backward(std::string_view name, const ProblemData& data, const Choices& choices, int threads = 1,
                         Isa isa = default_isa()) {
  const Method& method = find(catalogue(), name);
  Instance instance(method, data.shape, settings_of(method, data.shape, choices),
                    Context{.threads = threads, .isa = isa, .pass = Pass::both}, 3);
  std::vector<float> out(ProblemData::size(data.shape.out_size()), NAN);
  instance.forward(data.inputs(), out.data());
  const std::vector<float> dout = upstream_gradient(data.shape, 3);
  GradientBuffers g(data.shape, instance.parameters().specs());
  instance.backward(data.inputs(), {out.data(), dout.data()}, g.view());
  return g;
}

double worst(const std::vector<float>& got, const std::vector<float>& want) {
  double worst = 0, square = 0;
  for (const float w : want) square += double(w) * double(w);
  for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(double(got[i]) - double(want[i])));
  return worst / (1e-30 + std::sqrt(square / double(want.size())));
}

void check_oracle(std::string_view name, const ProblemData& data, const Choices& choices) {
  const Method& method = find(catalogue(), name);
  Instance instance(method, data.shape, settings_of(method, data.shape, choices), Context{.pass = Pass::both}, 3);
  GradientBuffers g = backward(name, data, choices);
  const std::vector<float> dout = upstream_gradient(data.shape, 3);
  const Tensors draws = instance.draws().tensors(), parameters = instance.parameters().tensors();
  const Inputs in = data.inputs();
  for (const GradientError& e : gradient_errors(method, Problem{data.shape, instance.settings(), in, draws, parameters},
                                                all_queries(data.shape), dout.data(), g.view(), 0)) {
    CAPTURE(e.tensor);
    CHECK(e.relative <= 1e-4);
  }
}

// One way or another of visiting pairs: few tokens a slot, more collisions than there is room for at once, full slots.
constexpr std::string_view kBits[] = {"8", "6", "5", "2", "1"};

}  // namespace

TEST_CASE("yoso-m: weighted tables sum the lower bound that pairs do", "[yoso-m][gradients]") {
  for (const bool causal : {false, true})
    for (const std::string_view norm : {"l2", "rowsum", "none"})
      for (const std::string_view bits : kBits) {
        CAPTURE(causal, norm, bits);
        ProblemData data({.batch = 2, .heads = 2, .n_q = 150, .n_k = 141, .d = 24, .d_v = 40, .causal = causal});
        data.mask();
        const Choices pairs{{"hashes", "6"}, {"hash_bits", bits}, {"norm", norm}};
        Choices tables = pairs;
        tables.emplace_back("gradient", "tables");
        const GradientBuffers got = backward("yoso-m", data, pairs), want = backward("yoso-m", data, tables);
        CHECK(worst(got.dq, want.dq) <= 3e-5);
        CHECK(worst(got.dk, want.dk) <= 3e-5);
        CHECK(worst(got.dv, want.dv) <= 3e-5);
      }
}

TEST_CASE("yoso-m: gradients of problems with full slots are as defined", "[yoso-m][gradients]") {
  for (const bool causal : {false, true})
    for (const std::string_view gradient : {"lower-bound", "set", "expectation"})
      for (const std::string_view bits : kBits) {
        CAPTURE(causal, gradient, bits);
        ProblemData data({.batch = 1, .heads = 1, .n_q = 290, .n_k = 300, .d = 16, .d_v = 20, .causal = causal});
        data.mask();
        check_oracle("yoso-m", data,
                     {{"hashes", "5"}, {"hash_bits", bits}, {"gradient", gradient}, {"norm", "rowsum"}});
      }
}

TEST_CASE("yoso-m and yoso-e give the same bits of every gradient for any thread count", "[yoso][gradients]") {
  // few rows, one, and more than go through backward at once: those depend on threads
  for (const Shape& shape : {Shape{.batch = 2, .heads = 1, .n_q = 260, .n_k = 300, .d = 16, .d_v = 24},
                             Shape{.batch = 1, .heads = 1, .n_q = 700, .n_k = 700, .d = 8, .d_v = 8, .causal = true},
                             Shape{.batch = 1, .heads = 12, .n_q = 500, .n_k = 512, .d = 8, .d_v = 8},
                             Shape{.batch = 5, .heads = 3, .n_q = 700, .n_k = 690, .d = 8, .d_v = 8}}) {
    ProblemData data(shape);
    if (shape.batch > 1) data.mask();
    const auto compare = [&](std::string_view name, const Choices& choices) {
      const GradientBuffers one = backward(name, data, choices);
      for (const int threads : {2, 5, 16}) {
        CAPTURE(name, shape.heads, threads);
        const GradientBuffers many = backward(name, data, choices, threads);
        CHECK((many.dq == one.dq && many.dk == one.dk && many.dv == one.dv));
      }
    };
    for (const std::string_view gradient : {"true", "lower-bound"}) compare("yoso-e", {{"gradient", gradient}});
    for (const std::string_view gradient : {"lower-bound", "tables", "set", "expectation"})
      for (const std::string_view bits : {"8", "3"})
        compare("yoso-m", {{"hashes", "3"}, {"hash_bits", bits}, {"gradient", gradient}});
  }
}

TEST_CASE("yoso-e: gradients of almost parallel queries and keys are as defined", "[yoso-e][gradients]") {
  for (const double apart : {1e-1, 1e-2, 3e-3, 0.0})
    for (const std::string_view gradient : {"true", "lower-bound"}) {
      CAPTURE(apart, gradient);
      ProblemData data({.batch = 1, .heads = 1, .n_q = 40, .n_k = 40, .d = 16, .d_v = 16});
      for (std::size_t i = 0; i < data.k.size(); ++i) data.k[i] = data.q[i] + float(apart) * data.k[i];
      check_oracle("yoso-e", data, {{"gradient", gradient}});
      check_oracle("yoso-e", data, {{"gradient", gradient}, {"dot_scale", "0.98"}, {"norm", "rowsum"}});
    }
}

TEST_CASE("yoso-e: the gradient of one direction of all rows is zero, not an explosion", "[yoso-e][gradients]") {
  ProblemData data({.batch = 1, .heads = 1, .n_q = 12, .n_k = 12, .d = 8, .d_v = 8});
  for (std::int64_t i = 0; i < 12; ++i)
    for (std::size_t c = 0; c < 8; ++c)
      data.q[std::size_t(i) * 8 + c] = data.k[std::size_t(i) * 8 + c] = float(i + 1) * data.q[c];
  const GradientBuffers g = backward("yoso-e", data, {});
  for (const std::vector<float>* x : {&g.dq, &g.dk})
    for (const float e : *x) CHECK(std::abs(e) <= 1e-2);
}

TEST_CASE("yoso-m saves codes for backward and nothing without it", "[yoso-m][gradients]") {
  const Method& method = find(catalogue(), "yoso-m");
  const Shape shape{.n_q = 256, .n_k = 256, .d = 16, .d_v = 16};
  const auto needs = [&](Pass pass, const Choices& choices) {
    return method.cpu.build(shape, settings_of(method, shape, choices), Context{.pass = pass})->needs();
  };
  CHECK(needs(Pass::forward, {}).saved == 0);
  const std::size_t codes = 2 * 32 * (256 + 32) * sizeof(std::uint16_t), lengths = 256 * sizeof(float);
  CHECK(needs(Pass::both, {}).saved == codes + lengths);
  CHECK(needs(Pass::both, {{"norm", "none"}}).saved == codes);
  CHECK(needs(Pass::both, {{"gradient", "expectation"}}).saved == lengths);
}

TEST_CASE("yoso-m refuses more collisions than lists can have, where it makes lists", "[yoso-m][gradients]") {
  const Method& method = find(catalogue(), "yoso-m");
  const Shape shape{.n_q = 1, .n_k = std::int64_t{1} << 27, .d = 8, .d_v = 8};
  const auto build = [&](const Choices& choices, Pass pass) {
    return method.cpu.build(shape, settings_of(method, shape, choices), Context{.pass = pass});
  };
  const Choices set{{"hashes", "64"}, {"gradient", "set"}};
  CHECK_THROWS_AS(build(set, Pass::both), Unsupported);
  CHECK_NOTHROW(build(set, Pass::forward));
  CHECK_NOTHROW(build({{"hashes", "64"}, {"gradient", "lower-bound"}}, Pass::both));  // buckets are full
}
