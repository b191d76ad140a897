# What stands between engines and a CUDA device; without a CUDA compiler, only the word that there is none.
target_sources(yoso_kernels PRIVATE simt/kernel_name.cpp)
if(CMAKE_CUDA_COMPILER)
  target_sources(yoso_kernels PRIVATE simt/atomics.cu simt/cuda_device.cu simt/cuda_blas.cu simt/watch.cu simt/nvml.cpp)
  target_include_directories(yoso_kernels SYSTEM PRIVATE ${RANDOM123_INCLUDE_DIR})
  target_link_libraries(yoso_kernels PRIVATE CUDA::cudart_static ${CMAKE_DL_LIBS})
else()
  target_sources(yoso_kernels PRIVATE simt/absent.cpp)
endif()
