// Runs the methods named on the command line on a tiny problem, and prints what they and their oracles give.
#include <mine/catalogue.hpp>
#include <yoso/catalogue.hpp>
#include <yoso/instance.hpp>

#include <cstdio>
#include <numeric>
#include <string_view>
#include <vector>

namespace {

// v = 1, 2, .., 6 as three tokens of width two
void run(const yoso::Method& method) {
  const yoso::Shape shape{.batch = 1, .heads = 1, .n_q = 3, .n_k = 3, .d = 2, .d_v = 2};
  std::vector<float> q(6, 1.0f), v(6), out(6);
  std::iota(v.begin(), v.end(), 1.0f);
  const yoso::Inputs in{.q = q.data(), .k = q.data(), .v = v.data()};
  yoso::Instance instance(method, shape, yoso::Settings(method.knobs, shape),
                          yoso::Context{.threads = 2, .isa = yoso::default_isa()}, 1);
  instance.forward(in, out.data());
  const std::vector<std::int64_t> queries{0, 1, 2};
  std::vector<double> want(6);
  instance.oracle(in, queries, want.data());
  std::printf("%.*s", int(method.name.size()), method.name.data());
  for (const float x : out) std::printf(" %.3f", double(x));
  std::printf(" oracle");
  for (const double x : want) std::printf(" %.3f", x);
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  std::printf("%zu methods, %zu of our own\n", mine::catalogue().size(),
              mine::catalogue().size() - yoso::catalogue().size());
  for (int i = 1; i < argc; ++i) run(yoso::find(mine::catalogue(), argv[i]));
}
