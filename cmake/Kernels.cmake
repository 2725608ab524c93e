# The compiled modules: the kernels, once for each instruction set, `_cpu`, which knows which there are, and others.

include(CheckCSourceCompiles)

option(IMGSVC_BOUNDS_CHECK "Check every index and pixel address in the kernels (slow; for debugging)" OFF)

# The compiler directives of every .pyx, in one place.
set(IMGSVC_CYTHON_ARGS -3 --fast-fail
    -X cdivision=True -X wraparound=False -X initializedcheck=False -X embedsignature=False
    -X freethreading_compatible=False -X auto_pickle=False)
if(IMGSVC_BOUNDS_CHECK)
  list(APPEND IMGSVC_CYTHON_ARGS -X boundscheck=True)
  add_compile_definitions(IMGSVC_BOUNDS_CHECK)
else()
  list(APPEND IMGSVC_CYTHON_ARGS -X boundscheck=False)
endif()

option(IMGSVC_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer (ci/sanitize runs such builds)" OFF)
if(IMGSVC_SANITIZE)
  # -O3 comes from the kernels' own flags, so that it is the vectorised loops that are looked at.
  set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_compile_options(${sanitizers} -fno-omit-frame-pointer -g1)
  add_link_options(${sanitizers})
endif()

option(IMGSVC_PROFILE "Let compiled functions that hold the GIL tell a profiler (slow; ci/count-calls runs such a build)" OFF)
if(IMGSVC_PROFILE)
  list(APPEND IMGSVC_CYTHON_ARGS -X profile=True)
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

# What Cython would put into every module that takes arrays, once.
set(shared_c ${CMAKE_CURRENT_BINARY_DIR}/_cython_shared.c)
add_custom_command(OUTPUT ${shared_c} COMMAND ${CYTHON_EXECUTABLE} --generate-shared=${shared_c} VERBATIM)
python_add_library(_cython_shared MODULE WITH_SOABI ${shared_c})
install(TARGETS _cython_shared DESTINATION imgsvc)

# imgsvc_add_module(TARGET SOURCE): the compiled module imgsvc.TARGET.
function(imgsvc_add_module target source)
  cython_transpile(${source} LANGUAGE C MODULE_NAME imgsvc.${target} OUTPUT ${target}.c
                   CYTHON_ARGS ${IMGSVC_CYTHON_ARGS} --shared=imgsvc._cython_shared OUTPUT_VARIABLE generated)
  python_add_library(${target} MODULE WITH_SOABI ${generated})
  set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY modules)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src/imgsvc
                                               ${CMAKE_CURRENT_SOURCE_DIR}/src/imgsvc/kernels)
  install(TARGETS ${target} DESTINATION imgsvc)
endfunction()

# imgsvc_add_kernels(ISA...): build _kernels.pyx for the baseline (as _kernels), and for instruction sets that both
# `-march=` and `__builtin_cpu_supports` know (as _kernels_ISA). A compiler that lacks either is told of and passed over.
function(imgsvc_add_kernels)
  foreach(isa IN LISTS ARGN)
    set(suffix "")
    set(march "")
    if(NOT isa STREQUAL baseline)
      if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
        continue()
      endif()
      string(MAKE_C_IDENTIFIER _${isa} suffix)
      set(march -march=${isa})
      set(CMAKE_REQUIRED_FLAGS ${march})
      check_c_source_compiles("int main(void) { return __builtin_cpu_supports(\"${isa}\"); }" IMGSVC_CAN_BUILD${suffix})
      if(NOT IMGSVC_CAN_BUILD${suffix})
        message(WARNING "imgsvc: the C compiler cannot build or ask for ${isa}: left out, the baseline is used")
        continue()
      endif()
      set_property(GLOBAL APPEND PROPERTY IMGSVC_ISAS ${isa})
    endif()
    set(target _kernels${suffix})
    imgsvc_add_module(${target} src/imgsvc/_kernels.pyx)
    # No contraction of a*b+c into one rounding: every instruction set gives the same bits.
    target_compile_options(${target} PRIVATE -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math ${march})
    # Row functions stay out of line, though only what is `inline` may stand in a .pxd.
    target_compile_definitions(${target} PRIVATE CYTHON_INLINE=)
    if(OpenMP_C_FOUND)
      target_link_libraries(${target} PRIVATE OpenMP::OpenMP_C)
    endif()
    # The types of one build are those of all.
    install(FILES src/imgsvc/_kernels.pyi DESTINATION imgsvc RENAME _kernels${suffix}.pyi)
  endforeach()
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
