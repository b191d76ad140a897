// Hash codes on CUDA, bit for bit those of the CPU (primitives/simd/rotate.hpp): the same additions in the same order,
// and nothing in them that a compiler could fuse.
//
//   code_h(x) = sum_t [<r_ht, x> > 0] 2^t,  t < bits      codes are hash-major, [rows, hashes, n]
//
// Up to a width of 128 a thread has a whole vector in its registers and no value crosses lanes: butterflies by shuffles
// would take three times as long, for the shared memory's pipe serves them. Wider vectors are spread over a warp.
#pragma once
#include "yoso_m/cuda_wide.hpp"

namespace yoso::yoso_m::SIMT_NS {

// ------------------------------------------------------------------------------------------- a vector in one thread

template <int kWidth, bool kDown>
__device__ inline void hadamard(float (&y)[kWidth]) {
  constexpr int kStages = kWidth == 32 ? 5 : kWidth == 64 ? 6 : 7;
  static_assert(1 << kStages == kWidth);
  SIMT_UNROLL
  for (int stage = 0; stage < kStages; ++stage) {
    const int half = 1 << (kDown ? kStages - 1 - stage : stage);
    SIMT_UNROLL
    for (int i = 0; i < kWidth; ++i)
      if (!(i & half)) {
        const float a = y[i], b = y[i + half];
        y[i] = a + b;
        y[i + half] = a - b;
      }
  }
}

template <int kWidth>
__device__ inline void flip(const float* signs, float (&y)[kWidth]) {
  SIMT_UNROLL
  for (int c = 0; c < kWidth; ++c) y[c] *= signs[c];
}

constexpr int kHashThreads = 128;  // or fewer, if the words of a token's signs take much shared memory

// A block has blockDim.x tokens of a row.
template <int kWidth, class E>
__global__ void __launch_bounds__(kHashThreads) hash_in_threads(Hashing h, const E* __restrict__ tokens) {
  constexpr int kStride = kWidth + 1, kWords = kWidth / 32;  // no two threads read the same bank
  const int threads = static_cast<int>(blockDim.x), thread = static_cast<int>(threadIdx.x);
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const tile = carver.take<float>(static_cast<std::size_t>(threads) * kStride);
  float* const signs = carver.take<float>(3 * kWidth);
  unsigned* const words = carver.take<unsigned>(static_cast<std::size_t>(h.rotations) * kWords * threads);

  const auto [row, first] = place_of_block(h.n, threads);
  for (int at = thread; at < threads * kWidth; at += threads) {
    const int token = at / kWidth, c = at % kWidth;
    const bool there = c < h.d && is_real(h, row, first + token);
    tile[token * kStride + c] = there ? element_of(tokens + (row * h.n + first + token) * h.d + c) : 0.0f;
  }
  __syncthreads();
  float* const x = tile + thread * kStride;  // of this thread alone from here on
  float y[kWidth];
  {
    float largest = 0;
    for (int c = 0; c < kWidth; ++c) largest = fmaxf(largest, fabsf(x[c]));
    const Factors f = to_one(largest);
    for (int c = 0; c < kWidth; ++c) x[c] = x[c] * f.first * f.second;
  }
  const auto load_signs = [&](int rounds, const float* from, std::int64_t step) {
    __syncthreads();  // nobody needs the last ones any more
    for (int at = thread; at < rounds * kWidth; at += threads) signs[at] = from[at / kWidth * step + at % kWidth];
    __syncthreads();
  };
  const auto load_vector = [&] {
    SIMT_UNROLL
    for (int c = 0; c < kWidth; ++c) y[c] = x[c];
  };
  if (h.shared) {
    load_signs(2, h.shared_signs + row * 2 * kWidth, kWidth);
    load_vector();
    flip<kWidth>(signs, y);
    hadamard<kWidth, false>(y);
    flip<kWidth>(signs + kWidth, y);
    hadamard<kWidth, true>(y);
    SIMT_UNROLL
    for (int c = 0; c < kWidth; ++c) x[c] = y[c];
  }
  const int rounds = h.shared ? 1 : 3;
  const std::int64_t step = static_cast<std::int64_t>(h.rotations) * kWidth;
  for (int rotation = 0; rotation < h.rotations; ++rotation) {
    load_signs(rounds, h.signs + row * rounds * step + rotation * kWidth, step);
    load_vector();
    flip<kWidth>(signs, y);
    hadamard<kWidth, false>(y);
    if (!h.shared) {
      flip<kWidth>(signs + kWidth, y);
      hadamard<kWidth, true>(y);
      flip<kWidth>(signs + 2 * kWidth, y);
      hadamard<kWidth, false>(y);
    }
    SIMT_UNROLL
    for (int w = 0; w < kWords; ++w) {
      unsigned word = 0;
      SIMT_UNROLL
      for (int b = 0; b < 32; ++b) word |= (y[32 * w + b] > 0 ? 1u : 0u) << b;
      words[(rotation * kWords + w) * threads + thread] = word;
    }
  }
  const std::int64_t token = first + thread;
  if (token >= h.n) return;
  pack_codes(h, words + thread, threads, kWords, 0, 1,
             [&](int hash, std::uint16_t code) { h.codes[(row * h.hashes + hash) * h.n + token] = code; });
}

// --------------------------------------------------------------------------------------------- a vector in one warp

constexpr int kHashWarps = 4;

// Element 32 k + lane is y[k] of a lane. (a, b) becomes (a + b, a - b), wherever they lie.
template <int kEach, bool kDown>
__device__ inline void warp_hadamard(float (&y)[kEach]) {
  constexpr int kStages = 5 + (kEach == 8 ? 3 : kEach == 16 ? 4 : 5);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  SIMT_UNROLL
  for (int stage = 0; stage < kStages; ++stage) {
    const int half = 1 << (kDown ? kStages - 1 - stage : stage);
    SIMT_UNROLL
    for (int i = 0; i < kEach; ++i) {
      if (half < kWarp) {
        const float other = __shfl_xor_sync(kWholeWarp, y[i], half);
        y[i] = lane & half ? other - y[i] : y[i] + other;
      } else if (!(i & half / kWarp)) {
        const float a = y[i], b = y[i + half / kWarp];
        y[i] = a + b;
        y[i + half / kWarp] = a - b;
      }
    }
  }
}

template <int kEach>
__device__ inline void warp_flip(const float* signs, float (&y)[kEach]) {
  SIMT_UNROLL
  for (int i = 0; i < kEach; ++i) y[i] *= __ldg(signs + i * kWarp + threadIdx.x % kWarp);
}

template <int kEach, class E>
__global__ void __launch_bounds__(kHashWarps* kWarp) hash_in_warps(Hashing h, const E* __restrict__ tokens) {
  constexpr int kWidth = kEach * kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  unsigned* const words = carver.take<unsigned>(static_cast<std::size_t>(h.rotations) * kEach * kHashWarps) +
                          static_cast<std::size_t>(warp) * h.rotations * kEach;
  const Place block = place_of_block(h.n, kHashWarps);
  const std::int64_t row = block.row, token = block.first + warp;
  if (token >= h.n) return;  // whole warps; there is no barrier
  float x[kEach], y[kEach], largest = 0;
  SIMT_UNROLL
  for (int i = 0; i < kEach; ++i) {
    const int c = i * kWarp + lane;
    x[i] = c < h.d && is_real(h, row, token) ? element_of(tokens + (row * h.n + token) * h.d + c) : 0.0f;
    largest = fmaxf(largest, fabsf(x[i]));
  }
  const Factors f = to_one(warp_max(largest));
  SIMT_UNROLL
  for (int i = 0; i < kEach; ++i) x[i] = x[i] * f.first * f.second;
  if (h.shared) {
    warp_flip(h.shared_signs + row * 2 * kWidth, x);
    warp_hadamard<kEach, false>(x);
    warp_flip(h.shared_signs + (row * 2 + 1) * kWidth, x);
    warp_hadamard<kEach, true>(x);
  }
  const std::int64_t rounds = h.shared ? 1 : 3, step = static_cast<std::int64_t>(h.rotations) * kWidth;
  for (int rotation = 0; rotation < h.rotations; ++rotation) {
    const float* const signs = h.signs + row * rounds * step + rotation * kWidth;
    SIMT_UNROLL
    for (int i = 0; i < kEach; ++i) y[i] = x[i];
    warp_flip(signs, y);
    warp_hadamard<kEach, false>(y);
    if (!h.shared) {
      warp_flip(signs + step, y);
      warp_hadamard<kEach, true>(y);
      warp_flip(signs + 2 * step, y);
      warp_hadamard<kEach, false>(y);
    }
    SIMT_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const unsigned word = __ballot_sync(kWholeWarp, y[i] > 0);
      if (lane == 0) words[rotation * kEach + i] = word;
    }
  }
  __syncwarp();
  pack_codes(h, words, 1, kEach, lane, kWarp,
             [&](int hash, std::uint16_t code) { h.codes[(row * h.hashes + hash) * h.n + token] = code; });
}

