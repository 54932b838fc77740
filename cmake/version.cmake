# Run at every build: writes OUT, a header with the version and the commit, if that has changed.
execute_process(COMMAND git describe --always --dirty --abbrev=12 --exclude=*
  WORKING_DIRECTORY "${SOURCE}" OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit "unknown commit")  # no git, or not a checkout
endif()
file(CONFIGURE OUTPUT "${OUT}" CONTENT "#pragma once\n#define SPINFILL_VERSION \"${VERSION} (${commit})\"\n")
