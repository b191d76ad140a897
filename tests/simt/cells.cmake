# The CUDA cells of kernels/, compiled by the host's compiler against the emulator, and the conformance tests on them.
#
# simt_cells: plain, in every `make test`. simt_cells_asan and simt_cells_tsan instrument the cells alone, not the rest
# of the program: what is looked for are their mistakes.
file(GLOB cells CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*/cuda.cu)
set(cell_sources "")
set(cell_methods "")
foreach(cell IN LISTS cells)
  cmake_path(GET cell PARENT_PATH folder)
  cmake_path(GET folder FILENAME name)
  list(APPEND cell_methods ${name})
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cu)
  list(APPEND cell_sources ${sources})
endforeach()
set_source_files_properties(${cell_sources} PROPERTIES LANGUAGE CXX)  # in this folder; in kernels/ they are CUDA
get_target_property(all_methods yoso_kernels YOSO_METHODS)

set(walked every_method_test gradients_test masks_test examine walk)
list(TRANSFORM walked PREPEND ${PROJECT_SOURCE_DIR}/tests/conformance/)
list(TRANSFORM walked APPEND .cpp)
file(GLOB own CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cells/*.cpp)

# An executable test_simt<suffix> on the emulator of the same flavour.
function(yoso_emulated_test suffix)
  add_library(simt_cells${suffix} OBJECT ${cell_sources} emulated_blas.cpp)
  target_compile_options(simt_cells${suffix} PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O2> ${ARGN})
  target_include_directories(simt_cells${suffix} PRIVATE ${PROJECT_SOURCE_DIR}/kernels ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(simt_cells${suffix} PRIVATE yoso_lib yoso_flags)
  add_executable(test_simt${suffix} ${own} on_emulator.cpp emulated_device.cpp ${walked})
  yoso_write_catalogue(test_simt${suffix} emulated "${all_methods}" "${cell_methods}" emu_impl)
  target_include_directories(test_simt${suffix} PRIVATE ${PROJECT_SOURCE_DIR}/tests/conformance
                                                        ${PROJECT_SOURCE_DIR}/kernels)
  target_link_libraries(test_simt${suffix} PRIVATE test_main simt_cells${suffix} simt_emulator${suffix} yoso_kernels
                                                   yoso_lib yoso_flags OpenMP::OpenMP_CXX)
endfunction()

yoso_emulated_test("")
add_test(NAME simt_cells COMMAND test_simt [slice])
