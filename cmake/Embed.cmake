# spinfill_embed(TARGET FOLDER HEADER FUNCTION): the files of FOLDER as texts inside TARGET. Makes a source file with
#   const std::map<std::string_view, std::string_view>& FUNCTION();   // file name → text, declared in HEADER
# whenever a file changes. A first line with the licence is left out.

if(CMAKE_SCRIPT_MODE_FILE)  # what the custom command below runs
  string(REPLACE "," ";" names "${FILES}")
  set(rows "")
  foreach(name IN LISTS names)
    file(READ "${FOLDER}/${name}" text)
    string(REGEX REPLACE "^[^\n]*SPDX-License-Identifier[^\n]*\n" "" text "${text}")
    string(APPEND rows "      {\"${name}\", R\"embedded(${text})embedded\"},\n")
  endforeach()
  file(WRITE "${OUT}" "// made by cmake/Embed.cmake
#include \"${HEADER}\"

namespace spinfill {

const std::map<std::string_view, std::string_view>& ${FUNCTION}() {
  static const std::map<std::string_view, std::string_view> files = {
${rows}  };
  return files;
}

}  // namespace spinfill
")
  return()
endif()

set(spinfill_embed_script "${CMAKE_CURRENT_LIST_FILE}")

function(spinfill_embed target folder header function)
  set(from "${CMAKE_CURRENT_SOURCE_DIR}/${folder}")
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp")
  file(GLOB files RELATIVE "${from}" CONFIGURE_DEPENDS "${from}/*")
  set(paths ${files})
  list(TRANSFORM paths PREPEND "${from}/")
  list(JOIN files "," names)
  add_custom_command(OUTPUT "${out}" DEPENDS ${paths} "${spinfill_embed_script}" COMMENT "Embedding ${folder}" VERBATIM
    COMMAND ${CMAKE_COMMAND} -DFILES=${names} -DFOLDER=${from} -DHEADER=${header} -DFUNCTION=${function} -DOUT=${out}
      -P "${spinfill_embed_script}")
  # A target of its own: the objects of a target with a custom command wait for all libraries it links.
  add_library(${target}_${folder} STATIC "${out}")
  target_include_directories(${target}_${folder} PRIVATE "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(${target} PRIVATE ${target}_${folder})
endfunction()
