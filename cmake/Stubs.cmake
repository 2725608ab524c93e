# Python stubs from .proto files, made while building; nothing generated is committed.

# imgsvc_add_stubs(PROTO [SERVICE] [PRIVATE_POOL]): PROTO, relative to proto/, as NAME_pb2 and, for a file with a
# SERVICE, NAME_pb2_grpc, each .py and .pyi. A file of a package is installed where its package says.
# PRIVATE_POOL keeps the file's descriptors out of protobuf's default pool, and goes to imgsvc.stubs.
function(imgsvc_add_stubs proto)
  cmake_parse_arguments(arg "SERVICE;PRIVATE_POOL" "" "" ${ARGN})
  cmake_path(REMOVE_EXTENSION proto OUTPUT_VARIABLE name)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/stubs)
  set(kinds _pb2.py _pb2.pyi)
  set(flags "")
  if(arg_SERVICE)
    list(APPEND kinds _pb2_grpc.py _pb2_grpc.pyi)
    list(APPEND flags --service)
  endif()
  if(arg_PRIVATE_POOL)
    list(APPEND flags --private-pool imgsvc.stubs)
    set(destination imgsvc/stubs)
  else()
    cmake_path(GET proto PARENT_PATH destination)
  endif()
  list(TRANSFORM kinds PREPEND ${out}/${name} OUTPUT_VARIABLE stubs)
  set(root ${CMAKE_CURRENT_SOURCE_DIR}/proto)
  add_custom_command(
    OUTPUT ${stubs}
    COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/cmake/generate_stubs.py
            ${flags} --root ${root} --out ${out} ${proto}
    DEPENDS proto/${proto} cmake/generate_stubs.py
    COMMENT "Generating stubs from ${proto}"
    VERBATIM)
  string(MAKE_C_IDENTIFIER stubs_${name} target)
  add_custom_target(${target} ALL DEPENDS ${stubs})
  install(FILES ${stubs} DESTINATION ${destination})
endfunction()

# The protos themselves, for clients in other languages: importlib.resources.files("imgsvc") / "proto".
install(DIRECTORY proto/ DESTINATION imgsvc/proto FILES_MATCHING PATTERN "*.proto")
