list(APPEND UNIT_NET_SOURCES relay_audit_test.cc relay_test.cc relay_tls_test.cc transport_test.cc)
