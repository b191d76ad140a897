// YOSO-m on CUDA.
#include <yoso/method.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "primitives/convolution.hpp"
#include "primitives/yoso_family.hpp"
#include "simt/clear.hpp"
#include "simt/convolution.hpp"
#include "simt/counting_sort.hpp"
#include "simt/unit_rows.hpp"
#include "yoso_m/cuda_hash.hpp"
#include "yoso_m/cuda_pairs.hpp"
#include "yoso_m/settings.hpp"

namespace yoso::yoso_m {
namespace SIMT_NS {
namespace {

using Count = unsigned long long;

// A block's tables: what every architecture gives a block, and three times what it takes to run on.
constexpr std::int64_t kTableBytes = 64 << 10;
constexpr std::int64_t kBlocks = 256;                       // wanted at least, of tables
constexpr std::int64_t kWaveBytes = std::int64_t{1} << 28;  // of sorted tokens and tables in global memory at a time

// out, from sums of values over all hashes: of `parts` pieces [parts, rows, n_q, width] that are added in their order,
// or, without pieces, as they lie in out. A warp a query.
static __global__ void __launch_bounds__(kRowsPerBlock* kWarp, 2)
    normalise_kernel(Shape s, Norm norm, double share, std::int64_t parts, std::int64_t width,
                     const float* __restrict__ partial, const std::uint8_t* __restrict__ keep_q,
                     const Count* __restrict__ collisions, float* __restrict__ out, float* __restrict__ inverse,
                     float* __restrict__ rows) {
  const auto [row, first] = place_of_block(s.n_q, kRowsPerBlock);
  const std::int64_t query = first + threadIdx.x / kWarp, i = row * s.n_q + query, step = s.rows() * s.n_q * width;
  if (query >= s.n_q) return;
  const bool kept = is_kept(keep_q, s, row, s.n_q, query);
  const std::int64_t lane = threadIdx.x % kWarp;
  float* const o = out + i * s.d_v;
  double square = 0;
  for (std::int64_t c = lane; c < s.d_v; c += kWarp) {
    float sum = parts == 0 ? o[c] : 0.0f;
    for (std::int64_t part = 0; part < parts; ++part) sum += partial[part * step + i * width + c];
    o[c] = sum = kept ? sum : 0.0f;
    square += static_cast<double>(sum) * static_cast<double>(sum);
  }
  double factor = share, found = 0;
  if (norm == Norm::l2) {
    const double length = share * sqrt(warp_sum(square));
    factor = share / fmax(length, 1e-12);
    found = length > 1e-12 ? 1 / length : 0.0;
  } else if (norm == Norm::rowsum) {
    const auto total = static_cast<double>(collisions[i]);
    factor = total > 0 ? 1 / total : 0.0;
    found = total * share;
  }
  for (std::int64_t c = lane; c < s.d_v; c += kWarp) {
    o[c] = static_cast<float>(static_cast<double>(o[c]) * factor);
    if (rows) rows[i * s.d_v + c] = o[c];
  }
  if (inverse && lane == 0) inverse[i] = static_cast<float>(found);
}

class Cuda {
 public:
  static constexpr Bf16 kBf16 = Bf16::widened;

