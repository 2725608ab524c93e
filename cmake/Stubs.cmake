# Python stubs from .proto files, made while building; nothing generated is committed.

# imgsvc_add_stubs(PROTO [PRIVATE_POOL]): stubs/NAME_pb2 and NAME_pb2_grpc, each .py and .pyi.
# PRIVATE_POOL keeps the file's descriptors out of protobuf's default pool.
function(imgsvc_add_stubs proto)
  cmake_parse_arguments(arg "PRIVATE_POOL" "" "" ${ARGN})
  cmake_path(GET proto STEM stem)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/stubs)
  set(stubs _pb2.py _pb2.pyi _pb2_grpc.py _pb2_grpc.pyi)
  list(TRANSFORM stubs PREPEND ${out}/${stem})
  set(flags "")
  if(arg_PRIVATE_POOL)
    set(flags --private-pool)
  endif()
  add_custom_command(
    OUTPUT ${stubs}
    COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/cmake/generate_stubs.py
            ${flags} --package imgsvc.stubs --out ${out} ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
    DEPENDS ${proto} cmake/generate_stubs.py
    COMMENT "Generating stubs from ${proto}"
    VERBATIM)
  add_custom_target(stubs_${stem} ALL DEPENDS ${stubs})
  install(FILES ${stubs} DESTINATION imgsvc/stubs)
endfunction()
