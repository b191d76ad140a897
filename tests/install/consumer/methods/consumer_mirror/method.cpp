// Query i gets the value at the mirrored position, n - 1 - i.
#include <yoso/method.hpp>
#include <yoso/parallel.hpp>

#include <algorithm>

#include "oracle.hpp"
#include "primitives/primitives.hpp"

namespace yoso::consumer_mirror {
namespace {

struct Cpu {
  Shape shape;
  Context context;

  Cpu(const Shape& s, const Settings&, const Context& c) : shape(s), context(c) {
    if (s.n_q != s.n_k) throw Unsupported("consumer-mirror needs as many queries as keys");
  }

  Needs needs() const { return {}; }

  void forward(const Inputs& in, float* out, Call&) {
    const Primitives& p = primitives(context.isa);
    std::fill_n(out, shape.out_size(), 0.0f);
    parallel_for(context.threads, shape.rows(), [&](std::int64_t row, int) {
      for (std::int64_t i = 0; i < shape.n_q; ++i)
        p.add(in.v + ((row + 1) * shape.n_k - 1 - i) * shape.d_v, out + (row * shape.n_q + i) * shape.d_v, shape.d_v);
    });
  }
};

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    return head.v(problem.shape.n_k - 1 - i);
  });
}

}  // namespace

extern const Method method;
const Method method{.name = "consumer-mirror", .title = "values in reverse order", .cpu = runs<Cpu>(), .oracle = oracle};

}  // namespace yoso::consumer_mirror
