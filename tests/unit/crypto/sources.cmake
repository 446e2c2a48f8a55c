list(APPEND UNIT_SERVER_SOURCES random_test.cc siphash_test.cc)
list(APPEND UNIT_TLS_SOURCES digest_test.cc)
