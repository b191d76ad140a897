// cuBLAS, opened by name at the first use: a program that linked it would not start on a machine without it. Only the
// types come from its header.
#include <cublas_v2.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include <yoso/errors.hpp>

#include "simt/blas.hpp"
#include "simt/cublas.hpp"

namespace {

// The 64-bit interface, there since CUDA 12. Spelled out, because the header overloads the name.
using Gemm = cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, std::int64_t, std::int64_t,
                                std::int64_t, const void*, const void*, cudaDataType, std::int64_t, long long,
                                const void*, cudaDataType, std::int64_t, long long, const void*, void*, cudaDataType,
                                std::int64_t, long long, std::int64_t, cublasComputeType_t, cublasGemmAlgo_t);

struct Library {
  decltype(&cublasCreate_v2) create = nullptr;
  decltype(&cublasSetStream_v2) set_stream = nullptr;
  decltype(&cublasSetMathMode) set_math_mode = nullptr;
  decltype(&cublasGetStatusString) status_string = nullptr;
  decltype(&cublasGetProperty) property = nullptr;
  Gemm gemm = nullptr;
  simt::BlasLibrary known;

  Library() {
    void* library = nullptr;
    for (const char* name : {"libcublas.so.13", "libcublas.so.12"}) {
      library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (library) break;
      if (known.problem.empty()) known.problem = ::dlerror();  // the newest is the one to install
    }
    if (!library) return;
    known.problem.clear();
    find(library, "cublasCreate_v2", create);
    find(library, "cublasSetStream_v2", set_stream);
    find(library, "cublasSetMathMode", set_math_mode);
    find(library, "cublasGetStatusString", status_string);
    find(library, "cublasGetProperty", property);
    find(library, "cublasGemmStridedBatchedEx_64", gemm);
    if (!known.problem.empty()) return;
    int major = 0, minor = 0, patch = 0;
    property(MAJOR_VERSION, &major);
    property(MINOR_VERSION, &minor);
    property(PATCH_LEVEL, &patch);
    known.version = std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  }

 private:
  template <class Function>
  void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    if (!function) known.problem = ::dlerror();
  }
};

const Library& library() {
  static const Library opened;
  return opened;
}

void require_success(cublasStatus_t status, const char* doing) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw yoso::DeviceError(std::string("cuBLAS: ") + doing + ": " + library().status_string(status));
}

// One for the process, as there is one device. Never destroyed: at exit the driver may be gone before it. Its workspace
// (32 MiB on sm_90) is the library's own, made with the handle and in no engine's arena.
cublasHandle_t handle() {
  static const cublasHandle_t made = [] {
    cublasHandle_t h = nullptr;
    require_success(library().create(&h), "no handle");
    // every operation in the type that was asked for: no TF32, and no emulation of f32 by narrower types
    require_success(library().set_math_mode(h, CUBLAS_PEDANTIC_MATH), "no pedantic mode");
    return h;
  }();
  return made;
}

// C = beta C, what is left of a product over nothing. C is not read when beta is 0.
__global__ void __launch_bounds__(256)
    scale(float* c, long long columns, long long ldc, long long elements, float beta) {
  for (long long i = blockIdx.x * 256ll + threadIdx.x; i < elements; i += gridDim.x * 256ll) {
    float* const x = c + i / columns * ldc + i % columns;
    *x = beta == 0 ? 0 : beta * *x;
  }
}

}  // namespace

namespace simt {
const BlasLibrary& blas_library() { return library().known; }
}  // namespace simt

namespace yoso::SIMT_NS {

void require_blas() {
  if (!library().known.version) throw Unsupported("cuBLAS was not found: " + library().known.problem);
}

void multiply(void* stream, const Product& p) {
  if (p.m == 0 || p.n == 0 || p.count == 0) return;
  if (p.k == 0) {
    const long long elements = p.m * p.n;
    const unsigned blocks = static_cast<unsigned>(std::min<long long>((elements + 255) / 256, 1024));
    for (std::int64_t b = 0; b < p.count; ++b)
      simt::launch({blocks, 256, 0, stream}, scale, p.c + b * p.step_c, p.n, p.ldc, elements, p.beta);
    return;
  }
  require_blas();
  require_success(library().set_stream(handle(), static_cast<cudaStream_t>(stream)), "no stream");
  // Row-major C is C^T to cuBLAS, which counts columns first, and C^T = op(B)^T op(A)^T: the operands change places,
  // and what is stored as it is read needs no transposition there either.
  const auto op = [](bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  constexpr std::int64_t kMostAtOnce = 65535;  // of a grid's third dimension, which the library's kernels count with
  for (std::int64_t first = 0; first < p.count; first += kMostAtOnce)
    require_success(
        library().gemm(handle(), op(p.b_transposed), op(p.a_transposed), p.n, p.m, p.k, &p.alpha,  //
                       p.b + first * p.step_b, CUDA_R_32F, p.ldb, p.step_b,                        //
                       p.a + first * p.step_a, CUDA_R_32F, p.lda, p.step_a, &p.beta,               //
                       p.c + first * p.step_c, CUDA_R_32F, p.ldc, p.step_c,                        //
                       std::min(kMostAtOnce, p.count - first), CUBLAS_COMPUTE_32F_PEDANTIC, CUBLAS_GEMM_DEFAULT),
        "product failed");
}

}  // namespace yoso::SIMT_NS
