// Attention by tiles, for any rule that makes a weight of a query and a key: no n x n matrix exists.
//
//   out_i = finish(sum_j w_ij v_j),   w_ij = weight(q_i . k_j)
//
// A block has a tile of queries; keys and values pass by. What it does with a product is the Rule's affair:
//
//   struct Rule {
//     float query_scale;                        // of q, before the product
//     template <int kRows> struct State;        // of a thread's rows
//     // s: products of this thread, which become weights; see(i, c): whether they count. q, k: the tiles.
//     void weigh<Tile>(State&, s, see, sum, const float* q, const float* k, int depth);
//     // sum: what the thread has of row i, which becomes its output; the half-warp has it all. `token`: the query
//     void finish<Tile>(State&, int i, std::int64_t token, bool write, bool kept, sum);
//   };
//
// Its gradient is in attend_backward.hpp.
#pragma once
#include <yoso/device.hpp>
#include <yoso/errors.hpp>

#include <string>
#include <type_traits>

#include "simt/tile.hpp"

namespace yoso::SIMT_NS {

template <int kD>
struct Attend : Tile<kD, kD <= 64 ? 64 : 32> {
  using T = Tile<kD, kD <= 64 ? 64 : 32>;
  // the tile of weights takes the place of the keys'
  static constexpr int kKeysSize = T::kWideSize > T::kPairsSize ? T::kWideSize : T::kPairsSize;
  static constexpr std::size_t kShared = sizeof(float) * (T::kTallSize + kKeysSize + T::kWideSize);
};

// Where the future begins: of a tile of keys that begins at `keys`, query r of those that begin at `queries` sees
// key c if c < open + r. Far beyond the tile where all is seen.
__device__ inline int open_keys(const Shape& s, std::int64_t queries, std::int64_t keys) {
  constexpr std::int64_t kFar = 4096;
  const std::int64_t open = s.causal ? queries + 1 + s.n_k - s.n_q - keys : kFar;
  return static_cast<int>(open < -kFar ? -kFar : open > kFar ? kFar : open);
}

template <int kD, class Rule>
__global__ void __launch_bounds__(kAttendThreads, kD <= 64 ? 3 : 2)
    attend_kernel(Shape s, Inputs in, Rule rule, float* __restrict__ out, float* __restrict__ copy) {
  using T = typename Attend<kD>::T;
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const q = carver.take<float>(T::kTallSize);
  float* const k = carver.take<float>(Attend<kD>::kKeysSize);
  float* const v = carver.take<float>(T::kWideSize);
  float* const weights = k;

  const auto [row, first] = last_place_first(s.n_q, T::kTall);
  const int count = static_cast<int>(s.n_q - first < T::kTall ? s.n_q - first : T::kTall), thread = threadIdx.x;
  const std::uint8_t* const keep_q = row_of_mask(in.keep_q, s, row, s.n_q, first);
  const std::uint8_t* const keep_k = row_of_mask(in.keep_k, s, row, s.n_k);
  const bool asked = thread < count && is_kept(keep_q, thread);
  const std::int64_t end = __syncthreads_or(asked) ? s.visible(first + count - 1) : 0;
  const int depth = depth_of(s.d);
  T::template load<T::kTall>(in.q + (row * s.n_q + first) * s.d, s.d, count, rule.query_scale, nullptr, q);

  float sum[T::kRows][T::kOuts] = {};
  typename Rule::template State<T::kRows> state;
  for (std::int64_t at = 0; at < end; at += T::kWide) {
    const int keys = static_cast<int>(s.n_k - at < T::kWide ? s.n_k - at : T::kWide);
    // tiles of padding alone are skipped; and behind this barrier nobody reads the tile before any more
    if (!__syncthreads_or(thread < keys && is_kept(keep_k, at + thread))) continue;
    T::template load<T::kWide>(in.k + (row * s.n_k + at) * s.d, s.d, keys, 1.0f, nullptr, k);
    T::template load<T::kWide>(in.v + (row * s.n_k + at) * s.d_v, s.d_v, keys, 1.0f, nullptr, v);
    bool kept[T::kColumns];
    SIMT_UNROLL
    for (int c = 0; c < T::kColumns; ++c) kept[c] = T::x() + 16 * c < keys && is_kept(keep_k, at + T::x() + 16 * c);
    const int open = open_keys(s, first, at);
    __syncthreads();
    float w[T::kRows][T::kColumns] = {};
    T::product(q, k, depth, w);
    const auto see = [&](int i, int c) { return kept[c] && T::x() + 16 * c < open + T::row(i); };
    rule.template weigh<T>(state, w, see, sum, q, k, depth);
    __syncthreads();  // keys are read
    T::put(w, weights);
    __syncwarp();
    T::accumulate(weights, v, sum);
  }
  SIMT_UNROLL
  for (int i = 0; i < T::kRows; ++i) {
    const std::int64_t token = row * s.n_q + first + T::row(i);
    const bool write = T::row(i) < count;
    rule.template finish<T>(state, i, token, write, write && is_kept(keep_q, T::row(i)), sum[i]);
    if (!write) continue;
    T::store(sum[i], 1.0f, out + token * s.d_v, s.d_v);
    if (copy) T::store(sum[i], 1.0f, copy + token * s.d_v, s.d_v);
  }
}

// Calls use(integral constant) with the width for which kernels are compiled that a problem needs.
template <class Use>
void with_width(const Shape& s, const Use& use) {
  const std::int64_t width = s.d > s.d_v ? s.d : s.d_v;
  if (width <= 32)
    use(std::integral_constant<int, 32>());
  else if (width <= 64)
    use(std::integral_constant<int, 64>());
  else if (width <= 128)
    use(std::integral_constant<int, 128>());
  else
    use(std::integral_constant<int, 256>());
}

// Engines call these in their constructor.
inline void require_width(const Shape& s) {
  if (s.d > 256 || s.d_v > 256) throw Unsupported("d and d_v beyond 256 do not fit the tiles on cuda");
}
inline void require_shared(const Device& device, const Shape& s, std::size_t bytes) {
  if (static_cast<std::int64_t>(bytes) > device.info().shared_per_block)
    throw Unsupported("d = " + std::to_string(s.d) + ", d_v = " + std::to_string(s.d_v) + " take " +
                      std::to_string(bytes) + " bytes of shared memory a block on cuda, of which this device has " +
                      std::to_string(device.info().shared_per_block));
}
inline void require_attend(const Device& device, const Shape& s) {
  require_width(s);
  with_width(s, [&](auto width) { require_shared(device, s, Attend<width>::kShared); });
}

// `copy` may be null: a second place for the output.
template <class Rule>
void attend(void* stream, const Shape& s, const Inputs& in, const Rule& rule, float* out, float* copy = nullptr) {
  with_width(s, [&](auto width) {
    using A = Attend<width>;
    simt::launch({grid_of(s.rows(), s.n_q, A::kTall), dim3(kAttendThreads), A::kShared, stream},
                 attend_kernel<width, Rule>, s, in, rule, out, copy);
  });
}

}  // namespace yoso::SIMT_NS