  Cuda(const Shape& shape, const Settings& settings, const Context& context)
      : shape_(shape),
        context_(context),
        plan_(shape, settings),
        hasher_(plan_, *context.device),
        norm_(norm_of(settings)),
        sums_(sums_of(settings)),
        conv_(settings.integer("conv")) {
    require_convolution(shape, settings);
    if (shape.causal) throw Unsupported("causal is not on cuda: tables that hold a prefix have to be filled in order");
    if (context.pass == Pass::both && gradient_of(settings) != Gradient::lower_bound)
      throw Unsupported("gradient: only lower-bound is on cuda");
    const std::int64_t table = plan_.slots() * kColumns * static_cast<std::int64_t>(sizeof(int));
    if (sums_ == Sums::automatic) sums_ = table <= kTableBytes ? Sums::fixed : Sums::sorted;
    if (sums_ == Sums::fixed && table > kTableBytes)
      throw Unsupported("sums=fixed needs hash_bits of at most 12 on cuda: a slice of a table has to fit a block");
    if (sums_ == Sums::fixed16) {
      if (context.pass == Pass::both)
        throw Unsupported("sums=fixed16 is for forward passes: in gradients its rounding is larger than ours may be");
      slices_ = ceil_div(shape.d_v, kColumns);
      const std::int64_t room = context.device->info().shared_per_block - narrow_bytes(plan_.slots(), 0);
      const std::int64_t fit = (room - 15) / (kNarrowSlotBytes * plan_.slots());
      if (fit < 1)
        throw Unsupported("sums=fixed16: a slice of a table with hash_bits=" + std::to_string(plan_.bits) +
                          " does not fit a block's shared memory on this device");
      group_ = ceil_div(plan_.hashes, ceil_div(plan_.hashes, std::min(fit, plan_.hashes)));
      parts_ = 1;
      return;
    }
    // as many hashes as fit, but no fewer blocks than a device can run: by the shape alone, since a sum's bits depend
    // on how hashes are grouped
    slices_ = ceil_div(shape.d_v, kColumns);
    const std::int64_t wanted = std::clamp<std::int64_t>(kBlocks / (shape.rows() * slices_), 1, plan_.hashes);
    group_ = std::min(std::max<std::int64_t>(1, kTableBytes / table), ceil_div(plan_.hashes, wanted));
    parts_ = ceil_div(plan_.hashes, group_);
  }

  Needs needs() const {
    Arena saved, scratch;
    layout_kept(saved, scratch);
    layout(scratch);
    if (context_.pass == Pass::forward) return {saved.used(), scratch.used()};
    Arena backward;
    layout_backward(backward);
    return {saved.used(), std::max(scratch.used(), backward.used())};
  }

  void forward(const Inputs& in, float* out, Call& call) {
    if (context_.element == Element::bf16)
      forward_of(in.as<simt::bf16>(), out, call);
    else
      forward_of(in, out, call);
  }

  void backward(const Inputs& in, const Upstream& up, const Gradients& grads, Call& call) {
    if (context_.element == Element::bf16)
      backward_of(in.as<simt::bf16>(), up, grads, call);
    else
      backward_of(in, up, grads, call);
  }

 private:
  template <class E>
  void forward_of(const InputsOf<E>& in, float* out, Call& call) const {
    void* const stream = context_.device->stream();
    const Kept kept = layout_kept(call.saved, call.scratch);
    const Scratch s = layout(call.scratch);
    call.phase("hash");
    hasher_.run(stream, shape_, call.draws, in.q, in.keep_q, shape_.n_q, kept.q_codes);
    hasher_.run(stream, shape_, call.draws, in.k, in.keep_k, shape_.n_k, kept.k_codes);
    if (call.probe) show_codes(call, kept);
    if (in_integers())
      sum_fixed(in, kept, s, call);
    else
      sum_floats(in, kept, s, out, call);
    call.phase("normalise");
    simt::launch(blocks(shape_.rows() * ceil_div(shape_.n_q, kRowsPerBlock), kRowsPerBlock * kWarp), normalise_kernel,
                 shape_, norm_, 1 / static_cast<double>(plan_.hashes), in_integers() ? parts_ : 0, slices_ * kColumns,
                 s.partial, in.keep_q, s.collisions, out, kept.inverse, kept.rows);
    if (conv_ > 0) add_convolution(stream, shape_, conv_, call.parameters["conv_w"], in.v, in.keep_k, out);
  }

