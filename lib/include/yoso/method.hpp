// The one door between the harness and every attention method.
#pragma once
#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <yoso/arena.hpp>
#include <yoso/cpu.hpp>
#include <yoso/errors.hpp>
#include <yoso/knobs.hpp>
#include <yoso/shape.hpp>
#include <yoso/tensors.hpp>

namespace yoso {

enum class Pass : std::uint8_t { forward, both };  // `both`: forward keeps what backward needs in the saved arena

class Device;

// How an engine is to run. It is built from (Shape, Settings, Context), once for many calls.
struct Context {
  int threads = 1;
  Isa isa = Isa::scalar;
  Pass pass = Pass::forward;
  // Null: the CPU. Otherwise all tensors and arenas that a pass is given lie in this device's memory, and a pass only
  // asks for its work: it may return before that is done.
  Device* device = nullptr;
  // Of q, k and v. Other than f32 on a device alone, whose engine then is given Inputs that point at such elements; on
  // the host they are always f32, with values that both types have.
  Element element = Element::f32;

  std::string_view backend() const;  // "cpu", or the device's
  std::string isa_name() const;      // of the CPU kernels, or the device's architecture
  Context on_host() const;           // the same on the CPU, of f32: where references are computed
};

// Is told when a named part of a pass begins ("hash", "build", "query", ...).
class PhaseListener {
 public:
  virtual ~PhaseListener() = default;
  virtual void begin(std::string_view phase) = 0;
};

// Is shown inner values of a pass (codes, buckets, ...): for tests and bucket statistics.
class Probe {
 public:
  virtual ~Probe() = default;
  virtual void see(std::string_view name, const TensorView& value) = 0;
};

// What one call of a pass works with.
struct Call {
  Arena& saved;
  Arena& scratch;
  Tensors draws;
  Tensors parameters;
  PhaseListener* phases = nullptr;
  Probe* probe = nullptr;

  void phase(std::string_view name) const {
    if (phases) phases->begin(name);
  }
};

// What backward is given beside the inputs: the output that forward wrote, which every framework keeps anyway, and the
// gradient of the loss with respect to it. Both [batch, heads, n_q, d_v]; rows of padded queries count for nothing in
// `dout` (but for a convolution, which writes them too).
struct Upstream {
  const float* out = nullptr;
  const float* dout = nullptr;
};

// Where backward writes; each tensor has the shape of what it is the gradient of, and is overwritten. Padded tokens get
// zeros.
struct Gradients {
  float* dq = nullptr;
  float* dk = nullptr;
  float* dv = nullptr;
  std::vector<float*> parameters;  // in the order of the method's declaration, summed over what shares a copy
};

// Authors write a plain struct of this form ...
template <class E>
concept Engine = std::constructible_from<E, const Shape&, const Settings&, const Context&> &&
    requires(E e, const E c, const Inputs& in, float* out, Call& call) {
  { c.needs() } -> std::same_as<Needs>;
  e.forward(in, out, call);
};
// ... and, if it can be trained, with this as well. Backward may run repeatedly on one `saved` with the same draws.
template <class E>
concept Trainable = Engine<E> &&
    requires(E e, const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
  e.backward(in, up, grads, call);
};

// What an engine does with inputs of bfloat16. One that takes them says so by a member: static constexpr Bf16 kBf16.
enum class Bf16 : std::uint8_t {
  refused,
  widened,  // to f32, in which all is computed: as exact as with inputs of f32
  rounded,  // what tensor cores multiply is rounded to bfloat16 again, weights too
};
template <class E>
constexpr Bf16 bf16_of() {
  if constexpr (requires { E::kBf16; })
    return E::kBf16;
  else
    return Bf16::refused;
}

class AnyEngine {
 public:
  virtual ~AnyEngine() = default;
  virtual Needs needs() const = 0;
  virtual void forward(const Inputs& in, float* out, Call& call) = 0;
  virtual void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) = 0;
};

// One cell of the method x backend table. Which passes it has is read off the engine's type, so it cannot drift from
// code.
struct Cell {
  // Throws Unsupported for a shape or settings the engine has not.
  std::unique_ptr<AnyEngine> (*build)(const Shape&, const Settings&, const Context&) = nullptr;
  bool forward = false;
  bool backward = false;
  Bf16 bf16 = Bf16::refused;
  std::string_view verified = {};  // a device's: on which one a committed check has passed; empty: on none yet
};

template <Engine E>
constexpr Cell runs() {
  struct Boxed final : AnyEngine {
    E engine;
    Boxed(const Shape& shape, const Settings& settings, const Context& context) : engine(shape, settings, context) {}
    Needs needs() const override { return engine.needs(); }
    void forward(const Inputs& in, float* out, Call& call) override { engine.forward(in, out, call); }
    void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) override {
      if constexpr (Trainable<E>)
        engine.backward(in, up, grads, call);
      else
        throw Unsupported("this engine has no backward pass");
    }
  };
  return {[](const Shape& shape, const Settings& settings, const Context& context) -> std::unique_ptr<AnyEngine> {
            return std::make_unique<Boxed>(shape, settings, context);
          },
          true, Trainable<E>, bf16_of<E>()};
}

