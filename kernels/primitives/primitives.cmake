# primitives.simd.cpp is compiled once for each instruction set, into an object that exports one table and nothing else.
# A weak symbol in such an object (any function of a std template) could win at link time and then crash an older CPU;
# tests/kernels/check_symbols.cmake reads the objects and refuses that.
#
# The flags name exactly what runs_here() asks of the CPU; -march=x86-64-v4 would let the compiler use more.
set(primitives_isas scalar)
set(primitives_lanes_scalar 4)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
  list(APPEND primitives_isas avx2 avx512)
  set(primitives_lanes_avx2 8)
  set(primitives_flags_avx2 -mavx2 -mfma)
  set(primitives_lanes_avx512 16)
  set(primitives_flags_avx512 -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
  set_source_files_properties(primitives/primitives.cpp PROPERTIES COMPILE_DEFINITIONS YOSO_PRIMITIVES_X86)
endif()

target_sources(yoso_kernels PRIVATE primitives/primitives.cpp primitives/collision_gradient.cpp)
foreach(isa IN LISTS primitives_isas)
  set(object yoso_primitives_${isa})
  add_library(${object} OBJECT primitives/primitives.simd.cpp)
  target_compile_definitions(${object} PRIVATE YOSO_SIMD_ISA=${isa} YOSO_SIMD_LANES=${primitives_lanes_${isa}})
  # -O3 in every optimised configuration: a sanitizer build then watches the code that is shipped.
  target_compile_options(${object} PRIVATE ${primitives_flags_${isa}} -ffp-contract=fast -fno-exceptions
                                           $<$<NOT:$<CONFIG:Debug>>:-O3>)
  target_include_directories(${object} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${object} PRIVATE yoso_flags yoso_lib)
  target_sources(yoso_kernels PRIVATE $<TARGET_OBJECTS:${object}>)
endforeach()
