#include "nystrom/cuda.hpp"
#include "nystrom/forward_kernels.hpp"

namespace yoso::nystrom::SIMT_NS {

Cuda::Cuda(const Shape& s, const Settings& settings, const Context& c)
    : shape_(s),
      context_(c),
      landmarks_(std::min(settings.integer("landmarks"), s.n_k)),
      iterations_(settings.integer("iterations")),
      exact_(landmarks_ == s.n_k),
      whole_tensor_(settings.is("pinv_init", "tensor")) {
  if (s.causal) throw Unsupported("nystrom has no causal form: its landmarks average over the future");
  if (s.n_q != s.n_k) throw Unsupported("nystrom is self-attention: queries and keys share their segments");
  require_blas();
  FewKeys::require(s.d_v);
}

Cuda::Factors Cuda::factors(Arena& arena) const {
  const std::int64_t rows = shape_.rows(), all = rows * landmarks_, matrix = all * landmarks_;
  Factors f;
  if (exact_) {
    f.padded = arena.take<std::uint8_t>(rows * shape_.n_k);
    return f;
  }
  for (Landmarks* side : {&f.q, &f.k})
    *side = {arena.take<float>(all * shape_.d), arena.take<std::uint8_t>(all), arena.take<float>(all)};
  f.kernel = arena.take<float>(matrix);
  f.iterates = arena.take<float>((context_.pass == Pass::both ? iterations_ + 1 : 2) * matrix);
  f.summary = {arena.take<float>(all * shape_.d_v), arena.take<float>(all), arena.take<float>(all)};
  f.values = arena.take<float>(all * shape_.d_v);
  f.sums = arena.take<float>(rows);
  f.norms = arena.take<float>(rows);
  f.places = arena.take<int>(rows);
  return f;
}

Cuda::Scratch Cuda::layout(Arena& scratch) const {
  Scratch s{};
  if (exact_) return s;
  const Cut cut = key_cut();
  const std::int64_t all = shape_.rows() * landmarks_;
  for (float** to : {&s.product, &s.t, &s.u}) *to = scratch.take<float>(all * landmarks_);
  s.x = scratch.take<float>(cut.largest());
  s.sums = scratch.take<float>(cut.parts() * all * shape_.d_v);
  s.totals = scratch.take<float>(cut.parts() * all);
  s.peaks = scratch.take<float>(cut.parts() * all);
  return s;
}

Needs Cuda::needs() const {
  Arena saved, forward, backward;
  const Factors f = factors(context_.pass == Pass::both ? saved : forward);
  layout(forward);
  if (context_.pass == Pass::both) {
    backward_layout(backward);
    FewKeysBackward(attention({}, f, nullptr), backward);
  }
  return {saved.used(), std::max(forward.used(), backward.used())};
}

// The queries' attention: to the landmarks, or, with as many of them as tokens, to the keys.
FewKeys Cuda::attention(const Inputs& in, const Factors& f, float* out) const {
  return {.shape = shape_,
          .count = landmarks_,
          .scale = scale(),
          .q = in.q,
          .keep_q = in.keep_q,
          .k = exact_ ? in.k : f.k.means,
          .v = exact_ ? in.v : f.values,
          .gone = exact_ ? in.keep_k ? f.padded : nullptr : f.k.gone,
          .out = out};
}

void Cuda::forward(const Inputs& in, float* out, Call& call) {
  const Factors f = factors(context_.pass == Pass::both ? call.saved : call.scratch);
  const Scratch s = layout(call.scratch);
  if (exact_) {
    call.phase("attend");
    if (in.keep_k)
      simt::launch(over_elements(stream(), shape_.rows() * shape_.n_k), &mark_padded, shape_, in.keep_k, f.padded);
    attention(in, f, out).attend(stream());
    return;
  }
  call.phase("landmarks");
  simt::launch(over_landmarks(), &average, shape_, in.keep_q, landmarks_, in.q, f.q.means, f.q.gone, f.q.shares);
  simt::launch(over_landmarks(), &average, shape_, in.keep_k, landmarks_, in.k, f.k.means, f.k.gone, f.k.shares);
  call.phase("kernel");
  multiply(stream(), {.m = landmarks_,
                      .n = landmarks_,
                      .k = shape_.d,
                      .alpha = scale(),
                      .a = f.q.means,
                      .lda = shape_.d,
                      .step_a = landmarks_ * shape_.d,
                      .b = f.k.means,
                      .b_transposed = true,
                      .ldb = shape_.d,
                      .step_b = landmarks_ * shape_.d,
                      .c = f.kernel,
                      .ldc = landmarks_,
                      .step_c = landmarks_ * landmarks_,
                      .count = shape_.rows()});
  simt::launch(over_landmarks(), &softmax_landmarks, shape_.rows(), landmarks_, f.q.gone, f.k.gone, f.kernel);
  simt::launch(a_block_a_row(), &largest_columns, landmarks_, f.kernel, f.sums, f.places);
  simt::launch({.grid = dim3(1), .block = dim3(kThreads), .stream = stream()}, &spread_norms, shape_.rows(),
               whole_tensor_, f.sums, f.norms);
  call.phase("inverse");
  invert(f, s);
  call.phase("values");
  summarise(in, f, s);
  apply(false, 1.0f, iterate(f, iterations_), f.summary.values, shape_.d_v, false, f.values);
  call.phase("query");
  attention(in, f, out).attend(stream());
}

void Cuda::apply(bool turned, float factor, const float* a, const float* b, std::int64_t width, bool add,
                 float* to) const {
  multiply(stream(), {.m = landmarks_,
                      .n = width,
                      .k = landmarks_,
                      .alpha = factor,
                      .beta = add ? 1.0f : 0.0f,
                      .a = a,
                      .a_transposed = turned,
                      .lda = landmarks_,
                      .step_a = landmarks_ * landmarks_,
                      .b = b,
                      .ldb = width,
                      .step_b = landmarks_ * width,
                      .c = to,
                      .ldc = width,
                      .step_c = landmarks_ * width,
                      .count = shape_.rows()});
}

void Cuda::product(Turned turned, float factor, const float* a, const float* b, bool add, float* to) const {
  const std::int64_t size = landmarks_ * landmarks_;
  multiply(stream(), {.m = landmarks_,
                      .n = landmarks_,
                      .k = landmarks_,
                      .alpha = factor,
                      .beta = add ? 1.0f : 0.0f,
                      .a = a,
                      .a_transposed = turned == Turned::left,
                      .lda = landmarks_,
                      .step_a = size,
                      .b = b,
                      .b_transposed = turned == Turned::right,
                      .ldb = landmarks_,
                      .step_b = size,
                      .c = to,
                      .ldc = landmarks_,
                      .step_c = size,
                      .count = shape_.rows()});
}

// P = B Z, T = 7 I - P
void Cuda::inner_factors(const Factors& f, const float* z, float* p, float* t) const {
  product(Turned::none, 1.0f, f.kernel, z, false, p);
  simt::launch(over_matrices(), &from_diagonal, shape_.rows(), landmarks_, 7.0f, p, t);
}

// to = diagonal I - a b
void Cuda::subtract_product(float diagonal, const float* a, const float* b, float* to) const {
  product(Turned::none, -1.0f, a, b, false, to);
  simt::launch(over_elements(stream(), shape_.rows() * landmarks_), &add_diagonal, shape_.rows(), landmarks_, diagonal,
               to);
}

// Z ~ pinv(B): Z_0 = B^T / (|B|_1 |B|_inf), Z <- Z (13 I - P (15 I - P (7 I - P))) / 4, P = B Z
void Cuda::invert(const Factors& f, const Scratch& s) const {
  if (landmarks_ <= kSmall) {
    simt::Launch launch = a_block_a_row();
    launch.shared_bytes = 4 * simt::Carver::bytes<float>(kSmall * kSmall);
    simt::launch(launch, &invert_small, shape_.rows(), static_cast<int>(landmarks_), static_cast<int>(iterations_),
                 context_.pass == Pass::both, f.kernel, f.norms, f.iterates);
    return;
  }
  simt::launch(over_matrices(), &turn_over<false>, shape_.rows(), landmarks_, f.norms, f.kernel, iterate(f, 0));
  for (std::int64_t step = 0; step < iterations_; ++step) {
    inner_factors(f, iterate(f, step), s.product, s.t);
    subtract_product(15.0f, s.product, s.t, s.u);
    subtract_product(13.0f, s.product, s.u, s.t);
    product(Turned::none, 0.25f, iterate(f, step), s.t, false, iterate(f, step + 1));
  }
}

void Cuda::key_logits(const Inputs& in, const Factors& f, const Piece& piece, float* x) const {
  multiply(stream(), {.m = piece.count,
                      .n = landmarks_,
                      .k = shape_.d,
                      .alpha = scale(),
                      .a = in.k + piece.token(shape_.n_k) * shape_.d,
                      .lda = shape_.d,
                      .step_a = shape_.n_k * shape_.d,
                      .b = f.q.means + piece.row * landmarks_ * shape_.d,
                      .b_transposed = true,
                      .ldb = shape_.d,
                      .step_b = landmarks_ * shape_.d,
                      .c = x,
                      .ldc = landmarks_,
                      .step_c = piece.count * landmarks_,
                      .count = piece.rows});
}

// C V: few landmarks look at many keys, so keys are cut into parts, each of which has a peak of its own.
void Cuda::summarise(const Inputs& in, const Factors& f, const Scratch& s) const {
  const Cut cut = key_cut();
  cut.each([&](const Piece& piece) {
    const Stretches stretches = cut.stretches(piece);
    key_logits(in, f, piece, s.x);
    simt::launch(over_columns(stream(), stretches, landmarks_), &peak_of_columns, shape_, stretches, in.keep_k,
                 landmarks_, s.x, s.peaks);
    simt::launch(over_tokens(stream(), piece.tokens()), &weigh_keys, shape_, stretches, in.keep_k, landmarks_, s.peaks,
                 s.x);
    FeatureSums{stream(), landmarks_, shape_.d_v}.add_up(cut, piece, shape_.n_k, s.x, in.v, s.sums);
    sum_columns(stream(), {.shape = shape_, .stretches = stretches, .x = s.x, .columns = landmarks_, .sums = s.totals});
  });
  simt::launch(over_landmarks(), &fold_landmarks, shape_, cut.parts(), landmarks_, f.q.gone, s.sums, s.totals, s.peaks,
               f.summary);
}

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace yoso::nystrom::SIMT_NS