// ------------------------------------------------------------------------------------------------ dense hyperplanes

constexpr int kPlaneThreads = 64;
constexpr int kMostBits = 16;

// A chain of fused multiply-adds over ascending columns for each plane, as Primitives::project. A thread has a token,
// and the planes of a hash at a time.
template <int kBits, class E>
__global__ void __launch_bounds__(kPlaneThreads) hash_with_planes(Hashing h, const E* __restrict__ tokens) {
  const int stride = h.d | 1, thread = static_cast<int>(threadIdx.x);
  SIMT_DYNAMIC_SHARED(memory);
  simt::Carver carver(memory);
  float* const tile = carver.take<float>(static_cast<std::size_t>(kPlaneThreads) * stride);
  float* const planes = carver.take<float>(static_cast<std::size_t>(h.d) * kBits);
  const auto [row, first] = place_of_block(h.n, kPlaneThreads);
  const std::int64_t all = static_cast<std::int64_t>(h.hashes) * h.bits;
  for (int at = thread; at < kPlaneThreads * h.d; at += kPlaneThreads) {
    const int token = at / h.d, c = at % h.d;
    const bool real = is_real(h, row, first + token);
    tile[token * stride + c] = real ? element_of(tokens + (row * h.n + first + token) * h.d + c) : 0.0f;
  }
  __syncthreads();
  float* const x = tile + thread * stride;
  float largest = 0;
  for (int c = 0; c < h.d; ++c) largest = fmaxf(largest, fabsf(x[c]));
  const Factors f = to_one(largest);
  for (int c = 0; c < h.d; ++c) x[c] = x[c] * f.first * f.second;
  for (int hash = 0; hash < h.hashes; ++hash) {
    __syncthreads();
    for (int at = thread; at < h.d * kBits; at += kPlaneThreads) {
      const int c = at / kBits, t = at % kBits;
      planes[at] = t < h.bits ? h.planes[(row * h.d + c) * all + static_cast<std::int64_t>(hash) * h.bits + t] : 0.0f;
    }
    __syncthreads();
    float sum[kBits] = {};
    for (int c = 0; c < h.d; ++c) {
      SIMT_UNROLL
      for (int t = 0; t < kBits; ++t) sum[t] = fmaf(planes[c * kBits + t], x[c], sum[t]);
    }
    unsigned code = 0;
    SIMT_UNROLL
    for (int t = 0; t < kBits; ++t) code |= (sum[t] > 0 ? 1u : 0u) << t;
    if (first + thread < h.n)
      h.codes[(row * h.hashes + hash) * h.n + first + thread] = static_cast<std::uint16_t>(code);
  }
}

