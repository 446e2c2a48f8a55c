list(APPEND UNIT_CONFIG_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/check_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/decode_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/diagnostics_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/document_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/files_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/glob_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/load_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/match_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/rules_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/scalars_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/schema_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/substitute_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/suggest_test.cc
  ${CMAKE_CURRENT_LIST_DIR}/validate_test.cc)
