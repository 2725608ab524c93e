# The compiled modules: the kernels, once for each instruction set, `_cpu`, which knows which there are, and others.

include(CheckCSourceCompiles)

option(IMGSVC_BOUNDS_CHECK "Check every memoryview index in the kernels (slow; for debugging)" OFF)

# The compiler directives of every .pyx, in one place.
set(IMGSVC_CYTHON_ARGS -3 --fast-fail
    -X cdivision=True -X wraparound=False -X initializedcheck=False -X embedsignature=False
    -X freethreading_compatible=False -X auto_pickle=False)
if(IMGSVC_BOUNDS_CHECK)
  list(APPEND IMGSVC_CYTHON_ARGS -X boundscheck=True)
else()
  list(APPEND IMGSVC_CYTHON_ARGS -X boundscheck=False)
endif()

# Not by default: the next Cython's new warning is no reason for an installation to fail.
option(IMGSVC_WERROR "Take Cython's warnings for errors" OFF)
if(IMGSVC_WERROR)
  list(APPEND IMGSVC_CYTHON_ARGS -Werror -Wextra)
endif()

find_package(OpenMP COMPONENTS C)
if(NOT OpenMP_C_FOUND)
  message(WARNING "imgsvc: the C compiler has no OpenMP: the kernels are built single-threaded")
endif()

function(imgsvc_add_module name source)
  cython_transpile(${source} LANGUAGE C MODULE_NAME imgsvc.${name} OUTPUT ${name}.c
                   CYTHON_ARGS ${IMGSVC_CYTHON_ARGS} OUTPUT_VARIABLE generated)
  python_add_library(${name} MODULE WITH_SOABI ${generated})
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src/imgsvc)
  install(TARGETS ${name} DESTINATION imgsvc)
endfunction()

# imgsvc_add_kernels(ISA): build _kernels.pyx for the baseline, or for an instruction set that both
# `-march=` and `__builtin_cpu_supports` know. A compiler that lacks either is told of and passed over.
function(imgsvc_add_kernels isa)
  set(module _kernels)
  if(NOT isa STREQUAL baseline)
    if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
      return()
    endif()
    string(MAKE_C_IDENTIFIER ${isa} suffix)
    set(module _kernels_${suffix})
    set(CMAKE_REQUIRED_FLAGS -march=${isa})
    check_c_source_compiles("int main(void) { return __builtin_cpu_supports(\"${isa}\"); }" IMGSVC_CAN_BUILD_${suffix})
    if(NOT IMGSVC_CAN_BUILD_${suffix})
      message(WARNING "imgsvc: the C compiler cannot build or ask for ${isa}: left out, the baseline is used")
      return()
    endif()
    set_property(GLOBAL APPEND PROPERTY IMGSVC_ISAS ${isa})
  endif()

  imgsvc_add_module(${module} src/imgsvc/_kernels.pyx)
  # No contraction of a*b+c into one rounding: every instruction set gives the same bits.
  target_compile_options(${module} PRIVATE -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math)
  if(NOT isa STREQUAL baseline)
    target_compile_options(${module} PRIVATE -march=${isa})
  endif()
  if(OpenMP_C_FOUND)
    target_link_libraries(${module} PRIVATE OpenMP::OpenMP_C)
  endif()
endfunction()

# `_cpu` gets the instruction sets as an X macro: __builtin_cpu_supports takes literals only.
function(imgsvc_add_cpu_module)
  get_property(isas GLOBAL PROPERTY IMGSVC_ISAS)
  set(list "")
  foreach(isa IN LISTS isas)
    string(APPEND list " X(\"${isa}\")")
  endforeach()
  file(CONFIGURE OUTPUT imgsvc_isas.h CONTENT "#define IMGSVC_ISAS(X)${list}\n")
  imgsvc_add_module(_cpu src/imgsvc/_cpu.pyx)
  target_include_directories(_cpu PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
