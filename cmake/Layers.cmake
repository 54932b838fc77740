# One library per folder of src/. A layer sees the headers of the layers it names and of no other:
# each layer is reached through a folder of its own that holds a link to src/NAME.

function(spinfill_layer name)
  cmake_parse_arguments(ARG "" "PCH" "DEPENDS;LIBRARIES" ${ARGN})
  if(NOT ARG_PCH)
    set(ARG_PCH torch)
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  if(NOT sources)
    set(sources "${CMAKE_BINARY_DIR}/empty.cpp")  # CMake wants at least one
    spinfill_no_torch("${sources}")
  endif()
  set(view "${CMAKE_BINARY_DIR}/layers/${name}")
  file(MAKE_DIRECTORY "${view}")
  file(CREATE_LINK "${CMAKE_SOURCE_DIR}/src/${name}" "${view}/${name}" SYMBOLIC)
  add_library(spinfill_${name} STATIC ${sources})
  target_include_directories(spinfill_${name} PUBLIC "${view}")
  set(layers ${ARG_DEPENDS})
  list(TRANSFORM layers PREPEND spinfill_)
  target_link_libraries(spinfill_${name} PUBLIC ${layers} ${ARG_LIBRARIES} PRIVATE spinfill_options)
  spinfill_precompile(spinfill_${name} ${ARG_PCH})
endfunction()

# A file that does not include torch is faster without the precompiled header: name it here.
function(spinfill_no_torch)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endfunction()

function(spinfill_precompile target kind)
  if(SPINFILL_PCH)
    target_precompile_headers(${target} REUSE_FROM spinfill_pch_${kind})
  endif()
endfunction()

# tests/NAME/*.cpp become one test binary for the layer NAME. PROGRAM: its tests run the program. Paths come to the tests
# through support.cpp alone, so that checkouts in other folders share the compiler cache.
function(spinfill_layer_test name)
  cmake_parse_arguments(ARG "PROGRAM" "PCH" "DEPENDS;LIBRARIES" ${ARGN})
  if(NOT ARG_PCH)
    set(ARG_PCH torch)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${name}/*.cpp")
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources})
  set(layers ${name} ${ARG_DEPENDS})
  list(REMOVE_ITEM layers cli)  # a program, not a library: its tests run it
  list(TRANSFORM layers PREPEND spinfill_)
  target_link_libraries(test_${name} PRIVATE ${layers} ${ARG_LIBRARIES} spinfill_test_support spinfill_options GTest::gtest GTest::gmock)
  if(ARG_PROGRAM)
    add_dependencies(test_${name} spinfill)
  endif()
  spinfill_precompile(test_${name} ${ARG_PCH})
  # One thread each: two one-thread processes do more than one with two threads, and results do not depend on the machine.
  gtest_discover_tests(test_${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
    PROPERTIES TIMEOUT 600 ENVIRONMENT OMP_NUM_THREADS=1)
endfunction()
