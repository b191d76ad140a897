# Run as a script at build time, so that a report's git_sha is that of the code that was compiled, not of the last
# configure. configure_file leaves the header alone when nothing changed, so a second build compiles nothing.
set(GIT_SHA "")
set(GIT_DIRTY false)
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse HEAD OUTPUT_VARIABLE GIT_SHA OUTPUT_STRIP_TRAILING_WHITESPACE
                  ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(GIT_SHA "")
  else()
    execute_process(COMMAND ${GIT} -C ${SOURCE} status --porcelain --untracked-files=no OUTPUT_VARIABLE changes ERROR_QUIET)
    if(changes)
      set(GIT_DIRTY true)
    endif()
  endif()
endif()
configure_file(${TEMPLATE} ${HEADER} @ONLY)
