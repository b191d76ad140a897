#include "adapters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace golden {
namespace {

// ------------------------------------------------------------------------------------------------------ shared words

std::vector<std::int64_t> tokens(const Case& c) { return {c.batch, c.heads, c.n, c.d}; }

Plan self_attention(const Case& c, std::vector<std::string> methods) {
  Plan p;
  p.methods = std::move(methods);
  p.shape = {.batch = c.batch, .heads = c.heads, .n_q = c.n, .n_k = c.n, .d = c.d, .d_v = c.d};
  p.q = c.array("q", tokens(c)).values;
  p.k = c.array("k", tokens(c)).values;
  p.v = c.array("v", tokens(c)).values;
  return p;
}

void set(Plan& p, std::string knob, std::string text) { p.knobs.emplace_back(std::move(knob), std::move(text)); }
void set(Plan& p, std::string knob, std::int64_t value) { set(p, std::move(knob), fmt::format("{}", value)); }

// An input of the run, and how it changes with the case's.
struct Side {
  std::vector<float>& values;
  std::vector<float>& gain;
  Side(std::vector<float>& v, std::vector<float>& g) : values(v), gain(g) {
    if (gain.empty()) gain.assign(values.size(), 1.0f);
  }
  void multiply(std::size_t at, double factor) {
    values[at] = static_cast<float>(values[at] * factor);
    gain[at] = static_cast<float>(gain[at] * factor);
  }
};

// Tokens that the mask drops become zero vectors.
void zero_padding(const Case& c, Side x) {
  const std::vector<std::uint8_t> keep = c.mask();
  if (keep.empty()) return;
  for (std::size_t at = 0; at < x.values.size(); ++at) {
    const auto token = static_cast<std::int64_t>(at) / c.d;
    if (!keep[static_cast<std::size_t>(token / c.n / c.heads * c.n + token % c.n)]) x.multiply(at, 0);
  }
}

void multiply(Side x, double factor) {
  for (std::size_t at = 0; at < x.values.size(); ++at) x.multiply(at, factor);
}

// x [rows, n, d] -> [rows, before + n + after, d], new tokens filled with `value`.
std::vector<float> lengthen(const std::vector<float>& x, std::int64_t rows, std::int64_t n, std::int64_t d,
                            std::int64_t before, std::int64_t after, float value) {
  const std::int64_t longer = before + n + after;
  std::vector<float> out(static_cast<std::size_t>(rows * longer * d), value);
  for (std::int64_t row = 0; row < rows; ++row)
    std::copy_n(x.begin() + row * n * d, n * d, out.begin() + (row * longer + before) * d);
  return out;
}

void lengthen_tokens(const Case& c, Plan& p, std::int64_t before, std::int64_t after, float value) {
  for (std::vector<float>* x : {&p.q, &p.k, &p.v}) *x = lengthen(*x, c.batch * c.heads, c.n, c.d, before, after, value);
  p.shape.n_q = p.shape.n_k = before + c.n + after;
  p.first_token = before;
}

// The first `rows` rows of x [.., columns], as [columns, rows].
std::vector<float> transposed(const std::vector<float>& x, std::int64_t rows, std::int64_t columns) {
  std::vector<float> out(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      out[static_cast<std::size_t>(j * rows + i)] = x[static_cast<std::size_t>(i * columns + j)];
  return out;
}

std::vector<float> repeated(const std::vector<float>& x, std::int64_t times) {
  std::vector<float> out;
  for (std::int64_t i = 0; i < times; ++i) out.insert(out.end(), x.begin(), x.end());
  return out;
}

// 1/sqrt(d), in words or as a number.
void expect_usual_scale(const Case& c, std::string_view name) {
  if (!c.params.has(name)) return;
  const double usual = 1 / std::sqrt(static_cast<double>(c.d));
  try {
    if (std::abs(c.params.real(name) - usual) <= 1e-6 * usual) return;
  } catch (const Broken&) {
    c.params.expect(name, "1/sqrt(d)");
    return;
  }
  throw Broken(fmt::format("the parameter '{}' is {}; ours is 1/sqrt(d)", name, c.params.real(name)));
}

// Width of the depthwise convolution, 0 for none.
std::int64_t convolution(const Case& c) {
  const std::int64_t window = c.params.has("conv_window") ? c.params.integer("conv_window") : 0;
  if (window > 0 && window % 2 == 0) throw Broken(fmt::format("conv_window is {}; a centred one is odd", window));
  return window;
}

void offer_convolution(const Case& c, Plan& p) {
  const std::int64_t window = convolution(c);
  if (window == 0) return;
  set(p, "conv", window);
  p.tensors["conv_w"] = c.array("conv_w", {c.heads, window}).values;
}

std::int64_t positive(const Case& c, std::string_view name) {
  const std::int64_t value = c.params.integer(name);
  if (value < 1) throw Broken(fmt::format("the parameter '{}' is {}", name, value));
  return value;
}

Broken unknown_variant(const Case& c) {
  return Broken(fmt::format("unknown variant '{}' of '{}'", c.variant, c.method));
}

// ---------------------------------------------------------------------------------------------------- one per method

Plan softmax(const Case& c) {
  if (c.variant != "yoso" && c.variant != "torch") throw unknown_variant(c);
  c.params.only({"scale"});
  expect_usual_scale(c, "scale");
  // The yoso peer subtracts 1e6, so that a row without any kept key attends to the padding; torch gives NaN there.
  if (c.whole_item_padded()) throw NotOffered("attention over padding where nothing is kept; we give zeros");
  Plan p = self_attention(c, {"softmax", "softmax-naive"});
  p.keep_k = c.mask();  // keys only: padded query rows are computed like any other
  return p;
}

// Both masks drop tokens: padded query rows are zero, plus the convolution where there is one.
void yoso_settings(const Case& c, Plan& p) {
  const std::int64_t tau = positive(c, "tau");
  if (tau > 16) throw NotOffered("more than 16 hash bits: tables of 2^bits sums");
  set(p, "hash_bits", tau);
  set(p, "norm", c.params.flag("normalize_output", true) ? "l2" : "none");
  offer_convolution(c, p);
  p.keep_q = p.keep_k = c.mask();
}

// "gradient" says in words what the variant implies.
void expect_gradient(const Case& c, std::string_view begins) {
  if (c.params.has("gradient") && !c.params.text("gradient").starts_with(begins))
    throw Broken(fmt::format("the gradient '{}' is not that of the variant '{}': '{} ...'", c.params.text("gradient"),
                             c.variant, begins));
}

Plan yoso_e(const Case& c) {
  if (c.variant != "v1" && c.variant != "v2" && c.variant != "hf") throw unknown_variant(c);
  c.params.only({"tau", "conv_window", "dot_scale", "normalize_output", "gradient"});
  Plan p = self_attention(c, {"yoso-e"});
  yoso_settings(c, p);
  const double dot_scale = c.params.real("dot_scale");
  if (!(dot_scale > 0 && dot_scale <= 1))
    throw Broken(fmt::format("dot_scale is {}; it has to lie in (0, 1]", dot_scale));
  set(p, "dot_scale", fmt::format("{}", dot_scale));
  // Both versions differ in their backward pass: the first takes the paper's lower bound, the second the derivative.
  const bool derivative = c.variant == "v2";
  expect_gradient(c, derivative ? "true derivative" : "surrogate");
  set(p, "gradient", derivative ? "true" : "lower-bound");
  return p;
}

Plan yoso_m(const Case& c) {
  const bool gaussian = c.variant == "v1-gauss";
  if (!gaussian && c.variant != "v1-hadamard" && c.variant != "v2-hadamard") throw unknown_variant(c);
  c.params.only(
      {"tau", "num_hash", "hasher", "conv_window", "normalize_output", "pad_d_to", "n2_backward", "gradient"});
  const std::string hasher = c.params.text("hasher");
  if (hasher != (gaussian ? "gauss" : "hadamard"))
    throw Broken(fmt::format("the hasher '{}' is not that of the variant '{}'", hasher, c.variant));
  Plan p = self_attention(c, {"yoso-m"});
  yoso_settings(c, p);
  const std::int64_t tau = c.params.integer("tau"), hashes = positive(c, "num_hash");
  set(p, "hashes", hashes);
  const bool square = c.params.flag("n2_backward", false), later = c.variant == "v2-hadamard";
  if (square && later) throw Broken("n2_backward in a variant that has none");
  expect_gradient(c, later ? "pairs colliding in >=1 hash" : square ? "expectation surrogate" : "(tau/2)*collision");
  set(p, "gradient", later ? "set" : square ? "expectation" : "lower-bound");
  const std::int64_t rows = c.batch * c.heads;
  if (gaussian) {
    set(p, "projection", "gaussian");
    p.tensors["hyperplanes"] = c.array("hyperplanes", {rows, c.d, hashes * tau}).values;
    return p;
  }
  set(p, "projection", "packed");
  std::int64_t width = 32;  // d' : zeros are appended to a power of two of at least 32
  while (width < c.d) width *= 2;
  if (c.params.has("pad_d_to") && c.params.integer("pad_d_to") != width)
    throw Broken(fmt::format("pad_d_to is {}; ours is {}", c.params.integer("pad_d_to"), width));
  const std::int64_t per = width / tau, parts = (hashes + per - 1) / per;
  p.tensors["signs"] = c.array("dmat", {rows, 3, parts, width}).values;
  return p;
}

Plan linformer(const Case& c) {
  const bool yoso = c.variant == "yoso", lucidrains = c.variant == "lucidrains", tatp22 = c.variant == "tatp22";
  if (!yoso && !lucidrains && !tatp22) throw unknown_variant(c);
  c.params.only({"k", "scale", "seq_len"});
  expect_usual_scale(c, "scale");
  const std::int64_t k = positive(c, "k"), length = c.params.has("seq_len") ? c.params.integer("seq_len") : c.n;
  if (lucidrains ? length < c.n : length != c.n) throw Broken(fmt::format("seq_len is {} for {} tokens", length, c.n));
  Plan p = self_attention(c, {"linformer"});
  set(p, "k", k);
  set(p, "projection", "random");
  set(p, "share", yoso ? "yes" : "no");
  if (yoso) {
    const bool one_for_all = c.array("E").shape == std::vector<std::int64_t>{1, k, c.n};
    const std::vector<float>& E = c.array("E", {one_for_all ? 1 : c.heads, k, c.n}).values;
    p.tensors["E"] = one_for_all ? repeated(E, c.heads) : E;
    p.keep_k = c.mask();
  } else if (lucidrains) {
    // [longest, k], one for all heads; a shorter input uses the first rows. This peer has no mask at all.
    for (const auto& [ours, theirs] : {std::pair{"E", "E"}, std::pair{"F", "Fp"}})
      p.tensors[ours] = repeated(transposed(c.array(theirs, {length, k}).values, c.n, k), c.heads);
    c.mask();
  } else {
    // Zeroed padding, and a bias: K' = E K + bias in every channel. A bias is the projection of one more token that
    // consists of ones, with the bias as its column of E; its own output row is not looked at.
    zero_padding(c, {p.k, p.k_gain});
    zero_padding(c, {p.v, p.v_gain});
    lengthen_tokens(c, p, 0, 1, 1.0f);
    for (const auto& [ours, theirs, bias] : {std::tuple{"E", "E", "E_bias"}, std::tuple{"F", "Fp", "F_bias"}}) {
      const std::vector<float>& E = c.array(theirs, {k, c.n}).values;
      const std::vector<float>& b = c.array(bias, {k}).values;
      std::vector<float> one = lengthen(E, k, c.n, 1, 0, 1, 0.0f);
      for (std::int64_t i = 0; i < k; ++i)
        one[static_cast<std::size_t>(i * (c.n + 1) + c.n)] = b[static_cast<std::size_t>(i)];
      p.tensors[ours] = repeated(one, c.heads);
    }
  }
  return p;
}

Plan performer(const Case& c) {
  const bool softmax_kernel = c.variant == "softmax" || c.variant == "yoso", relu = c.variant == "relu";
  if (!softmax_kernel && !relu && c.variant != "idiap") throw unknown_variant(c);
  const std::int64_t features = positive(c, "nb_features");
  Plan p = self_attention(c, {"performer"});
  set(p, "features", features);
  if (c.variant == "idiap") {
    c.params.only({"nb_features", "denom_eps", "temperature"});
    c.params.expect("denom_eps", 1e-6);
    expect_usual_scale(c, "temperature");
    if (features % 2) throw Broken("nb_features is odd, but every draw makes two features");
    set(p, "kernel", "hyperbolic");
    p.tensors["projection"] = transposed(c.array("omega", {c.d, features / 2}).values, c.d, features / 2);
    p.keep_k = c.mask();
    return p;
  }
  if (softmax_kernel) {
    c.params.only({"nb_features", "eps"});
    c.params.expect("eps", 1e-4);
  } else {
    c.params.only({"nb_features", "kernel_epsilon", "kernel"});
    c.params.expect("kernel_epsilon", 1e-3);
    c.params.expect("kernel", "relu");
  }
  set(p, "kernel", relu ? "relu" : "softmax");
  p.tensors["projection"] = c.array("projection", {features, c.d}).values;
  // These peers know no mask inside: theirs zeroes V, and the yoso wrapper K too, before an unmasked pass in which
  // padding keeps its share of the denominator. So does this, on the same zeroed inputs; our own mask drops padding for
  // good.
  zero_padding(c, {p.v, p.v_gain});
  if (c.variant == "yoso") {
    zero_padding(c, {p.k, p.k_gain});
    const double again = std::pow(static_cast<double>(c.d), -0.25);  // this wrapper scales q and k twice
    multiply({p.q, p.q_gain}, again);
    multiply({p.k, p.k_gain}, again);
  }
  return p;
}

Plan linear(const Case& c) {
  if (c.variant != "idiap" && c.variant != "yoso") throw unknown_variant(c);
  c.params.only({"denom_eps"});
  if (c.variant == "yoso") throw NotOffered("linear attention without a denominator: sums, not averages, of values");
  c.params.expect("denom_eps", 1e-6);
  Plan p = self_attention(c, {"linear"});
  p.keep_k = c.mask();
  return p;
}

Plan reformer(const Case& c) {
  const bool hf = c.variant == "hf", never_hashes = c.variant == "lucidrains-full";
  if (!hf && !never_hashes && c.variant != "lucidrains") throw unknown_variant(c);
  Plan p;
  p.methods = {"reformer"};
  p.shape = {.batch = c.batch, .heads = c.heads, .n_q = c.n, .n_k = c.n, .d = c.d, .d_v = c.d};
  p.q = p.k = c.array("qk", tokens(c)).values;
  p.v = c.array("v", tokens(c)).values;
  p.keep_k = c.mask();
  // A padded query attends to itself and to kept tokens in hf. In lucidrains it attends to padding too, or to
  // everything, as its finite masks have it: no row to compare.
  if (!hf) p.keep_q = p.keep_k;
  p.kept_rows_only = !hf;
  set(p, "form", hf ? "hf" : "lucidrains");
  std::int64_t chunk = c.n, rounds = 1;
  std::vector<std::int64_t> buckets = {2};
  bool full = never_hashes;
  if (hf) {
    c.params.only({"chunk_length", "num_hashes", "num_buckets", "chunks_before", "chunks_after", "is_decoder",
                   "self_mask", "mask_value", "full_attention"});
    c.params.expect("chunks_before", 1);
    c.params.expect("chunks_after", 0.0);
    c.params.expect("self_mask", -1e5);
    c.params.expect("mask_value", -1e9);
    chunk = positive(c, "chunk_length");
    rounds = positive(c, "num_hashes");
    buckets = c.params.integers("num_buckets");
    full = c.params.flag("full_attention", false);
    p.shape.causal = c.params.flag("is_decoder", false);
  } else if (never_hashes) {
    c.params.only({"self_mask", "causal"});
    c.params.expect("self_mask", -5e4);
    p.shape.causal = c.params.flag("causal", false);
  } else {
    c.params.only({"bucket_size", "n_hashes", "n_buckets", "self_mask", "causal", "allow_duplicate_attention",
                   "attend_across_buckets"});
    c.params.expect("self_mask", -5e4);
    chunk = positive(c, "bucket_size");
    rounds = positive(c, "n_hashes");
    buckets = {positive(c, "n_buckets")};
    p.shape.causal = c.params.flag("causal", false);
    if (!c.params.flag("allow_duplicate_attention", true))
      throw NotOffered("counting how often a pair meets over the rounds");
    if (!c.params.flag("attend_across_buckets", true)) throw NotOffered("attention inside one bucket only");
  }
  set(p, "rounds", rounds);
  if (never_hashes && !p.keep_q.empty()) {
    // a padded query of this peer sees nothing but finite masks, all alike: each token has 1/n of it
    const std::vector<float>& dout = c.array("dout", tokens(c)).values;
    p.dv_of_padding.resize(p.v.size());
    for (std::int64_t row = 0; row < c.batch * c.heads; ++row)
      for (std::int64_t i = 0; i < c.n; ++i)
        for (std::int64_t at = 0; at < c.n * c.d && !p.keep_q[static_cast<std::size_t>(row / c.heads * c.n + i)]; ++at)
          p.dv_of_padding[static_cast<std::size_t>(row * c.n * c.d + at)] +=
              dout[static_cast<std::size_t>((row * c.n + i) * c.d + at % c.d)] / static_cast<float>(c.n);
  }
  if (full) {  // our method does not hash either when all tokens fit into one chunk
    set(p, "bucket", std::max(chunk, c.n));
    p.draws_matter = false;
    if (c.has("rotations")) c.array("rotations");
    return p;
  }
  if (c.n <= chunk) throw Broken(fmt::format("{} tokens in chunks of {}: there is nothing to hash", c.n, chunk));
  if (buckets.size() == 2) throw NotOffered("a bucket number made of two factors");
  if (buckets.size() != 1 || buckets[0] < 2 || buckets[0] % 2)
    throw Broken("the number of buckets has to be even: a rotation and its opposite");
  set(p, "bucket", chunk);
  set(p, "buckets", buckets[0]);
  if (hf)  // [heads, ..], one for the whole batch; ours are one a row, the head fastest
    p.tensors["rotations"] = repeated(c.array("rotations", {c.heads, c.d, rounds, buckets[0] / 2}).values, c.batch);
  else
    p.tensors["rotations"] = repeated(c.array("rotations", {c.d, rounds, buckets[0] / 2}).values, c.batch * c.heads);
  return p;
}

Plan nystrom(const Case& c) {
  const bool yoso = c.variant == "yoso", hf = c.variant == "hf", lucidrains = c.variant == "lucidrains";
  if (!yoso && !hf && !lucidrains) throw unknown_variant(c);
  c.params.only({"num_landmarks", "iterations", "conv_window"});
  const std::int64_t landmarks = positive(c, "num_landmarks");
  if (convolution(c) > 0) throw NotOffered("our nystrom has no convolution");
  const bool padded = !c.mask().empty();
  Plan p = self_attention(c, {"nystrom"});
  set(p, "landmarks", landmarks);
  set(p, "iterations", positive(c, "iterations"));
  set(p, "pinv_init", "tensor");  // hf leaves the largest row sum out, which is 1
  if (lucidrains) {
    // Zero vectors in front make the length a multiple of the landmarks. Without a mask they count like any token; with
    // one, even one that keeps every token, they do not.
    const std::int64_t zeros = (landmarks - c.n % landmarks) % landmarks;
    if (padded || (zeros > 0 && c.has("mask")))
      throw NotOffered("landmarks that are means over kept tokens with masks in all three factors");
    if (landmarks >= c.n + zeros)
      throw NotOffered("a pseudo-inverse with as many landmarks as tokens; ours is exact attention there");
    lengthen_tokens(c, p, zeros, 0, 0.0f);
    return p;
  }
  if (c.n % landmarks) throw Broken(fmt::format("{} landmarks do not divide {} tokens", landmarks, c.n));
  if (padded && landmarks < c.n) throw NotOffered("landmarks diluted by padding, a mask in one factor of three");
  if (c.whole_item_padded()) throw NotOffered("attention over padding where nothing is kept; we give zeros");
  p.keep_k = c.mask();  // exact attention; padded query rows are computed
  if (yoso) {
    zero_padding(c, {p.q, p.q_gain});
    zero_padding(c, {p.k, p.k_gain});
  }
  return p;
}

Plan longformer(const Case& c) {
  if (c.variant != "hf") throw unknown_variant(c);
  c.params.only({"attention_window", "global_tokens", "scale"});
  expect_usual_scale(c, "scale");
  const std::int64_t window = positive(c, "attention_window");
  if (window % 2) throw Broken(fmt::format("attention_window is {}; it has to be even", window));
  std::vector<std::int64_t> global = c.params.integers("global_tokens");
  std::ranges::sort(global);
  const auto globals = static_cast<std::int64_t>(global.size());
  if (globals > 0 && global.back() >= c.n) throw Broken(fmt::format("token {} of {} is global", global.back(), c.n));
  for (std::int64_t i = 0; i < globals; ++i)
    if (global[static_cast<std::size_t>(i)] != i) throw NotOffered("global tokens other than the first ones");
  Plan p = self_attention(c, {"longformer"});
  set(p, "window", window);
  set(p, "global", globals);
  p.keep_k = c.mask();
  // A token marked as global is a real one for this peer, whatever the mask says of it.
  if (!p.keep_k.empty())
    for (std::int64_t b = 0; b < c.batch; ++b) std::fill_n(p.keep_k.begin() + b * c.n, globals, std::uint8_t{1});
  p.keep_q = p.keep_k;
  return p;
}

}  // namespace

Plan plan(const Case& c) {
  static const std::map<std::string, Plan (*)(const Case&)> adapters = {
      {"softmax", softmax},     {"yoso_e", yoso_e},       {"yoso_m", yoso_m},
      {"linformer", linformer}, {"performer", performer}, {"linear", linear},
      {"reformer", reformer},   {"nystrom", nystrom},     {"longformer", longformer},
  };
  const auto adapter = adapters.find(c.method);
  if (adapter == adapters.end()) throw Broken(fmt::format("unknown method '{}'", c.method));
  if (std::min({c.batch, c.heads, c.n, c.d}) < 1) throw Broken("shape holds an extent below 1");
  Plan p = adapter->second(c);
  for (const std::string& name : c.unread()) throw Broken(fmt::format("unknown array '{}'", name));
  return p;
}

}  // namespace golden
