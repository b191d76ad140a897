#include <yoso/gradients.hpp>

#include <algorithm>
#include <cmath>

#include <yoso/random.hpp>

namespace yoso {
namespace {

// A tensor that has a gradient.
struct Variable {
  std::size_t index;  // 0 q, 1 k, 2 v, then the parameters
  std::string name;
  const float* data;   // what stands there now
  const float* got;    // its gradient, as computed
  std::int64_t parts;  // tokens, or copies of a parameter
  std::int64_t width;  // elements of one
  std::int64_t asked;  // parts that can have a gradient: tokens that were not asked for have none
  std::int64_t size() const { return parts * width; }
};

std::vector<Variable> variables(const Method& method, const Problem& problem, std::int64_t queries,
                                const Gradients& got) {
  const Shape& s = problem.shape;
  std::vector<Variable> all;
  all.push_back(
      {0, "dq", problem.in.q, got.dq, s.rows() * s.n_q, s.d, s.rows() * (method.shares_qk ? s.n_q : queries)});
  if (!method.shares_qk) all.push_back({1, "dk", problem.in.k, got.dk, s.rows() * s.n_k, s.d, s.rows() * s.n_k});
  all.push_back({2, "dv", problem.in.v, got.dv, s.rows() * s.n_k, s.d_v, s.rows() * s.n_k});
  if (!method.parameters) return all;
  const std::vector<TensorSpec> specs = method.parameters(s, problem.settings);
  for (std::size_t i = 0; i < specs.size(); ++i)
    all.push_back({3 + i, "d" + std::string(specs[i].name), problem.parameters[specs[i].name], got.parameters[i],
                   specs[i].copies(s), specs[i].copy_size(), specs[i].copies(s)});
  return all;
}

double rms(const float* x, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return n > 0 ? std::sqrt(sum / static_cast<double>(n)) : 0;
}

// A comparison with NaN is false, so that the largest of several errors would not be it.
double or_infinite(double error) { return std::isnan(error) ? INFINITY : error; }

// The sum of dout * out over the asked queries, with `values` in the place of a variable.
class Loss {
 public:
  Loss(const Method& method, const Problem& problem, std::span<const std::int64_t> queries, const float* dout)
      : method_(method), problem_(problem), queries_(queries), dout_(dout) {}

  double operator()(const Variable& variable, const std::vector<float>& values) {
    Inputs in = problem_.in;
    const float** const inputs[] = {&in.q, &in.k, &in.v};
    if (variable.index < 3) *inputs[variable.index] = values.data();
    Tensors parameters;
    std::size_t index = 3;
    if (method_.parameters)
      for (const TensorSpec& spec : method_.parameters(problem_.shape, problem_.settings)) {
        const float* const data = variable.index == index++ ? values.data() : problem_.parameters[spec.name];
        parameters.set(spec.name, {data, static_cast<std::size_t>(spec.size(problem_.shape))});
      }
    const Shape& s = problem_.shape;
    std::vector<double> out(static_cast<std::size_t>(s.rows() * s.d_v) * queries_.size());
    method_.oracle(Problem{s, problem_.settings, in, problem_.draws, parameters}, queries_, out.data());
    double sum = 0, squares = 0;
    magnitude_ = 0;
    std::size_t at = 0;
    for (std::int64_t row = 0; row < s.rows(); ++row)
      for (const std::int64_t i : queries_)
        for (std::int64_t c = 0; c < s.d_v; ++c, ++at) {
          const double term = out[at] * static_cast<double>(dout_[(row * s.n_q + i) * s.d_v + c]);
          sum += term;
          magnitude_ += std::abs(term);
          squares += term * term;
        }
    size_ = std::sqrt(static_cast<double>(out.size()) * squares);
    return sum;
  }
  double magnitude() const { return magnitude_; }  // sum of |dout * out|: what its rounding is relative to
  // The same by the terms' root mean square, which is more where few queries bear the loss, and all of the gradient.
  double size() const { return size_; }

