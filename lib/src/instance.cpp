#include <yoso/instance.hpp>

#include <fmt/format.h>

#include <yoso/placement.hpp>

namespace yoso {
namespace {

// Parameters are learned, so they do not change with the seed of the draws.
constexpr std::uint64_t kParameterSeed = 20210718;

std::vector<TensorSpec> declared(std::vector<TensorSpec> (*declare)(const Shape&, const Settings&), const Shape& shape,
                                 const Settings& settings) {
  return declare ? declare(shape, settings) : std::vector<TensorSpec>{};
}

std::size_t bytes_of(const std::vector<TensorSpec>& specs, const Shape& shape) {
  std::size_t bytes = 0;
  for (const TensorSpec& spec : specs) bytes += static_cast<std::size_t>(spec.size(shape)) * sizeof(float);
  return bytes;
}

std::unique_ptr<AnyEngine> build(const Method& method, const Shape& shape, const Settings& settings,
                                 const Context& context) {
  check(shape);
  const Cell& cell = method.cell(context);
  if (!cell.build) throw Unsupported(fmt::format("{} has no {} engine", method.name, context.backend()));
  if (context.pass == Pass::both && !cell.backward)
    throw Unsupported(
        fmt::format("{} has no backward pass on {}{}", method.name, context.device ? "" : "the ", context.backend()));
  if (context.element == Element::bf16 && cell.bf16 == Bf16::refused)
    throw Unsupported(fmt::format("bf16 inputs are not on {} for this method", context.backend()));
  return cell.build(shape, settings, context);
}

std::size_t tensor_bytes(std::int64_t elements) { return static_cast<std::size_t>(elements) * sizeof(float); }

Footprint outside(const Shape& s, bool masked, const Context& context, std::size_t parameters) {
  Footprint f;
  f.parameters = parameters;
  const std::int64_t elements = s.q_size() + s.k_size() + s.v_size();
  f.inputs = static_cast<std::size_t>(elements * bytes_of(context.element));
  if (masked) f.inputs += static_cast<std::size_t>(s.batch * (s.n_q + s.n_k));
  f.outputs = tensor_bytes(s.out_size());
  if (context.pass == Pass::both) f.gradients = tensor_bytes(elements) + f.outputs + f.parameters;
  return f;
}

}  // namespace

Instance::Instance(const Method& method, const Shape& shape, const Settings& settings, const Context& context,
                   std::uint64_t seed)
    : method_(&method),
      shape_(shape),
      settings_(settings),
      context_(context),
      engine_(build(method, shape, settings, context)),
      draws_(declared(method.draws, shape, settings), shape, seed),
      parameters_(declared(method.parameters, shape, settings), shape, kParameterSeed) {
  const Needs needs = engine_->needs();
  if (Device* const device = context.device) {
    device_draws_ = DeviceBuffer(*device, draws_.bytes());
    device_parameters_ = DeviceBuffer(*device, parameters_.bytes());
    device_saved_ = DeviceBuffer(*device, needs.saved);
    device_scratch_ = DeviceBuffer(*device, needs.scratch);
    saved_ = Arena({device_saved_.as(), needs.saved});
    scratch_ = Arena({device_scratch_.as(), needs.scratch});
    uploaded();
    return;
  }
  saved_memory_ = Buffer(needs.saved);
  scratch_memory_ = Buffer(needs.scratch);
  saved_ = Arena(saved_memory_.bytes());
  scratch_ = Arena(scratch_memory_.bytes());
}

void Instance::redraw(std::uint64_t seed) {
  if (context_.device)
    draws_.redraw_on(*context_.device, device_draws_.as<float>(), seed);
  else
    draws_.redraw(seed);
}

void Instance::uploaded() {
  if (!context_.device) return;
  draws_.upload(*context_.device, device_draws_.as<float>());
  parameters_.upload(*context_.device, device_parameters_.as<float>());
}

Tensors Instance::placed(const Drawn& drawn, const DeviceBuffer& buffer) const {
  return context_.device ? drawn.tensors_at(buffer.as<float>()) : drawn.tensors();
}

Call Instance::call(PhaseListener* phases, Probe* probe) {
  return {saved_, scratch_, placed(draws_, device_draws_), placed(parameters_, device_parameters_), phases, probe};
}

Footprint Instance::predict(const Method& method, const Shape& shape, const Settings& settings, const Context& context,
                            bool masked) {
  const Needs needs = build(method, shape, settings, context)->needs();
  Footprint f = outside(shape, masked, context, bytes_of(declared(method.parameters, shape, settings), shape));
  f.draws = bytes_of(declared(method.draws, shape, settings), shape);
  f.saved = needs.saved;
  f.scratch = needs.scratch;
  return f;
}

void Instance::forward(const Inputs& in, float* out, PhaseListener* phases, Probe* probe) {
  const Placement there(context_, shape_, {in, out, nullptr, {}});
  forward_placed(there.inputs(), there.out(), phases, probe);
  there.download_out();
}

void Instance::backward(const Inputs& in, const Upstream& up, const Gradients& grads, PhaseListener* phases,
                        Probe* probe) {
  // out is only read, but a placement has one place for it
  const Placement there(context_, shape_, {in, const_cast<float*>(up.out), up.dout, grads}, parameters_.specs());
  there.upload_out();
  backward_placed(there.inputs(), there.upstream(), there.gradients(), phases, probe);
  there.download_gradients();
}

void Instance::forward_placed(const Inputs& in, float* out, PhaseListener* phases, Probe* probe) {
  saved_.reset();
  scratch_.reset();
  Call c = call(phases, probe);
  engine_->forward(in, out, c);
}

void Instance::backward_placed(const Inputs& in, const Upstream& up, const Gradients& grads, PhaseListener* phases,
                               Probe* probe) {
  scratch_.reset();
  saved_.reset();  // what lies in it stays: the engine lays it out again as forward did
  Call c = call(phases, probe);
  engine_->backward(in, up, grads, c);
}

void Instance::touch() const {
  saved_memory_.touch();
  scratch_memory_.touch();
}

void Instance::oracle(const Inputs& in, std::span<const std::int64_t> queries, double* out) const {
  if (!method_->oracle) throw Unsupported(fmt::format("{} has no oracle", method_->name));
  const Tensors draws = draws_.tensors(), parameters = parameters_.tensors();
  method_->oracle(Problem{shape_, settings_, in, draws, parameters}, queries, out);
}

void Instance::expectation(const Inputs& in, std::span<const std::int64_t> queries, double* out) const {
  if (!method_->expectation) throw Unsupported(fmt::format("{} has no expectation of its own", method_->name));
  const Tensors draws = draws_.tensors(), parameters = parameters_.tensors();
  method_->expectation(Problem{shape_, settings_, in, draws, parameters}, queries, out);
}

void Instance::gradient_oracle(const Inputs& in, std::span<const std::int64_t> queries, const double* dout,
                               const ExactGradients& grads) const {
  if (!method_->gradient_oracle) throw Unsupported(fmt::format("{} has no gradient oracle", method_->name));
  const Tensors draws = draws_.tensors(), parameters = parameters_.tensors();
  method_->gradient_oracle(Problem{shape_, settings_, in, draws, parameters}, queries, dout, grads);
}

Footprint Instance::measured() const {
  Footprint f = outside(shape_, false, context_, parameters_.bytes());
  f.draws = draws_.bytes();
  f.saved = saved_.peak();
  f.scratch = scratch_.peak();
  return f;
}

}  // namespace yoso