  template <class E>
  void backward_of(const InputsOf<E>& in, const Upstream& up, const Gradients& grads, Call& call) const {
    void* const stream = context_.device->stream();
    Arena nothing;
    const Kept kept = layout_kept(call.saved, nothing);
    const BackwardScratch s = layout_backward(call.scratch);
    const std::int64_t queries = shape_.rows() * shape_.n_q, keys = shape_.rows() * shape_.n_k;
    call.phase("normalise");
    through_norms(stream, shape_, norm_, kept.rows ? kept.rows : up.out, kept.inverse, up.dout, in.keep_q, s.dx,
                  s.shift);
    unit_rows(stream, queries, shape_.d, in.q, s.q, s.inverse_q);
    unit_rows(stream, keys, shape_.d, in.k, s.k, s.inverse_k);
    const float share = 1 / static_cast<float>(plan_.hashes);
    const float factor = static_cast<float>(plan_.bits) / static_cast<float>(2 * plan_.hashes);
    for (std::int64_t first = 0; first < shape_.rows(); first += backward_wave()) {
      const TableArgs args = args_of(in, kept, first, std::min(backward_wave(), shape_.rows() - first));
      call.phase("sort");
      const Buckets of_queries = sort(args, kept.q_codes, in.keep_q, shape_.n_q, s.q_sorted);
      const Buckets of_keys = sort(args, kept.k_codes, in.keep_k, shape_.n_k, s.k_sorted);
      call.phase("pairs");
      const bool wide = std::max(shape_.d, shape_.d_v) > kWidestPair;
      (wide ? sum_wide_pairs<E> : sum_pairs<E>)(stream, {args, s.q, s.k, in.v, s.dx, s.shift}, of_queries, of_keys,
                                                factor, share, grads);
    }
    call.phase("lengths");
    if (shape_.n_k == 1 && norm_ != Norm::none) {  // the norm divides the weight of an only key out again
      clear(context_.device->stream(), grads.dq, shape_.q_size());
      clear(context_.device->stream(), grads.dk, shape_.k_size());
    } else {
      through_unit_rows(stream, queries, shape_.d, s.q, s.inverse_q, grads.dq);
      through_unit_rows(stream, keys, shape_.d, s.k, s.inverse_k, grads.dk);
    }
    if (conv_ == 0) return;
    call.phase("convolution");
    add_convolution_gradient(stream, shape_, conv_, call.parameters["conv_w"], up.dout, in.keep_k, grads.dv);
    convolution_kernel_gradient(stream, shape_, conv_, in.v, up.dout, in.keep_k, s.taps, grads.parameters[0]);
  }

  struct Kept {                        // from forward to backward, where there is one
    std::uint16_t *q_codes, *k_codes;  // [rows, hashes, n]
    float* inverse;                    // [rows, n_q], as on the CPU
    float* rows;                       // [rows, n_q, d_v]: the output without its convolution
  };
  struct Sorted {
    std::int32_t *starts, *order, *spare;
  };
  struct Scratch {
    int* fullest;       // [rows] keys in the fullest slot
    Count* collisions;  // rowsum: [rows, n_q]
    // fixed: bits of the largest magnitude [rows, d_v], values [rows, n_k, width], sums [parts, rows, n_q, width]
    int *largest, *integers;
    float* partial;
    Sorted sorted;  // sorted, or rowsum without counts in shared memory
    float* tables;  // [wave, hashes, slots, d_v]
  };
  struct BackwardScratch {
    float *q, *k, *inverse_q, *inverse_k, *dx, *shift;
    Sorted q_sorted, k_sorted;
    double* taps;
  };

  bool in_integers() const { return sums_ == Sums::fixed || sums_ == Sums::fixed16; }
  std::int64_t width() const { return slices_ * kColumns; }

  // Rows at a time, a multiple of the heads: whole masks.
  std::int64_t wave(std::int64_t bytes) const {
    return std::clamp<std::int64_t>(kWaveBytes / (bytes * shape_.heads), 1, shape_.batch) * shape_.heads;
  }
  std::int64_t sorted_bytes(std::int64_t n) const {
    return 4 * plan_.hashes * (plan_.slots() + 1 + n * (sort_passes(plan_.slots()) > 1 ? 2 : 1));
  }
  std::int64_t table_bytes() const { return 4 * plan_.hashes * plan_.slots() * shape_.d_v; }
  std::int64_t forward_wave() const { return wave(sorted_bytes(shape_.n_k) + table_bytes()); }
  std::int64_t backward_wave() const { return wave(sorted_bytes(shape_.n_q) + sorted_bytes(shape_.n_k)); }

  Sorted take_sorted(Arena& scratch, std::int64_t rows, std::int64_t n) const {
    const std::int64_t sequences = rows * plan_.hashes;
    return {scratch.take<std::int32_t>(sequences * (plan_.slots() + 1)), scratch.take<std::int32_t>(sequences * n),
            sort_passes(plan_.slots()) > 1 ? scratch.take<std::int32_t>(sequences * n) : nullptr};
  }

  Kept layout_kept(Arena& saved, Arena& scratch) const {
    const bool trains = context_.pass == Pass::both;
    Arena& codes = trains ? saved : scratch;
    Kept kept{codes.take<std::uint16_t>(shape_.rows() * plan_.hashes * shape_.n_q),
              codes.take<std::uint16_t>(shape_.rows() * plan_.hashes * shape_.n_k), nullptr, nullptr};
    if (!trains || norm_ == Norm::none) return kept;
    kept.inverse = saved.take<float>(shape_.rows() * shape_.n_q);
    if (conv_ > 0) kept.rows = saved.take<float>(shape_.out_size());
    return kept;
  }

