# Finds LibTorch without its own TorchConfig.cmake, which insists on a CUDA toolkit with nvcc.
#
# LibTorch_ROOT: a folder that holds `torch/lib` (a pip --target folder or site-packages) or an unpacked LibTorch zip.
# Targets: LibTorch::LibTorch (CPU), LibTorch::Cuda (adds libtorch_cuda; CUDA libraries are needed at run time only).

set(LibTorch_ROOT "$ENV{LibTorch_ROOT}" CACHE PATH "Folder with torch/lib, or an unpacked LibTorch zip")
if(NOT LibTorch_ROOT)
  set(_spinfill_cache "$ENV{SPINFILL_CACHE}")
  if(NOT _spinfill_cache)
    set(_spinfill_cache "$ENV{HOME}/.cache/spinfill")
  endif()
  set(LibTorch_ROOT "${_spinfill_cache}/libtorch-2.11.0" CACHE PATH "" FORCE)
endif()

find_path(LibTorch_PREFIX NAMES lib/libtorch_cpu.so
  PATHS "${LibTorch_ROOT}/torch" "${LibTorch_ROOT}" NO_DEFAULT_PATH NO_CACHE)
if(LibTorch_PREFIX)
  get_filename_component(LibTorch_PREFIX "${LibTorch_PREFIX}" REALPATH)
endif()
set(LibTorch_VERSION "")
foreach(_header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(LibTorch_PREFIX AND NOT LibTorch_VERSION AND EXISTS "${LibTorch_PREFIX}/include/${_header}")
    foreach(_part MAJOR MINOR PATCH)
      file(STRINGS "${LibTorch_PREFIX}/include/${_header}" _line REGEX "^#define TORCH_VERSION_${_part} [0-9]+" LIMIT_COUNT 1)
      string(REGEX REPLACE "^#define TORCH_VERSION_${_part} ([0-9]+).*" "\\1" _number "${_line}")
      list(APPEND LibTorch_VERSION "${_number}")
    endforeach()
    list(JOIN LibTorch_VERSION "." LibTorch_VERSION)
  endif()
endforeach()

if(LibTorch_PREFIX AND LibTorch_FIND_VERSION_EXACT AND NOT LibTorch_VERSION VERSION_EQUAL LibTorch_FIND_VERSION)
  message(FATAL_ERROR "LibTorch in ${LibTorch_ROOT} is version ${LibTorch_VERSION}, but ${LibTorch_FIND_VERSION} is needed: "
    "run scripts/setup.sh, or pass -DLibTorch_ROOT=FOLDER of a LibTorch ${LibTorch_FIND_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_PREFIX VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run scripts/setup.sh, or pass -DLibTorch_ROOT=FOLDER")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  # -idirafter: torch's folder carries its own fmt, which must not come before the system's.
  set(_includes "${LibTorch_PREFIX}/include" "${LibTorch_PREFIX}/include/torch/csrc/api/include")
  set(_flags "")
  foreach(_dir IN LISTS _includes)
    list(APPEND _flags "SHELL:-idirafter ${_dir}")
  endforeach()
  set(_rpaths "${LibTorch_PREFIX}/lib")
  foreach(_dir nvidia/cu13/lib nvidia/cuda_runtime/lib nvidia/cuda_cupti/lib)
    if(EXISTS "${LibTorch_PREFIX}/../${_dir}")
      get_filename_component(_abs "${LibTorch_PREFIX}/../${_dir}" ABSOLUTE)
      list(APPEND _rpaths "${_abs}")
    endif()
  endforeach()
  set(LibTorch_RPATH "${_rpaths}" CACHE INTERNAL "Folders of LibTorch's shared libraries")
  set(_rpath_links "")
  foreach(_dir IN LISTS _rpaths)
    list(APPEND _rpath_links "LINKER:-rpath-link,${_dir}")
  endforeach()

  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_compile_options(LibTorch::LibTorch INTERFACE ${_flags})
  target_compile_definitions(LibTorch::LibTorch INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
  target_link_options(LibTorch::LibTorch INTERFACE LINKER:--allow-shlib-undefined ${_rpath_links})
  # --no-as-needed: operators register themselves from static initialisers. One word each, because CMake drops the second
  # of two equal flags and would so separate the flags from their libraries.
  target_link_libraries(LibTorch::LibTorch INTERFACE
    "-Wl,--push-state,--no-as-needed,${LibTorch_PREFIX}/lib/libtorch_cpu.so,${LibTorch_PREFIX}/lib/libc10.so,--pop-state")
  if(EXISTS "${LibTorch_PREFIX}/lib/libtorch_cuda.so")
    add_library(LibTorch::Cuda INTERFACE IMPORTED)
    target_link_libraries(LibTorch::Cuda INTERFACE LibTorch::LibTorch
      "-Wl,--push-state,--no-as-needed,${LibTorch_PREFIX}/lib/libtorch_cuda.so,${LibTorch_PREFIX}/lib/libc10_cuda.so,--pop-state")
  endif()
endif()
