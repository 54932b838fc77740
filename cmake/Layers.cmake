# One library per folder of src/, described by src/NAME/CMakeLists.txt. A layer sees the headers of the layers it names and
# of no other: each layer is reached through a folder of its own that holds a link to src/NAME.

# spinfill_layer(NAME [PCH torch|tensor] [DEPENDS LAYER…] [LIBRARIES TARGET…]): all *.cpp below src/NAME.
function(spinfill_layer name)
  cmake_parse_arguments(ARG "" "PCH" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  set(view "${CMAKE_BINARY_DIR}/layers/${name}")
  file(MAKE_DIRECTORY "${view}")
  file(CREATE_LINK "${CMAKE_SOURCE_DIR}/src/${name}" "${view}/${name}" SYMBOLIC)
  add_library(spinfill_${name} STATIC ${sources})
  target_include_directories(spinfill_${name} PUBLIC "${view}")
  set(layers ${ARG_DEPENDS})
  list(TRANSFORM layers PREPEND spinfill_)
  target_link_libraries(spinfill_${name} PUBLIC ${layers} ${ARG_LIBRARIES} PRIVATE spinfill_options)
  spinfill_precompile(spinfill_${name} "${ARG_PCH}" ${sources})
endfunction()

# spinfill_layer_test(NAME [PCH …] [PROGRAM] [DEPENDS LAYER…] [LIBRARIES TARGET…]): all *.cpp below tests/NAME become one test
# binary for the layer NAME. PROGRAM: its tests run the program. Paths come to the tests through support.cpp alone, so that
# checkouts in other folders share the compiler cache.
function(spinfill_layer_test name)
  cmake_parse_arguments(ARG "PROGRAM" "PCH" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${name}/*.cpp")
  add_executable(test_${name} ${sources})
  set(layers ${name} ${ARG_DEPENDS})
  list(REMOVE_ITEM layers cli)  # a program, not a library: its tests run it
  list(TRANSFORM layers PREPEND spinfill_)
  target_link_libraries(test_${name} PRIVATE ${layers} ${ARG_LIBRARIES} spinfill_test_support spinfill_options GTest::gtest GTest::gmock)
  if(ARG_PROGRAM)
    add_dependencies(test_${name} spinfill)
  endif()
  spinfill_precompile(test_${name} "${ARG_PCH}" ${sources})
  # One thread each: two one-thread processes do more than one with two threads, and results do not depend on the machine.
  gtest_discover_tests(test_${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
    PROPERTIES TIMEOUT 600 ENVIRONMENT OMP_NUM_THREADS=1)
endfunction()

# Puts the files that include tensors, themselves or through headers of ours, behind a precompiled header: `tensor` holds
# ATen, `torch` the parts of torch that src/model uses. The others compile faster without one.
function(spinfill_precompile target kind)
  if(NOT SPINFILL_PCH OR kind STREQUAL "")
    return()
  endif()
  target_precompile_headers(${target} REUSE_FROM spinfill_pch_${kind})
  foreach(source IN LISTS ARGN)
    spinfill_includes_tensors("${source}" found)
    if(NOT found)
      set_source_files_properties("${source}" PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()

# Whether a file includes ATen, torch or c10. What is known of a header is kept in a global property.
function(spinfill_includes_tensors path result)
  get_property(known GLOBAL PROPERTY "spinfill_tensors_${path}")
  if("${known}" STREQUAL "")
    set(known 0)
    set_property(GLOBAL PROPERTY "spinfill_tensors_${path}" 0)  # ends include cycles
    file(STRINGS "${path}" includes REGEX "^#include [<\"]")
    if(includes MATCHES "<(ATen|torch|c10)/")
      set(known 1)
    else()
      foreach(line IN LISTS includes)
        if(line MATCHES "^#include \"([^\"]+)\"")
          set(header "${CMAKE_MATCH_1}")
          foreach(folder src tests)
            if(NOT known AND EXISTS "${CMAKE_SOURCE_DIR}/${folder}/${header}")
              spinfill_includes_tensors("${CMAKE_SOURCE_DIR}/${folder}/${header}" known)
            endif()
          endforeach()
        endif()
      endforeach()
    endif()
    set_property(GLOBAL PROPERTY "spinfill_tensors_${path}" "${known}")
  endif()
  set(${result} "${known}" PARENT_SCOPE)
endfunction()
