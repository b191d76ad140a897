# YOSO_CUDA: AUTO builds the CUDA cells where they can run, ON insists, OFF never looks. Where they are built,
# CMAKE_CUDA_COMPILER is set and CUDA::cudart_static is there; everything else in the build asks for nothing more.
#
# AUTO wants a GPU that answers, not only nvcc: without one the cells could be compiled, which takes minutes for every
# architecture, and never run. It then compiles for this machine's GPUs alone.
# ON is for machines that build what others run (preset portable): real code for each generation that we know, and the
# last one's PTX, from which a newer driver makes its own.
# Neither overrides CMAKE_CUDA_ARCHITECTURES or the environment's CUDAARCHS.
set_property(CACHE YOSO_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT YOSO_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "YOSO_CUDA must be AUTO, ON or OFF, got '${YOSO_CUDA}'")
endif()

# Finds an nvcc that works, on PATH or where NVIDIA's installer puts it. What was not there last time is looked for again.
macro(yoso_find_nvcc)
  if(NOT CMAKE_CUDA_COMPILER)
    unset(CMAKE_CUDA_COMPILER CACHE)
    find_program(YOSO_NVCC nvcc PATHS /usr/local/cuda/bin)
    mark_as_advanced(YOSO_NVCC)
    if(YOSO_NVCC AND NOT DEFINED ENV{CUDACXX})
      set(ENV{CUDACXX} ${YOSO_NVCC})
    endif()
  endif()
  include(CheckLanguage)
  check_language(CUDA)
endmacro()

# The compute capabilities of this machine's GPUs, as 90-real, by a program that asks them; or `problem`.
# CMAKE_CUDA_ARCHITECTURES=native asks in the same way, but where it gets no answer the whole configuration fails.
function(yoso_ask_gpus architectures problem)
  set(probe ${PROJECT_BINARY_DIR}/CMakeFiles/yoso_gpus)
  file(WRITE ${probe}.cu [[
#include <cuda_runtime.h>
#include <cstdio>
int main() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) return std::puts(cudaGetErrorString(error)), 1;
  for (int i = 0; i < count; ++i) {
    int major = 0, minor = 0;
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, i);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, i);
    std::printf("%d%d-real;", major, minor);
  }
}
]])
  execute_process(COMMAND ${CMAKE_CUDA_COMPILER} -o ${probe} ${probe}.cu OUTPUT_VARIABLE said ERROR_VARIABLE said
                  RESULT_VARIABLE failed)
  if(NOT failed)
    execute_process(COMMAND ${probe} OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE failed)
  endif()
  string(STRIP "${said}" said)
  set(found "")
  if(NOT failed)
    string(REGEX MATCHALL "[0-9]+-real" found "${said}")
    list(REMOVE_DUPLICATES found)
  endif()
  set(${architectures} "${found}" PARENT_SCOPE)
  set(${problem} "${said}" PARENT_SCOPE)
endfunction()

set(yoso_no_cuda "YOSO_CUDA=OFF")
if(YOSO_CUDA STREQUAL "ON")
  yoso_find_nvcc()
  if(NOT CMAKE_CUDA_COMPILER)
    message(FATAL_ERROR "YOSO_CUDA=ON, but no CUDA compiler works here: put nvcc on PATH or set CMAKE_CUDA_COMPILER")
  endif()
  set(yoso_no_cuda "")
  set(yoso_architectures 75-real 80-real 86-real 90-real 90-virtual)
elseif(YOSO_CUDA STREQUAL "AUTO")
  # the last one is WSL's
  if(EXISTS /dev/nvidiactl OR EXISTS /proc/driver/nvidia/version OR EXISTS /dev/dxg)
    yoso_find_nvcc()
    if(CMAKE_CUDA_COMPILER)
      yoso_ask_gpus(yoso_architectures yoso_no_cuda)
      if(yoso_architectures)
        set(yoso_no_cuda "")
      else()
        string(PREPEND yoso_no_cuda "no GPU answered: ")
      endif()
    else()
      set(yoso_no_cuda "no nvcc")
    endif()
  else()
    set(yoso_no_cuda "no GPU driver on this machine; YOSO_CUDA=ON compiles them for others")
  endif()
endif()

if(yoso_no_cuda)
  message(STATUS "CUDA cells: not built (${yoso_no_cuda})")
  set(CMAKE_CUDA_COMPILER "")  # whatever an earlier configuration found
  return()
endif()

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
  set(CMAKE_CUDA_ARCHITECTURES ${yoso_architectures})
endif()
enable_language(CUDA)
# CMake before 3.25.2 has no C++20 flag for nvcc, and stops at CMAKE_CUDA_STANDARD 20 unless it is given one.
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
# The runtime is linked in, and opens the driver by itself at the first call, so that the program starts without either.
# Never link CUDA::cuda_driver: where a toolkit is installed its stub satisfies the linker, and the program then needs a
# libcuda.so.1 before main().
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
find_package(CUDAToolkit REQUIRED)
# Where cuBLAS is looked for when it is opened by name, after LD_LIBRARY_PATH and before the system's folders.
set(CMAKE_BUILD_RPATH /usr/local/cuda/lib64)
set(CMAKE_INSTALL_RPATH /usr/local/cuda/lib64)
message(STATUS "CUDA cells: built by nvcc ${CMAKE_CUDA_COMPILER_VERSION} for ${CMAKE_CUDA_ARCHITECTURES}")
