list(APPEND UNIT_PURE_SOURCES base64_test.cc byte_queue_test.cc cipher_buffer_test.cc descriptor_test.cc
  error_code_test.cc hex_test.cc json_writer_test.cc octets_test.cc pace_test.cc result_test.cc)
# It replaces operator delete[] to look at what is freed, which clang's thread sanitizer keeps for itself.
if(NOT POSTERN_SANITIZE STREQUAL "thread")
  list(APPEND UNIT_PURE_SOURCES freed_memory.cc secret_test.cc)
endif()