// A part of a pass, by what it asks of the machine.
struct Stage {
  std::string_view phase;   // as the engine names it to the PhaseListener
  double fused = 0;         // arithmetic operations in multiply-adds, two each
  double adds = 0;          // arithmetic operations that have nothing to fuse with
  double exponentials = 0;  // exp, or another function of that price
  double reads = 0;         // bytes read from the cache level that holds `footprint` bytes
  double updates = 0;       // bytes changed in place there: what is read and what is written both count
  double footprint = 0;
};

// What a pass costs by the textbook formula: arithmetic operations (a fused multiply-add is two), and bytes
// that have to move if every tensor is touched once. `stages` says more, where one rate would not bound the time: the
// roofline is then the sum over stages. Empty: all of `flops` can be multiply-adds.
struct Work {
  double flops = 0;
  double bytes = 0;
  std::vector<Stage> stages = {};
};

// One problem, for an oracle.
struct Problem {
  const Shape& shape;
  const Settings& settings;
  const Inputs& in;
  const Tensors& draws;
  const Tensors& parameters;
};

// Double-precision outputs, straight from the definition, of some queries of every row: out is
// [rows, queries.size(), d_v], and queries holds positions in [0, n_q). Shares no code with any engine.
using Oracle = void (*)(const Problem&, std::span<const std::int64_t> queries, double* out);

// Where a gradient oracle writes: sizes as in Gradients, in double. A null tensor is not asked for.
struct ExactGradients {
  double* dq = nullptr;
  double* dk = nullptr;
  double* dv = nullptr;
  std::vector<double*> parameters;
};

// The definition, in double precision, of what backward computes where that is not the derivative of the output: the
// gradients of the sum of dout * out over the asked queries of every row, dout being [rows, queries.size(), d_v].
// Overwrites. Shares no code with any engine.
using GradientOracle = void (*)(const Problem&, std::span<const std::int64_t> queries, const double* dout,
                                const ExactGradients&);

// A method: one folder of kernels/, one object.
struct Method {
  std::string_view name;           // "yoso-m": what is typed and what reports say
  std::string_view title;          // one line for `list` and tables
  std::string_view paper = {};     // where it is defined
  std::string_view equation = {};  // one line, plain text
  std::span<const Knob> knobs = {};
  std::string_view main_knob = {};  // the knob that trades cost for exactness; empty: none
  bool control = false;             // not an attention method but a yardstick

  // What it estimates, for these settings: a method's name, or words for a kernel of its own. Null: itself.
  std::string_view (*target)(const Settings&) = nullptr;
  // False when outputs are not meant as averages of values (rows of unit length, raw sums), so that comparing them with
  // softmax attention by squared error, as skill does, has no meaning. Null: always true.
  bool (*averages)(const Settings&) = nullptr;
  // True when q is used as the key too, so that it can only estimate softmax on inputs that share Q and K.
  bool shares_qk = false;
  // True when a fresh draw belongs to every forward pass (and into the timed region); false: drawn once.
  bool redraws = false;

  std::vector<TensorSpec> (*draws)(const Shape&, const Settings&) = nullptr;       // null: none, so it is not random
  std::vector<TensorSpec> (*parameters)(const Shape&, const Settings&) = nullptr;  // null: none
  Work (*work)(const Shape&, const Settings&) = nullptr;                           // of a forward pass
  Work (*backward_work)(const Shape&, const Settings&) = nullptr;  // of a backward pass; null: not modelled

  Cell cpu = {};
  Cell cuda = {};  // from the folder's cuda.cu: the catalogue fills it in
  const Cell& cell(const Context& context) const { return context.device ? cuda : cpu; }
  Oracle oracle = nullptr;       // its definition, given the draws
  Oracle expectation = nullptr;  // what it estimates, where that is no method of its own
  // Backward by its definition. Null: it is the derivative of `oracle`.
  GradientOracle gradient_oracle = nullptr;
  // True where backward is by design not the derivative of `oracle` (an estimator's surrogate). Null: never.
  bool (*surrogate)(const Settings&) = nullptr;
  // Which form of its target's gradient, as a value of the target's knob `gradient`, its own gradient estimates. Null:
  // the derivative.
  std::string_view (*gradient_form)(const Settings&) = nullptr;
};

// The catalogue is whatever span of methods the program was built with: lib knows no method by name.
using Methods = std::span<const Method* const>;

// The work of a measured pass: "forward", "backward" or "both". Nothing where it is not modelled.
std::optional<Work> work_of(const Method& method, const Shape& shape, const Settings& settings, std::string_view pass);

// Throws BadSetting naming the nearest known method.
const Method& find(Methods methods, std::string_view name);

}  // namespace yoso
