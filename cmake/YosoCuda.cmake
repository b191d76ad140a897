# YOSO_CUDA: AUTO builds the CUDA cells when a CUDA compiler is there, ON insists, OFF never looks.
# No method has a CUDA cell yet, so for now AUTO does not look either.
set_property(CACHE YOSO_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT YOSO_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "YOSO_CUDA must be AUTO, ON or OFF, got '${YOSO_CUDA}'")
endif()
if(YOSO_CUDA STREQUAL "ON")
  include(CheckLanguage)
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    message(FATAL_ERROR "YOSO_CUDA=ON, but no CUDA compiler was found: put nvcc on PATH or set CMAKE_CUDA_COMPILER")
  endif()
  message(WARNING "YOSO_CUDA=ON: ${CMAKE_CUDA_COMPILER} is there, but no method has a CUDA cell yet: nothing is built with it")
endif()
