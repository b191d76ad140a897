# Runs PROGRAM BUG, which has to fail and to say REPORT.
execute_process(COMMAND ${PROGRAM} ${BUG} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE errors)
if(code EQUAL 0)
  message(FATAL_ERROR "${BUG} was not noticed")
endif()
if(NOT "${text}${errors}" MATCHES "${REPORT}")
  message(FATAL_ERROR "${BUG} was reported otherwise, not as ${REPORT}:\n${text}${errors}")
endif()
