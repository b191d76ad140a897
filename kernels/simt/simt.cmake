# What stands between engines and a CUDA device; without a CUDA compiler, only the word that there is none.
if(CMAKE_CUDA_COMPILER)
  target_sources(yoso_kernels PRIVATE simt/cuda_device.cu simt/cuda_blas.cu)
else()
  target_sources(yoso_kernels PRIVATE simt/absent.cpp)
endif()
