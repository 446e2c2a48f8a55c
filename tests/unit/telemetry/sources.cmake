list(APPEND UNIT_SERVER_SOURCES log_line_test.cc)
