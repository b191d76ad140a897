// What the conformance tests share: problems to put to an engine, the knob values to try, and a bench that runs an
// engine in memory of exactly the size it asked for, with guards around it.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <yoso/draws.hpp>
#include <yoso/gradients.hpp>
#include <yoso/method.hpp>

namespace conformance {

using yoso::Method, yoso::Settings, yoso::Shape;

// ------------------------------------------------------------------------------------------------------------- backend

// What is walked and where: every method on the CPU (on_cpu.cpp), or those with a CUDA cell in the emulator
// (tests/simt/on_emulator.cpp). The same tests are linked with one or the other.
yoso::Methods methods();
yoso::Device* device();

// ------------------------------------------------------------------------------------------------------------ problems

enum class Values {
  normal,
  duplicates,  // all tokens are copies of three vectors, so q equals k exactly, over and over
  some_zero,   // every third query, key and value is the zero vector
  all_zero,
};
const char* name(Values values);

enum class Masks {
  none,
  tail,        // padding at the end, another length for every batch item
  holes,       // padding anywhere
  empty_item,  // the first batch item has no real token at all, the others have holes
  keys_only,   // as holes, but every query is a real one
};
constexpr Masks kAllMasks[] = {Masks::none, Masks::tail, Masks::holes, Masks::empty_item, Masks::keys_only};
const char* name(Masks masks);

// Owns the inputs of one problem, in vectors of exactly the right length (so that ASan sees a read past the end).
struct Problem {
  std::vector<float> q, k, v;
  std::vector<std::uint8_t> keep_q, keep_k;  // empty: none

  Problem(const Shape& shape, Values values, Masks masks);
  yoso::Inputs inputs() const;
  bool keeps_query(const Shape& shape, std::int64_t row, std::int64_t i) const {
    return keep_q.empty() || keep_q[static_cast<std::size_t>(row / shape.heads * shape.n_q + i)];
  }
};

// ------------------------------------------------------------------------------------------------------------ settings

// Knobs that are not at their usual value, as typed.
using Knobs = std::vector<std::pair<std::string, std::string>>;

std::string text(const Knobs& knobs);
Settings settings(const Method& method, const Shape& shape, const Knobs& knobs);

// Small counts for all integer knobs, so that problems of a few tokens fill several hashes, chunks, windows and so on.
// Each is the first of a few candidates that the engine accepts with the others at their usual values: some want even
// numbers, some odd ones.
Knobs small_knobs(const Method& method, const Shape& shape);

// Everything usual; each value of each choice, the ends of each real knob, the lowest and the small value of each
// integer knob and its `auto`, one at a time; then every combination of choices with small counts.
std::vector<Knobs> every_setting(const Method& method, const Shape& shape);

// --------------------------------------------------------------------------------------------------------------- bench

// Memory with guard bytes on both sides. It starts as NaNs, so that whoever reads what he never wrote shows it.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes);
  std::span<std::byte> memory() { return {at(), bytes_}; }
  bool intact() const;

 private:
  static constexpr std::size_t kGuard = 256;
  std::byte* at() const { return start_ + kGuard; }
  std::vector<std::byte> storage_;
  std::byte* start_ = nullptr;  // of the first guard, aligned like an arena
  std::size_t bytes_ = 0;
};

// An engine with its draws, outside Instance because Instance's arenas have no guards.
class Bench {
 public:
  // Nothing when the engine says that it has no such computation. Any other exception is a failure and passes through.
  static std::optional<Bench> build(const Method& method, const Shape& shape, const Knobs& knobs,
                                    const yoso::Context& context = {});

  // Checks guards, and that every output was written with a finite number.
  std::vector<float> forward(const yoso::Inputs& in);

  // Forward, then backward twice on what it saved, which has to give the same bits. Checks guards, and that every
  // gradient was written with a finite number.
  yoso::GradientBuffers backward(const yoso::Inputs& in, const std::vector<float>& dout);

  // gradient_errors of yoso/gradients.hpp.
  std::vector<yoso::GradientError> gradient_errors(const yoso::Inputs& in, std::span<const std::int64_t> queries,
                                                   const std::vector<float>& dout, yoso::GradientBuffers& got,
                                                   bool finite_differences) const;

  // The oracle's outputs [rows, queries, d_v].
  std::vector<double> oracle(const yoso::Inputs& in, std::span<const std::int64_t> queries) const;

  const Settings& settings() const { return settings_; }
  bool convolves() const;  // then padded queries are not zero

 private:
  Bench(const Method& method, const Shape& shape, const Knobs& knobs);
  const Method* method_;
  Shape shape_;
  Settings settings_;
  std::unique_ptr<yoso::AnyEngine> engine_;
  yoso::Drawn draws_, parameters_;
};

// A dozen queries of many, because oracles take their time: the first ones, the last ones, and some between.
std::vector<std::int64_t> some_queries(std::int64_t n);

// The weakest instruction set on one thread, the context of everything that is about values.
yoso::Context plain();
// The same with a backward pass to come.
yoso::Context training(int threads = 1, yoso::Isa isa = yoso::Isa::scalar);

std::string text(const Shape& shape);

}  // namespace conformance