// --------------------------------------------------------------------------------------------------------- launching

// How the tokens of a plan are hashed on a device. Throws Unsupported when they cannot be.
class Hasher {
 public:
  Hasher(const Plan& plan, const Device& device) : plan_(plan) {
    const auto most = static_cast<std::size_t>(device.info().shared_per_block);
    if (plan.projection == Projection::gaussian) {
      shared_ = simt::Carver::bytes<float>(kPlaneThreads * static_cast<std::size_t>(plan.d | 1)) +
                simt::Carver::bytes<float>(static_cast<std::size_t>(plan.d) * kMostBits);
      from_memory_ = shared_ > most;
      return;
    }
    const auto words = static_cast<std::size_t>(plan.rotations * plan.padded / 32);
    if (plan.padded > kWidestWarp) {
      const auto width = static_cast<std::size_t>(plan.padded);
      shared_ = 2 * simt::Carver::bytes<float>(width) + simt::Carver::bytes<float>(kWideThreads / kWarp) +
                simt::Carver::bytes<unsigned>(words);
      require(shared_ <= most, "so wide tokens, or so many hashes and bits");
      return;
    }
    if (plan.padded > 128) {
      shared_ = simt::Carver::bytes<unsigned>(words * kHashWarps);
      require(shared_ <= most, "so many hashes and bits");
      return;
    }
    for (threads_ = kHashThreads; threads_ >= kWarp; threads_ /= 2) {
      const auto threads = static_cast<std::size_t>(threads_), width = static_cast<std::size_t>(plan.padded);
      shared_ = simt::Carver::bytes<float>(threads * (width + 1)) + simt::Carver::bytes<float>(3 * width) +
                simt::Carver::bytes<unsigned>(words * threads);
      if (shared_ <= most / 2 || (threads_ == kWarp && shared_ <= most)) return;
    }
    require(false, "so many hashes and bits");
  }

