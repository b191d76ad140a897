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
  target_include_directories(test_simt${suffix} SYSTEM PRIVATE ${RANDOM123_INCLUDE_DIR})
  target_link_libraries(test_simt${suffix} PRIVATE test_main simt_cells${suffix} simt_emulator${suffix} yoso_kernels
                                                   yoso_lib yoso_flags OpenMP::OpenMP_CXX)
endfunction()

yoso_emulated_test("")
set(slice ~[conformance]~[gradients]~[promises])  # all but the walk
add_test(NAME simt_cells COMMAND test_simt ${slice})
if(YOSO_SIMT_SANITIZERS AND NOT YOSO_SANITIZE)
  add_test(NAME simt_cells_walk COMMAND test_simt [conformance],[gradients],[promises])
  foreach(flavour asan tsan)
    yoso_emulated_test(_${flavour})
    add_test(NAME simt_cells_${flavour} COMMAND test_simt_${flavour} ${slice})
    # only the cells are instrumented: a vector that passes between them and the rest looks misused
    set_tests_properties(simt_cells_${flavour} PROPERTIES
                         ENVIRONMENT "ASAN_OPTIONS=detect_container_overflow=0;OMP_NUM_THREADS=1")
  endforeach()
endif()

# yoso-bench on the emulator: `--backend cuda` from the command line down to the kernels. The objects of the finished
# program are linked again, with a catalogue and a device of its own before those in the library.
if(TARGET yoso-bench)
  get_target_property(libraries yoso-bench LINK_LIBRARIES)
  add_executable(yoso-bench_emulated $<TARGET_OBJECTS:yoso-bench> emulated_device.cpp emulated_backend.cpp)
  yoso_write_catalogue(yoso-bench_emulated yoso "${all_methods}" "${cell_methods}" emu_impl)
  target_include_directories(yoso-bench_emulated PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/kernels)
  target_include_directories(yoso-bench_emulated SYSTEM PRIVATE ${RANDOM123_INCLUDE_DIR})
  target_link_libraries(yoso-bench_emulated PRIVATE simt_cells simt_emulator ${libraries})

  add_executable(test_simt_cli cli_test.cpp ${PROJECT_SOURCE_DIR}/tests/cli/run.cpp)
  target_link_libraries(test_simt_cli PRIVATE test_main yoso_flags nlohmann_json::nlohmann_json)
  target_compile_definitions(test_simt_cli PRIVATE YOSO_BENCH="$<TARGET_FILE:yoso-bench_emulated>"
                                                   YOSO_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_dependencies(test_simt_cli yoso-bench_emulated)
  add_test(NAME simt_cli COMMAND test_simt_cli)
endif()
