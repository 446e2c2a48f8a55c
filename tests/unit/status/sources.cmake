list(APPEND UNIT_SERVER_SOURCES http_listener_test.cc http_test.cc metrics_test.cc pages_test.cc
  process_stats_test.cc router_test.cc)
