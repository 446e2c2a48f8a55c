list(APPEND UNIT_TLS_SOURCES client_auth_test.cc context_test.cc ends.cc engine_test.cc handshake_test.cc
  tickets_test.cc verification_test.cc)