  Scratch layout(Arena& scratch) const {
    Scratch s{};
    const std::int64_t rows = shape_.rows();
    s.collisions = norm_ == Norm::rowsum ? scratch.take<Count>(rows * shape_.n_q) : nullptr;
    if (in_integers()) {
      s.fullest = scratch.take<int>(rows);
      s.largest = scratch.take<int>(rows * shape_.d_v);
      s.integers = scratch.take<int>(rows * shape_.n_k * width());
      s.partial = scratch.take<float>(parts_ * rows * shape_.n_q * width());
      return s;
    }
    if (sums_ == Sums::sorted || norm_ == Norm::rowsum) s.sorted = take_sorted(scratch, forward_wave(), shape_.n_k);
    s.tables = scratch.take<float>(forward_wave() * table_bytes() / 4);
    return s;
  }

  BackwardScratch layout_backward(Arena& scratch) const {
    BackwardScratch s{};
    s.q = scratch.take<float>(shape_.q_size());
    s.k = scratch.take<float>(shape_.k_size());
    s.inverse_q = scratch.take<float>(shape_.rows() * shape_.n_q);
    s.inverse_k = scratch.take<float>(shape_.rows() * shape_.n_k);
    s.dx = scratch.take<float>(shape_.out_size());
    s.shift = scratch.take<float>(shape_.rows() * shape_.n_q);
    s.q_sorted = take_sorted(scratch, backward_wave(), shape_.n_q);
    s.k_sorted = take_sorted(scratch, backward_wave(), shape_.n_k);
    s.taps = conv_ > 0 ? scratch.take<double>(convolution_scratch(shape_, conv_)) : nullptr;
    return s;
  }

  template <class E>
  TableArgs args_of(const InputsOf<E>& in, const Kept& kept, std::int64_t first, std::int64_t rows) const {
    return {shape_,
            static_cast<unsigned>(plan_.hashes),
            static_cast<int>(plan_.slots()),
            first,
            rows,
            kept.q_codes,
            kept.k_codes,
            in.keep_q,
            in.keep_k};
  }

  simt::Launch blocks(std::int64_t count, int threads, std::int64_t shared = 0) const {
    return {grid_of(count), dim3(static_cast<unsigned>(threads)), static_cast<std::size_t>(shared),
            context_.device->stream()};
  }
  // A warp for each of n things in each row, or sequence.
  simt::Launch warps(std::int64_t rows, std::int64_t n) const {
    return blocks(rows * ceil_div(n, kBucketWarps), kBucketWarps * kWarp);
  }

  Buckets sort(const TableArgs& a, const std::uint16_t* codes, const std::uint8_t* keep, std::int64_t n,
               const Sorted& to) const {
    const std::int64_t hashes = a.hashes;
    sort_codes(context_.device->stream(),
               CountingSort<std::uint16_t>{.sequences = a.rows * hashes,
                                           .n = n,
                                           .slots = a.slots,
                                           .codes = codes + a.first_row * hashes * n,
                                           .stride = n,
                                           .keep = keep ? keep + a.first_row / shape_.heads * n : nullptr,
                                           .sequences_per_mask = shape_.heads * hashes,
                                           .starts = to.starts,
                                           .order = to.order,
                                           .spare = to.spare});
    return {to.starts, to.order};
  }

