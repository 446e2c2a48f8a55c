list(APPEND UNIT_NET_SOURCES address_test.cc bind_test.cc connector_test.cc listener_test.cc mailbox_test.cc
  stream_test.cc)