  // Codes [rows, hashes, n] of x [rows, n, d].
  template <class E>
  void run(void* stream, const Shape& s, const Tensors& draws, const E* x, const std::uint8_t* keep, std::int64_t n,
           std::uint16_t* codes) const {
    const bool gaussian = plan_.projection == Projection::gaussian, shared = plan_.projection == Projection::shared;
    const Hashing h{.d = static_cast<int>(plan_.d),
                    .hashes = static_cast<int>(plan_.hashes),
                    .bits = static_cast<int>(plan_.bits),
                    .rotations = static_cast<int>(plan_.rotations),
                    .per_part = static_cast<int>(plan_.per_part),
                    .shared = shared,
                    .heads = s.heads,
                    .n = n,
                    .keep = keep,
                    .signs = gaussian ? nullptr : draws["signs"],
                    .shared_signs = shared ? draws["shared_signs"] : nullptr,
                    .planes = gaussian ? draws["hyperplanes"] : nullptr,
                    .codes = codes};
    const auto launch = [&](int tokens, int threads, void (*kernel)(Hashing, const E*)) {
      simt::launch({grid_of(s.rows(), n, tokens), dim3(static_cast<unsigned>(threads)), shared_, stream}, kernel, h, x);
    };
    if (from_memory_) {
      simt::launch({grid_of(s.rows(), n * plan_.hashes, kWideThreads), dim3(kWideThreads), 0, stream},
                   hash_from_memory<E>, h, x);
      return;
    }
    if (plan_.padded > kWidestWarp && !gaussian) {
      simt::launch({grid_of(s.rows() * n), dim3(kWideThreads), shared_, stream}, hash_in_blocks<E>, h, x,
                   static_cast<int>(plan_.padded));
      return;
    }
    if (gaussian) return launch(kPlaneThreads, kPlaneThreads, hash_with_planes<kMostBits, E>);
    switch (plan_.padded) {
      case 32:
        return launch(threads_, threads_, hash_in_threads<32, E>);
      case 64:
        return launch(threads_, threads_, hash_in_threads<64, E>);
      case 128:
        return launch(threads_, threads_, hash_in_threads<128, E>);
      case 256:
        return launch(kHashWarps, kHashWarps * kWarp, hash_in_warps<8, E>);
      case 512:
        return launch(kHashWarps, kHashWarps * kWarp, hash_in_warps<16, E>);
      default:
        return launch(kHashWarps, kHashWarps * kWarp, hash_in_warps<32, E>);
    }
  }

 private:
  static void require(bool fits, const char* what) {
    if (!fits) throw Unsupported(std::string(what) + " take more shared memory than a block has on cuda");
  }
  static constexpr std::int64_t kWidestWarp = 1024;
  Plan plan_;
  std::size_t shared_ = 0;
  bool from_memory_ = false;
  int threads_ = kHashThreads;
};

}  // namespace yoso::yoso_m::SIMT_NS
