list(APPEND UNIT_NET_SOURCES address_test.cc bind_test.cc connector_test.cc listener_test.cc mailbox_test.cc
  proxy_header_reader_test.cc proxy_header_test.cc relay_audit_test.cc relay_test.cc relay_tls_test.cc stream_test.cc)
