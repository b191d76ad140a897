# What our own code is compiled with: warnings are errors, and no flag that lets the compiler change an answer.
# (-ffast-math was tried: it breaks the exponential's argument reduction, error 6e-2. nvcc's --use_fast_math is no
# better: it replaces division, square root and exponential by approximations.)
#
# Flags carry their language, because nvcc takes g++'s for its own and stops: what is meant for its host compiler goes
# through -Xcompiler. Of the warnings -Wpedantic stays out there, since it counts the line directives that nvcc writes.
add_library(yoso_flags INTERFACE)
target_compile_options(yoso_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;$<$<BOOL:${YOSO_WERROR}>:-Werror>>"
  "$<$<COMPILE_LANGUAGE:CXX>:-fno-math-errno;-fno-trapping-math>"
  # kernels call what lib declares constexpr: Shape::rows(), stream_of()
  "$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr>"
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow>"
  "$<$<COMPILE_LANGUAGE:CUDA>:$<$<BOOL:${YOSO_WERROR}>:-Werror=all-warnings;-Xcompiler=-Werror>>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # false alarms at string + string: GCC bug 105651
  target_compile_options(yoso_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>
                                              $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wno-restrict>)
endif()
if(YOSO_SANITIZE)
  set(YOSO_SANITIZE_FLAGS -fsanitize=${YOSO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${YOSO_SANITIZE_FLAGS}>")
  add_link_options(-fsanitize=${YOSO_SANITIZE})
endif()
