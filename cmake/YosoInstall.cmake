# What `cmake --install` puts where, and the target `yoso`: all of it, without the tests.
#
#   bin/yoso-bench
#   lib/libyoso_lib.a, libyoso_kernels.a
#   include/yoso/*.hpp                     the harness, and catalogue.hpp: the methods of yoso::kernels
#   include/yoso/kernels/                  what a method of your own may use, under the names that methods here use
#   lib/cmake/yoso/                        find_package(yoso): yoso::lib, yoso::kernels, yoso_add_methods()
add_custom_target(yoso DEPENDS yoso_lib yoso_kernels)
if(TARGET yoso-bench)
  set_target_properties(yoso-bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  add_dependencies(yoso yoso-bench)
  install(TARGETS yoso-bench)
endif()

set_target_properties(yoso_kernels PROPERTIES EXPORT_PROPERTIES "YOSO_METHODS;YOSO_CUDA_METHODS")
install(TARGETS yoso_lib yoso_kernels EXPORT yoso-targets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY lib/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.hpp)
install(FILES ${PROJECT_BINARY_DIR}/kernels/yoso_kernels_catalogue/yoso/catalogue.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/yoso)
foreach(folder . primitives simt)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/${folder}/*.hpp)
  install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/yoso/kernels/${folder})
endforeach()

include(CMakePackageConfigHelpers)
set(YOSO_HAS_CUDA OFF)
if(CMAKE_CUDA_COMPILER)
  set(YOSO_HAS_CUDA ON)
endif()
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/yoso)
configure_package_config_file(cmake/yoso-config.cmake.in ${PROJECT_BINARY_DIR}/yoso-config.cmake
                              INSTALL_DESTINATION ${package} PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/yoso-config-version.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT yoso-targets NAMESPACE yoso:: DESTINATION ${package})
install(FILES ${PROJECT_BINARY_DIR}/yoso-config.cmake ${PROJECT_BINARY_DIR}/yoso-config-version.cmake
              cmake/YosoMethods.cmake cmake/FindxxHash.cmake cmake/catalogue.cpp.in cmake/catalogue.hpp.in
        DESTINATION ${package})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
