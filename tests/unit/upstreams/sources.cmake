list(APPEND UNIT_SERVER_SOURCES balance_test.cc health_test.cc monitor_test.cc probe_test.cc resolver_test.cc
  routing_test.cc upstream_view_test.cc)
