# What our own code is compiled with: warnings are errors, and no flag that lets the compiler change an answer.
# (-ffast-math was tried: it breaks the exponential's argument reduction, error 6e-2.)
add_library(yoso_flags INTERFACE)
target_compile_options(yoso_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow $<$<BOOL:${YOSO_WERROR}>:-Werror>
                                            -fno-math-errno -fno-trapping-math)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(yoso_flags INTERFACE -Wno-restrict)  # false alarms at string + string: GCC bug 105651
endif()
if(YOSO_SANITIZE)
  set(YOSO_SANITIZE_FLAGS -fsanitize=${YOSO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_compile_options(${YOSO_SANITIZE_FLAGS})
  add_link_options(-fsanitize=${YOSO_SANITIZE})
endif()