 private:
  const Method& method_;
  const Problem& problem_;
  std::span<const std::int64_t> queries_;
  const float* dout_;
  double magnitude_ = 0, size_ = 0;
};

// The least that counts as the size of an element of a gradient: a thirtieth of what it would be if the tensor scaled
// the loss. Gradients that cancel to nothing (of a query that sees one key, or has one feature) are no more exact than
// that allows: 6e-6 of what cancels.
double floor_of(const Variable& x, const Loss& loss) {
  const double typical = rms(x.data, x.size());
  return typical > 0 ? 0.03 * loss.size() / (typical * static_cast<double>(x.asked * x.width)) : 0;
}

// Error along one direction: elements [first, first + count) step up or down, by 2^-bits of the tensor's size.
double along(const Variable& x, std::int64_t first, std::int64_t count, Loss& loss, const Random& random,
             std::uint64_t stream, int bits) {
  const double typical = rms(x.data, x.size());
  const double step = std::exp2(std::round(std::log2(typical > 0 ? typical : 1)) - bits);
  std::vector<float> up(x.data, x.data + x.size()), down = up;
  double predicted = 0, square = 0;
  for (std::int64_t i = first; i < first + count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const double signed_step =
        random.below(stream * static_cast<std::uint64_t>(x.size()) + static_cast<std::uint64_t>(i), 2) == 1 ? step
                                                                                                            : -step;
    up[at] = static_cast<float>(x.data[i] + signed_step);
    down[at] = static_cast<float>(x.data[i] - signed_step);
    const double apart = static_cast<double>(up[at]) - static_cast<double>(down[at]);  // as rounded
    predicted += apart * static_cast<double>(x.got[i]);
    square += apart * apart;
  }
  const double higher = loss(x, up), rounding = 1e-14 * loss.magnitude();
  const double actual = higher - loss(x, down);
  // of a part, its own size counts beside that of all
  const double element = rms(x.got, x.size()) + rms(x.got + first, count) + floor_of(x, loss);
  const double size = std::sqrt(square) * element + rounding;
  const double off = std::abs(predicted - actual);
  return off <= rounding ? 0 : or_infinite(off / size);
}

// Among thousands of tokens some lie so near an edge (of a hash bucket) that a step takes them over it, and what
// changes then is no derivative. So a direction that disagrees makes room for others, with smaller steps: a wrong
// gradient is wrong along all of them.
double along_some(const Variable& x, std::int64_t first, std::int64_t count, Loss& loss, std::uint64_t stream) {
  double least = INFINITY;
  for (const int bits : {15, 19, 22}) {
    const Random random(20261124 + static_cast<std::uint64_t>(bits), stream_of(x.name));
    least = std::min(least, along(x, first, count, loss, random, stream, bits));
    if (least <= 1e-4) break;
  }
  return least;
}

double differences(const Variable& x, Loss& loss, int tokens) {
  double worst = along_some(x, 0, x.size(), loss, 0);
  for (int t = 0; t < tokens; ++t) {
    const auto stream = static_cast<std::uint64_t>(t) + 1;
    // a long part (a whole matrix of a parameter) by a stretch of it
    const std::int64_t width = std::min<std::int64_t>(x.width, 256);
    const std::int64_t part = static_cast<std::int64_t>(
        Random(20261125, stream_of(x.name)).below(stream, static_cast<std::uint64_t>(x.size() / width)));
    const double off = along_some(x, part * width, width, loss, stream);
    worst = std::max(worst, off);
  }
  return worst;
}

double elementwise(const Variable& x, const std::vector<double>& want, const Loss& loss) {
  double square = 0;
  for (const double w : want) square += w * w;
  const double typical =
      std::sqrt(square / static_cast<double>(std::max<std::size_t>(1, want.size()))) + floor_of(x, loss);
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double off = std::abs(static_cast<double>(x.got[i]) - want[i]) / (typical + std::abs(want[i]) + 1e-30);
    worst = std::max(worst, or_infinite(off));
  }
  return worst;
}

}  // namespace

GradientBuffers::GradientBuffers(const Shape& shape, const std::vector<TensorSpec>& specs)
    : dq(static_cast<std::size_t>(shape.q_size())),
      dk(static_cast<std::size_t>(shape.k_size())),
      dv(static_cast<std::size_t>(shape.v_size())) {
  for (const TensorSpec& spec : specs) parameters.emplace_back(static_cast<std::size_t>(spec.size(shape)));
}

Gradients GradientBuffers::view() {
  Gradients g{dq.data(), dk.data(), dv.data(), {}};
  for (std::vector<float>& p : parameters) g.parameters.push_back(p.data());
  return g;
}

std::vector<float> upstream_gradient(const Shape& shape, std::uint64_t seed) {
  std::vector<float> dout(static_cast<std::size_t>(shape.out_size()));
  Random(seed, stream_of("dout")).normal(dout);
  return dout;
}

std::vector<GradientError> gradient_errors(const Method& method, const Problem& problem,
                                           std::span<const std::int64_t> queries, const float* dout,
                                           const Gradients& got, int tokens, bool finite_differences) {
  if (!method.oracle) throw Unsupported(std::string(method.name) + " has no oracle");
  std::vector<GradientError> errors;
  const std::vector<Variable> all = variables(method, problem, static_cast<std::int64_t>(queries.size()), got);
  Loss loss(method, problem, queries, dout);
  if (!method.gradient_oracle || finite_differences) {
    for (const Variable& x : all) errors.push_back({x.name, differences(x, loss, tokens)});
    return errors;
  }
  const Shape& s = problem.shape;
  std::vector<double> asked;
  for (std::int64_t row = 0; row < s.rows(); ++row)
    for (const std::int64_t i : queries) {
      const float* const from = dout + (row * s.n_q + i) * s.d_v;
      asked.insert(asked.end(), from, from + s.d_v);
    }
  std::vector<std::vector<double>> want;
  for (const Variable& x : all) want.emplace_back(static_cast<std::size_t>(x.size()));
  ExactGradients exact;
  std::size_t at = 0;
  exact.dq = want[at++].data();
  if (!method.shares_qk) exact.dk = want[at++].data();
  exact.dv = want[at++].data();
  while (at < want.size()) exact.parameters.push_back(want[at++].data());
  method.gradient_oracle(problem, queries, asked.data(), exact);
  loss(all[0], {all[0].data, all[0].data + all[0].size()});  // as it is, for its size
  for (std::size_t i = 0; i < all.size(); ++i) errors.push_back({all[i].name, elementwise(all[i], want[i], loss)});
  return errors;
}

}  // namespace yoso