  template <class E>
  void sum_fixed(const InputsOf<E>& in, const Kept& kept, const Scratch& s, Call& call) const {
    const TableArgs args = args_of(in, kept, 0, shape_.rows());
    call.phase("scale");
    clear(context_.device->stream(), s.fullest, shape_.rows());
    clear(context_.device->stream(), s.largest, shape_.rows() * shape_.d_v);
    if (s.collisions) clear(context_.device->stream(), s.collisions, shape_.rows() * shape_.n_q);
    simt::launch(blocks(shape_.rows() * plan_.hashes, kCountThreads, 4 * plan_.slots() + 16), count_kernel<Count>, args,
                 s.fullest, s.collisions);
    simt::launch(blocks(shape_.rows() * ceil_div(shape_.n_k, kMaxTokens), kFixedThreads), largest_kernel<int, E>,
                 shape_, in.v, in.keep_k, s.largest);
    simt::launch(blocks(shape_.rows() * ceil_div(shape_.n_k * width(), kFixedThreads), kFixedThreads),
                 round_kernel<int, E>, shape_, width(), in.v, in.keep_k, s.fullest, s.largest, s.integers);
    call.phase("tables");
    if (sums_ == Sums::fixed16) {
      for (std::int64_t first = 0; first < plan_.hashes; first += group_) {
        const std::int64_t hashes = std::min(group_, plan_.hashes - first);
        simt::launch(blocks(shape_.rows() * slices_, kNarrowThreads, narrow_bytes(plan_.slots(), hashes)),
                     narrow_kernel<int>, args, width(), static_cast<int>(first), static_cast<int>(hashes), s.integers,
                     s.fullest, s.largest, s.partial);
      }
      return;
    }
    const std::int64_t bytes = group_ * plan_.slots() * kColumns * static_cast<std::int64_t>(sizeof(int));
    simt::launch(blocks(parts_ * shape_.rows() * slices_, kFixedThreads, bytes), fixed_kernel<int>, args, width(),
                 static_cast<int>(group_), s.integers, s.fullest, s.largest, s.partial);
  }

  template <class E>
  void sum_floats(const InputsOf<E>& in, const Kept& kept, const Scratch& s, float* out, Call& call) const {
    const std::int64_t hashes = plan_.hashes, n_q = shape_.n_q, n_k = shape_.n_k, d_v = shape_.d_v;
    for (std::int64_t first = 0; first < shape_.rows(); first += forward_wave()) {
      const TableArgs args = args_of(in, kept, first, std::min(forward_wave(), shape_.rows() - first));
      Buckets keys{};
      if (s.sorted.starts) {
        call.phase("sort");
        keys = sort(args, kept.k_codes, in.keep_k, n_k, s.sorted);
      }
      call.phase("build");
      if (sums_ == Sums::sorted) {
        simt::launch(warps(args.rows * hashes, args.slots), bucket_kernel<float, E>, args, keys.starts, keys.order, n_k,
                     d_v, in.v, s.tables);
      } else {
        clear(context_.device->stream(), s.tables, args.rows * table_bytes() / 4);
        simt::launch(warps(args.rows * hashes, n_k), scatter_kernel<float, E>, args, n_k, d_v, in.v, s.tables);
      }
      call.phase("query");
      simt::launch(warps(args.rows, n_q), gather_kernel<float>, args, kept.q_codes, in.keep_q, n_q, d_v, 1.0f, s.tables,
                   out);
      if (s.collisions)
        simt::launch(blocks(args.rows * ceil_div(n_q, kCountThreads), kCountThreads), count_sorted_kernel<Count>, args,
                     keys.starts, s.collisions);
    }
  }

  // Waits and allocates: only when somebody looks, and then no time is measured.
  void show_codes(const Call& call, const Kept& kept) const {
    const auto show = [&](std::string_view name, const std::uint16_t* codes, std::int64_t n) {
      const std::int64_t rows = shape_.rows(), m = plan_.hashes;
      std::vector<std::uint16_t> here(static_cast<std::size_t>(rows * m * n));
      context_.device->download(here.data(), codes, here.size() * sizeof(std::uint16_t));
      std::vector<std::int32_t> turned(here.size());
      for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t h = 0; h < m; ++h)
          for (std::int64_t i = 0; i < n; ++i)
            turned[static_cast<std::size_t>((row * n + i) * m + h)] =
                here[static_cast<std::size_t>((row * m + h) * n + i)];
      call.probe->see(name, {turned.data(), Dtype::i32, {rows, n, m}});
    };
    show("q_codes", kept.q_codes, shape_.n_q);
    show("k_codes", kept.k_codes, shape_.n_k);
  }

  Shape shape_;
  Context context_;
  Plan plan_;
  Hasher hasher_;
  Norm norm_;
  Sums sums_;
  std::int64_t conv_;
  std::int64_t slices_ = 0, group_ = 0, parts_ = 0;
};

}  // namespace

extern const Cell cell;
const Cell cell = runs<Cuda>();

}  // namespace SIMT_NS
}  // namespace yoso::yoso_m
