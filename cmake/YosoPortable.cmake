# YOSO_PORTABLE: a yoso-bench that needs nothing of the machine it runs on but glibc, for machines without a package
# manager. tests/portable holds the binary to it. glibc itself stays shared: a static one cannot open a GPU's driver.
#
# What that costs: glibc must be as new as the one here (Debian 12's libstdc++.a calls 2.36's arc4random).
option(YOSO_PORTABLE "no shared libraries but glibc's" OFF)
set(YOSO_FMT fmt::fmt)
if(NOT YOSO_PORTABLE)
  return()
endif()
add_link_options(-static-libstdc++ -static-libgcc)
# CMake leaves room in a build's RUNPATH to edit it on installation: an empty entry, which means the current folder. The
# file in the build folder is the one that is carried away, so it gets its final form at once.
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)

# Debian packs no archive of fmt.
set(YOSO_FMT fmt::fmt-header-only)

# These two are the results of find modules, decided before they look. The compiler keeps its archive of OpenMP out of
# the folders that CMake searches, and -static-libgcc does not concern it.
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libgomp.a OUTPUT_VARIABLE archive
                OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT IS_ABSOLUTE "${archive}")  # the bare name comes back where there is none
  message(FATAL_ERROR "YOSO_PORTABLE: ${CMAKE_CXX_COMPILER} has no libgomp.a")
endif()
set(OpenMP_gomp_LIBRARY ${archive} CACHE FILEPATH "OpenMP's archive" FORCE)
find_library(YOSO_XXHASH_ARCHIVE libxxhash.a)
mark_as_advanced(YOSO_XXHASH_ARCHIVE)
if(NOT YOSO_XXHASH_ARCHIVE)
  message(FATAL_ERROR "YOSO_PORTABLE: libxxhash.a was not found (Debian package libxxhash-dev)")
endif()
set(XXHASH_LIBRARY ${YOSO_XXHASH_ARCHIVE} CACHE FILEPATH "xxHash's archive" FORCE)
