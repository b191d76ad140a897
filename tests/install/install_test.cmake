# Installs the build, moves it elsewhere, and lets another project use it: configure, build, run; then adds a method to
# that project by adding a folder, and builds it again without a word to CMake.
#
# cmake -D BUILD=.. -D SOURCE=.. -D WORK=.. -D GENERATOR=.. -D COMPILER=.. -D BUILD_TYPE=.. -D FLAGS=.. -P install_test.cmake
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${what} failed (${status}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect what want)
  if(NOT output STREQUAL want)
    message(FATAL_ERROR "${what}: expected\n${want}got\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/moved)
run(install ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
file(RENAME ${WORK}/prefix ${prefix})

# A path of this machine in an installed CMake file would bind the package to it.
file(GLOB_RECURSE shipped ${prefix}/*.cmake)
foreach(file IN LISTS shipped)
  file(READ ${file} text)
  foreach(path ${BUILD} ${SOURCE} ${WORK})
    string(FIND "${text}" "${path}" at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${file} names ${path}")
    endif()
  endforeach()
endforeach()

set(project ${WORK}/consumer)
file(COPY ${SOURCE}/tests/install/consumer DESTINATION ${WORK})
run(configure ${CMAKE_COMMAND} -S ${project} -B ${project}/build -G ${GENERATOR} -D CMAKE_PREFIX_PATH=${prefix}
    -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_BUILD_TYPE=${BUILD_TYPE} "-D CMAKE_CXX_FLAGS=${FLAGS}"
    -D CMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run(build ${CMAKE_COMMAND} --build ${project}/build)

list(LENGTH METHODS theirs)
math(EXPR all "${theirs} + 1")
run(consumer ${project}/build/consumer consumer-mirror mean-v)
expect("a method of its own beside one of ours" "${all} methods, 1 of our own
consumer-mirror 5.000 6.000 3.000 4.000 1.000 2.000 oracle 5.000 6.000 3.000 4.000 1.000 2.000
mean-v 3.000 4.000 3.000 4.000 3.000 4.000 oracle 3.000 4.000 3.000 4.000 3.000 4.000
")

# The example of CONTRIBUTING.md, dropped in
file(COPY ${EXAMPLE} DESTINATION ${project}/methods)
run("the second build" ${CMAKE_COMMAND} --build ${project}/build)
math(EXPR all "${theirs} + 2")
run(consumer ${project}/build/consumer from_the_page)
expect("a folder added later" "${all} methods, 2 of our own
from_the_page 1.000 2.000 3.000 4.000 5.000 6.000 oracle 1.000 2.000 3.000 4.000 5.000 6.000
")

# What installs can be used from the shell, too.
if(EXISTS ${BUILD}/yoso-bench)
  run("the installed yoso-bench" ${prefix}/bin/yoso-bench list)
  if(NOT output MATCHES "mean-v")
    message(FATAL_ERROR "the installed yoso-bench lists no mean-v:\n${output}")
  endif()
endif()
